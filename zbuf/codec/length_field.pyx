"""Frames that say their length in a field of fixed width: LengthFieldDecoder and LengthFieldPrepender."""

cimport cython
from libc.stdint cimport INT64_MAX, int64_t, uint64_t

from zbuf._endian cimport *
from zbuf._guard cimport guard
from zbuf._number cimport fit, index_of
from zbuf.codec._frames cimport CORRUPT, FrameDecoder, MORE, zb_cut, zb_event
from zbuf.codec._prepend cimport FramePrepender

cdef int64_t ADJUSTMENT = <int64_t>1 << 62    # the most an adjustment may be, either way


@cython.final
cdef class LengthFieldDecoder(FrameDecoder):
    """LengthFieldDecoder(max_frame_length, /, *, offset=0, width=4, adjustment=0, strip=0, byteorder='big', fail_fast=True)\n--\n\nCuts a stream into frames that say their length in a field of fixed width.

    >>> decoder = zbuf.codec.LengthFieldDecoder(1024, offset=1, width=2, strip=3)
    >>> [bytes(frame) for frame in decoder.feed(b"A\\0\\5helloB\\0\\5world")]
    [b'hello', b'world']

    The field is `width` bytes wide, 1, 2, 3, 4 or 8, and `offset` bytes lie
    before it. What it says and `adjustment` added to it is the number of bytes
    that follow the field: a field that counts itself or the bytes before it
    takes a negative one. `strip` bytes are taken off the start of each frame.

    `max_frame_length` counts all of a frame, before stripping. With
    `fail_fast`, FrameTooLongError is raised as soon as the field says so,
    without it when the last byte is there: in both cases just that frame is
    discarded. CorruptFrameError is raised for a field that says less than
    nothing, 2**63 or more, or with its adjustment less than 0: the bytes up to
    the end of the field are discarded; and for a frame that is shorter than
    `strip`, which is discarded.

    Raises:  ValueError for numbers that cannot be, OverflowError for an
             adjustment beyond 2**62.
    Source:  io.netty.handler.codec.LengthFieldBasedFrameDecoder.
    """

    cdef Py_ssize_t _offset
    cdef int _width
    cdef bint _little
    cdef Py_ssize_t _header     # bytes up to the end of the field
    cdef Py_ssize_t _strip
    cdef int64_t _adjustment
    cdef int64_t _extra         # bytes of a frame beyond what its field says
    cdef int64_t _low           # the least its field may say,
    cdef int64_t _high          # and the most

    def __cinit__(
        self, max_frame_length, /, *, offset=0, width=4, adjustment=0, strip=0, byteorder="big", fail_fast=True
    ):
        cdef Py_ssize_t most = positive(max_frame_length, "max_frame_length")
        self._width = width_of(width)
        self._little = is_little(byteorder)
        self._offset = natural(offset, "offset")
        self._strip = natural(strip, "strip")
        if self._offset > most - self._width:
            raise ValueError(
                f"offset {self._offset} and a field of {self._width} bytes exceed the max_frame_length of {most}"
            )
        self._adjustment = fit(adjustment, -ADJUSTMENT, ADJUSTMENT)
        self._header = self._offset + self._width
        self._extra = self._adjustment + self._header if self._adjustment <= INT64_MAX - self._header else INT64_MAX
        self._low = max(-self._adjustment, <int64_t>0)
        self._high = most - self._extra if self._extra >= 0 or most <= INT64_MAX + self._extra else INT64_MAX
        self._fail_fast = fail_fast
        self._most = most

    cdef zb_event _find(self, const unsigned char *p, Py_ssize_t n, zb_cut *cut) noexcept:
        if self._now.discarding:
            return self._discard(n, False, cut)
        if self._now.total == 0:
            if self._now.seen == 0 and n >= self._header:
                self._now.length = load(p + self._offset, self._width, self._little)
            elif self._gather(p, n):
                self._now.length = load(self._now.header, self._width, self._little)
            else:
                self._now.seen += n
                return MORE
            if not self._low <= <int64_t>self._now.length <= self._high:
                return self._refuse(n, cut)
            self._now.total = <int64_t>self._now.length + self._extra
        if self._strip > self._now.total:
            return self._refuse_short(n, cut)
        cut.head = self._strip
        return self._to_end(n, cut)

    cdef bint _gather(self, const unsigned char *p, Py_ssize_t n) noexcept:
        # Keeps those of the next n bytes that are of the field; is it whole?
        cdef Py_ssize_t seen = self._now.seen
        cdef Py_ssize_t k
        for k in range(max(seen, self._offset), min(seen + n, self._header)):
            self._now.header[k - self._offset] = p[k - seen]
        return n >= self._header - seen

    cdef zb_event _refuse(self, Py_ssize_t n, zb_cut *cut) noexcept:
        cdef int64_t field = <int64_t>self._now.length
        cut.length = self._now.length
        if field < self._low:    # or beyond 2**63 - 1
            cut.used = self._header - self._now.seen
            self._restart()
            return CORRUPT
        self._now.total = field + self._extra if self._extra <= INT64_MAX - field else INT64_MAX
        return self._discard(n, True, cut)

    cdef zb_event _refuse_short(self, Py_ssize_t n, zb_cut *cut) noexcept:
        cut.length = self._now.length
        return MORE if self._to_end(n, cut) == MORE else CORRUPT

    cdef object _length(self, zb_cut *cut):
        return cut.length + <object>self._adjustment + self._header

    cdef str _why(self, zb_cut *cut):
        if cut.length > INT64_MAX:
            return f"its field says {cut.length}, beyond 2**63 - 1"
        if <int64_t>cut.length < self._low:
            return f"its field says {cut.length}, to which {self._adjustment} is added"
        return f"{self._length(cut)} bytes long, of which {self._strip} are to be stripped"


