# Allocators: what buffers are made by.

from zbuf._buf cimport ByteBuf
from zbuf._pool cimport zb_pool


cdef class Allocator:
    cdef zb_pool *_pool    # one reference is ours; NULL for what __new__ alone made

    cdef int _made(self) except -1


# An empty buffer that can take n bytes before it must grow. Raises what
# pool_take raises.
cdef ByteBuf plain(zb_pool *pool, Py_ssize_t n)
