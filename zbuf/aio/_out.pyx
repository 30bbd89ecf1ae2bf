"""Out: what is to go out of a connection, in order; SocketOut sends it by itself."""

cimport cython
from libc.stdint cimport INT64_MAX, int64_t

from zbuf._guard cimport guard
from zbuf.outbound cimport Flushed, OutboundBuffer

import asyncio
import os
from weakref import WeakValueDictionary

from zbuf.errors import TruncatedFileError

cdef enum:
    HIGH = 64 << 10    # bytes: who drains waits above it,
    LOW = 32 << 10     # until there are fewer than this
    TURN = 1 << 20     # bytes sent before other connections have their turn


@cython.final
cdef class Turn:
    @property
    def due(self):
        """How many flushes are asked for."""
        return len(self._outs)

    cdef int add(self, Out out) except -1:
        if not self._outs:
            self._loop.call_soon(self._run)
        self._outs.append(out)
        return 0

    def _run(self):
        cdef list outs = self._outs
        self._outs = []
        try:
            while outs:
                (<Out>outs.pop()).flush()
        finally:
            # A signal's handler has raised: the others have their turn later.
            for out in outs:
                self.add(out)


turns = WeakValueDictionary()   # by the id of the loop


cdef Turn turn_of(object loop):
    cdef Turn turn = turns.get(id(loop))
    if turn is None:
        turn = Turn.__new__(Turn)
        turn._loop, turn._outs = loop, []
        turns[id(loop)] = turn
    return turn


cdef class Out:
    """Out(transport)\n--\n\nA queue on its way out, who waits for it, and what is done after its last byte."""

    def __init__(self, transport):
        self._loop = asyncio.get_running_loop()
        self._turn = turn_of(self._loop)
        self._transport = transport
        self._waiters, self._last = [], []

    cdef int _put(self, object data) except -1:
        raise NotImplementedError

    cdef int _put_all(self, object parts) except -1:
        raise NotImplementedError

    cdef int64_t _pending(self) except -1:
        raise NotImplementedError

    cdef int _send(self) except -1:
        raise NotImplementedError

    cdef int _drop(self) except -1:
        raise NotImplementedError

    cdef int pause(self) except -1:
        return 0

    cdef int resume(self) except -1:
        return 0

    cdef int last_call(self) except -1:
        return 0

    # -- in

    cdef int write(self, object data) except -1:
        if self.refusal is not None:
            raise self.refusal
        self._put(data)
        return 0 if self.due else self._schedule()

    cdef int write_all(self, object parts) except -1:
        if self.refusal is not None:
            raise self.refusal
        self._put_all(parts)
        return 0 if self.due else self._schedule()

    cdef int _schedule(self) except -1:
        self.due = True
        return self._turn.add(self)

    # -- out

    cdef int flush(self) except -1:
        # Sends what can be sent now, and sees to it that the rest will be.
        if self._busy or self._over:
            return 0
        self._busy = self.due = self._pending() != 0
        return self._send() if self._busy else 0

    cdef int _after(self, bint busy) except -1:
        # Some has gone. busy: something else will start the next flush.
        self._busy = self.due = busy
        if not busy and self._pending():
            self._schedule()
        if self._waiters:
            self._wake()
        if self._last and not self._pending():
            self._do_last()
        return 0

    cdef int _wake(self) except -1:
        cdef list waiting = self._waiters
        self._waiters = []
        for waiter in waiting:
            position, future = waiter
            if position > self._gone:
                self._waiters.append(waiter)
            elif not future.done():
                future.set_result(None)
        return 0

    cdef int _do_last(self) except -1:
        last, self._last = self._last, []
        for step in last:
            step()
        return 0

    # -- waiting: to stop takes nothing back, what is queued goes on

    cdef object until_drained(self):
        # Flushes; None, or a future to wait for if much is pending.
        self.flush()
        cdef int64_t pending = 0 if self._over else self._pending()
        return self._until(self._gone + pending - LOW + 1 if pending > HIGH else 0)

    cdef object until_gone(self):
        # Flushes; None if all has gone, or a future to wait for.
        cdef int64_t end = 0 if self._over else self._gone + self._pending()
        self.flush()
        return self._until(end)

    cdef object _until(self, int64_t position):
        if self._over:
            raise self.refusal
        if position <= self._gone:
            return None
        future = self._loop.create_future()
        self._waiters.append((position, future))
        return future

    # -- the end

    cdef int finish(self, object step, object refusal) except -1:
        # Takes nothing more, and does `step` after the last byte.
        if self._over:
            return 0
        if self.refusal is None:
            self.refusal = refusal
        self._last.append(step)
        self.flush()
        if self._last and not self._pending():
            self._do_last()
        return 0

    cdef int fail(self, object error) except -1:
        # Nothing more can go.
        self.lose(error)
        self._transport.abort()
        return 0

    cdef int lose(self, object error) except -1:
        # The connection is no more: gives back what is pending, and tells who waits.
        if self._over:
            return 0
        self._over = self.due = True
        self.error = error
        if error is not None or self.refusal is None:
            self.refusal = error or ConnectionResetError("the connection was closed")
        waiting, self._waiters, self._last = self._waiters, [], []
        self._drop()
        for position, future in waiting:
            if not future.done():
                future.set_exception(self.refusal)
        return 0


