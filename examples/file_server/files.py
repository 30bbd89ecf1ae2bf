"""Files below a root, and nothing else."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from mimetypes import guess_type
from os import PathLike

import zbuf


@dataclass(slots=True)
class File:
    region: zbuf.FileRegion
    etag: str
    mtime: int  # seconds
    type: str

    @property
    def last_modified(self) -> str:
        return http_date(self.mtime)


class Root:
    """A directory to serve."""

    def __init__(self, path: str | PathLike[str]) -> None:
        self._path = os.fsencode(os.path.realpath(path)).rstrip(b"/")

    def open(self, path: bytes) -> File:
        """Open the regular file at `path`, which begins with a slash.

        Raises: OSError; FileNotFoundError for what lies outside the root, be it
                by `..` or by a symbolic link.
        """
        if b".." in path.split(b"/"):
            raise outside(path)
        region = zbuf.FileRegion.open(self._path + path)
        try:
            # The kernel is asked about what is open: a path could be replaced after a check.
            if not self._has(os.readlink(b"/proc/self/fd/%d" % region.fileno())):
                raise outside(path)
            return described(region, path)
        except BaseException:
            region.release()
            raise

    def has_directory(self, path: bytes) -> bool:
        place = os.path.realpath(self._path + path)
        return self._has(place) and os.path.isdir(place)

    def _has(self, place: bytes) -> bool:
        return place == self._path or place.startswith(self._path + b"/")


def outside(path: bytes) -> OSError:
    return FileNotFoundError(errno.ENOENT, "not below the root", path)


def described(region: zbuf.FileRegion, path: bytes) -> File:
    found = os.fstat(region.fileno())
    etag = f'"{found.st_ino:x}-{found.st_mtime_ns:x}-{len(region):x}"'
    return File(region, etag, int(found.st_mtime), type_of(path.rpartition(b"/")[2]))


@lru_cache(maxsize=1024)
def type_of(name: bytes) -> str:
    kind, encoding = guess_type(os.fsdecode(name))
    if kind is None or encoding is not None:
        return "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind


@lru_cache(maxsize=1024)
def http_date(seconds: int) -> str:
    return formatdate(seconds, usegmt=True)
