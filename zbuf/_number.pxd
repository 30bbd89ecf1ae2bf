# From Python's numbers to C's, never truncated: what does not fit is an
# OverflowError that names the value and the range.

from libc.math cimport isfinite
from libc.stdint cimport int64_t, uint64_t

from zbuf._native cimport zb_small_int


cdef inline int64_t fit(object value, int64_t low, int64_t high) except? -1:
    cdef long long v
    if zb_small_int(value, &v) and low <= v <= high:
        return v
    return fit_slow(value, low, high)


cdef inline uint64_t fit_u64(object value) except? 1:
    cdef long long v
    if zb_small_int(value, &v) and v >= 0:
        return <uint64_t>v
    return fit_u64_slow(value)


cdef inline Py_ssize_t index_of(object value) except? -1:
    # For indices and sizes: beyond the range of Py_ssize_t becomes its end,
    # which no buffer reaches, so the bounds check that follows refuses it.
    cdef long long v
    if zb_small_int(value, &v):
        return <Py_ssize_t>v
    return index_slow(value)


cdef inline Py_ssize_t size_of(object value) except -1:
    # A number of bytes: whole and not negative.
    cdef Py_ssize_t n = index_of(value)
    if n < 0:
        raise_size(n)
    return n


cdef inline unsigned char byte_of(object value) except? 255:
    cdef long long v
    if zb_small_int(value, &v) and 0 <= v <= 255:
        return <unsigned char>v
    return byte_slow(value)


cdef inline float single(double value) except? -1:
    cdef float v = <float>value
    if isfinite(value) and not isfinite(v):
        raise_single(value)
    return v


cdef int raise_size(Py_ssize_t n) except -1
cdef int64_t fit_slow(object value, int64_t low, int64_t high) except? -1
cdef uint64_t fit_u64_slow(object value) except? 1
cdef Py_ssize_t index_slow(object value) except? -1
cdef unsigned char byte_slow(object value) except? 255
cdef int raise_single(double value) except -1
