"""Integers as text."""

from __future__ import annotations

LONGEST = 20  # characters of a 64-bit integer


def integer(text: bytes) -> int | None:
    """Give a 64-bit integer; None of what is not written as Redis would write one."""
    if len(text) > LONGEST:
        return None
    try:
        n = int(text)
    except ValueError:
        return None
    return n if b"%d" % n == text and fits(n) else None


def fits(n: int) -> bool:
    return -(1 << 63) <= n < 1 << 63
