"""Connections."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from itertools import count

import zbuf

from . import admin, hashes, keys, lists, sets, strings  # each fills the table of commands
from .command import Client, Leaving, answers
from .database import Database
from .reply import OK, Reply, String, error
from .request import CommandDecoder, ProtocolError

MUCH = 64 << 10  # bytes that a client has not taken, so that it has to wait
ROOM = 1 << 20  # bytes of large replies before they are sent
FAREWELL = 5.0  # seconds for who is told that it does not speak RESP
SWEEP = 1.0  # seconds between looks for keys whose time has come, while nobody asks

_ids = count(1)


class Connection(zbuf.aio.Receiver):
    """Answers what comes in one read with one system call. While much waits for the client, nothing more is read."""

    def __init__(self, database: Database) -> None:
        self._client = Client(next(_ids), database)
        self._decoder = CommandDecoder()
        self._replies: Iterator[Reply] = iter(())  # to what has come
        self._flaw: ProtocolError | None = None  # what came behind it
        self._over = False  # nothing more is answered
        self._rest: asyncio.Task[None] | None = None  # of the answers, for a client that takes its time

    def received(self, buf: zbuf.ByteBuf) -> None:
        if self._over:
            return
        self._client.database.sweep()
        try:
            commands = self._decoder.feed(buf)
        except ProtocolError as flaw:
            commands, self._flaw = flaw.commands, flaw
        self._replies = answers(self._client, commands)
        if self.pending_bytes > MUCH or self._answer():
            self.transport.pause_reading()
            self._rest = asyncio.get_running_loop().create_task(self._answer_the_rest())

    def _answer(self) -> bool:
        """Answer; is there more to answer after this has been sent?"""
        parts: list[String] = []
        room = ROOM
        try:
            for reply in self._replies:
                if isinstance(reply, bytes):
                    parts.append(reply)
                    continue
                parts += reply
                room -= sum(map(len, reply))
                if room < 0:
                    self.writelines(parts)
                    return True
        except Leaving:
            return self._leave([*parts, OK], self.close)
        if self._flaw is not None:
            return self._leave([*parts, error(f"ERR Protocol error: {self._flaw}")], self._dismiss)
        self.writelines(parts)
        return False

    def _leave(self, parts: list[String], how: Callable[[], None]) -> bool:
        self._over = True
        self.writelines(parts)
        how()
        return False

    def _dismiss(self) -> None:
        # To close while something comes would reset the connection, and what
        # is said might be lost with it: the peer is heard to its end.
        self.write_eof()
        asyncio.get_running_loop().call_later(FAREWELL, self.abort)

    async def _answer_the_rest(self) -> None:
        try:
            await self.drain()
            while self._answer():
                await self.drain()
            self.transport.resume_reading()
        except OSError:
            pass  # the end of the connection
        except BaseException:
            self.abort()
            raise


async def sweep_for_ever(database: Database) -> None:
    """Drop keys whose time has come, also while nobody asks."""
    while True:
        await asyncio.sleep(SWEEP)
        database.sweep()
