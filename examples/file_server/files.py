"""Files below a root, and nothing else."""

from __future__ import annotations

import errno
import os
from collections import OrderedDict
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
    was: Identity

    @property
    def last_modified(self) -> str:
        return http_date(self.mtime)


Identity = tuple[int, ...]


def identity(found: os.stat_result, size: int) -> Identity:
    """What is another when a file is replaced, renamed or changed."""
    return found.st_dev, found.st_ino, size, found.st_mtime_ns, found.st_ctime_ns


class Root:
    """A directory to serve; the `most` files that were asked for last stay open."""

    def __init__(self, path: str | PathLike[str], most: int = 128) -> None:
        self._most = most
        self._path = os.fsencode(os.path.realpath(path)).rstrip(b"/")
        self._kept: OrderedDict[bytes, File] = OrderedDict()

    def open(self, path: bytes) -> File:
        """Open the regular file at `path`, which begins with a slash, or give it once more.

        Returns: a file that stays the root's: retain() the region that is to outlive the next call.
        Raises:  OSError; FileNotFoundError for what lies outside the root, be it
                 by `..` or by a symbolic link.
        """
        file = self._kept.get(path)
        if file is not None:
            if self._is_still(path, file):
                self._kept.move_to_end(path)
                return file
            self._kept.pop(path).region.release()
        file = self._opened(path)
        self._kept[path] = file
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)[1].region.release()
        return file

    def _is_still(self, path: bytes, file: File) -> bool:
        try:
            found = os.stat(self._path + path)
        except OSError:
            return False
        return identity(found, found.st_size) == file.was and self._holds(file.region)

    def _opened(self, path: bytes) -> File:
        if b".." in path.split(b"/"):
            raise outside(path)
        region = zbuf.FileRegion.open(self._path + path)
        try:
            if not self._holds(region):
                raise outside(path)
            return described(region, path)
        except BaseException:
            region.release()
            raise

    def has_directory(self, path: bytes) -> bool:
        place = os.path.realpath(self._path + path)
        return self._has(place) and os.path.isdir(place)

    def _holds(self, region: zbuf.FileRegion) -> bool:
        # The kernel is asked about what is open: a path could be replaced after a check.
        return self._has(os.readlink(b"/proc/self/fd/%d" % region.fileno()))

    def _has(self, place: bytes) -> bool:
        return place == self._path or place.startswith(self._path + b"/")


def outside(path: bytes) -> OSError:
    return FileNotFoundError(errno.ENOENT, "not below the root", path)


def described(region: zbuf.FileRegion, path: bytes) -> File:
    found = os.fstat(region.fileno())
    etag = f'"{found.st_ino:x}-{found.st_mtime_ns:x}-{len(region):x}"'
    return File(region, etag, int(found.st_mtime), type_of(path.rpartition(b"/")[2]), identity(found, len(region)))


@lru_cache(maxsize=1024)
def type_of(name: bytes) -> str:
    kind, encoding = guess_type(os.fsdecode(name))
    if kind is None or encoding is not None:
        return "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind


@lru_cache(maxsize=1024)
def http_date(seconds: int) -> str:
    return formatdate(seconds, usegmt=True)