@cython.final
cdef class LengthFieldPrepender(FramePrepender):
    """LengthFieldPrepender(width=4, /, *, adjustment=0, includes_length=False, byteorder='big')\n--\n\nPuts its length before each message, in a field of fixed width.

    >>> prepender = zbuf.codec.LengthFieldPrepender(2)
    >>> bytes(prepender.encode(b"hello"))
    b'\\x00\\x05hello'

    The field is `width` bytes wide, 1, 2, 3, 4 or 8, and says how long the
    message is, plus `adjustment`, and plus `width` if it `includes_length`.

    Raises:  ValueError for numbers that cannot be, OverflowError for an
             adjustment beyond 2**62.
    Source:  io.netty.handler.codec.LengthFieldPrepender.
    """

    cdef int _width
    cdef bint _little
    cdef int64_t _extra     # what the field says beyond the message's length

    def __cinit__(self, width=4, /, *, adjustment=0, includes_length=False, byteorder="big"):
        self._width = width_of(width)
        self._little = is_little(byteorder)
        self._extra = fit(adjustment, -ADJUSTMENT, ADJUSTMENT)
        if includes_length:
            self._extra += self._width

    cdef Py_ssize_t _head(self, Py_ssize_t n, unsigned char *header) except -1:
        cdef int64_t length = n + self._extra
        if length < 0:
            raise ValueError(f"the length of {n} bytes would be {length} in its field")
        if self._width < 8 and length >> (8 * self._width):
            raise OverflowError(f"the length of {n} bytes would be {length} in a field of {self._width} bytes")
        store(header, self._width, self._little, length)
        return self._width


cdef uint64_t load(const unsigned char *p, int width, bint little) noexcept:
    if width == 4:
        return load_u32_le(p) if little else load_u32_be(p)
    if width == 2:
        return load_u16_le(p) if little else load_u16_be(p)
    if width == 1:
        return p[0]
    if width == 3:
        return load_u24_le(p) if little else load_u24_be(p)
    return load_u64_le(p) if little else load_u64_be(p)


cdef void store(unsigned char *p, int width, bint little, uint64_t value) noexcept:
    cdef int k
    for k in range(width):
        p[k if little else width - 1 - k] = <unsigned char>(value >> (8 * k))


cdef Py_ssize_t positive(object value, str name) except -1:
    cdef Py_ssize_t n = index_of(value)
    if n < 1:
        raise ValueError(f"{name} must be at least 1, not {n}")
    return n


cdef Py_ssize_t natural(object value, str name) except -1:
    cdef Py_ssize_t n = index_of(value)
    if n < 0:
        raise ValueError(f"{name} must not be negative, as {n} is")
    return n


cdef int width_of(object value) except -1:
    cdef Py_ssize_t width = index_of(value)
    if width not in (1, 2, 3, 4, 8):
        raise ValueError(f"width must be 1, 2, 3, 4 or 8, not {width}")
    return width


cdef bint is_little(object byteorder) except -1:
    if byteorder != "big" and byteorder != "little":
        raise ValueError(f"byteorder must be 'big' or 'little', not {byteorder!r}")
    return byteorder == "little"


guard(globals())
