# Searcher: many patterns sought at once.
#
# Aho and Corasick's automaton, with all transitions made: a state is the
# longest end of what was read that begins a pattern. It is a row: the pattern
# that ends there, and the next state for each class of bytes. Bytes that occur
# in no pattern are one class.
#
#   patterns she, he      (0) --s--> (s) --h--> (sh) --e--> (she) finds she
#                             \-h--> (h) --e--> (he) finds he

cimport cython
from libc.stdint cimport uint16_t, uint32_t

from zbuf._buf cimport ByteBuf

cdef enum:
    FEW = 4    # first bytes that are looked for side by side


@cython.final
cdef class Searcher:
    cdef tuple _patterns         # bytes
    cdef uint32_t *_rows        # a state is where its row begins: there stands
                                # which pattern ends, plus 1, or 0; then next states
    cdef Py_ssize_t _columns    # of a row: 1 + the classes of bytes
    cdef uint32_t *_depth       # for each row, how many bytes of a pattern the state is
    cdef uint16_t _class[256]   # of each byte: its column
    cdef bint _begins[256]      # does a pattern begin with it?
    cdef int _firsts            # how many bytes do,
    cdef unsigned char _first[FEW]   # and which, if they are few: some twice

    # Reads on from *state to the end of the first match: the offset behind it
    # and which it is, and *state is 0 again; or -1, all n bytes were read.
    cdef Py_ssize_t _read(self, uint32_t *state, const unsigned char *p, Py_ssize_t n, Py_ssize_t *which) noexcept nogil
    # How many of the bytes read last may belong to a match.
    cdef Py_ssize_t _partial(self, uint32_t state) noexcept nogil
    cdef Py_ssize_t _skip(self, const unsigned char *p, Py_ssize_t i, Py_ssize_t n) noexcept nogil
    cdef int _build(self) except -1
    cdef int _classify(self, bytes used, bytes firsts) except -1
    cdef void _add(self, bytes pattern, uint32_t which, uint32_t *last) noexcept
    cdef void _link(self, uint32_t *queue, uint32_t *back) noexcept
    cdef list _all(self, ByteBuf data, uint32_t *state, Py_ssize_t origin)


@cython.final
cdef class Scan:
    cdef Searcher _searcher
    cdef uint32_t _state
    cdef Py_ssize_t _position    # bytes read
