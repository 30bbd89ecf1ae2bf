"""Tls: what is encrypted on its way to a Wire, in full records."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import trio

from zbuf._records import RecordQueue, read

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from zbuf._buf import ByteBuf
    from zbuf.region import FileRegion
    from zbuf.trio._wire import Wire


class Tls:
    # A trio.SSLStream is broken by a send that is cancelled. Here the session is
    # asked without waiting: what it gives out is queued, and what comes for it is
    # handed to it, before anything else is awaited. Where it fails in one
    # direction, that is the end of both.

    def __init__(self, wire: Wire, context: ssl.SSLContext, server_side: bool, server_hostname: str | None) -> None:
        self._wire = wire
        self._coming, self._going = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._session = context.wrap_bio(self._coming, self._going, server_side, server_hostname)
        self._shaking, self._sending = trio.Lock(), trio.Lock()
        self._shaken = False
        self._queue = RecordQueue()
        self._gone = 0  # bytes that were encrypted

    def _alive(self) -> None:
        self._wire.alive()
        if self._wire.error is not None:
            raise self._wire.error

    def _ask(self, step: Callable[[], Any]) -> Any:
        """Take a step of the session's; None if more must come for that."""
        try:
            try:
                return step()
            finally:
                if self._going.pending:
                    self._wire.put([self._going.read()])
        except ssl.SSLWantReadError:
            return None
        except (ssl.SSLError, MemoryError) as error:  # a record is lost, or half a step
            raise self._wire.broken(error) from error

    async def _handshake(self) -> None:
        if self._shaken:
            return
        async with self._shaking:
            while not self._shaken:
                self._shaken = self._ask(self._shake) is not None
                await self._wire.send()
                if not self._shaken:
                    await self._feed()

    def _shake(self) -> bool:
        self._session.do_handshake()
        return True

    # -- in

    async def receive(self) -> ByteBuf:
        """Wait for a byte, and give what has come; nothing at the end."""
        await self._handshake()
        while (got := self._decrypted()) is None:
            await self._feed()
        return got

    async def _feed(self) -> None:
        got = await self._wire.receive()
        self._ask(lambda: self._coming.write(got) if got else self._coming.write_eof())

    def _decrypted(self) -> ByteBuf | None:
        """A record that has come, nothing at the end, None before."""
        self._alive()
        room = self._wire.room
        try:
            with room.offer() as view:
                n = self._ask(lambda: self._session.read(len(view), view))
            return None if n is None else self._ask(lambda: room.take(n))
        finally:
            room.settle()

    # -- out

    @property
    def pending_bytes(self) -> int:
        return self._queue.pending_bytes + self._wire.pending_bytes

    def put(self, parts: Iterable[Buffer | FileRegion]) -> None:
        """Queue all of them, or none."""
        self._alive()
        self._queue.writelines(parts)

    async def send(self) -> None:
        """Send all that is queued by now. A checkpoint in any case."""
        self._alive()
        end = self._gone + self._queue.pending_bytes
        async with self._sending:
            self._alive()
            await self._handshake()
            while self._gone < end or self._wire.pending_bytes:
                if self._wire.pending_bytes:
                    await self._wire.send()
                else:
                    self._encrypt(await self._next_piece())

    async def _next_piece(self) -> ByteBuf:
        piece = self._queue.take()
        if piece is None:
            piece = await trio.to_thread.run_sync(read, self._queue.part(), abandon_on_cancel=True)
            self._alive()
            self._queue.passed(piece)
        return piece

    def _encrypt(self, piece: ByteBuf) -> None:
        self._gone += len(piece)
        while piece:
            n = self._ask(lambda: self._session.write(piece.view()))
            if n is None:
                raise self._wire.broken(ssl.SSLError("the peer wants new keys before it takes more"))
            piece.skip(n)

    async def send_eof(self) -> None:
        """Refuse: a session of Python's is closed in both directions."""
        raise NotImplementedError("TLS connections cannot be closed in one direction")

    # -- the end

    async def finish(self) -> None:
        """Send what is queued, and that it was the last."""
        if self._wire.error is not None:
            return
        await self.send()
        with contextlib.suppress(trio.BrokenResourceError):  # who has gone needs not be told
            self._ask(self._session.unwrap)
            await self._wire.send()

    def abort(self) -> None:
        """Give back what is queued, and close; who waits is told by ClosedResourceError."""
        self._queue.close()
        self._wire.abort()
