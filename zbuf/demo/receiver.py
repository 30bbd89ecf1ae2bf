"""The process that receives: it checks every frame, and uses nothing of zbuf.

Told on stdin: the plan. Says on stdout, a line of JSON each: its port, how far
it is, and at last {"verified": true} or {"error": ...}.
"""

from __future__ import annotations

import socket
import sys
import time
import zlib
from collections.abc import Iterator

from zbuf.demo.frames import HEAD, MAGIC, DemoError, Frame, Plan, say, told

ROOM = 1 << 20  # bytes received at a time, and that the kernel may keep for us
EVERY = 0.1  # seconds between two lines about how far it is


class Stream:
    """The bytes of a connection, a known number at a time."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._room = memoryview(bytearray(ROOM))
        self._ready = self._room[:0]  # received and not looked at yet
        self.received = 0
        self._due = 0.0

    def pieces(self, size: int) -> Iterator[memoryview]:
        """Receive `size` bytes, in pieces that are good until the next one."""
        while size:
            if not self._ready:
                self._fill()
            piece, self._ready = self._ready[:size], self._ready[size:]
            size -= len(piece)
            yield piece

    def _fill(self) -> None:
        got = self._sock.recv_into(self._room)
        if not got:
            raise DemoError(f"the sender closed the connection after {self.received} bytes")
        self._ready = self._room[:got]
        self.received += got
        self._report()

    def exactly(self, size: int) -> bytes:
        return b"".join(map(bytes, self.pieces(size)))

    def at_end(self) -> bool:
        return not self._ready and not self._sock.recv(1)

    def _report(self) -> None:
        if (now := time.monotonic()) >= self._due:
            self._due = now + EVERY
            say(received=self.received)


def check(stream: Stream, frame: Frame) -> None:
    """Receive one frame, which must be this one."""
    magic, name_length, size, crc = HEAD.unpack(stream.exactly(HEAD.size))
    if magic != MAGIC:
        raise DemoError(f"expected the frame of {frame.path}, got {magic!r}")
    name = stream.exactly(name_length)
    if (name, size, crc) != (frame.name, frame.size, frame.crc):
        raise DemoError(f"expected the frame of {frame.path}, got one of {name!r}, {size} bytes")
    found = 0
    for piece in stream.pieces(size):
        found = zlib.crc32(piece, found)
    if found != crc:
        raise DemoError(f"{frame.path}: CRC {found:08x} is not the announced {crc:08x}")


def receive(plan: Plan) -> None:
    """Accept one connection and check all that comes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM)
        server.settimeout(plan.patience)
        say(port=server.getsockname()[1])
        sock = server.accept()[0]
    with sock:
        sock.settimeout(plan.patience)
        stream = Stream(sock)
        for _ in range(plan.times):
            for frame in plan.frames:
                check(stream, frame)
        if not stream.at_end():
            raise DemoError(f"more bytes follow the {stream.received} expected")
        sock.sendall(b"!")  # the sender's clock stops here
        say(received=stream.received)


def main() -> int:
    try:
        receive(told())
    except (DemoError, OSError) as error:
        say(error=str(error))
        return 1
    say(verified=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
