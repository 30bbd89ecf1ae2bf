"""Requests out of a stream of bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

import httptools

import zbuf

LONGEST_TARGET = 8 << 10  # bytes
LONGEST_HEAD = 16 << 10  # bytes of names and values
MOST_FIELDS = 100
READS = (b"GET", b"HEAD")

_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_AUTHORITY = re.compile(rb"https?://[^/?#]+", re.IGNORECASE)


class RequestError(Exception):
    """What came is not for this server; `frames` are the requests before it."""

    def __init__(self, status: int, frames: list[Request] | None = None) -> None:
        super().__init__(f"answered with {status}")
        self.status, self.frames = status, frames or []


@dataclass(slots=True)
class Request:
    method: bytes
    target: bytes
    version: str
    headers: dict[bytes, bytes]  # by name in lower case; what came twice is joined
    keep_alive: bool

    def path(self) -> bytes:
        """Give the path, decoded; raises RequestError if it is none."""
        target = _AUTHORITY.sub(b"", self.target, 1)
        path = target.partition(b"?")[0] or b"/"
        if not path.startswith(b"/") or _BAD_ESCAPE.search(path):
            raise RequestError(400)
        path = unquote_to_bytes(path)
        if b"\0" in path:
            raise RequestError(400)
        return path


class RequestDecoder:
    """A decoder for Stream.read_frame(). A request with a body is refused, and what follows the last one dropped."""

    pending = 0  # the parser keeps what is not whole yet

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._done: list[Request] = []
        self._over = False  # there will be no more requests
        self._status = 400  # what is said of the next flaw
        self.on_message_begin()

    def feed(self, data: zbuf.ByteBuf | bytes) -> list[Request]:
        """Give the requests that are whole; raises RequestError, after which nothing more is taken."""
        for part in data.views(len(data)) if isinstance(data, zbuf.CompositeByteBuf) else [data]:
            if not self._over:
                self._parse(part)
        return self._take()

    def finish(self) -> list[Request]:
        return []

    def _parse(self, part: zbuf.ByteBuf | memoryview | bytes) -> None:
        self._began = False
        try:
            self._parser.feed_data(part)  # type: ignore[arg-type]
            self._check_head(len(part))
        except httptools.HttpParserUpgrade:
            self._done[-1].keep_alive = False  # what follows may be another protocol
            self._over = True
        except httptools.HttpParserError:
            if not self._over:  # bytes behind the last request are no flaw
                self._over = True
                raise RequestError(self._status, self._take()) from None

    def _take(self) -> list[Request]:
        done, self._done = self._done, []
        return done

    def _check_head(self, size: int) -> None:
        # A field that never ends is seen by nobody else. Where in `size` bytes
        # a head began is not known: one read more may come.
        if self._in_head and not self._began:
            self._unseen += size
            if self._unseen > LONGEST_HEAD:
                self._refuse(431)

    def _refuse(self, status: int) -> None:
        self._status = status
        raise httptools.HttpParserError

    # -- called by the parser

    def on_message_begin(self) -> None:
        self._target = b""
        self._headers: dict[bytes, bytes] = {}
        self._size = self._unseen = self._fields = 0
        self._in_head = self._began = True

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
        self._in_head = False
        version = self._parser.get_http_version()
        if version not in ("1.0", "1.1"):
            self._refuse(505)
        if version == "1.1" and b"host" not in self._headers:
            self._refuse(400)
        if b"transfer-encoding" in self._headers or self._headers.get(b"content-length", b"0") != b"0":
            self._refuse(413 if self._parser.get_method() in READS else 405)

    def on_message_complete(self) -> None:
        parser = self._parser
        keep_alive = parser.should_keep_alive()
        self._over = not keep_alive
        self._done.append(
            Request(parser.get_method(), self._target, parser.get_http_version(), self._headers, keep_alive)
        )
