"""What is answered to a request."""

from __future__ import annotations

import errno
import gzip
import os
import re
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import quote

import zbuf

from .conditions import UnsatisfiableError, failed, ranges, text
from .files import File, Root, http_date
from .request import READS, Request, RequestError

SENDFILE_FROM = 32 << 10  # bytes: smaller files are read, and go out in one call with the head
GZIP_FROM = 256  # bytes: less is not worth it
GZIPPED = 256  # how many compressed files are kept

PHRASES = {status.value: status.phrase for status in HTTPStatus}

Part = bytes | zbuf.FileRegion

_COMPRESSIBLE = re.compile(r"text/|application/(json|javascript|xml|wasm)|image/svg|.*\+(xml|json)")
_REFUSES_GZIP = re.compile(r"\s*gzip\s*;\s*q=0(\.0*)?\s*", re.IGNORECASE)
_ACCEPTS_GZIP = re.compile(r"\s*gzip\s*(;.*)?", re.IGNORECASE)


@dataclass(slots=True)
class Response:
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: list[Part] = field(default_factory=list)
    keep_alive: bool = True

    @property
    def size(self) -> int:
        return sum(map(len, self.body))

    def head(self) -> bytes:
        lines = [f"HTTP/1.1 {self.status} {PHRASES[self.status]}", f"Date: {http_date(int(time.time()))}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        lines.append("Connection: keep-alive" if self.keep_alive else "Connection: close")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def release(self) -> None:
        for part in self.body:
            if isinstance(part, zbuf.FileRegion):
                part.release()
        self.body = []


class Answers:
    """Answers about the files below a root."""

    def __init__(self, root: Root) -> None:
        self._root = root
        self._gzipped: OrderedDict[str, bytes] = OrderedDict()

    def to(self, request: Request) -> Response:
        """Answer; whoever asks calls the answer's release()."""
        response = self._answer(request)
        response.keep_alive = request.keep_alive
        if request.method == b"HEAD":
            response.release()
        return response

    def _answer(self, request: Request) -> Response:
        if request.method not in READS:
            return plain(405)
        try:
            path = request.path()
            return self._about(request, self._root.open(path + b"index.html" if path.endswith(b"/") else path))
        except RequestError as error:
            return plain(error.status)
        except OSError as error:
            return self._missing(path, error)

    def _missing(self, path: bytes, error: OSError) -> Response:
        if error.errno == errno.EISDIR and self._root.has_directory(path):
            return plain(301, Location="/" + quote(path.strip(b"/")) + "/")
        if error.errno in (errno.EMFILE, errno.ENFILE, errno.EIO, errno.ENOMEM):
            return plain(503)
        return plain(403 if error.errno == errno.EACCES else 404)

    def _about(self, request: Request, file: File) -> Response:
        gzipped = self._gzips(request, file)
        etag = file.etag[:-1] + '-gz"' if gzipped else file.etag
        headers = {"ETag": etag, "Last-Modified": file.last_modified, "Accept-Ranges": "bytes"}
        if compressible(file):
            headers["Vary"] = "Accept-Encoding"
        status = failed(request, file, etag)
        if status == 304:
            return Response(304, headers)
        if status is not None:
            return plain(status)
        if gzipped:
            headers["Content-Encoding"] = "gzip"
            return whole(headers, file, self._compressed(etag, file))
        return self._identity(request, file, headers)

    def _identity(self, request: Request, file: File, headers: dict[str, str]) -> Response:
        try:
            parts = ranges(request, file) if request.method == b"GET" else None
        except UnsatisfiableError:
            return plain(416, **{"Content-Range": f"bytes */{len(file.region)}"})
        if parts is None:
            small = len(file.region) < SENDFILE_FROM
            return whole(headers, file, content(file) if small else file.region.retain())
        return partial(headers, file, parts[0]) if len(parts) == 1 else multipart(headers, file, parts)

    def _gzips(self, request: Request, file: File) -> bool:
        accepted = text(request, b"accept-encoding")
        return accepted is not None and b"range" not in request.headers and compressible(file) and accepts_gzip(accepted)

    def _compressed(self, etag: str, file: File) -> bytes:
        data = self._gzipped.pop(etag, None) or gzip.compress(content(file), 6, mtime=0)
        self._gzipped[etag] = data
        if len(self._gzipped) > GZIPPED:
            self._gzipped.popitem(last=False)
        return data


def plain(status: int, **headers: str) -> Response:
    body = f"{status} {PHRASES[status]}\n".encode()
    if status == 405:
        headers["Allow"] = b", ".join(READS).decode()
    return Response(status, {**headers, "Content-Type": "text/plain", "Content-Length": str(len(body))}, [body])


def refusal(error: RequestError) -> Response:
    response = plain(error.status)
    response.keep_alive = False
    return response


def whole(headers: dict[str, str], file: File, body: Part) -> Response:
    about = {"Content-Type": file.type, "Content-Length": str(len(body))}
    return Response(200, {**headers, **about}, [body])


def partial(headers: dict[str, str], file: File, part: slice) -> Response:
    body = file.region[part]
    about = {"Content-Type": file.type, "Content-Range": span(file, part), "Content-Length": str(len(body))}
    return Response(206, {**headers, **about}, [body])


def multipart(headers: dict[str, str], file: File, parts: list[slice]) -> Response:
    boundary = secrets.token_hex(16)
    body: list[Part] = []
    for part, region in zip(parts, file.region.ranges((part.start, part.stop) for part in parts)):
        lines = ("", f"--{boundary}", f"Content-Type: {file.type}", f"Content-Range: {span(file, part)}", "", "")
        body += ["\r\n".join(lines).encode("latin-1"), region]
    body.append(f"\r\n--{boundary}--\r\n".encode())
    about = {"Content-Type": f"multipart/byteranges; boundary={boundary}", "Content-Length": str(sum(map(len, body)))}
    return Response(206, {**headers, **about}, body)


def span(file: File, part: slice) -> str:
    return f"bytes {part.start}-{part.stop - 1}/{len(file.region)}"


def content(file: File) -> bytes:
    size = len(file.region)
    data = os.pread(file.region.fileno(), size, 0)
    if len(data) != size:
        raise OSError(errno.EIO, f"{len(data)} bytes were there of {size}")
    return data


def compressible(file: File) -> bool:
    return GZIP_FROM <= len(file.region) < SENDFILE_FROM and _COMPRESSIBLE.match(file.type) is not None


def accepts_gzip(accepted: str) -> bool:
    codings = accepted.split(",")
    return any(map(_ACCEPTS_GZIP.fullmatch, codings)) and not any(map(_REFUSES_GZIP.fullmatch, codings))
