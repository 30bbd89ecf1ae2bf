"""Inbox: what has come over a connection and waits to be read."""

from zbuf._buf cimport ByteBuf
from zbuf._composite cimport CompositeByteBuf, blank_composite
from zbuf._guard cimport guard
from zbuf.aio._link cimport Link

import asyncio
from collections import deque

from zbuf._buf import copied


cdef class Inbox(Link):
    """Inbox(limit)\n--\n\nA connection whose bytes wait to be read; Stream is made of it."""

    def __init__(self, limit):
        self._limit = limit
        self._frames = deque()

    cdef Py_ssize_t _have(self) noexcept:
        return 0 if self._in is None else self._in._w - self._in._r

    # -- what the loop tells

    def received(self, ByteBuf buf not None, /):
        """Called by the loop."""
        cdef CompositeByteBuf both
        cdef bint waiting = self._waiting()
        if self._in is None and waiting and buf._w - buf._r >= self._wanted:
            self._in = buf     # it is read at once: not worth a composite
        elif isinstance(self._in, CompositeByteBuf):
            (<CompositeByteBuf>self._in)._append_any(buf)
        else:
            both = blank_composite()
            if self._in is not None:
                both._append_any(self._in)
            both._append_any(buf)
            self._in = both
        if waiting and self._have() >= self._wanted:
            waiting = False
            self._wake()
        if not waiting and not self._held and self._have() >= self._limit:
            self.transport.pause_reading()
            self._held = True

    def ended(self):
        """Called by the loop."""
        self._ended = True
        self._wake()
        return True

    def lost(self, error, /):
        """Called by the loop."""
        self._ended = True
        self._wake()

    cdef bint _waiting(self) except -1:
        return self._waiter is not None and not self._waiter.done()

    cdef int _wake(self) except -1:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
        return 0

    cdef int _let_come(self) except -1:
        if self._held and self._have() < self._limit:
            self._held = False
            self.transport.resume_reading()
        return 0

    @property
    def waiting_bytes(self):
        """Count the bytes that have come and wait to be read, but for what a decoder has."""
        return self._have()

    # -- bytes

    def _until_bytes(self, size, /):
        """None if so many bytes are there, or no more will come; else a future to wait for."""
        self._bytes_are_next()
        return self._more(size)

    cdef object _more(self, Py_ssize_t size):
        if self._have() >= size or self._ended:
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
        cdef Py_ssize_t n = self._have()
        if n == 0 and self.error is not None:
            raise self.error
        return self._cut(n if size is None else min(n, <Py_ssize_t>size))

    def _take_exactly(self, size, /):
        """Take `size` bytes; raises if there are fewer, which means that no more will come."""
        if self._have() < size:
            raise self.error or asyncio.IncompleteReadError(b"" if self._in is None else bytes(self._in), size)
        return self._cut(size)

    cdef ByteBuf _cut(self, Py_ssize_t n):
        cdef ByteBuf got = copied(b"") if self._in is None else self._in
        if n < self._have() or isinstance(got, CompositeByteBuf):
            got = got.read_slice(n)
        if self._have() == 0 or got is self._in:
            self._in = None    # an idle connection holds no memory
        elif isinstance(self._in, CompositeByteBuf):
            self._in.discard_read_parts()
        self._let_come()
        return got

    cdef int _bytes_are_next(self) except -1:
        if self._decoder is None:
            return 0
        if self._frames or self._flaw is not None or self._decoder.pending:
            raise RuntimeError(
                f"{len(self._frames)} frames and {self._decoder.pending} bytes of its decoder come before the next byte"
            )
        self._decoder = None
        return 0

    # -- frames

    def _until_frames(self, decoder, /):
        """None if a frame is there, or none will come; else a future to wait for."""
        if decoder is not self._decoder:
            self._bytes_are_next()
            self._decoder = decoder
        while not self._frames:
            if self._flaw is not None:
                flaw, self._flaw = self._flaw, None
                raise flaw
            if self._in is not None or self._again:
                self._decode(decoder.feed, b"" if self._in is None else self._in)
                self._in = None
                self._let_come()
            elif not self._ended:
                return self._more(1)
            elif self.error is not None:
                raise self.error
            elif self._finished:
                return None
            else:
                self._finished = True
                self._decode(decoder.finish, None)
                self._again = False
        return None

    cdef int _decode(self, object step, object data) except -1:
        try:
            self._frames.extend(step() if data is None else step(data))
            self._again = False
        except Exception as error:
            frames = getattr(error, "frames", None)
            if frames is None:
                raise    # not about the stream, and nothing was taken
            self._frames.extend(frames)
            self._flaw = error
            self._again = True
        return 0

    def _next_frame(self):
        """Take the next frame; None if there is none."""
        return self._frames.popleft() if self._frames else None

    def _all_frames(self):
        """Take all frames that are there."""
        frames = list(self._frames)
        self._frames.clear()
        return frames


guard(globals())
