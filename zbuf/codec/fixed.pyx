"""FixedLengthDecoder: frames that are all of one length."""

cimport cython

from zbuf._guard cimport guard
from zbuf._number cimport index_of
from zbuf.codec._frames cimport FrameDecoder, zb_cut, zb_event


@cython.final
cdef class FixedLengthDecoder(FrameDecoder):
    """FixedLengthDecoder(frame_length, /)\n--\n\nCuts a stream into frames that are all of one length.

    >>> decoder = zbuf.codec.FixedLengthDecoder(3)
    >>> [bytes(frame) for frame in decoder.feed(b"abcdefgh")]
    [b'abc', b'def']

    Nothing of it can be wrong but its end, which finish() tells.

    Raises:  ValueError for a length below 1.
    Source:  io.netty.handler.codec.FixedLengthFrameDecoder.
    """

    def __cinit__(self, frame_length, /):
        cdef Py_ssize_t n = index_of(frame_length)
        if n < 1:
            raise ValueError(f"frame_length must be at least 1, not {n}")
        self._most = n

    cdef zb_event _find(self, const unsigned char *p, Py_ssize_t n, zb_cut *cut) noexcept:
        self._now.total = self._most
        return self._to_end(n, cut)


guard(globals())
