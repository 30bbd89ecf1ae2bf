"""Echo on the loops of asyncio: with bytes, as a Python programmer writes it today, and with zbuf.aio."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

import zbuf
from benchmarks.load.bare import HEAD, split
from zbuf.codec import LengthFieldDecoder


class Receiver(zbuf.aio.Receiver):
    strip = 0    # bytes of a frame that its answer does without

    def connected(self) -> None:
        self._feed = LengthFieldDecoder(1 << 20, strip=self.strip).feed

    def answers(self, frames: list[zbuf.ByteBuf]) -> list[zbuf.ByteBuf]:
        return frames

    def received(self, buf: zbuf.ByteBuf) -> None:
        self.writelines(self.answers(self._feed(buf)))


class Protocol(asyncio.Protocol):
    def answers(self, frames: list[bytes]) -> list[bytes]:
        return frames

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._write, self._input = transport.write, b""

    def data_received(self, data: bytes) -> None:
        frames, self._input = split(self._input + data)
        self._write(b"".join(self.answers(frames)))


async def streams(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readexactly(4)
            writer.write(head + await reader.readexactly(HEAD.unpack(head)[0]))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def serve_protocol(listener: socket.socket, kind: Callable[[], asyncio.BaseProtocol]) -> None:
    server = await asyncio.get_running_loop().create_server(kind, sock=listener)
    await server.serve_forever()


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def serve_streams(listener: socket.socket, handler: Handler) -> None:
    server = await asyncio.start_server(handler, sock=listener)
    await server.serve_forever()
