"""Did a receiver get the source's own pages, or a copy of them?

Send, overwrite the source, then receive: new bytes mean that socket and source
share the pages, old bytes that a copy was made. That takes no privilege, and
no counter of the kernel.

    source   |old old old|            |new new new|
                  | send                            received: new, shared
    socket        +--------> |pages| ---------+---> received: old, copied
"""

from __future__ import annotations

import os
import select
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

from zbuf.region import FileRegion

if TYPE_CHECKING:
    from typing_extensions import Buffer

    class _File(Protocol):
        def fileno(self) -> int: ...

    _Source = str | os.PathLike[str] | int | _File | Buffer

LEAST = 4 << 10  # bytes of a source: what is smaller than a page the kernel may copy anyway
MOST = 64 << 10  # bytes that wait in any connection until somebody receives
STEP = 512  # bytes that are told apart
ROOM = 1 << 20  # bytes asked for each socket's buffers
PATIENCE = 10.0  # seconds that a blocking send may take, and the bytes to arrive
FLIP = bytes(255 - byte for byte in range(256))


class Sighting(NamedTuple):
    """What the receiver saw of a source that was overwritten after it had been sent.

    >>> sighting = zbuf.audit.Sighting(size=65536, shared=61440, copied=4096)
    >>> print(sighting.verdict, "-", sighting)
    mixed - of 65536 bytes 61440 were shared, 4096 copied, 0 not seen

    size    bytes of the source
    shared  those received as they were overwritten
    copied  those received as they were sent, or in both forms
    """

    size: int
    shared: int
    copied: int

    @property
    def verdict(self) -> str:
        """One of "shared", "copied", "mixed", and "incomplete" if not all bytes were seen."""
        if self.shared + self.copied < self.size:
            return "incomplete"
        return "mixed" if self.shared and self.copied else "copied" if self.copied else "shared"

    def __str__(self) -> str:
        lost = self.size - self.shared - self.copied
        return f"of {self.size} bytes {self.shared} were shared, {self.copied} copied, {lost} not seen"


def witness(send: Callable[[socket.socket], object], source: _Source, /) -> Sighting:
    """Send over a connection that nobody reads, overwrite the source, and see what arrives.

    >>> source = bytearray(8192)
    >>> zbuf.audit.witness(lambda sock: sock.sendall(source), source)
    Sighting(size=8192, shared=0, copied=8192)

    `send(sock)` is called once, with a blocking TCP socket over loopback; when
    it returns the kernel must have every byte. It may send other bytes too, a
    header say. `source` is what it sends the bytes of: a path, a file or its
    descriptor, a FileRegion, or a writable buffer, of 4 to 64 KiB. It is filled
    with random bytes first; at the end it has the bytes it had before.

    Returns: what the receiver saw.
    Raises:  ValueError, with nothing sent, for a source of another size;
             TypeError for memory that is read-only; OSError for a file that
             this process may not write to, or if nothing moves for 10 seconds
             (so where more is sent than a connection holds); what `send` raises.
    """
    with _opened(source) as pages:
        before = pages.read()
        if not LEAST <= len(before) <= MOST:
            raise ValueError(f"a source must have {LEAST} to {MOST} bytes, not {len(before)}")
        try:
            return _watched(send, pages, os.urandom(len(before)))
        finally:
            pages.write(before)


def assert_zero_copy(send: Callable[[socket.socket], object], source: _Source, /) -> None:
    """Fail unless every byte of `source` goes to the socket without being copied.

    >>> import tempfile
    >>> def send(sock):
    ...     with zbuf.FileRegion(file, 0) as region, zbuf.OutboundBuffer() as queue:
    ...         queue.writelines([b"header", region])
    ...         queue.flush_to(sock)
    >>> with tempfile.TemporaryFile() as file:
    ...     size = file.truncate(65536)
    ...     zbuf.audit.assert_zero_copy(send, file)
    ...     zbuf.audit.assert_zero_copy(lambda sock: sock.sendall(file.read()), file)
    Traceback (most recent call last):
        ...
    AssertionError: not zero-copy: of 65536 bytes 0 were shared, 65536 copied, 0 not seen

    For tests of your own: see witness() for what `send` and `source` may be.
    The connection is one over loopback, where the kernel copies what is sent
    with MSG_ZEROCOPY when it arrives: such a send fails here.

    Raises: AssertionError, which says how many bytes were shared and copied;
            whatever witness() raises.
    """
    sighting = witness(send, source)
    if sighting.verdict != "shared":
        raise AssertionError(f"not zero-copy: {sighting}")


