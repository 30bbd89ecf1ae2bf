"""TransportOut: what goes out through a transport that encrypts, or has no socket."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from zbuf._records import RecordQueue, read
from zbuf.aio._out import TURN, Out

if TYPE_CHECKING:
    from zbuf._buf import ByteBuf


class TransportOut(Out):
    """Hands pieces that fill records to a transport, as fast as it takes them.

    Files are read: what the page cache has at once, the rest in a thread.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._records = RecordQueue()
        super().__init__(transport, self._records)
        self._paused = False  # the transport has enough
        self._stalled = False  # and bytes wait here for it
        self._reading = False  # a thread reads the next piece

    def _send(self) -> None:
        try:
            self._hand_over()
        except Exception as error:
            self.fail(error)
        else:
            self._stalled = self._paused and bool(self._queue)
            self._sent(self._stalled or self._reading)

    def _hand_over(self) -> None:
        end = self._gone + TURN
        while self._queue and self._gone < end and not self._paused:
            piece = self._records.take()
            if piece is None:
                return self._fetch()
            self._pass_on(piece)

    def _pass_on(self, piece: ByteBuf) -> None:
        self._gone += len(piece)
        self._transport.write(piece.view())

    def _fetch(self) -> None:
        # The part has a reference of its own: the thread may outlive the connection.
        self._reading = True
        reading = self._loop.run_in_executor(None, read, self._records.part())
        reading.add_done_callback(self._fetched)

    def _fetched(self, reading: asyncio.Future[ByteBuf]) -> None:
        self._reading = False
        error = asyncio.CancelledError() if reading.cancelled() else reading.exception()
        if self._over:
            return
        if error is not None:
            return self.fail(error)
        try:
            self._records.passed(reading.result())
            self._pass_on(reading.result())
        except Exception as broken:
            self.fail(broken)
        else:
            self._send()

    def pause(self) -> None:
        self._paused = True

    def resume(self) -> None:
        self._paused = False
        if self._stalled:
            self._stalled = self._busy = False
            self.flush()

    def last_call(self) -> None:
        while self._queue and not self._reading:
            self._busy = True
            self._paused = False
            self._send()
