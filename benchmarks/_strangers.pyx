# cython: language_level=3, boundscheck=False, wraparound=False, binding=False
"""What a program in Cython writes that cimports zbuf: compiled on the fly, never shipped."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from zbuf cimport load_u32_be, store_u32_be
from zbuf._buf cimport ByteBuf
from zbuf._composite cimport CompositeByteBuf, blank_composite

cdef extern from *:
    uint32_t bswap32 "__builtin_bswap32"(uint32_t v) noexcept nogil


cdef uint64_t sum_of(ByteBuf buf, Py_ssize_t count) except? 0:
    cdef uint64_t total = 0
    cdef uint32_t raw
    cdef Py_ssize_t k
    for k in range(count):
        memcpy(&raw, buf._take(4), 4)
        total += bswap32(raw)
    return total


def read_checked(ByteBuf buf, Py_ssize_t turns):
    """Sum the u32s of a buffer, each behind a bounds check, so many times over."""
    cdef uint64_t total = 0
    cdef Py_ssize_t k
    cdef Py_ssize_t count = (buf._w - buf._r) // 4
    cdef Py_ssize_t start = buf._r
    for k in range(turns):
        total += sum_of(buf, count)
        buf._settle(start, buf._w)
    return total


def read_raw(const uint8_t[::1] data, Py_ssize_t turns):
    """The same from a plain pointer, without a check."""
    cdef uint64_t total = 0
    cdef uint32_t raw
    cdef const uint8_t *p
    cdef const uint8_t *end
    cdef Py_ssize_t k
    for k in range(turns):
        p = &data[0]
        end = p + data.shape[0]
        while p < end:
            memcpy(&raw, p, 4)
            total += bswap32(raw)
            p += 4
    return total


def build_and_read(list parts, Py_ssize_t turns):
    """Build a composite in one call, and sum its u32s."""
    cdef uint64_t total = 0
    cdef Py_ssize_t k
    cdef CompositeByteBuf composite
    for k in range(turns):
        composite = CompositeByteBuf(*parts)
        total += sum_of(composite, (composite._w - composite._r) // 4)
    return total


def share_and_read(list parts, Py_ssize_t turns):
    """The same of a composite that shares all parts, whatever their size."""
    cdef uint64_t total = 0
    cdef Py_ssize_t k
    cdef CompositeByteBuf composite
    for k in range(turns):
        composite = blank_composite()
        composite._coalesce = 0
        for part in parts:
            composite._append_pieces(<ByteBuf>part)
        total += sum_of(composite, (composite._w - composite._r) // 4)
    return total


def join_and_read(list parts, Py_ssize_t turns):
    """Join the parts into bytes, and sum its u32s."""
    cdef uint64_t total = 0
    cdef Py_ssize_t k
    for k in range(turns):
        total += read_raw(b"".join(parts), 1)
    return total


def answer_gets(ByteBuf asked, dict store, ByteBuf reply):
    """Answer all whole commands: a length and a key, by the length of its value and the value."""
    cdef bytes value
    cdef unsigned char *out
    cdef Py_ssize_t n
    while True:
        key = next_key(asked)
        if key is None:
            return reply
        value = store[key]
        n = len(value)
        out = reply._room(4 + n)
        store_u32_be(out, <uint32_t>n)
        memcpy(out + 4, <const char *>value, n)


cdef bytes next_key(ByteBuf asked):
    # None while it is not whole.
    cdef Py_ssize_t here = asked._w - asked._r
    cdef Py_ssize_t n
    cdef bytes key
    if here < 4:
        return None
    n = load_u32_be(asked._look(0, 4))
    if here - 4 < n:
        return None
    key = asked._bytes(asked._r + 4, n)
    asked._advance(4 + n)
    return key
