"""Inbox: an Intake of a connection of asyncio, and who waits for it."""

from zbuf._buf cimport ByteBuf
from zbuf._guard cimport guard
from zbuf._intake cimport Intake
from zbuf._number cimport index_of, size_of
from zbuf.aio._link cimport Link

import asyncio


cdef class Inbox(Link):
    """Inbox(limit)\n--\n\nA connection whose bytes wait to be read; Stream is made of it."""

    def __cinit__(self):
        self._came = Intake.__new__(Intake)

    def __init__(self, limit):
        self._limit = size_of(limit)

    # -- what the loop tells

    def received(self, ByteBuf buf not None, /):
        """Called by the loop."""
        cdef bint waiting = self._waiting()
        if self._deaf:
            return
        self._came.put(buf, self._wanted if waiting else 0)
        if waiting and self._came.have() >= self._wanted:
            waiting = False
            self._wake()
        if not waiting and not self._held and self._came.have() >= self._limit:
            self.transport.pause_reading()
            self._held = True

    def ended(self):
        """Called by the loop."""
        self._came.end(None)
        self._wake()
        return True

    def lost(self, error, /):
        """Called by the loop."""
        self._came.end(error)
        self._wake()

    cdef bint _waiting(self) except -1:
        return self._waiter is not None and not self._waiter.done()

    cdef int _wake(self) except -1:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
        return 0

    cdef int _let_come(self) except -1:
        if self._held and self._came.have() < self._limit:
            self._held = False
            self.transport.resume_reading()
        return 0

    def _deafen(self):
        """Drop what nobody reads any more: a loop may keep a connection that has ended until the collector comes."""
        self._deaf = True
        self._came.drop()

    @property
    def waiting_bytes(self):
        """Count the bytes that have come and wait to be read, but for what a decoder has."""
        return self._came.have()

    # -- bytes

    def _until_bytes(self, size, /):
        """None if so many bytes are there, or no more will come; else a future to wait for."""
        self._came.bytes_are_next()
        return self._more(index_of(size))

    cdef object _more(self, Py_ssize_t size):
        if self._came.have() >= size or self._came.ended:
            return None
        if self._waiting():
            raise RuntimeError("another task reads this stream")
        self._wanted = size
        self._waiter = self._way()._loop.create_future()
        if self._held:
            self._held = False
            self.transport.resume_reading()
        self._out.flush()    # it may end the connection, and so the waiting
        return self._waiter or self._more(size)

    def _take(self, size, /):
        """Take what is there, `size` bytes at the most."""
        got = self._came.take(size)
        self._let_come()
        return got

    def _take_exactly(self, size, /):
        """Take `size` bytes; raises if there are fewer, which means that no more will come."""
        cdef Intake came = self._came
        if came.have() < size:
            raise self.error or asyncio.IncompleteReadError(b"" if came._in is None else bytes(came._in), size)
        got = came.cut(size)
        self._let_come()
        return got

    # -- frames

    def _until_frames(self, decoder, /):
        """None if a frame is there, or none will come; else a future to wait for."""
        self._way()
        try:
            return None if self._came.decode(decoder) else self._more(1)
        finally:
            self._let_come()

    def _next_frame(self):
        """Take the next frame; None if there is none."""
        return self._came.next_frame()

    def _all_frames(self):
        """Take all frames that are there."""
        return self._came.all_frames()


guard(globals())
