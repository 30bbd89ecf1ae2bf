"""Plaintext on its way to a TLS connection, in pieces that fill its records."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

from zbuf._alloc import buffer
from zbuf._composite import CompositeByteBuf
from zbuf.errors import TruncatedFileError
from zbuf.region import FileRegion

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from zbuf._buf import ByteBuf

RECORD = 16 << 10  # bytes: the most that one record of TLS carries
PIECE = 4 * RECORD  # taken at a time where the bytes lie in one piece already


class RecordQueue:
    """A queue of buffers, bytes and file regions, taken out in pieces of about a record.

    >>> queue = zbuf._records.RecordQueue()
    >>> queue.write(b"abc"), queue.write(b"defg"), queue.pending_bytes
    (None, None, 7)
    >>> bytes(queue.take())
    b'abcdefg'

    OpenSSL makes a record, a header and an authentication tag, of each piece it
    is given. So small pieces are copied together; large ones go as they are.
    """

    def __init__(self) -> None:
        self._items: deque[CompositeByteBuf | FileRegion] = deque()
        self._at = 0  # bytes of the first item, a region, that are taken
        self.pending_bytes = 0

    def __bool__(self) -> bool:
        return self.pending_bytes > 0

    def write(self, data: Buffer | FileRegion) -> None:
        """Put something at the end; the caller's handle stays the caller's."""
        size = self._put_region(data) if isinstance(data, FileRegion) else self._put_bytes(data)
        self.pending_bytes += size

    def writelines(self, parts: Iterable[Buffer | FileRegion]) -> None:
        """Put all of them at the end, or none if one is not of those."""
        batch = RecordQueue()
        for part in parts:
            batch.write(part)
        for item in batch._items:
            self.write(item)

    def _put_region(self, region: FileRegion) -> int:
        if len(region):
            self._items.append(region[:])
        return len(region)

    def _put_bytes(self, data: Buffer) -> int:
        last = self._items[-1] if self._items else None
        if not isinstance(last, CompositeByteBuf):
            fresh = CompositeByteBuf(data)
            if fresh:
                self._items.append(fresh)
            return len(fresh)
        before = len(last)
        last.append(data)
        return len(last) - before

    def take(self) -> ByteBuf | None:
        """Take the next bytes out; None if the file system has them, but not in memory.

        REQUIRES: something is pending.
        Raises:   TruncatedFileError, nothing taken, at the end of a file.
        """
        first = self._items[0]
        if isinstance(first, FileRegion):
            piece = read_cached(self.part())
            if piece is not None:
                self.passed(piece)
            return piece
        piece = self._cut(first)
        self.pending_bytes -= len(piece)
        return piece

    def _cut(self, first: CompositeByteBuf) -> ByteBuf:
        with first.views(1)[0] as part:
            run = len(part)
        n = min(run, PIECE) // RECORD * RECORD or min(len(first), RECORD)
        piece = first.slice(first.reader_index, n)
        if isinstance(piece, CompositeByteBuf):
            piece = piece.copy()
        first.skip(n)
        if first:
            first.discard_read_parts()
        else:
            self._items.popleft()
        return piece

    def part(self) -> FileRegion:
        """The next piece, for read(). REQUIRES: take() gave None."""
        first = self._items[0]
        assert isinstance(first, FileRegion)
        return first[self._at : self._at + PIECE]

    def passed(self, piece: ByteBuf) -> None:
        """Go past what was read of part(). Raises TruncatedFileError if that is nothing."""
        first = self._items[0]
        assert isinstance(first, FileRegion)
        if not piece:
            raise TruncatedFileError(len(first), self._at, os.fstat(first.fileno()).st_size)
        self._at += len(piece)
        self.pending_bytes -= len(piece)
        if self._at == len(first):
            self._items.popleft()
            self._at = 0

    def close(self) -> None:
        """Give everything back."""
        self._items.clear()
        self.pending_bytes = 0


def read(part: FileRegion, flags: int = 0) -> ByteBuf:
    """Read the first bytes of a region, all of them in most cases, and wait for the disk."""
    piece = buffer(len(part))
    with piece.writable_view(len(part)) as room:
        got = os.preadv(part.fileno(), [room], part.offset, flags)
    piece.commit(got)
    return piece


def read_cached(part: FileRegion) -> ByteBuf | None:
    """The same for what the page cache holds; None where that is nothing."""
    try:
        return read(part, os.RWF_NOWAIT)
    except OSError:
        return None  # not there, or a file system that cannot tell
