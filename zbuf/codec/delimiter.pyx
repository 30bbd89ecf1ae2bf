"""DelimiterDecoder: frames that end with one of several delimiters."""

cimport cython

from zbuf._guard cimport guard
from zbuf._number cimport index_of
from zbuf._searcher cimport Searcher
from zbuf.codec._frames cimport FRAME, FrameDecoder, MORE, zb_cut, zb_event


@cython.final
cdef class DelimiterDecoder(FrameDecoder):
    """DelimiterDecoder(max_frame_length, /, *delimiters, strip=True, fail_fast=True)\n--\n\nCuts a stream into frames that end with one of several delimiters.

    >>> decoder = zbuf.codec.DelimiterDecoder(80, b"\\0", b";;")
    >>> [bytes(frame) for frame in decoder.feed(b"one\\0two;;thr;")]
    [b'one', b'two']

    A frame ends with the delimiter that is complete first, the longest of
    several that end there: see Searcher. So a delimiter that begins with
    another one is never found. `strip` takes the delimiter off,
    `max_frame_length` does not count it. A frame that is too long is discarded
    up to its delimiter: FrameTooLongError is raised as soon as it is certain,
    and does not know the length then, or, without `fail_fast`, at the end.

    Raises:  ValueError for a length below 1, for no delimiter or an empty
             one, TypeError for what is not bytes-like, MemoryError.
    Source:  io.netty.handler.codec.DelimiterBasedFrameDecoder.
    """

    cdef Searcher _searcher
    cdef bint _strip

    def __cinit__(self, max_frame_length, /, *delimiters, strip=True, fail_fast=True):
        cdef Py_ssize_t most = index_of(max_frame_length)
        if most < 1:
            raise ValueError(f"max_frame_length must be at least 1, not {most}")
        self._searcher = Searcher(*delimiters)
        self._strip = strip
        self._fail_fast = fail_fast
        self._most = most

    cdef zb_event _find(self, const unsigned char *p, Py_ssize_t n, zb_cut *cut) noexcept:
        cdef Py_ssize_t which
        cdef Py_ssize_t end = self._searcher._read(&self._now.state, p, n, &which)
        cdef Py_ssize_t delimiter, length
        if end < 0:
            self._now.seen += n
            length = self._now.seen - self._searcher._partial(self._now.state)
            if self._now.discarding or length > self._most:
                return self._discard_piece(n, cut)
            return MORE
        delimiter = len(<bytes>self._searcher._patterns[which])
        length = self._now.seen + end - delimiter
        if self._now.discarding or length > self._most:
            return self._discard_end(end, length, cut)
        cut.used = end
        cut.tail = delimiter if self._strip else 0
        self._now.seen = 0
        return FRAME


guard(globals())
