"""Preconditions and ranges: RFC 9110, sections 13 and 14."""

from __future__ import annotations

import re
import time
from email.utils import parsedate_to_datetime

from .file import File
from .request import Request

MOST_RANGES = 16

_CONDITIONS = frozenset((b"if-match", b"if-unmodified-since", b"if-none-match", b"if-modified-since"))
_TAG = re.compile(r'(W/)?("[^"]*")')
_RANGE = re.compile(r"(\d*)-(\d*)", re.ASCII)


class UnsatisfiableError(Exception):
    """No byte of any range is there."""


def failed(request: Request, file: File, etag: str) -> int | None:
    """Give the status of the precondition that fails, in the order of section 13.2.2; None if all hold."""
    if _CONDITIONS.isdisjoint(request.headers):
        return None
    if (tags := text(request, b"if-match")) is not None:
        if not names(tags, etag, weak=False):
            return 412
    elif (date := seconds(text(request, b"if-unmodified-since"))) is not None and file.mtime > date:
        return 412
    if (tags := text(request, b"if-none-match")) is not None:
        return 304 if names(tags, etag, weak=True) else None
    date = seconds(text(request, b"if-modified-since"))
    return 304 if date is not None and file.mtime <= date else None


def ranges(request: Request, file: File) -> list[slice] | None:
    """Give the ranges to send; None for the whole file.

    Raises UnsatisfiableError. Who asks for many ranges, or for the same bytes
    more than once, is given the whole, as section 14.2 allows.
    """
    unit, _, specs = (text(request, b"range") or "").partition("=")
    if unit.strip().lower() != "bytes" or not in_range(request, file):
        return None
    asked = [_RANGE.fullmatch(spec.strip()) for spec in specs.split(",") if spec.strip()]
    if not asked or len(asked) > MOST_RANGES:
        return None
    size, found = file.size, []
    for match in asked:
        if match is None or not valid(*match.groups()):
            return None
        if part := part_of(size, *match.groups()):
            found.append(part)
    if not found:
        raise UnsatisfiableError
    return found if sum(part.stop - part.start for part in found) <= size else None


def valid(first: str, last: str) -> bool:
    if max(len(first), len(last)) > 18:  # no file is that long
        return False
    return first != "" and (last == "" or int(first) <= int(last)) or first == "" and last != ""


def part_of(size: int, first: str, last: str) -> slice | None:
    start = int(first) if first else max(size - int(last), 0)
    stop = min(int(last) + 1, size) if first and last else size
    return slice(start, stop) if start < stop else None


def in_range(request: Request, file: File) -> bool:
    # If-Range wants a strong validator: a date is one if it lies in the past.
    given = text(request, b"if-range")
    if given is None or given == file.etag:
        return True
    return given == file.last_modified and file.mtime < time.time() - 1


def names(tags: str, etag: str, weak: bool) -> bool:
    return tags.strip() == "*" or any(tag == etag and (weak or not w) for w, tag in _TAG.findall(tags))


def text(request: Request, name: bytes) -> str | None:
    value = request.headers.get(name)
    return None if value is None else value.decode("latin-1")


def seconds(date: str | None) -> float | None:
    if date is None:
        return None
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None  # section 13.1: what is no date is not there
