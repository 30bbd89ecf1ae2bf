"""Requests out of a stream of bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote_to_bytes

import httptools

import zbuf

LONGEST_TARGET = 8 << 10  # bytes
LONGEST_HEAD = 16 << 10  # bytes of names and values
LONGEST_BEGINNING = 32 << 10  # bytes that come without being the end of a request
MOST_FIELDS = 100
READS = (b"GET", b"HEAD")

_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_AUTHORITY = re.compile(rb"https?://[^/?#]+", re.IGNORECASE)


class RequestError(Exception):
    """What came is not for this server."""

    def __init__(self, status: int) -> None:
        super().__init__(f"answered with {status}")
        self.status = status


@dataclass(slots=True)
class Request:
    method: bytes
    target: bytes
    headers: dict[bytes, bytes]  # by name in lower case; what came twice is joined
    keep_alive: bool

    def path(self) -> bytes:
        """Give the path, decoded; raises RequestError if it is none."""
        return path_of(self.target)


@lru_cache(maxsize=512)
def path_of(target: bytes) -> bytes:
    target = _AUTHORITY.sub(b"", target, 1)
    path = target.partition(b"?")[0] or b"/"
    if not path.startswith(b"/") or _BAD_ESCAPE.search(path):
        raise RequestError(400)
    path = unquote_to_bytes(path)
    if b"\0" in path:
        raise RequestError(400)
    return path


class RequestDecoder:
    """Cuts a stream into requests, up to the last one or to what is wrong. A request with a body is refused."""

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._done: list[Request | RequestError] = []
        self._over = False  # nothing more is taken
        self._status = 400  # what is said of the next flaw
        self._begin()

    def feed(self, data: zbuf.ByteBuf | bytes) -> list[Request | RequestError]:
        """Give the requests that are whole now, and behind them what is wrong with the next."""
        if self._over:
            return []
        try:
            self._parser.feed_data(data)  # type: ignore[arg-type]
            if not self._done:
                self._check_progress(len(data))
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if not self._over:  # bytes behind the last request are no flaw
                self._done.append(RequestError(self._status))
                self._over = True
        done, self._done = self._done, []
        return done

    def _check_progress(self, size: int) -> None:
        # A field that never ends is seen by nobody else.
        self._unseen += size
        if self._unseen > LONGEST_BEGINNING:
            self._refuse(431)

    def _refuse(self, status: int) -> None:
        self._status = status
        raise httptools.HttpParserError

    def _begin(self) -> None:
        self._target = b""
        self._headers: dict[bytes, bytes] = {}
        self._size = self._fields = 0
        self._unseen = 0  # bytes of reads that were the end of no request

    # -- called by the parser

    def on_url(self, part: bytes) -> None:
        self._target += part
        if len(self._target) > LONGEST_TARGET:
            self._refuse(414)

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        self._size += len(name) + len(value)
        self._fields += 1
        if self._size > LONGEST_HEAD or self._fields > MOST_FIELDS:
            self._refuse(431)
        if name in self._headers:
            if name == b"host":
                self._refuse(400)
            value = self._headers[name] + b", " + value
        self._headers[name] = value

    def on_headers_complete(self) -> None:
        parser, headers = self._parser, self._headers
        version, method = parser.get_http_version(), parser.get_method()
        if version not in ("1.0", "1.1"):
            self._refuse(505)
        if version == "1.1" and b"host" not in headers:
            self._refuse(400)
        if b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0":
            self._refuse(413 if method in READS else 405)
        keep_alive = parser.should_keep_alive() and not parser.should_upgrade()  # to what may be another protocol
        self._over = not keep_alive
        self._done.append(Request(method, self._target, headers, keep_alive))
        self._begin()
