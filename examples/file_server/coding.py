"""Files compressed by gzip."""

from __future__ import annotations

import gzip
import re
from collections import OrderedDict
from functools import lru_cache

from .file import File
from .request import Request

MOST = 256  # compressed files are kept

_REFUSED = re.compile(r"\s*gzip\s*;\s*q=0(\.0*)?\s*", re.IGNORECASE)
_ACCEPTED = re.compile(r"\s*gzip\s*(;.*)?", re.IGNORECASE)

Compressed = tuple[bytes, bytes]  # the fields of an answer, rendered, and its body


class Gzip:
    """Compresses files, and keeps those that were asked for last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Compressed] = OrderedDict()

    def of(self, file: File) -> Compressed:
        made = self._kept.pop(file.gzip_etag, None) or compressed(file)
        self._kept[file.gzip_etag] = made
        if len(self._kept) > MOST:
            self._kept.popitem(last=False)
        return made


def compressed(file: File) -> Compressed:
    data = gzip.compress(file.content(), 6, mtime=0)
    more = {"Content-Encoding": "gzip", "Content-Type": file.type, "Content-Length": str(len(data))}
    return file.fields(file.gzip_etag, more), data


def wants_gzip(request: Request, file: File) -> bool:
    accepted = request.headers.get(b"accept-encoding")
    return accepted is not None and file.compressible and b"range" not in request.headers and accepts_gzip(accepted)


@lru_cache(maxsize=64)
def accepts_gzip(accepted: bytes) -> bool:
    codings = accepted.decode("latin-1").split(",")
    return any(map(_ACCEPTED.fullmatch, codings)) and not any(map(_REFUSED.fullmatch, codings))
