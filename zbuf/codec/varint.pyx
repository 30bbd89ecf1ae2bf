"""Frames behind a protobuf varint: VarintLengthDecoder and VarintLengthPrepender."""

cimport cython
from libc.stdint cimport INT32_MAX, int64_t, uint64_t
from libc.string cimport memcpy

from zbuf._guard cimport guard
from zbuf._number cimport index_of
from zbuf._varint cimport leb_decode, leb_encode, leb_size
from zbuf.codec._frames cimport CORRUPT, FrameDecoder, MORE, zb_cut, zb_event
from zbuf.codec._prepend cimport FramePrepender

cdef enum:
    BITS = 32
    LONGEST = 5     # bytes of a varint of 32 bits


@cython.final
cdef class VarintLengthDecoder(FrameDecoder):
    """VarintLengthDecoder(max_frame_length, /)\n--\n\nCuts a stream into messages, each behind its length as a protobuf varint.

    >>> decoder = zbuf.codec.VarintLengthDecoder(1024)
    >>> [bytes(frame) for frame in decoder.feed(b"\\5hello\\1!")]
    [b'hello', b'!']

    The length is not part of the frame, and `max_frame_length` does not count
    it. FrameTooLongError is raised as soon as the length is known, and just
    that message is discarded. CorruptFrameError is raised for a length that is
    negative in 32 bits, or whose varint does not fit 32 bits: its bytes, five
    of them at the most, are discarded.

    Raises:  ValueError for a length below 1.
    Source:  io.netty.handler.codec.protobuf.ProtobufVarint32FrameDecoder.
    """

    def __cinit__(self, max_frame_length, /):
        cdef Py_ssize_t most = index_of(max_frame_length)
        if most < 1:
            raise ValueError(f"max_frame_length must be at least 1, not {most}")
        self._most = most
        self._fail_fast = True

    cdef zb_event _find(self, const unsigned char *p, Py_ssize_t n, zb_cut *cut) noexcept:
        cdef int head
        if self._now.discarding:
            return self._discard(n, False, cut)
        if self._now.total == 0:
            head = self._decode_length(p, n)
            if head == 0:
                self._now.seen += n
                return MORE
            if head < 0 or self._now.length > INT32_MAX:
                return self._refuse(head, cut)
            self._now.head = head
            self._now.total = head + <int64_t>self._now.length
            if <int64_t>self._now.length > self._most:
                return self._discard(n, True, cut)
        cut.head = self._now.head
        return self._to_end(n, cut)

    cdef int _decode_length(self, const unsigned char *p, Py_ssize_t n) noexcept:
        # As leb_decode, of all bytes of the frame so far.
        cdef Py_ssize_t seen = self._now.seen
        if seen == 0:
            memcpy(self._now.header, p, min(n, <Py_ssize_t>LONGEST))
            return leb_decode(p, n, BITS, &self._now.length)
        n = min(n, LONGEST - seen)
        memcpy(self._now.header + seen, p, n)
        return leb_decode(self._now.header, seen + n, BITS, &self._now.length)

    cdef zb_event _refuse(self, int head, zb_cut *cut) noexcept:
        cut.length = self._now.length
        cut.unknown = head < 0
        cut.used = (LONGEST if head < 0 else head) - self._now.seen
        self._restart()
        return CORRUPT

    cdef str _why(self, zb_cut *cut):
        if cut.unknown:
            return "the varint of its length does not fit 32 bits"
        return f"its length of {cut.length} is negative in 32 bits"


@cython.final
cdef class VarintLengthPrepender(FramePrepender):
    """VarintLengthPrepender()\n--\n\nPuts its length before each message, as a protobuf varint.

    >>> bytes(zbuf.codec.VarintLengthPrepender().encode(b"hello"))
    b'\\x05hello'

    A message has 2**31 - 1 bytes at the most.
    Source: io.netty.handler.codec.protobuf.ProtobufVarint32LengthFieldPrepender.
    """

    cdef Py_ssize_t _head(self, Py_ssize_t n, unsigned char *header) except -1:
        if n > INT32_MAX:
            raise OverflowError(f"a message of {n} bytes is longer than 2**31 - 1")
        leb_encode(header, n)
        return leb_size(n)


guard(globals())
