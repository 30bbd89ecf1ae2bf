"""Replies as bytes: what is small in one piece, what is large in a list of parts, shared and not copied."""

from __future__ import annotations

from collections.abc import Collection

import zbuf

String = bytes | zbuf.ByteBuf
Reply = bytes | list[String]

SHARED_FROM = 2 << 10  # bytes: zbuf copies what is smaller

OK = b"+OK\r\n"
NIL = b"$-1\r\n"
END = b"\r\n"

_HEADS = [b"$%d\r\n" % size for size in range(SHARED_FROM)]


class CommandError(Exception):
    """A command cannot be done; nothing has changed."""


def error(text: str | bytes) -> bytes:
    """Give an error; whatever is in the text, it stays one line."""
    line = text.encode() if isinstance(text, str) else text
    return b"-" + line.replace(b"\r", b" ").replace(b"\n", b" ") + END


def number(n: int) -> bytes:
    return b":%d\r\n" % n


def bulk(value: String | None) -> Reply:
    if value is None:
        return NIL
    if isinstance(value, bytes) and len(value) < SHARED_FROM:
        return _HEADS[len(value)] + value + END
    # What is appended to a buffer before this goes out is not seen by its duplicate.
    part = value.duplicate() if isinstance(value, zbuf.ByteBuf) else value
    return [b"$%d\r\n" % len(value), part, END]


def array(items: Collection[String | None]) -> Reply:
    return replies([bulk(item) for item in items])


def replies(items: Collection[Reply]) -> Reply:
    """Give an array of what are replies themselves."""
    parts: list[String] = [b"*%d\r\n" % len(items)]
    for item in items:
        if isinstance(item, bytes):
            parts.append(item)
        else:
            parts += item
    return parts
