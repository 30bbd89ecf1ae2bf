# Loads and stores of fixed width at any address, most significant byte first
# (_be) or last (_le). Written byte by byte, which is right on every machine;
# the compiler makes one load and one byte swap of it.

from libc.stdint cimport (
    int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t,
)
from libc.string cimport memcpy


cdef inline uint16_t load_u16_be(const unsigned char *p) noexcept nogil:
    return <uint16_t>((p[0] << 8) | p[1])


cdef inline uint16_t load_u16_le(const unsigned char *p) noexcept nogil:
    return <uint16_t>((p[1] << 8) | p[0])


cdef inline uint32_t load_u24_be(const unsigned char *p) noexcept nogil:
    return (<uint32_t>p[0] << 16) | (<uint32_t>p[1] << 8) | p[2]


cdef inline uint32_t load_u24_le(const unsigned char *p) noexcept nogil:
    return (<uint32_t>p[2] << 16) | (<uint32_t>p[1] << 8) | p[0]


cdef inline uint32_t load_u32_be(const unsigned char *p) noexcept nogil:
    return (<uint32_t>p[0] << 24) | (<uint32_t>p[1] << 16) | (<uint32_t>p[2] << 8) | p[3]


cdef inline uint32_t load_u32_le(const unsigned char *p) noexcept nogil:
    return (<uint32_t>p[3] << 24) | (<uint32_t>p[2] << 16) | (<uint32_t>p[1] << 8) | p[0]


cdef inline uint64_t load_u64_be(const unsigned char *p) noexcept nogil:
    return (
        (<uint64_t>p[0] << 56) | (<uint64_t>p[1] << 48) | (<uint64_t>p[2] << 40) | (<uint64_t>p[3] << 32)
        | (<uint64_t>p[4] << 24) | (<uint64_t>p[5] << 16) | (<uint64_t>p[6] << 8) | p[7]
    )


cdef inline uint64_t load_u64_le(const unsigned char *p) noexcept nogil:
    return (
        (<uint64_t>p[7] << 56) | (<uint64_t>p[6] << 48) | (<uint64_t>p[5] << 40) | (<uint64_t>p[4] << 32)
        | (<uint64_t>p[3] << 24) | (<uint64_t>p[2] << 16) | (<uint64_t>p[1] << 8) | p[0]
    )


cdef inline int32_t sign24(uint32_t v) noexcept nogil:
    return <int32_t>(v << 8) >> 8


cdef inline float load_f32_be(const unsigned char *p) noexcept nogil:
    return f32_of(load_u32_be(p))


cdef inline float load_f32_le(const unsigned char *p) noexcept nogil:
    return f32_of(load_u32_le(p))


cdef inline double load_f64_be(const unsigned char *p) noexcept nogil:
    return f64_of(load_u64_be(p))


cdef inline double load_f64_le(const unsigned char *p) noexcept nogil:
    return f64_of(load_u64_le(p))


cdef inline void store_u16_be(unsigned char *p, uint16_t v) noexcept nogil:
    p[0] = <unsigned char>(v >> 8)
    p[1] = <unsigned char>v


cdef inline void store_u16_le(unsigned char *p, uint16_t v) noexcept nogil:
    p[0] = <unsigned char>v
    p[1] = <unsigned char>(v >> 8)


cdef inline void store_u24_be(unsigned char *p, uint32_t v) noexcept nogil:
    p[0] = <unsigned char>(v >> 16)
    p[1] = <unsigned char>(v >> 8)
    p[2] = <unsigned char>v


cdef inline void store_u24_le(unsigned char *p, uint32_t v) noexcept nogil:
    p[0] = <unsigned char>v
    p[1] = <unsigned char>(v >> 8)
    p[2] = <unsigned char>(v >> 16)


cdef inline void store_u32_be(unsigned char *p, uint32_t v) noexcept nogil:
    p[0] = <unsigned char>(v >> 24)
    p[1] = <unsigned char>(v >> 16)
    p[2] = <unsigned char>(v >> 8)
    p[3] = <unsigned char>v


cdef inline void store_u32_le(unsigned char *p, uint32_t v) noexcept nogil:
    p[0] = <unsigned char>v
    p[1] = <unsigned char>(v >> 8)
    p[2] = <unsigned char>(v >> 16)
    p[3] = <unsigned char>(v >> 24)


cdef inline void store_u64_be(unsigned char *p, uint64_t v) noexcept nogil:
    p[0] = <unsigned char>(v >> 56)
    p[1] = <unsigned char>(v >> 48)
    p[2] = <unsigned char>(v >> 40)
    p[3] = <unsigned char>(v >> 32)
    p[4] = <unsigned char>(v >> 24)
    p[5] = <unsigned char>(v >> 16)
    p[6] = <unsigned char>(v >> 8)
    p[7] = <unsigned char>v


cdef inline void store_u64_le(unsigned char *p, uint64_t v) noexcept nogil:
    p[0] = <unsigned char>v
    p[1] = <unsigned char>(v >> 8)
    p[2] = <unsigned char>(v >> 16)
    p[3] = <unsigned char>(v >> 24)
    p[4] = <unsigned char>(v >> 32)
    p[5] = <unsigned char>(v >> 40)
    p[6] = <unsigned char>(v >> 48)
    p[7] = <unsigned char>(v >> 56)


cdef inline void store_f32_be(unsigned char *p, float v) noexcept nogil:
    store_u32_be(p, bits_of_f32(v))


cdef inline void store_f32_le(unsigned char *p, float v) noexcept nogil:
    store_u32_le(p, bits_of_f32(v))


cdef inline void store_f64_be(unsigned char *p, double v) noexcept nogil:
    store_u64_be(p, bits_of_f64(v))


cdef inline void store_f64_le(unsigned char *p, double v) noexcept nogil:
    store_u64_le(p, bits_of_f64(v))


cdef inline float f32_of(uint32_t bits) noexcept nogil:
    cdef float v
    memcpy(&v, &bits, 4)
    return v


cdef inline double f64_of(uint64_t bits) noexcept nogil:
    cdef double v
    memcpy(&v, &bits, 8)
    return v


cdef inline uint32_t bits_of_f32(float v) noexcept nogil:
    cdef uint32_t bits
    memcpy(&bits, &v, 4)
    return bits


cdef inline uint64_t bits_of_f64(double v) noexcept nogil:
    cdef uint64_t bits
    memcpy(&bits, &v, 8)
    return bits
