"""Layout: many fields in one call."""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM
from libc.stdint cimport (
    INT64_MAX, INT64_MIN, int8_t, int16_t, int32_t, int64_t, uint16_t, uint32_t, uint64_t,
)
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

from zbuf._buf cimport ByteBuf
from zbuf._endian cimport *
from zbuf._guard cimport guard
from zbuf._memory cimport count_objects, zb_realloc
from zbuf._number cimport fit, fit_u64, index_of, single, size_of

from zbuf.errors import LayoutError

cdef extern from *:
    Py_ssize_t PY_SSIZE_T_MAX

cdef enum:
    SCRATCH = 256          # layouts up to this size are packed without malloc
    LARGEST = 1 << 20      # bytes of a layout: it describes a header, not a body


cdef Py_ssize_t width(Py_UCS4 code) noexcept:
    # Bytes of one item; 0 for what is no code.
    if code in u"xcbBs?":
        return 1
    if code in u"hH":
        return 2
    if code in u"mM":
        return 3
    if code in u"iIlLf":
        return 4
    return 8 if code in u"qQd" else 0


@cython.final
cdef class Layout:
    """Layout(format, /)\n--\n\nA fixed sequence of fields that is read or written in one call.

    >>> head = zbuf.Layout(">BHIQ")
    >>> buf = zbuf.buffer(64)
    >>> head.write(buf, 1, 2, 3, 4)
    >>> head.size, head.read(buf)
    (15, (1, 2, 3, 4))

    The format is the struct module's, without alignment: an optional order
    (">" or "!", which is also the default: most significant byte first; "<":
    least), then codes with an optional count before each:

        x  padding       b B  8 bits      h H  16 bits     i I l L  32 bits
        ?  bool          m M  24 bits     q Q  64 bits     f d      float, double
        c  one byte as bytes              5s   five bytes as bytes

    Raises:  LayoutError for a format that cannot be understood or is longer
             than 1 MiB, TypeError for what is not str, MemoryError.
    Source:  struct.Struct.
    """

    def __cinit__(self, format, /):
        if not isinstance(format, str):
            raise TypeError(f"a layout's format is a str, not {type(format).__name__!r}")
        self._format = format
        self._parse(format)

    def __dealloc__(self):
        free(self._fields)

    cdef int _parse(self, str text) except -1:
        cdef Py_ssize_t n = -1
        cdef int at = 0
        cdef Py_UCS4 code
        for code in text:
            if at == 0 and code in u"<>!":
                self._little = code == u"<"
            elif u"0" <= code <= u"9":
                n = max(n, 0) * 10 + <Py_ssize_t>code - 48
                if n > LARGEST:
                    raise LayoutError(self._format, at, f"a count above {LARGEST}")
            elif width(code):
                self._add(<char>code, n, at)
                n = -1
            else:
                raise LayoutError(self._format, at, f"no code {chr(code)!r}")
            at += 1
        if n >= 0:
            raise LayoutError(self._format, at, "a count without a code")
        return 0

    cdef int _add(self, char code, Py_ssize_t n, int at) except -1:
        # A count repeats the code; of s it is the length, of x the padding.
        cdef Py_ssize_t each = width(code)
        cdef Py_ssize_t items = 1 if n < 0 else n
        if each * items > LARGEST - self._size:
            raise LayoutError(self._format, at, f"more than {LARGEST} bytes")
        if code == c"x":
            self._size += items
            return 0
        if code == c"s":
            each, items = items, 1
        cdef zb_field *more = <zb_field *>zb_realloc(self._fields, (self._count + items + 1) * sizeof(zb_field))
        if more == NULL:
            raise MemoryError(f"no memory for {self._count + items} fields")
        self._fields = more
        while items > 0:
            self._fields[self._count] = zb_field(code=code, offset=self._size, size=each)
            self._count += 1
            self._size += each
            items -= 1
        return 0

    @property
    def size(self):
        """How many bytes the fields take, padding included.

        >>> zbuf.Layout("BxH").size
        4
        """
        return self._size

    @property
    def format(self):
        """The format that the layout was made of.

        >>> zbuf.Layout(">BH").format
        '>BH'
        """
        return self._format

    def __len__(self):
        return self._count

    def __repr__(self):
        return f"zbuf.Layout({self._format!r})"

    def __reduce__(self):
        return Layout, (self._format,)

    def read(self, ByteBuf buf not None, /):
        """Read all fields.

        >>> zbuf.Layout(">HB").read(zbuf.copied(b"\\x01\\x00\\x07tail"))
        (256, 7)

        Moves:   reader_index by `size`.
        Returns: a tuple with a value for each field.
        Raises:  UnderflowError, ReleasedError, TypeError for what is no
                 buffer; nothing has moved.
        Source:  struct.Struct.unpack_from.
        """
        cdef tuple values = PyTuple_New(self._count)
        buf._need(self._size)
        self._fill(values, buf, buf._r)
        buf._advance(self._size)
        return values

    def try_read(self, ByteBuf buf not None, /):
        """Read all fields, or return None if they are not all there.

        >>> zbuf.Layout(">HB").try_read(zbuf.copied(b"\\x01")) is None
        True

        Moves reader_index by `size`, or not at all. Raises ReleasedError, TypeError.
        """
        if buf._short(self._size):
            return None
        return self.read(buf)

    def read_many(self, ByteBuf buf not None, count, /):
        """Read the fields `count` times over.

        >>> zbuf.Layout(">BB").read_many(zbuf.copied(b"\\x01\\x02\\x03\\x04"), 2)
        [(1, 2), (3, 4)]

        Moves:   reader_index by `count` times `size`.
        Returns: a list of `count` tuples.
        Raises:  UnderflowError, ValueError for a negative count,
                 OverflowError for a count that no memory holds, ReleasedError,
                 TypeError; nothing has moved.
        Source:  struct.Struct.iter_unpack.
        """
        cdef Py_ssize_t n = size_of(count)
        cdef Py_ssize_t k
        cdef Py_ssize_t start = buf._r
        cdef tuple values
        if n > PY_SSIZE_T_MAX // max(self._size, <Py_ssize_t>sizeof(void *)):
            raise OverflowError(f"{n} times {self._size} bytes are more than {PY_SSIZE_T_MAX}")
        buf._need(n * self._size)
        cdef list rows = []
        for k in range(n):
            values = PyTuple_New(self._count)
            buf._written(start + k * self._size, self._size)
            self._fill(values, buf, start + k * self._size)
            rows.append(values)
        buf._need(n * self._size)
        buf._advance(n * self._size)
        return rows

    def get(self, ByteBuf buf not None, index, /):
        """Get all fields at an index of the handle; no index moves.

        >>> zbuf.Layout(">H").get(zbuf.copied(b"\\x00\\x01\\x00"), 1)
        (256,)

        Raises IndexError unless they are written, ReleasedError, TypeError.
        """
        cdef Py_ssize_t i = index_of(index)
        cdef tuple values = PyTuple_New(self._count)
        buf._written(i, self._size)
        self._fill(values, buf, i)
        return values

    def write(self, ByteBuf buf not None, /, *values):
        """Write a value for each field; padding is zeros.

        >>> buf = zbuf.buffer(16)
        >>> zbuf.Layout(">Hx2s").write(buf, 1, b"ab")
        >>> bytes(buf)
        b'\\x00\\x01\\x00ab'

        Moves:   writer_index by `size`.
        Raises:  ValueError for too many or few values or bytes of another
                 length, OverflowError for a value that does not fit,
                 TypeError, and what ByteBuf.write_bytes raises; nothing has
                 changed.
        Source:  struct.Struct.pack_into.
        """
        cdef unsigned char scratch[SCRATCH]
        if self._size <= SCRATCH:
            self._pack(values, scratch)
            buf._append(scratch, self._size)
        else:
            buf.write_bytes(self._packed(values))

    def set(self, ByteBuf buf not None, index, /, *values):
        """Overwrite the fields at an index of the handle; padding becomes zeros.

        >>> buf = zbuf.copied(bytes(3))
        >>> zbuf.Layout(">H").set(buf, 1, 258)
        >>> bytes(buf)
        b'\\x00\\x01\\x02'

        Moves nothing. Raises IndexError unless the fields fit the capacity,
        ReadOnlyError, ReleasedError, and for the values what write raises;
        nothing has changed.
        """
        buf.set_bytes(index, self._packed(values))

    cdef bytes _packed(self, tuple values):
        cdef bytes made = PyBytes_FromStringAndSize(NULL, self._size)
        self._pack(values, <unsigned char *>PyBytes_AS_STRING(made))
        return made

    cdef int _fill(self, tuple values, ByteBuf buf, Py_ssize_t i) except -1:
        # REQUIRES: a new tuple, `size` bytes written at i. The tuple is made
        # before the bytes are looked up: making it may run the collector, and
        # that anybody's code; making ints, floats and bytes does not.
        cdef const unsigned char *p = buf._mem + i
        cdef Py_ssize_t k
        cdef object value
        if self._size and not (buf._start <= i and i <= buf._run - self._size):
            gathered = buf._bytes(i, self._size)
            p = <const unsigned char *>PyBytes_AS_STRING(gathered)
        for k in range(self._count):
            value = load_field(&self._fields[k], p, self._little)
            Py_INCREF(value)
            PyTuple_SET_ITEM(values, k, value)
        return 0

    cdef int _pack(self, tuple values, unsigned char *p) except -1:
        cdef Py_ssize_t k
        if len(values) != self._count:
            raise ValueError(f"{len(values)} values for the {self._count} fields of {self._format!r}")
        memset(p, 0, self._size)
        for k in range(self._count):
            store_field(&self._fields[k], p, self._little, values[k])
        return 0


