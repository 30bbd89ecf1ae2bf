"""Echo on asyncio, with bytes: what a Python programmer writes today."""

import asyncio
import socket

from benchmarks.load.bare import HEAD, split


class Protocol(asyncio.Protocol):
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._write, self._input = transport.write, b""

    def data_received(self, data: bytes) -> None:
        frames, self._input = split(self._input + data)
        self._write(b"".join(frames))


async def streams(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readexactly(4)
            writer.write(head + await reader.readexactly(HEAD.unpack(head)[0]))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def serve_protocol(listener: socket.socket) -> None:
    server = await asyncio.get_running_loop().create_server(Protocol, sock=listener)
    await server.serve_forever()


async def serve_streams(listener: socket.socket) -> None:
    server = await asyncio.start_server(streams, sock=listener)
    await server.serve_forever()
