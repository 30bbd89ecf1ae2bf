"""Five ways to send the same frames.

Each is a function of a Sender, which counts its system calls: read, send,
sendmsg and sendfile; opening and closing the files is the same for all.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import zbuf
from zbuf.demo.frames import MAGIC, PIECE, DemoError, Frame

STEP = 64 << 10  # bytes that `read + send` has in memory


class Sender:
    """A blocking socket, and how many calls have carried bytes."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.calls = 0

    def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """What sendall does, with the count that it does not tell."""
        with memoryview(data) as rest:
            sent = 0
            while sent < len(rest):
                sent += self.sock.send(rest[sent:])
                self.calls += 1

    def flush(self, queue: zbuf.OutboundBuffer) -> None:
        """Send all that is pending; the socket's own time limit makes it full."""
        done = queue.flush_to(self.sock)
        self.calls += done.calls
        if done.full:
            raise BlockingIOError

    def read_into(self, fd: int, room: memoryview, frame: Frame) -> None:
        """Read exactly as many bytes as there is room for."""
        filled = 0
        while filled < len(room):
            got = os.readv(fd, [room[filled:]])
            self.calls += 1
            if not got:
                raise shorter(frame)
            filled += got

    def read(self, fd: int, size: int, frame: Frame) -> bytes:
        """Read exactly `size` bytes."""
        data = os.read(fd, size) if size else b""
        self.calls += 1 if size else 0
        while len(data) < size:
            more = os.read(fd, size - len(data))
            self.calls += 1
            if not more:
                raise shorter(frame)
            data += more
        return data


def shorter(frame: Frame) -> DemoError:
    return DemoError(f"{frame.path}: became shorter than its {frame.size} bytes while it was sent")


@contextmanager
def opened(frame: Frame) -> Iterator[int]:
    fd = os.open(frame.path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


def head_of(frame: Frame) -> zbuf.ByteBuf:
    """The frame but for its body, in a pooled buffer."""
    buf = zbuf.buffer(64)
    buf.write_bytes(MAGIC)
    buf.write_u16(len(frame.name))
    buf.write_u64(frame.size)
    buf.write_u32(frame.crc)
    buf.write_bytes(frame.name)
    return buf


def zbuf_sendfile(to: Sender, frames: Iterator[Frame]) -> None:
    """Headers from pooled buffers, bodies by sendfile: the files are never read."""
    with zbuf.OutboundBuffer() as queue:
        for frame in frames:
            with head_of(frame) as head, region_of(frame) as body:
                queue.writelines((head, body))
            if not queue.writable:
                to.flush(queue)
        to.flush(queue)


def region_of(frame: Frame) -> zbuf.FileRegion:
    try:
        return zbuf.FileRegion.open(frame.path, 0, frame.size)
    except ValueError as error:
        raise shorter(frame) from error


def zbuf_gather(to: Sender, frames: Iterator[Frame]) -> None:
    """Files are read into pooled buffers; composites of them are gathered by sendmsg."""
    with zbuf.OutboundBuffer(high=2 * PIECE) as queue:
        for frame in frames:
            with opened(frame) as fd:
                whole = zbuf.CompositeByteBuf(head_of(frame))
                for start in range(0, frame.size, PIECE):
                    with piece_of(to, fd, min(PIECE, frame.size - start), frame) as piece:
                        whole.append(piece)
                    if len(whole) > 2 * PIECE:
                        whole = passed_on(to, queue, whole)
                passed_on(to, queue, whole).release()
        to.flush(queue)


def piece_of(to: Sender, fd: int, size: int, frame: Frame) -> zbuf.ByteBuf:
    buf = zbuf.buffer(size)
    with buf.writable_view(size) as room:
        to.read_into(fd, room, frame)
    buf.commit(size)
    return buf


def passed_on(to: Sender, queue: zbuf.OutboundBuffer, whole: zbuf.CompositeByteBuf) -> zbuf.CompositeByteBuf:
    """Queue a composite, flush if much is pending, and go on with an empty one."""
    with whole:
        queue.write(whole)
    if not queue.writable:
        to.flush(queue)
    return zbuf.CompositeByteBuf()


def join_sendall(to: Sender, frames: Iterator[Frame]) -> None:
    """Each file is read as one bytes object and joined to its header."""
    for frame in frames:
        with opened(frame) as fd:
            to.send_all(b"".join([frame.head, to.read(fd, frame.size, frame)]))


def bytearray_sendall(to: Sender, frames: Iterator[Frame]) -> None:
    """Each file is read in pieces that are added to one bytearray."""
    for frame in frames:
        with opened(frame) as fd:
            data = bytearray(frame.head)
            for start in range(0, frame.size, PIECE):
                data += to.read(fd, min(PIECE, frame.size - start), frame)
            to.send_all(data)


def read_send(to: Sender, frames: Iterator[Frame]) -> None:
    """Each piece of a file is read and sent before the next is read."""
    for frame in frames:
        with opened(frame) as fd:
            to.send_all(frame.head)
            for start in range(0, frame.size, STEP):
                to.send_all(to.read(fd, min(STEP, frame.size - start), frame))


WAYS: dict[str, Callable[[Sender, Iterator[Frame]], None]] = {
    "zbuf, sendfile": zbuf_sendfile,
    "zbuf, gather": zbuf_gather,
    "join + sendall": join_sendall,
    "bytearray += + sendall": bytearray_sendall,
    "read + send": read_send,
}