cdef object failure(object work):
    return asyncio.CancelledError() if work.cancelled() else work.exception()


@cython.final
cdef class SocketOut(Out):
    """SocketOut(transport, fd)\n--\n\nA way out by the descriptor of the transport's socket."""

    def __init__(self, transport, fd):
        Out.__init__(self, transport)
        self._queue = OutboundBuffer(high=HIGH, low=LOW)
        self._fd, self._dup = fd, -1

    cdef int _put(self, object data) except -1:
        self._queue._live()
        return self._queue._put_one(data)

    cdef int _put_all(self, object parts) except -1:
        self._queue.writelines(parts)
        return 0

    cdef int64_t _pending(self) except -1:
        return self._queue._pending

    cdef int _send(self) except -1:
        return self._send_some(TURN, True)

    cdef int _send_some(self, int64_t most, bint stops) except -1:
        cdef Flushed done = Flushed.__new__(Flushed)
        done._stops = stops
        try:
            self._queue._flush_into(done, self._fd, most, INT64_MAX)
            self._watch(done._full)
            if done._cold:
                self._warm()
        except (OSError, TruncatedFileError) as error:
            return self.fail(error)
        finally:
            self._gone += done._sent
            # After an error too, a signal's say: the next flush goes on.
            if not self._over:
                self._after(self._watching or self._warming)
        return 0

    cdef int _warm(self) except -1:
        # The thread may outlive the connection: what it reads it holds itself.
        try:
            warming = self._loop.run_in_executor(None, self._queue.warm)
        except RuntimeError as error:    # it has no threads any more
            return self.fail(error)
        self._warming = True
        warming.add_done_callback(self._warmed)
        return 0

    def _warmed(self, warming):
        self._warming = False
        error = failure(warming)
        if self._over:
            return
        if error is not None:
            self.fail(error)
        else:
            # So much goes, whatever the page cache has lost again.
            self._send_some(max(<int64_t>warming.result(), 1), False)

    def _send_more(self):
        if self._watching:
            self._send()

    cdef int _watch(self, bint wanted) except -1:
        if wanted == self._watching:
            return 0
        if not wanted:
            self._loop.remove_writer(self._dup)
        else:
            if self._dup < 0:
                self._dup = os.dup(self._fd)
            self._loop.add_writer(self._dup, self._send_more)
        self._watching = wanted
        return 0

    cdef int _drop(self) except -1:
        self._watch(False)
        if self._dup >= 0:
            os.close(self._dup)
            self._dup = -1
        self._queue.close()
        return 0


guard(globals())
