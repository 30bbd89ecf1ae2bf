"""Peers that know nothing of zbuf, and what else the tests share."""

import asyncio
import contextlib
import socket
import ssl
from dataclasses import dataclass

from ends import tcp_pair

import zbuf


@dataclass(frozen=True)
class Wire:
    """What the two ends of a connection are told about TLS."""

    server: dict
    client: dict

    @property
    def encrypted(self):
        return bool(self.server)


PLAIN = Wire({}, {})


@contextlib.asynccontextmanager
async def peer_of(wire, **options):
    """A stream of ours, and the reader and writer of asyncio at the other end."""
    ends = asyncio.get_running_loop().create_future()

    async def serve(reader, writer):
        ends.set_result((reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 22, **wire.server)
    async with server:
        stream = await zbuf.aio.open_connection(*server.sockets[0].getsockname(), **wire.client, **options)
        reader, writer = await ends
        try:
            yield stream, reader, writer
        finally:
            stream.abort()
            await stream.wait_closed()
            writer.transport.abort()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()


@contextlib.asynccontextmanager
async def bare_peer(*, send_room=None, receive_room=None, **options):
    """A stream of ours over TCP, and a bare non-blocking socket at the other end."""
    ours, theirs = tcp_pair(send_room=send_room, receive_room=receive_room)
    theirs.setblocking(False)
    with theirs:
        stream = await zbuf.aio.open_connection(sock=ours, **options)
        try:
            yield stream, theirs
        finally:
            stream.abort()
            await stream.wait_closed()


async def receive(sock, size):
    """Receive exactly `size` bytes, or what came before the end."""
    got = bytearray()
    while len(got) < size:
        piece = await asyncio.get_running_loop().sock_recv(sock, min(size - len(got), 1 << 18))
        if not piece:
            break
        got += piece
    return bytes(got)


async def until(condition):
    """Let the loop turn until something has come true."""
    while not condition():
        await asyncio.sleep(0)


def reset(sock):
    """End a connection by RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    sock.close()


class Lengths:
    """A decoder as read_frame() wants it: a length byte, then the frame; 255 is no length."""

    class Broken(ValueError):
        def __init__(self, frames):
            super().__init__("255 is no length")
            self.frames = frames

    def __init__(self):
        self._held = b""
        self.finished = 0

    @property
    def pending(self):
        return len(self._held)

    def feed(self, data):
        self._held += bytes(data)
        frames = []
        while self._held and len(self._held) > self._held[0]:
            size = self._held[0]
            if size == 255:
                self._held = self._held[1:]
                raise self.Broken(frames)
            frames.append(self._held[1 : 1 + size])
            self._held = self._held[1 + size :]
        if self._held[:1] == b"\xff":
            self._held = self._held[1:]
            raise self.Broken(frames)
        return frames

    def finish(self):
        self.finished += 1
        if self._held:
            self._held = b""
            raise self.Broken([])
        return []
