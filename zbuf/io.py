"""Blocking sockets and files: whole sends, and receives into pooled memory.

>>> ours, theirs = socket.socketpair()
>>> with ours, theirs, zbuf.buffer() as buf:
...     zbuf.io.send(ours, b"head", zbuf.copied(b"body"))
...     zbuf.io.recv_into(theirs, buf), bytes(buf)
8
(8, b'headbody')
"""

from __future__ import annotations

import errno
import math
import os
import select
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol

from zbuf._fill import fill
from zbuf._records import RecordQueue, read
from zbuf._sys import encrypts, is_tls
from zbuf.errors import CapacityError
from zbuf.outbound import OutboundBuffer

if TYPE_CHECKING:
    from socket import socket
    from ssl import SSLSocket

    from typing_extensions import Buffer

    from zbuf._buf import ByteBuf
    from zbuf.region import FileRegion

    class _Readable(Protocol):
        def readinto(self, buffer: memoryview, /) -> int | None: ...


__all__ = ["read_into", "recv_into", "recv_scatter", "send"]


def send(sock: socket, /, *data: Buffer | FileRegion) -> int:
    """Send all of some buffers, bytes-likes and file regions, in order.

    >>> ours, theirs = socket.socketpair()
    >>> with ours, theirs, zbuf.FileRegion.open(zbuf.__file__, 0, 4) as region:
    ...     zbuf.io.send(ours, b"head ", region), len(theirs.recv(100))
    (9, 9)

    Parts are gathered and files go by sendfile, as OutboundBuffer has it. The
    socket's timeout is for all of it, as in sendall. Over an SSLSocket parts are
    copied together and files are read, and the timeout is for each record: but
    not where the kernel encrypts (ssl.OP_ENABLE_KTLS, Linux with its `tls`
    module, a cipher that it knows). It is asked, and then does as without TLS.
    Returns: how many bytes went: all.
    Raises, and what is raised has `bytes_sent`, how many went before: OSError
             (TimeoutError, ConnectionResetError ...), BlockingIOError when a
             non-blocking socket is full, TruncatedFileError, what a signal's
             handler raises. TypeError, ReleasedError and the like of
             OutboundBuffer.writelines come before the first byte.
    Source:  socket.sendall, sendmsg(2), sendfile(2).
    """
    queue = RecordQueue() if is_tls(sock) and not encrypts(sock.fileno()) else OutboundBuffer()
    queue.writelines(data)
    whole = queue.pending_bytes
    try:
        if isinstance(queue, RecordQueue):
            _send_records(sock, queue)  # type: ignore[arg-type]
        else:
            _flush(sock, queue)
    except BaseException as error:
        setattr(error, "bytes_sent", whole - queue.pending_bytes)
        raise
    finally:
        queue.close()
    return whole


def _flush(sock: socket, queue: OutboundBuffer) -> None:
    timeout = sock.gettimeout()
    deadline = time.monotonic() + (timeout or 0)
    end = sock.fileno() if is_tls(sock) else sock
    while queue:
        if queue.flush_to(end).full:
            if not timeout:  # non-blocking, or blocking with a limit of the kernel's
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
            _wait(sock, deadline)


def _wait(sock: socket, deadline: float) -> None:
    """Wait until the socket takes more."""
    left = deadline - time.monotonic()
    poll = select.poll()
    poll.register(sock, select.POLLOUT)
    if left <= 0 or not poll.poll(math.ceil(left * 1000)):
        raise TimeoutError("timed out")


def _send_records(sock: SSLSocket, queue: RecordQueue) -> None:
    while queue:
        piece = queue.take()
        if piece is None:
            piece = read(queue.part())
            queue.passed(piece)
        try:
            while piece:
                piece.skip(sock.send(piece.view()))
        except BaseException:
            queue.pending_bytes += len(piece)
            raise


def recv_into(sock: socket, buf: ByteBuf, n: int | None = None, /) -> int:
    """Receive at most n bytes behind what the buffer has; it grows if it must.

    >>> ours, theirs = socket.socketpair()
    >>> with ours, theirs, zbuf.buffer() as buf:
    ...     ours.send(b"abcdef"), zbuf.io.recv_into(theirs, buf, 4), bytes(buf)
    (6, 4, b'abcd')

    Without n: as much as there is room for, 4 KiB or more where max_capacity
    allows it. A buffer doubles as it grows, so the receives of a long stream
    become larger by themselves.
    Moves:   writer_index.
    Returns: how many bytes came; 0 at the end of the stream.
    Raises, nothing moved: OSError of recv(2), TimeoutError; CapacityError if
             the buffer is full; ValueError for n below 1; what
             ByteBuf.writable_view raises. The capacity may have grown.
    Source:  socket.recv_into; AdaptiveRecvByteBufAllocator.
    """
    return fill(buf, n, sock.recv_into)


def recv_scatter(sock: socket, /, *bufs: ByteBuf) -> int:
    """Receive into the room that several buffers have, one after the other.

    >>> head, body = zbuf.buffer(4), zbuf.buffer(16)
    >>> ours, theirs = socket.socketpair()
    >>> with ours, theirs:
    ...     ours.send(b"headbody"), zbuf.io.recv_scatter(theirs, head, body)
    (8, 8)
    >>> bytes(head), bytes(body)
    (b'head', b'body')

    One system call. No buffer grows: its capacity says how much it takes.
    Moves:   writer_index of each.
    Returns: how many bytes came; 0 at the end of the stream.
    Raises, nothing moved: OSError of recvmsg(2); CapacityError if all are full;
             ValueError for the same buffer twice; NotImplementedError for an
             SSLSocket; what ByteBuf.writable_view raises.
    Source:  socket.recvmsg_into, readv(2).
    """
    if len(set(map(id, bufs))) < len(bufs):
        raise ValueError(f"a buffer is given twice among {len(bufs)}")
    rooms = [buf.writable_bytes() for buf in bufs]
    if not any(rooms):
        raise CapacityError(1, 0)
    got = left = _recvmsg(sock, bufs, rooms)
    for buf, room in zip(bufs, rooms):
        buf.commit(min(left, room))
        left -= min(left, room)
    return got


def _recvmsg(sock: socket, bufs: tuple[ByteBuf, ...], rooms: list[int]) -> int:
    with ExitStack() as stack:
        views = [stack.enter_context(buf.writable_view(room)) for buf, room in zip(bufs, rooms)]
        return sock.recvmsg_into(views)[0]


def read_into(file: int | _Readable, buf: ByteBuf, n: int | None = None, /) -> int:
    """Read at most n bytes of a file behind what the buffer has; it grows if it must.

    >>> with open(zbuf.__file__, "rb") as file, zbuf.buffer() as buf:
    ...     zbuf.io.read_into(file, buf, 4), len(buf)
    (4, 4)

    `file` is a descriptor or anything with readinto(); it is read once, from
    where it stands. Without n: as recv_into.
    Moves:   writer_index.
    Returns: how many bytes were read; 0 at the end of the file.
    Raises, nothing moved: OSError, BlockingIOError if a non-blocking file has
             nothing now; CapacityError, ValueError and others as recv_into.
    Source:  readv(2), io.RawIOBase.readinto.
    """
    step = (lambda view: os.readv(file, [view])) if isinstance(file, int) else file.readinto
    got = fill(buf, n, step)
    if got is None:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    return got
