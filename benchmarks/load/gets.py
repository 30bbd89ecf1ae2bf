"""A store that is asked: a length-framed key, answered by its length-framed value; a call of get() for each."""

import asyncio
import socket
from collections.abc import Iterable

import zbuf
from benchmarks._compile import strangers
from benchmarks.load import bare, loops

KEY, VALUE = 16, 64


def pattern(k: int, size: int) -> bytes:
    """As load.c has it."""
    return bytes((k + i) % 256 for i in range(size))


STORE = {pattern(k, KEY): pattern(k, VALUE) for k in range(256)}


def get(key: bytes) -> bytes:
    return STORE[key]


def reply_to(keys: Iterable[zbuf.ByteBuf]) -> zbuf.ByteBuf:
    reply = zbuf.buffer(bare.ROOM)
    for key in keys:
        value = get(key.read_bytes(len(key)))
        reply.write_u32(len(value))
        reply.write_bytes(value)
    return reply


def values_for(frames: Iterable[bytes]) -> list[bytes]:
    parts = []
    for frame in frames:
        value = get(frame[4:])
        parts += bare.HEAD.pack(len(value)), value
    return parts


class WithZbuf(bare.WithZbuf):
    strip = 4

    def answers(self, frames: list[zbuf.ByteBuf]) -> list[zbuf.ByteBuf]:
        return [reply_to(frames)]


class WithBytes(bare.WithBytes):
    def answers(self, frames: list[bytes]) -> list[bytes]:
        return values_for(frames)


class WithCython(bare.WithZbuf):
    """Its commands are cut, looked up and answered by a function in Cython."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self._input, self._answer = zbuf.buffer(bare.ROOM), strangers().answer_gets

    def receive(self) -> bool:
        n = self._sock.recv_into(self._input.writable_view(bare.ROOM))
        self._input.commit(n)
        self._queue.write(self._answer(self._input, STORE, zbuf.buffer(bare.ROOM)))
        self._input.reclaim()
        return n > 0


class Receiver(loops.Receiver):
    strip = 4

    def answers(self, frames: list[zbuf.ByteBuf]) -> list[zbuf.ByteBuf]:
        return [reply_to(frames)]


class Protocol(loops.Protocol):
    def answers(self, frames: list[bytes]) -> list[bytes]:
        return values_for(frames)


async def streams(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            size = bare.HEAD.unpack(await reader.readexactly(4))[0]
            value = get(await reader.readexactly(size))
            writer.write(bare.HEAD.pack(len(value)) + value)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()
