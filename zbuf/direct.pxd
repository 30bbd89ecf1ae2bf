# DirectFile: a file whose bytes go between device and buffers without the page cache.

from libc.stdint cimport int64_t

from zbuf._buf cimport ByteBuf
from zbuf._pool cimport zb_pool
from zbuf.region cimport zb_file


cdef class DirectFile:
    # Invariants:
    #   (1) once _file is NULL the file is closed, and so it stays
    #   (2) both alignments are powers of two
    cdef zb_file *_file           # one reference is ours, and one of each call under way
    cdef Py_ssize_t _memory       # what addresses of memory must be multiples of
    cdef Py_ssize_t _step         # what offsets and lengths must be multiples of
    cdef bint _direct             # the page cache is left out
    cdef bint _failed             # a sync has failed
    cdef object _name             # what messages call it

    cdef int _live(self) except -1
    cdef int _settled(self) except -1
    cdef int _find_alignment(self, bint buffered) except -1
    cdef int _check_place(self, int64_t offset, Py_ssize_t n) except -1
    cdef int _check_memory(self, const unsigned char *mem) except -1
    cdef int _check_pieces(self, ByteBuf part) except -1
    cdef Py_ssize_t _read(self, unsigned char *mem, Py_ssize_t n, int64_t offset) except -1
    cdef Py_ssize_t _read_behind(self, ByteBuf buf, Py_ssize_t n, int64_t offset) except -1
    cdef int _write(self, ByteBuf part, int64_t offset) except -1


# An empty buffer of just n bytes at a multiple of `align`, a power of two.
# Raises what pool_take raises.
cdef ByteBuf aligned(zb_pool *pool, Py_ssize_t n, Py_ssize_t align)
