"""Files below a root, and nothing else."""

from __future__ import annotations

import asyncio
import errno
import os
from collections import OrderedDict
from os import PathLike

import zbuf

from .file import File, described, identity


class Root:
    """A directory to serve; the `most` files that were asked for last stay open.

    A file that is asked for again in the same turn of the loop is not looked at
    again: that request had come before the look, as all of a turn have. (Where
    more than 1,024 connections are ready, uvloop goes on with those that are
    ready then: they may be told of what was there a turn ago.)
    """

    def __init__(self, path: str | PathLike[str], most: int = 128) -> None:
        self._most = most
        self._path = os.fsencode(os.path.realpath(path)).rstrip(b"/")
        self._inside = self._path + b"/"
        self._descriptors = os.open("/proc/self/fd", os.O_RDONLY | os.O_DIRECTORY)
        self._kept: OrderedDict[bytes, File] = OrderedDict()
        self._fresh: set[bytes] = set()  # paths that were looked at in this turn

    def open(self, path: bytes) -> File:
        """Open the regular file at `path`, which begins with a slash, or give it once more.

        Returns: a file that stays the root's; the next call may close it.
        Raises:  OSError; FileNotFoundError for what lies outside the root, be it
                 by `..` or by a symbolic link.
        """
        file = self._kept.get(path)
        if file is None or path not in self._fresh:
            file = self._looked_at(path, file)
            self._is_fresh(path)
        return file

    def _looked_at(self, path: bytes, file: File | None) -> File:
        if file is not None:
            if self._is_still(path, file):
                self._kept.move_to_end(path)
                return file
            self._kept.pop(path).region.release()
        file = self._kept[path] = self._opened(path)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)[1].region.release()
        return file

    def _is_fresh(self, path: bytes) -> None:
        if not self._fresh:
            asyncio.get_running_loop().call_soon(self._fresh.clear)
        self._fresh.add(path)

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
            return described(region, os.path.basename(path))
        except BaseException:
            region.release()
            raise

    def has_directory(self, path: bytes) -> bool:
        place = os.path.realpath(self._path + path)
        return self._has(place) and os.path.isdir(place)

    def _holds(self, region: zbuf.FileRegion) -> bool:
        # The kernel is asked about what is open: a path could be replaced after a check.
        return self._has(os.readlink(b"%d" % region.fileno(), dir_fd=self._descriptors))

    def _has(self, place: bytes) -> bool:
        return place.startswith(self._inside) or place == self._path


def outside(path: bytes) -> OSError:
    return FileNotFoundError(errno.ENOENT, "not below the root", path)
