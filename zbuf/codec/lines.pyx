"""LineDecoder: frames that end with a line feed."""

cimport cython
from libc.string cimport memchr

from zbuf._guard cimport guard
from zbuf._number cimport index_of
from zbuf.codec._frames cimport FRAME, FrameDecoder, MORE, zb_cut, zb_event

cdef enum:
    CR = 13
    LF = 10


@cython.final
cdef class LineDecoder(FrameDecoder):
    """LineDecoder(max_frame_length, /, *, strip=True, fail_fast=False)\n--\n\nCuts a stream into lines that end with LF or CR LF.

    >>> [bytes(line) for line in zbuf.codec.LineDecoder(80).feed(b"one\\r\\ntwo\\nthree")]
    [b'one', b'two']

    `strip` takes the line end off; `max_frame_length` does not count it. A
    line that is too long is discarded up to its end: FrameTooLongError is
    raised there, or, with `fail_fast`, as soon as it is certain, and does not
    know the length then.

    Raises:  ValueError for a length below 1.
    Source:  io.netty.handler.codec.LineBasedFrameDecoder.
    """

    cdef bint _strip

    def __cinit__(self, max_frame_length, /, *, strip=True, fail_fast=False):
        cdef Py_ssize_t most = index_of(max_frame_length)
        if most < 1:
            raise ValueError(f"max_frame_length must be at least 1, not {most}")
        self._strip = strip
        self._fail_fast = fail_fast
        self._most = most

    cdef zb_event _find(self, const unsigned char *p, Py_ssize_t n, zb_cut *cut) noexcept:
        cdef const unsigned char *end = <const unsigned char *>memchr(p, LF, n)
        cdef Py_ssize_t length
        cdef bint cr
        if end == NULL:
            return self._go_on(p, n, cut)
        length = end - p
        cr = p[length - 1] == CR if length else self._now.cr
        cut.used = length + 1
        length += self._now.seen - cr
        if self._now.discarding or length > self._most:
            return self._discard_end(cut.used, length, cut)
        cut.tail = cr + 1 if self._strip else 0
        self._now.seen = 0
        self._now.cr = False
        return FRAME

    cdef zb_event _go_on(self, const unsigned char *p, Py_ssize_t n, zb_cut *cut) noexcept:
        # A carriage return at the end may belong to the line's end.
        self._now.seen += n
        self._now.cr = p[n - 1] == CR
        if self._now.discarding or self._now.seen - self._now.cr > self._most:
            return self._discard_piece(n, cut)
        return MORE


guard(globals())
