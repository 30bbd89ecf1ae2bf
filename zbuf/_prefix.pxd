# How a length is written in front of what it counts: in a fixed width and
# order, or as a varint.

from libc.stdint cimport uint64_t

cdef enum zb_form:
    BIG                    # `size` bytes, most significant first
    LITTLE                 # `size` bytes, least significant first
    LEB
    QUIC

cdef struct zb_prefix:
    const char *name       # what users call it
    zb_form form
    int bits               # of the numbers it holds
    int size               # bytes to keep free for it: all it may take
    int added              # what the number counts beside the body: `size`, or 0
    uint64_t most          # bytes of the longest body

# Fills in *prefix. May run any code. Raises ValueError for a name that is none
# of ours, a negative max_length, includes_length for a varint; TypeError.
cdef int prefix_of(object name, bint includes_length, object max_length, zb_prefix *prefix) except -1
# Writes the number; bytes used, at most `size`. REQUIRES: it fits the bits.
cdef int prefix_store(const zb_prefix *prefix, unsigned char *p, uint64_t number) noexcept
# Reads a number; bytes used, 0 if the n bytes end before it does, -1 if it is
# longer than its bits.
cdef int prefix_load(const zb_prefix *prefix, const unsigned char *p, Py_ssize_t n, uint64_t *number) noexcept
# Bytes that it takes to go on, when n are there and do not suffice.
cdef Py_ssize_t prefix_wanted(const zb_prefix *prefix, const unsigned char *p, Py_ssize_t n) noexcept
