# Taking and giving references of a block, and where blocks come from that nobody
# chose an allocator for. The caller is attached to the interpreter (holds the
# GIL where there is one).

from zbuf._block cimport zb_block
from zbuf._native cimport zb_add, zb_count, zb_load, zb_sub
from zbuf._pool cimport default_pool, zb_pool


cdef inline void block_hold(zb_block *block, Py_ssize_t n) noexcept:
    # REQUIRES: the caller already has a reference.
    zb_add(&block.refs, n)


cdef inline bint block_give(zb_block *block, Py_ssize_t n) noexcept:
    # Gives n references back; True if they were the last. `done` may run any
    # code of a foreign owner: leave no half-changed object behind this call.
    if zb_sub(&block.refs, n) == 0:
        block.done(block)
        return True
    return False


cdef inline Py_ssize_t block_refs(zb_block *block) noexcept:
    return zb_count(&block.refs)


cdef inline zb_pool *pool_default() noexcept:
    return <zb_pool *>zb_load(&default_pool)
