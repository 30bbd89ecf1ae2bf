"""Heads of answers."""

from __future__ import annotations

import time
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

PHRASES = {status.value: status.phrase for status in HTTPStatus}

STAYS = b"Connection: keep-alive\r\n\r\n"
CLOSES = b"Connection: close\r\n\r\n"


def beginning(status: int) -> bytes:
    """Give the status line and the Date."""
    return _beginning(status, int(time.time()))


@lru_cache(maxsize=len(PHRASES))
def _beginning(status: int, now: int) -> bytes:
    return f"HTTP/1.1 {status} {PHRASES[status]}\r\nDate: {http_date(now)}\r\n".encode()


def rendered(fields: dict[str, str]) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode("latin-1")


@lru_cache(maxsize=1024)
def http_date(seconds: int) -> str:
    return formatdate(seconds, usegmt=True)
