"""Intake: what has come over a connection and waits to be read, as bytes or as frames."""

cimport cython

from zbuf._buf cimport ByteBuf
from zbuf._composite cimport CompositeByteBuf, blank_composite
from zbuf._guard cimport guard
from zbuf._memory cimport count_objects
from zbuf._number cimport index_of

from collections import deque

from zbuf._buf import copied


@cython.final
cdef class Intake:
    def __cinit__(self):
        self._frames = deque()

    cdef Py_ssize_t have(self) noexcept:
        return 0 if self._in is None else self._in._w - self._in._r

    @property
    def waiting_bytes(self):
        """Count the bytes that have come and wait to be read, but for what a decoder has."""
        return self.have()

    @property
    def over(self):
        """Whether nothing more will come."""
        return self.ended

    @property
    def error(self):
        """Why nothing more will come; None while more may, and if all has."""
        return self._error

    # -- in

    cpdef int put(self, ByteBuf buf, Py_ssize_t wanted) except -1:
        """Add a byte or more, in a handle that becomes ours."""
        if self._in is None and 0 < wanted <= buf._w - buf._r:
            self._in = buf     # it is read at once: not worth a composite
            return 0
        try:
            self._join(buf)
        except MemoryError as error:
            self.end(error)
            raise
        return 0

    cdef int _join(self, ByteBuf buf) except -1:
        cdef CompositeByteBuf both
        if isinstance(self._in, CompositeByteBuf):
            (<CompositeByteBuf>self._in)._append_any(buf)
            return 0
        both = blank_composite()
        if self._in is not None:
            both._append_any(self._in)
        both._append_any(buf)
        self._in = both
        return 0

    cpdef int end(self, object error) except -1:
        """Nothing more will come, because of an error or in order."""
        self.ended = True
        self._error = error
        return 0

    cpdef int drop(self) except -1:
        """Let go of all that has come."""
        self._in = self._decoder = self._flaw = None
        self._frames.clear()
        return 0

    # -- bytes

    cpdef int bytes_are_next(self) except -1:
        """Raise RuntimeError if a decoder has something that comes before the next byte."""
        if self._decoder is None:
            return 0
        if self._frames or self._flaw is not None or self._decoder.pending:
            raise RuntimeError(
                f"{len(self._frames)} frames and {self._decoder.pending} bytes of its decoder come before the next byte"
            )
        self._decoder = None
        return 0

    cpdef ByteBuf take(self, object size):
        """Take what is there, `size` bytes at the most; raise what was the end if that is nothing."""
        cdef Py_ssize_t n = self.have()
        if n == 0 and self._error is not None:
            raise self._error
        return self.cut(n if size is None else min(n, index_of(size)))

    cpdef ByteBuf cut(self, Py_ssize_t n):
        """Take n of the bytes that are there."""
        cdef ByteBuf got = copied(b"") if self._in is None else self._in
        if n < self.have() or isinstance(got, CompositeByteBuf):
            got = got.read_slice(n)
        if self.have() == 0 or got is self._in:
            self._in = None    # an idle connection holds no memory
        elif isinstance(self._in, CompositeByteBuf):
            self._in.discard_read_parts()
        return got

    # -- frames

    cpdef bint decode(self, object decoder) except -1:
        """Whether a frame is there, or none will come; raise what the decoder found before it."""
        if decoder is not self._decoder:
            self.bytes_are_next()
            self._decoder = decoder
        while not self._frames:
            if self._flaw is not None:
                flaw, self._flaw = self._flaw, None
                raise flaw
            if self._in is not None or self._again:
                self._step(decoder.feed, b"" if self._in is None else self._in)
                self._in = None
            elif not self.ended:
                return False
            elif self._error is not None:
                raise self._error
            elif self._finished:
                return True
            else:
                self._finished = True
                self._step(decoder.finish, None)
                self._again = False
        return True

    cdef int _step(self, object step, object data) except -1:
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

    cpdef object next_frame(self):
        """Take the next frame; None if there is none."""
        return self._frames.popleft() if self._frames else None

    cpdef list all_frames(self):
        """Take all frames that are there."""
        cdef list frames = list(self._frames)
        self._frames.clear()
        return frames


count_objects(Intake)
guard(globals())