# -- the source


class _Pages(Protocol):
    """A source: all of its bytes, read or overwritten in place."""

    def read(self) -> bytes: ...

    def write(self, data: bytes) -> None: ...


class _FilePages:
    def __init__(self, fd: int, offset: int, size: int) -> None:
        self._fd, self._offset, self._size = fd, offset, size

    def read(self) -> bytes:
        return os.pread(self._fd, self._size, self._offset)

    def write(self, data: bytes) -> None:
        os.pwrite(self._fd, data, self._offset)


class _MemoryPages:
    def __init__(self, view: memoryview) -> None:
        self._view = view

    def read(self) -> bytes:
        return bytes(self._view)

    def write(self, data: bytes) -> None:
        self._view[:] = data


@contextmanager
def _opened(source: _Source) -> Iterator[_Pages]:
    path = _path_of(source)
    if path is None:
        with memoryview(cast("Buffer", source)) as view, view.cast("B") as octets:
            if octets.readonly:
                raise TypeError("a source is overwritten: its memory must be writable")
            yield _MemoryPages(octets)
        return
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        yield _FilePages(fd, *_extent(source, fd))
    finally:
        os.close(fd)


def _path_of(source: _Source) -> str | os.PathLike[str] | None:
    """Where to open the source for writing; None for memory."""
    if isinstance(source, (str, os.PathLike)):
        return source
    if isinstance(source, int):
        return f"/proc/self/fd/{source}"  # opens it anew, even what has no name any more
    fileno = getattr(source, "fileno", None)
    return None if fileno is None else _path_of(fileno())


def _extent(source: _Source, fd: int) -> tuple[int, int]:
    """Where in the file the source begins, and its size."""
    if isinstance(source, FileRegion):
        return source.offset, source.count
    return 0, os.fstat(fd).st_size


# -- the connection


def _watched(send: Callable[[socket.socket], object], pages: _Pages, old: bytes) -> Sighting:
    new = old.translate(FLIP)
    pages.write(old)
    with _connection() as (ours, theirs):
        send(ours)
        _wait_for_the_end(ours, theirs)
        pages.write(new)
        stream = _received(theirs)
    return Sighting(len(old), *_told_apart(stream, old, new))


@contextmanager
def _connection() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends, blocking; the buffers are as large as an ordinary user's may be."""
    limit = struct.pack("ll", int(PATIENCE), int(PATIENCE % 1 * 1e6))
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM)
        ours = socket.create_connection(server.getsockname())
        with ours, server.accept()[0] as theirs:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, ROOM)
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
            yield ours, theirs


def _wait_for_the_end(ours: socket.socket, theirs: socket.socket) -> None:
    """Return when all that was sent lies at the receiver, behind it the end.

    A copy that the kernel makes on arrival, as of MSG_ZEROCOPY, is made by then.
    """
    if ours.fileno() >= 0:  # or `send` has closed it
        ours.shutdown(socket.SHUT_WR)
    arrived = select.poll()
    arrived.register(theirs, select.POLLRDHUP)
    if not arrived.poll(PATIENCE * 1000):
        raise TimeoutError(f"what was sent did not arrive within {PATIENCE:g} seconds")


def _received(sock: socket.socket) -> bytes:
    return b"".join(iter(lambda: sock.recv(MOST), b""))


def _told_apart(stream: bytes, old: bytes, new: bytes) -> tuple[int, int]:
    """How many bytes of the source came as the new ones alone, and how many as the old."""
    shared = copied = 0
    for at in range(0, len(old), STEP):
        fresh = min(STEP, len(old) - at)
        step = slice(at + fresh - STEP, at + fresh)  # always a whole one: a single byte says nothing
        if old[step] in stream:
            copied += fresh
        elif new[step] in stream:
            shared += fresh
    return shared, copied
