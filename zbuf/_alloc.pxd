# Allocators: what buffers are made by.

from zbuf._pool cimport zb_pool


cdef class Allocator:
    cdef zb_pool *_pool    # one reference is ours; NULL for what __new__ alone made

    cdef int _made(self) except -1
