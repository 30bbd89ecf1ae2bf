"""How a length is written in front of what it counts."""

from cpython.number cimport PyNumber_Index
from cpython.object cimport PyObject
from libc.stdint cimport UINT64_MAX, uint64_t

from zbuf._number cimport size_of
from zbuf._varint cimport leb_decode, leb_encode, leb_size, quic_decode, quic_encode, quic_length, quic_size

from sys import intern

cdef extern from *:
    Py_ssize_t PY_SSIZE_T_MAX

cdef enum:
    COUNT = 12

cdef zb_prefix KNOWN[COUNT]
cdef PyObject *NAMES[COUNT]    # interned, as those in programs are; NUMBERS keeps them
cdef dict NUMBERS = {}         # name: index in KNOWN


cdef int known(const char *name, zb_form form, int bits) except -1:
    cdef Py_ssize_t k = len(NUMBERS)
    cdef uint64_t most = ~<uint64_t>0 >> (64 - bits)
    KNOWN[k] = zb_prefix(name=name, form=form, bits=bits, size=bits // 8, added=0, most=most)
    shown = intern(name.decode())
    NAMES[k] = <PyObject *>shown
    NUMBERS[shown] = k
    return 0


known(b"u8", BIG, 8)
known(b"u16", BIG, 16)
known(b"u16_le", LITTLE, 16)
known(b"u24", BIG, 24)
known(b"u24_le", LITTLE, 24)
known(b"u32", BIG, 32)
known(b"u32_le", LITTLE, 32)
known(b"u64", BIG, 64)
known(b"u64_le", LITTLE, 64)
known(b"varint", LEB, 64)
known(b"varint_u32", LEB, 32)
known(b"quic_varint", QUIC, 62)


cdef int prefix_of(object name, bint includes_length, object max_length, zb_prefix *prefix) except -1:
    prefix[0] = KNOWN[number_of(name)]
    if includes_length:
        include_length(prefix)
    if max_length is not None:
        prefix.most = min(prefix.most, limit_of(max_length))
    if prefix.form == LEB:
        prefix.size = leb_size(min(prefix.most, <uint64_t>PY_SSIZE_T_MAX))
    elif prefix.form == QUIC:
        prefix.size = quic_size(prefix.most)
    return 0


cdef uint64_t limit_of(object max_length) except? 1:
    # What any number may say may be the limit, though no buffer is that long.
    whole = PyNumber_Index(max_length)
    cdef Py_ssize_t n = size_of(whole)
    if n < PY_SSIZE_T_MAX:
        return n
    return min(whole, UINT64_MAX)


cdef Py_ssize_t number_of(object name) except -1:
    cdef Py_ssize_t k
    for k in range(COUNT):
        if NAMES[k] == <PyObject *>name:
            return k
    if not isinstance(name, str):
        raise TypeError(f"a length's format is a str, not {type(name).__name__!r}")
    number = NUMBERS.get(name)
    if number is None:
        raise ValueError(f"no length is written as {name!r}: it is one of {', '.join(NUMBERS)}")
    return number


cdef int include_length(zb_prefix *prefix) except -1:
    if prefix.form == LEB or prefix.form == QUIC:
        raise ValueError(f"includes_length takes a length of fixed width, not {prefix.name.decode()}")
    prefix.added = prefix.size
    prefix.most -= prefix.size
    return 0


cdef int prefix_store(const zb_prefix *prefix, unsigned char *p, uint64_t number) noexcept:
    cdef int n = prefix.size
    if prefix.form == BIG:
        store_big(p, n, number)
    elif prefix.form == LITTLE:
        store_little(p, n, number)
    elif prefix.form == LEB:
        n = leb_size(number)
        leb_encode(p, number)
    else:
        n = quic_size(number)
        quic_encode(p, number, n)
    return n


cdef int prefix_load(const zb_prefix *prefix, const unsigned char *p, Py_ssize_t n, uint64_t *number) noexcept:
    if prefix.form == LEB:
        return leb_decode(p, n, prefix.bits, number)
    cdef Py_ssize_t size = prefix_wanted(prefix, p, n)
    if size > n:
        return 0
    if prefix.form == BIG:
        number[0] = load_big(p, size)
    elif prefix.form == LITTLE:
        number[0] = load_little(p, size)
    else:
        number[0] = quic_decode(p)
    return <int>size


cdef Py_ssize_t prefix_wanted(const zb_prefix *prefix, const unsigned char *p, Py_ssize_t n) noexcept:
    if prefix.form == LEB:
        return n + 1
    if prefix.form == QUIC:
        return quic_length(p[0]) if n > 0 else 1
    return prefix.size


cdef void store_big(unsigned char *p, Py_ssize_t n, uint64_t number) noexcept:
    while n > 0:
        n -= 1
        p[n] = <unsigned char>number
        number >>= 8


cdef void store_little(unsigned char *p, Py_ssize_t n, uint64_t number) noexcept:
    cdef Py_ssize_t k
    for k in range(n):
        p[k] = <unsigned char>number
        number >>= 8


cdef uint64_t load_big(const unsigned char *p, Py_ssize_t n) noexcept:
    cdef uint64_t number = 0
    cdef Py_ssize_t k
    for k in range(n):
        number = number << 8 | p[k]
    return number


cdef uint64_t load_little(const unsigned char *p, Py_ssize_t n) noexcept:
    cdef uint64_t number = 0
    while n > 0:
        n -= 1
        number = number << 8 | p[n]
    return number
