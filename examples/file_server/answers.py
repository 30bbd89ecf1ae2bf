"""What is answered to a request."""

from __future__ import annotations

import errno
import secrets
from urllib.parse import quote

from .coding import Gzip, wants_gzip
from .conditions import UnsatisfiableError, failed, ranges
from .file import File
from .head import rendered
from .request import READS, Request, RequestError
from .response import Part, Response, plain
from .root import Root


class Answers:
    """Answers about the files below a root."""

    def __init__(self, root: Root) -> None:
        self._root = root
        self._gzip = Gzip()

    def to(self, request: Request) -> Response:
        """Give an answer, to be written before the next: that may close the file that this one sends."""
        response = self._answer(request)
        response.keep_alive = request.keep_alive
        if request.method == b"HEAD":
            response.body = []
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
        zipped = wants_gzip(request, file)
        etag = file.gzip_etag if zipped else file.etag
        status = failed(request, file, etag)
        if status == 304:
            return Response(304, file.fields(etag, {}))
        if status is not None:
            return plain(status)
        if zipped:
            fields, data = self._gzip.of(file)
            return Response(200, fields, [data])
        if b"range" in request.headers and request.method == b"GET":
            return ranged(request, file)
        return whole(file)


def whole(file: File) -> Response:
    return Response(200, file.whole, [file.body()])


def ranged(request: Request, file: File) -> Response:
    try:
        parts = ranges(request, file)
    except UnsatisfiableError:
        return plain(416, **{"Content-Range": f"bytes */{file.size}"})
    if parts is None:
        return whole(file)
    return partial(file, parts[0]) if len(parts) == 1 else multipart(file, parts)


def partial(file: File, part: slice) -> Response:
    body = file.region[part]
    more = {"Content-Type": file.type, "Content-Range": span(file, part), "Content-Length": str(len(body))}
    return Response(206, file.fields(file.etag, more), [body])


def multipart(file: File, parts: list[slice]) -> Response:
    boundary = secrets.token_hex(16)
    body: list[Part] = []
    for part, region in zip(parts, file.region.ranges((part.start, part.stop) for part in parts)):
        about = rendered({"Content-Type": file.type, "Content-Range": span(file, part)})
        body += [b"\r\n--%b\r\n%b\r\n" % (boundary.encode(), about), region]
    body.append(b"\r\n--%b--\r\n" % boundary.encode())
    more = {"Content-Type": f"multipart/byteranges; boundary={boundary}", "Content-Length": str(sum(map(len, body)))}
    return Response(206, file.fields(file.etag, more), body)


def span(file: File, part: slice) -> str:
    return f"bytes {part.start}-{part.stop - 1}/{file.size}"
