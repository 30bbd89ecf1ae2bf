# Placeholder of the memory layer's interface: malloc per block.

from zbuf._block cimport zb_block

cdef struct zb_pool:
    Py_ssize_t live

cdef zb_pool *default_pool

# A block of at least n bytes, n >= 0, with one reference for the caller.
# Raises MemoryError, PoolExhaustedError or ReleasedError (the pool is closed).
cdef zb_block *pool_take(zb_pool *pool, Py_ssize_t n) except NULL
