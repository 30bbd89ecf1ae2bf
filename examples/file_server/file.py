"""An open file, and what is said of it."""

from __future__ import annotations

import errno
import os
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from mimetypes import guess_type

import zbuf

from .head import http_date, rendered

SENDFILE_FROM = 32 << 10  # bytes: smaller files are read, and go out in one call with the head
GZIP_FROM = 256  # bytes: less is not worth it

_COMPRESSIBLE = re.compile(r"text/|application/(json|javascript|xml|wasm)|image/svg|.*\+(xml|json)")

Identity = tuple[int, ...]


@dataclass
class File:
    region: zbuf.FileRegion
    size: int
    mtime: int  # seconds
    type: str
    etag: str
    was: Identity

    @property
    def last_modified(self) -> str:
        return http_date(self.mtime)

    @property
    def gzip_etag(self) -> str:
        return self.etag[:-1] + '-gz"'

    @cached_property
    def compressible(self) -> bool:
        return GZIP_FROM <= self.size < SENDFILE_FROM and _COMPRESSIBLE.match(self.type) is not None

    @cached_property
    def whole(self) -> bytes:
        """The fields of an answer that has all of it, rendered."""
        return self.fields(self.etag, {"Content-Type": self.type, "Content-Length": str(self.size)})

    def fields(self, etag: str, more: dict[str, str]) -> bytes:
        """Render those of every answer about it, in the coding that has this etag, and some more."""
        about = {"ETag": etag, "Last-Modified": self.last_modified, "Accept-Ranges": "bytes"}
        if self.compressible:
            about["Vary"] = "Accept-Encoding"
        return rendered({**about, **more})

    def body(self) -> bytes | zbuf.FileRegion:
        return self.content() if self.size < SENDFILE_FROM else self.region

    def content(self) -> bytes:
        data = os.pread(self.region.fileno(), self.size, 0)
        if len(data) != self.size:
            raise OSError(errno.EIO, f"{len(data)} bytes were there of {self.size}")
        return data


def described(region: zbuf.FileRegion, name: bytes) -> File:
    found, size = os.fstat(region.fileno()), len(region)
    etag = f'"{found.st_ino:x}-{found.st_mtime_ns:x}-{size:x}"'
    return File(region, size, int(found.st_mtime), type_of(name), etag, identity(found, size))


def identity(found: os.stat_result, size: int) -> Identity:
    """What is another when a file is replaced, renamed or changed."""
    return found.st_dev, found.st_ino, size, found.st_mtime_ns, found.st_ctime_ns


@lru_cache(maxsize=1024)
def type_of(name: bytes) -> str:
    kind, encoding = guess_type(os.fsdecode(name))
    if kind is None or encoding is not None:
        return "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
