"""Wire: a socket's bytes both ways, which no cancelling loses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

import trio

from zbuf._room import room_of
from zbuf.errors import FileChangedError
from zbuf.outbound import Flushed, OutboundBuffer

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from zbuf._buf import ByteBuf
    from zbuf.region import FileRegion

TURN = 1 << 20  # bytes sent before other tasks have their turn


class Wire:
    # All that is awaited here is that a socket is ready, that a thread has read
    # ahead, or that it is our turn. A byte is in the queue, in the kernel or with
    # the caller, but never with an await.

    def __init__(self, transport: trio.SocketStream) -> None:
        self.socket = transport.socket
        self.room = room_of(trio.lowlevel.current_trio_token())
        self.error: trio.BrokenResourceError | None = None  # what was raised last
        self._queue = OutboundBuffer()
        self._sending = trio.Lock()

    @property
    def closed(self) -> bool:
        return self._queue.closed or self.socket.fileno() < 0

    def alive(self) -> None:
        """Raise if it was closed."""
        if self.closed:
            raise trio.ClosedResourceError("this stream was closed")

    def broken(self, error: Exception) -> trio.BrokenResourceError:
        """What to raise, from an error that ends the connection."""
        self.error = trio.BrokenResourceError(f"this stream is broken: {error}")
        return self.error

    # -- in

    async def receive(self) -> ByteBuf:
        """Wait for a byte, and give what has come; nothing at the end."""
        while True:
            self.alive()
            try:
                got = self.room.receive(self.socket.fileno())
            except OSError as error:
                raise self.broken(error) from error
            if got is not None:
                return got
            await trio.lowlevel.wait_readable(self.socket)

    # -- out

    @property
    def pending_bytes(self) -> int:
        return 0 if self._queue.closed else self._queue.pending_bytes

    def put(self, parts: Iterable[Buffer | FileRegion]) -> None:
        """Queue all of them, or none."""
        self.alive()
        if self.socket.did_shutdown_SHUT_WR:
            raise trio.ClosedResourceError("write after send_eof")
        self._queue.writelines(parts)

    async def send(self) -> None:
        """Send all that is queued by now. A checkpoint in any case."""
        self.alive()
        end = self._queue.sent_bytes + self._queue.pending_bytes
        async with self._sending:
            while self._queue.sent_bytes < end:
                done = self._flush(TURN, "stop")
                if self._queue.sent_bytes < end:
                    await self._until_more_can_go(done)

    async def _until_more_can_go(self, done: Flushed) -> None:
        if done.full:
            await trio.lowlevel.wait_writable(self.socket)
        elif done.cold:
            warmed = await trio.to_thread.run_sync(self._queue.warm, abandon_on_cancel=True)
            self._flush(max(warmed, 1), "block")  # whatever the page cache has lost again
        else:
            await trio.lowlevel.checkpoint()

    def _flush(self, most: int, cold: Literal["block", "stop"]) -> Flushed:
        self.alive()
        try:
            return self._queue.flush_to(self.socket, max_bytes=most, cold=cold)
        except FileChangedError:
            raise
        except OSError as error:
            raise self.broken(error) from error

    async def send_eof(self) -> None:
        """Send what is queued, and say that no more will come."""
        await self.send()
        try:
            self.socket.shutdown(trio.socket.SHUT_WR)
        except OSError as error:
            raise self.broken(error) from error

    # -- the end

    async def finish(self) -> None:
        """Send what is queued, for the last time."""
        await self.send()

    def abort(self) -> None:
        """Give back what is queued, and close; who waits is told by ClosedResourceError."""
        self._queue.close()
        self.socket.close()
