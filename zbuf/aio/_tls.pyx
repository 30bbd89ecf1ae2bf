"""TransportOut: what goes out through a transport that encrypts, or has no socket."""

cimport cython
from libc.stdint cimport int64_t

from zbuf._guard cimport guard
from zbuf.aio._out cimport Out, failure

from zbuf._records import RecordQueue, read

cdef enum:
    TURN = 1 << 20     # bytes handed over before other connections have their turn


@cython.final
cdef class TransportOut(Out):
    """TransportOut(transport)\n--\n\nA way out by transport.write(), in pieces that fill records."""

    def __init__(self, transport):
        Out.__init__(self, transport)
        self._queue = RecordQueue()

    cdef int _put(self, object data) except -1:
        self._queue.write(data)
        return 0

    cdef int _put_all(self, object parts) except -1:
        self._queue.writelines(parts)
        return 0

    cdef int64_t _pending(self) except -1:
        return self._queue.pending_bytes

    cdef int _drop(self) except -1:
        self._queue.close()
        return 0

    cdef int _send(self) except -1:
        try:
            self._hand_over()
        except Exception as error:
            return self.fail(error)
        self._stalled = self._paused and self._pending()
        return self._after(self._stalled or self._reading)

    cdef int _hand_over(self) except -1:
        cdef int64_t end = self._gone + TURN
        while self._pending() and self._gone < end and not self._paused:
            piece = self._queue.take()
            if piece is None:
                return self._fetch()
            self._pass_on(piece)
        return 0

    cdef int _pass_on(self, object piece) except -1:
        self._gone += len(piece)
        self._transport.write(piece.view())
        return 0

    cdef int _fetch(self) except -1:
        # The part has a reference of its own: the thread may outlive the connection.
        reading = self._loop.run_in_executor(None, read, self._queue.part())
        self._reading = True
        reading.add_done_callback(self._fetched)
        return 0

    def _fetched(self, reading):
        self._reading = False
        error = failure(reading)
        if self._over:
            return
        try:
            if error is not None:
                raise error
            self._queue.passed(reading.result())
            self._pass_on(reading.result())
        except BaseException as broken:
            self.fail(broken)
        else:
            self._send()

    cdef int pause(self) except -1:
        self._paused = True
        return 0

    cdef int resume(self) except -1:
        self._paused = False
        if self._stalled:
            self._stalled = self._busy = False
            self.flush()
        return 0

    cdef int last_call(self) except -1:
        while self._pending() and not self._reading and not self._over:
            self._busy, self._paused = True, False
            self._send()
        return 0


guard(globals())
