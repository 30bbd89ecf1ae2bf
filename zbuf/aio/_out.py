"""What is to go out of a connection, in order; SocketOut sends it by itself."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from zbuf.errors import TruncatedFileError
from zbuf.outbound import OutboundBuffer

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from zbuf._records import RecordQueue
    from zbuf.region import FileRegion

HIGH = 64 << 10  # bytes: drain() waits above it,
LOW = 32 << 10  # until there are fewer than this
TURN = 1 << 20  # bytes sent before other connections have their turn


class Out:
    """A queue on its way out, who waits for it, and what is done after its last byte.

    Positions count the bytes that were ever queued: `_gone` have left, so the
    end of the queue is at `_gone` + pending_bytes.
    """

    def __init__(self, transport: asyncio.Transport, queue: OutboundBuffer | RecordQueue) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._queue = queue
        self._gone = 0
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []
        self._last: list[Callable[[], None]] = []
        self._busy = False  # a flush is under way, or something will start one when it can
        self._over = False  # the connection is no more
        self.error: BaseException | None = None  # what ended the connection
        self.refusal: BaseException | None = None  # why nothing more may be written
        self.due = False  # a flush will come: write() only queues

    @property
    def pending_bytes(self) -> int:
        return 0 if self._over else self._queue.pending_bytes

    # -- in

    def write(self, data: Buffer | FileRegion) -> None:
        if self.refusal is not None:
            raise self.refusal
        self._queue.write(data)
        if not self.due:
            self._schedule()

    def writelines(self, parts: Iterable[Buffer | FileRegion]) -> None:
        if self.refusal is not None:
            raise self.refusal
        self._queue.writelines(parts)
        if not self.due:
            self._schedule()

    def _schedule(self) -> None:
        # Behind all that is ready to run, so that what else is written goes with it.
        self.due = True
        self._loop.call_soon(self.flush)

    # -- out

    def flush(self) -> None:
        """Send what can be sent now, and see to it that the rest will be."""
        if self._busy or self._over:
            return
        if self._queue:
            self._busy = self.due = True
            self._send()
        else:
            self.due = False

    def _send(self) -> None:
        # Something is pending. Leaves _busy and due as they are to be.
        raise NotImplementedError

    def _sent(self, full: bool) -> None:
        # After a flush: goes on later, by itself unless something else will start it.
        self._busy = full
        self.due = full
        if not full and self._queue:
            self._schedule()
        if self._waiters:
            self._wake()
        if self._last and not self._queue:
            self._do_last()

    def _wake(self) -> None:
        waiting, self._waiters = self._waiters, []
        for position, future in waiting:
            if position > self._gone:
                self._waiters.append((position, future))
            elif not future.done():
                future.set_result(None)

    def _do_last(self) -> None:
        last, self._last = self._last, []
        for step in last:
            step()

    # -- waiting; to cancel it takes nothing back: what is queued goes on

    async def drain(self) -> None:
        self.flush()
        pending = self.pending_bytes
        await self._reach(self._gone + pending - LOW + 1 if pending > HIGH else 0)

    async def send_file(self, region: FileRegion) -> None:
        self.write(region)
        end = self._gone + self._queue.pending_bytes
        self.flush()
        await self._reach(end)

    async def _reach(self, position: int) -> None:
        if self._over and self.refusal is not None:
            raise self.refusal
        if position > self._gone:
            future = self._loop.create_future()
            self._waiters.append((position, future))
            await future

    # -- the end

    def finish(self, step: Callable[[], None], refusal: BaseException) -> None:
        """Take nothing more, and do `step` after the last byte."""
        if self._over:
            return
        self.refusal = self.refusal or refusal
        self._last.append(step)
        self.flush()
        if self._last and not self._queue:
            self._do_last()

    def lost(self, error: BaseException | None) -> None:
        """The connection is no more: what is pending is given back, and who waits is told."""
        if self._over:
            return
        self._over = self.due = True
        self.error = error
        self.refusal = error or self.refusal or ConnectionResetError("the connection was closed")
        self._last.clear()
        self._queue.close()
        waiting, self._waiters = self._waiters, []
        for _, future in waiting:
            if not future.done():
                future.set_exception(self.refusal)

    def fail(self, error: BaseException) -> None:
        """End a connection that cannot go on."""
        self.lost(error)
        self._transport.abort()

    # -- what a transport tells

    def pause(self) -> None:
        """The transport has enough for now."""

    def resume(self) -> None:
        """The transport takes more."""

    def last_call(self) -> None:
        """The transport will close by itself: what is pending goes now or never."""


class SocketOut(Out):
    """Sends to the socket of a transport by itself: gathered, and files by sendfile.

    The transport never has a byte to write, so it never writes between ours. Its
    loop lets nobody else watch its descriptor: when the socket is full, we watch
    a duplicate.
    """

    def __init__(self, transport: asyncio.Transport, fd: int) -> None:
        super().__init__(transport, OutboundBuffer(high=HIGH, low=LOW))
        self._fd = fd  # the transport's; open until its connection_lost()
        self._dup = -1
        self._watching = False

    def _send(self) -> None:
        queue = self._queue
        assert isinstance(queue, OutboundBuffer)
        before = queue.pending_bytes
        try:
            done = queue.flush_to(self._fd, max_bytes=TURN)
            self._gone += done.sent
            self._watch(done.full or self._watching and bool(queue))
        except (OSError, TruncatedFileError) as error:
            self.fail(error)
        except BaseException:   # a signal's handler: the next flush goes on
            self._gone += before - queue.pending_bytes
            self._sent(self._watching)
            raise
        else:
            self._sent(self._watching)

    def _send_more(self) -> None:
        if not self._over:
            self._send()

    def _watch(self, wanted: bool) -> None:
        if wanted == self._watching:
            return
        if wanted:
            if self._dup < 0:
                self._dup = os.dup(self._fd)
            self._loop.add_writer(self._dup, self._send_more)
        else:
            self._loop.remove_writer(self._dup)
        self._watching = wanted

    def lost(self, error: BaseException | None) -> None:
        if self._over:
            return
        self._watch(False)
        if self._dup >= 0:
            os.close(self._dup)
            self._dup = -1
        super().lost(error)