count_objects(Layout)


cdef object load_field(zb_field *field, const unsigned char *p, bint little):
    cdef char code = field.code
    p += field.offset
    if code == c"B":
        return p[0]
    if code == c"H":
        return load_u16_le(p) if little else load_u16_be(p)
    if code == c"I" or code == c"L":
        return load_u32_le(p) if little else load_u32_be(p)
    if code == c"Q":
        return load_u64_le(p) if little else load_u64_be(p)
    if code == c"b":
        return <int8_t>p[0]
    if code == c"h":
        return <int16_t>(load_u16_le(p) if little else load_u16_be(p))
    if code == c"i" or code == c"l":
        return <int32_t>(load_u32_le(p) if little else load_u32_be(p))
    if code == c"q":
        return <int64_t>(load_u64_le(p) if little else load_u64_be(p))
    return load_rare(field, p, little)


cdef object load_rare(zb_field *field, const unsigned char *p, bint little):
    cdef char code = field.code
    if code == c"M":
        return load_u24_le(p) if little else load_u24_be(p)
    if code == c"m":
        return sign24(load_u24_le(p) if little else load_u24_be(p))
    if code == c"f":
        return load_f32_le(p) if little else load_f32_be(p)
    if code == c"d":
        return load_f64_le(p) if little else load_f64_be(p)
    if code == c"?":
        return p[0] != 0
    return PyBytes_FromStringAndSize(<const char *>p, field.size)


