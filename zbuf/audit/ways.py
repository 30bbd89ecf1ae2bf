"""The ways from a file to a socket, and what each should cost.

Each is a function of a Wire, which counts its system calls, and a frame, whose
body it sends: in pieces of 64 KiB, but for sendfile, which needs none.
"""

from __future__ import annotations

import mmap
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from zbuf._composite import wrap
from zbuf.audit.zerocopy import SO_ZEROCOPY, Wire
from zbuf.demo.frames import Frame
from zbuf.demo.ways import opened, region_of, shorter
from zbuf.outbound import OutboundBuffer

PIECE = 64 << 10
PART = 4 << 10  # bytes of what is joined or gathered to a piece


@dataclass(frozen=True)
class Way:
    """A way to send, and what theory says of it.

    copies  how often the processor copies each byte until the socket has it
    calls   how many system calls carry so many pieces
    """

    send: Callable[[Wire, Frame], None]
    copies: int
    calls: Callable[[int], int]

    def calls_for(self, size: int) -> int:
        return self.calls(-(-size // PIECE))


def steps(size: int, step: int = PIECE) -> Iterator[slice]:
    return (slice(at, min(at + step, size)) for at in range(0, size, step))


def mapped(frame: Frame) -> memoryview:
    """The file's own pages; the mapping goes with the last view of it."""
    with opened(frame) as fd:
        try:
            return memoryview(mmap.mmap(fd, frame.size, access=mmap.ACCESS_READ))
        except ValueError as error:
            raise shorter(frame) from error


def read_send(to: Wire, frame: Frame) -> None:
    """Copied by read to the process, by send from it."""
    room = memoryview(bytearray(PIECE))
    with opened(frame) as fd:
        for step in steps(frame.size):
            piece = room[: step.stop - step.start]
            to.read_into(fd, piece, frame)
            to.send_all(piece)


def mmap_send(to: Wire, frame: Frame) -> None:
    """Copied by send, out of the file's own pages."""
    body = mapped(frame)
    for step in steps(frame.size):
        to.send_all(body[step])


def join_send(to: Wire, frame: Frame) -> None:
    """Parts are joined to one bytes object, then sent."""
    body = mapped(frame)
    for step in steps(frame.size):
        piece = body[step]
        to.send_all(b"".join(piece[part] for part in steps(len(piece), PART)))


def zbuf_gather(to: Wire, frame: Frame) -> None:
    """The same parts as slices of a buffer, gathered by one sendmsg."""
    with wrap(mapped(frame)) as body, OutboundBuffer() as queue:
        for step in steps(frame.size):
            with body[step] as piece:
                for part in steps(len(piece), PART):
                    with piece[part] as some:
                        queue.write(some)
            to.flush(queue)


def os_sendfile(to: Wire, frame: Frame) -> None:
    """The kernel hands the file's pages to the socket."""
    with opened(frame) as fd:
        at = 0
        while at < frame.size:
            sent = os.sendfile(to.sock.fileno(), fd, at, frame.size - at)
            to.calls += 1
            if not sent:
                raise shorter(frame)
            at += sent


def zbuf_sendfile(to: Wire, frame: Frame) -> None:
    """The same, from a queue that may hold buffers too."""
    with region_of(frame) as body, OutboundBuffer() as queue:
        queue.write(body)
        to.flush(queue)


def os_splice(to: Wire, frame: Frame) -> None:
    """The file's pages go through a pipe."""
    with opened(frame) as fd, pipe() as (out, into):
        at = 0
        while at < frame.size:
            size = os.splice(fd, into, min(PIECE, frame.size - at), offset_src=at)
            to.calls += 1
            if not size:
                raise shorter(frame)
            at += size
            drain(to, out, size)


def drain(to: Wire, pipe: int, size: int) -> None:
    while size:
        size -= os.splice(pipe, to.sock.fileno(), size)
        to.calls += 1


@contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    out, into = os.pipe()
    try:
        yield out, into
    finally:
        os.close(out)
        os.close(into)


def msg_zerocopy(to: Wire, frame: Frame) -> None:
    """The process's own pages are pinned until the receiver has them; over loopback they are copied then."""
    to.sock.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
    body = mapped(frame)
    for step in steps(frame.size):
        to.send_all_shared(body[step])
    to.hear_all()


WAYS = {
    "read + send": Way(read_send, 2, lambda pieces: 2 * pieces),
    "mmap + send": Way(mmap_send, 1, lambda pieces: pieces),
    "join + send": Way(join_send, 2, lambda pieces: pieces),
    "zbuf, gather": Way(zbuf_gather, 1, lambda pieces: pieces),
    "MSG_ZEROCOPY": Way(msg_zerocopy, 1, lambda pieces: pieces + 2),
    "splice": Way(os_splice, 0, lambda pieces: 2 * pieces),
    "sendfile": Way(os_sendfile, 0, lambda pieces: 1),
    "zbuf, sendfile": Way(zbuf_sendfile, 0, lambda pieces: 1),
}
