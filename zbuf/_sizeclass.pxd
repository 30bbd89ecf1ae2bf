# Size classes: which size is granted for a size asked for.
#
#   number   sizes                                    at most wasted
#   0..7     64 .. 512 in steps of 64                 63 bytes
#   8..51    4 per doubling, to 1 MiB                 20 %
#   52..58   2**k + 64 for k = 10..16                 20 %; none of a payload of
#                                                     2**k with a header
#
# 4 per doubling is where jemalloc, mimalloc, seastar and Netty all settled:
# more classes would waste less in each block and more in blocks at rest.

cdef extern from *:
    int __builtin_clzll(unsigned long long v) nogil

cdef enum:
    CLASSES = 59
    HEADERS = 52           # number of the first 2**k + 64 class
    LARGEST = 1 << 20      # bytes; what is larger has a mapping of its own


cdef inline int class_of(Py_ssize_t n) noexcept nogil:
    # The number of the smallest class that holds n. REQUIRES: 0 <= n <= LARGEST.
    cdef int k, quarter
    if n <= 512:
        return <int>((n + 63) >> 6) - 1 if n else 0
    k = 63 - __builtin_clzll(<unsigned long long>(n - 1))
    quarter = <int>((n - 1) >> (k - 2)) & 3
    if quarter == 0 and 10 <= k <= 16 and n <= (<Py_ssize_t>1 << k) + 64:
        return HEADERS + k - 10
    return 8 + 4 * (k - 9) + quarter


cdef inline Py_ssize_t class_size(int number) noexcept nogil:
    # REQUIRES: 0 <= number < CLASSES.
    if number < 8:
        return 64 * (number + 1)
    if number >= HEADERS:
        return (<Py_ssize_t>1 << (number - HEADERS + 10)) + 64
    return <Py_ssize_t>(5 + (number & 3)) << (((number - 8) >> 2) + 7)