cdef int store_field(zb_field *field, unsigned char *p, bint little, object value) except -1:
    cdef char code = field.code
    p += field.offset
    if code == c"?":
        p[0] = bool(value)
    elif code == c"f":
        store_u32(p, bits_of_f32(single(value)), little)
    elif code == c"d":
        store_u64(p, bits_of_f64(value), little)
    elif code == c"s" or code == c"c":
        store_raw(p, field.size, value)
    elif code == c"Q":
        store_u64(p, fit_u64(value), little)
    elif code == c"q":
        store_u64(p, <uint64_t>fit(value, INT64_MIN, INT64_MAX), little)
    else:
        store_int(p, field.size, fit_field(code, field.size, value), little)
    return 0


cdef int64_t fit_field(char code, Py_ssize_t size, object value) except? -1:
    # Capitals are unsigned. REQUIRES: size <= 4.
    cdef int64_t range_ = <int64_t>1 << (8 * size)
    if code < c"a":
        return fit(value, 0, range_ - 1)
    return fit(value, -(range_ >> 1), (range_ >> 1) - 1)


cdef void store_int(unsigned char *p, Py_ssize_t size, int64_t v, bint little) noexcept:
    if size == 1:
        p[0] = <unsigned char>v
    elif size == 2:
        if little:
            store_u16_le(p, <uint16_t>v)
        else:
            store_u16_be(p, <uint16_t>v)
    elif size == 3:
        if little:
            store_u24_le(p, <uint32_t>v)
        else:
            store_u24_be(p, <uint32_t>v)
    else:
        store_u32(p, <uint32_t>v, little)


cdef void store_u32(unsigned char *p, uint32_t v, bint little) noexcept:
    if little:
        store_u32_le(p, v)
    else:
        store_u32_be(p, v)


cdef void store_u64(unsigned char *p, uint64_t v, bint little) noexcept:
    if little:
        store_u64_le(p, v)
    else:
        store_u64_be(p, v)


cdef int store_raw(unsigned char *p, Py_ssize_t size, object value) except -1:
    cdef Py_buffer view
    PyObject_GetBuffer(value, &view, PyBUF_SIMPLE)
    try:
        if view.len != size:
            raise ValueError(f"{view.len} bytes for a field of {size}")
        memcpy(p, view.buf, size)
    finally:
        PyBuffer_Release(&view)
    return 0


guard(globals(), (Layout,))
