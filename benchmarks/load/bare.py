"""Bare sockets and epoll, one thread: split what came into frames, send them back as one."""

import select
import socket
import struct
from collections.abc import Callable
from typing import Any

import zbuf
from zbuf.codec import LengthFieldDecoder

ROOM = 64 << 10    # bytes to receive at once
HEAD = struct.Struct(">I")


class WithZbuf:
    strip = 0    # bytes of a frame that its answer does without

    def __init__(self, sock: socket.socket) -> None:
        self._sock, self._queue = sock, zbuf.OutboundBuffer()
        self._feed = LengthFieldDecoder(1 << 20, strip=self.strip).feed

    def answers(self, frames: list[zbuf.ByteBuf]) -> list[zbuf.ByteBuf]:
        return frames

    def receive(self) -> bool:
        """Queue the frames that came; False once the other end has closed."""
        buf = zbuf.buffer(ROOM, ROOM)
        n = self._sock.recv_into(buf.writable_view(ROOM))
        buf.commit(n)
        self._queue.writelines(self.answers(self._feed(buf)))
        return n > 0

    def send(self) -> bool:
        """Is the socket full?"""
        return self._queue.flush_to(self._sock).full


class WithBytes:
    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._input, self._output = b"", b""

    def answers(self, frames: list[bytes]) -> list[bytes]:
        return frames

    def receive(self) -> bool:
        data = self._sock.recv(ROOM)
        frames, self._input = split(self._input + data)
        self._output += b"".join(self.answers(frames))
        return bool(data)

    def send(self) -> bool:
        try:
            self._output = self._output[self._sock.send(self._output):]
        except BlockingIOError:
            pass
        return bool(self._output)


def split(data: bytes) -> tuple[list[bytes], bytes]:
    """Whole frames with their lengths, and what is left."""
    frames, at, end = [], 0, len(data)
    while end - at >= 4:
        size = 4 + HEAD.unpack_from(data, at)[0]
        if end - at < size:
            break
        frames.append(data[at:at + size])
        at += size
    return frames, data[at:]


def serve(listener: socket.socket, kind: Callable[[socket.socket], Any]) -> None:
    """Serve for ever."""
    poll = select.epoll()
    poll.register(listener, select.EPOLLIN)
    connections: dict[int, tuple[socket.socket, Any]] = {}
    while True:
        for fd, events in poll.poll():
            if fd == listener.fileno():
                sock = accept(listener)
                connections[sock.fileno()] = sock, kind(sock)
                poll.register(sock, select.EPOLLIN)
            elif not answer(poll, fd, events, connections[fd][1]):
                connections.pop(fd)[0].close()    # which takes it from the poll


def accept(listener: socket.socket) -> socket.socket:
    sock = listener.accept()[0]
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def answer(poll: select.epoll, fd: int, events: int, connection: Any) -> bool:
    """False once the connection is over. While the socket is full, nothing more is received."""
    try:
        if not events & select.EPOLLOUT and not connection.receive():
            return False
        full = connection.send()
    except ConnectionError:
        return False
    if full or events & select.EPOLLOUT:
        poll.modify(fd, select.EPOLLOUT if full else select.EPOLLIN)
    return True
