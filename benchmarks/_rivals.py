"""Rivals that are packages, or of a newer Python: made only if they are there."""

from typing import Any


def aioquic_buffer(data: bytes | None = None, capacity: int = 0) -> dict[str, Any]:
    """aioquic's C extension for QUIC packets, as the name `buf`."""
    from aioquic.buffer import Buffer

    return {"buf": Buffer(capacity) if data is None else Buffer(data=data)}


def h11_buffer(data: bytes) -> Any:
    """What h11 receives into."""
    from h11._receivebuffer import ReceiveBuffer

    buffer = ReceiveBuffer()
    buffer += data
    return buffer


def tornado_buffer() -> Any:
    """What tornado keeps to be sent."""
    from tornado.iostream import _StreamBuffer

    return _StreamBuffer()


def takes_bytes() -> bool:
    """bytearray.take_bytes() came with Python 3.15."""
    return hasattr(bytearray, "take_bytes")
