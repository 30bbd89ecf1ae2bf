"""Rivals that are packages: made only if they are installed."""

from typing import Any


def aioquic_buffer(data: bytes | None = None, capacity: int = 0) -> dict[str, Any]:
    """aioquic's C extension for QUIC packets, as the name `buf`."""
    from aioquic.buffer import Buffer

    return {"buf": Buffer(capacity) if data is None else Buffer(data=data)}
