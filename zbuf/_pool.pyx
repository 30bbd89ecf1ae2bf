from libc.stdlib cimport calloc, free, malloc

from zbuf._block cimport zb_block

cdef zb_pool *default_pool = <zb_pool *>calloc(1, sizeof(zb_pool))

cdef zb_block *pool_take(zb_pool *pool, Py_ssize_t n) except NULL:
    cdef zb_block *b = <zb_block *>malloc(sizeof(zb_block))
    if b == NULL:
        raise MemoryError()
    b.data = <unsigned char *>malloc(n if n > 0 else 1)
    if b.data == NULL:
        free(b)
        raise MemoryError(f"{n} bytes")
    b.refs = 1
    b.size = b.asked = n
    b.done = give
    b.pool = pool
    b.owner = NULL
    b.size_class = -1
    return b

cdef void give(zb_block *b) noexcept:
    free(b.data)
    free(b)
