# Variable-length integers: LEB128 (protobuf's, 7 bits a byte, lowest first),
# zigzag for signed ones, and QUIC's (RFC 9000, section 16).

from libc.stdint cimport int64_t, uint64_t

from zbuf._endian cimport (
    load_u16_be, load_u32_be, load_u64_be, store_u16_be, store_u32_be, store_u64_be,
)

cdef enum:
    LONGEST = 10           # bytes of the longest LEB128 of 64 bits
    QUIC_BITS = 62         # value bits of the longest QUIC number


cdef inline int leb_decode(const unsigned char *p, Py_ssize_t n, int bits, uint64_t *value) noexcept nogil:
    # Bytes used; 0 if the n bytes end before the number does, -1 if it does
    # not fit `bits` (32 or 64).
    cdef int last = (bits + 6) // 7 - 1
    cdef int spare = (last + 1) * 7 - bits
    cdef uint64_t sum = 0
    cdef int i = 0
    while i < n and i < last:
        sum |= <uint64_t>(p[i] & 0x7F) << (7 * i)
        if p[i] < 0x80:
            value[0] = sum
            return i + 1
        i += 1
    if i == n:
        return 0
    value[0] = sum | <uint64_t>p[i] << (7 * i)
    return last + 1 if p[i] <= 0x7F >> spare else -1


cdef inline int leb_size(uint64_t value) noexcept nogil:
    cdef int n = 1
    while value >= 0x80:
        value >>= 7
        n += 1
    return n


cdef inline void leb_encode(unsigned char *p, uint64_t value) noexcept nogil:
    while value >= 0x80:
        p[0] = <unsigned char>(value | 0x80)
        value >>= 7
        p += 1
    p[0] = <unsigned char>value


cdef inline uint64_t zigzag(int64_t value) noexcept nogil:
    return (<uint64_t>value << 1) ^ <uint64_t>(value >> 63)


cdef inline int64_t unzigzag(uint64_t value) noexcept nogil:
    return <int64_t>((value >> 1) ^ (~(value & 1) + 1))


cdef inline int quic_length(unsigned char first) noexcept nogil:
    return 1 << (first >> 6)


cdef inline int quic_size(uint64_t value) noexcept nogil:
    return 1 if value < 1 << 6 else 2 if value < 1 << 14 else 4 if value < 1 << 30 else 8


cdef inline uint64_t quic_decode(const unsigned char *p) noexcept nogil:
    cdef int n = quic_length(p[0])
    if n == 1:
        return p[0]
    if n == 2:
        return load_u16_be(p) & 0x3FFF
    if n == 4:
        return load_u32_be(p) & 0x3FFFFFFFU
    return load_u64_be(p) & ((<uint64_t>1 << QUIC_BITS) - 1)


cdef inline void quic_encode(unsigned char *p, uint64_t value, int n) noexcept nogil:
    if n == 1:
        p[0] = <unsigned char>value
    elif n == 2:
        store_u16_be(p, <unsigned short>(value | 0x4000))
    elif n == 4:
        store_u32_be(p, <unsigned int>(value | <uint64_t>1 << 31))
    else:
        store_u64_be(p, value | <uint64_t>3 << QUIC_BITS)
