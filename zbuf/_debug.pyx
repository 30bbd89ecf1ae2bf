"""The debug pool: finds writes that no handle can do, through stale or wild pointers."""

from libc.stdio cimport fprintf, stderr
from libc.stdlib cimport free
from libc.string cimport memset

from zbuf._block cimport zb_block
from zbuf._memory cimport zb_calloc, zb_memalign
from zbuf._pool cimport (
    keep_large, link_large, pool_give, pool_hold, pool_may_go, pool_new, pools, pools_enter, pools_leave, unkeep_large,
    unlink_large, zb_large, zb_pool,
)
from zbuf._stack cimport stack_copy, stack_drop, stack_take, stack_text, zb_stack

from zbuf.errors import CorruptMemoryError

cdef extern from *:
    Py_ssize_t PY_SSIZE_T_MAX

cdef enum:
    ZONE = 64              # bytes of a guard, and the alignment of every block
    MOST_KEPT = 4096       # blocks in quarantine, however small they are
    FRESH = 0xA5
    FREED = 0xDE
    GUARD = 0xFD

cdef struct zb_debug:
    zb_large large         # first, so that the block's address is ours
    zb_stack made
    zb_stack freed         # empty while it is live
    const char *fault      # what is wrong; NULL while nothing is
    Py_ssize_t at          # the first byte that was overwritten, counted from the data's first
    unsigned char byte     # and what it is now


cdef zb_pool *debug_pool_new(Py_ssize_t max_live, Py_ssize_t quarantine) except NULL:
    cdef zb_pool *pool = pool_new(quarantine, max_live, 10, False, False)
    pool.miss = debug_miss
    pool.unmap = leave_quarantine
    pool.complain = complain
    return pool


# -- the life of a block

cdef zb_block *debug_miss(zb_pool *pool, Py_ssize_t n) noexcept:
    cdef zb_debug *debug = new_debug(n)
    if debug == NULL:
        return NULL
    cdef zb_block *block = &debug.large.block
    block.done = debug_done
    block.pool = pool
    block.size_class = -1
    stack_take(&debug.made)
    memset(block.data - ZONE, GUARD, ZONE)
    memset(block.data, FRESH, n)
    memset(block.data + n, GUARD, ZONE)
    pool.large_misses += 1
    link_large(&pool.large, &debug.large)
    return block


cdef zb_debug *new_debug(Py_ssize_t n) noexcept:
    cdef unsigned char *memory
    if n > PY_SSIZE_T_MAX - 2 * ZONE:
        return NULL
    cdef zb_debug *debug = <zb_debug *>zb_calloc(1, sizeof(zb_debug))
    if debug == NULL:
        return NULL
    memory = <unsigned char *>zb_memalign(ZONE, n + 2 * ZONE)
    if memory == NULL:
        free(debug)
        return NULL
    debug.large.block.data = memory + ZONE
    debug.large.block.size = n
    return debug


cdef void debug_done(zb_block *block) noexcept:
    cdef zb_debug *debug = <zb_debug *>block
    cdef zb_pool *pool = <zb_pool *>block.pool
    stack_take(&debug.freed)
    pools_enter()
    unlink_large(&pool.large, &debug.large)
    pool.requested -= block.asked
    if guards_hold(debug):
        memset(block.data, FREED, block.size)
        keep_large(pool, &debug.large)
        while pool.large_keeps > MOST_KEPT or pool.large_keeps and pool.large_rest > pool.max_cached:
            evict(pool)
    else:
        accuse(pool, debug)
    pool_may_go(pool)
    pools_leave()


cdef void evict(zb_pool *pool) noexcept:
    cdef zb_large *oldest = pool.large_oldest
    unkeep_large(pool, oldest)
    leave_quarantine(oldest)


cdef void leave_quarantine(zb_large *large) noexcept:
    cdef zb_debug *debug = <zb_debug *>large
    if debug.fault == NULL and not (guards_hold(debug) and still_freed(debug)):
        accuse(<zb_pool *>large.block.pool, debug)
    else:
        drop(debug)


cdef void drop(zb_debug *debug) noexcept:
    stack_drop(&debug.made)
    stack_drop(&debug.freed)
    if debug.large.block.data != NULL:
        free(debug.large.block.data - ZONE)
    free(debug)


# -- what was overwritten

cdef bint guards_hold(zb_debug *debug) noexcept:
    cdef Py_ssize_t size = debug.large.block.size
    return (
        is_all(debug, "overwritten before its start", -ZONE, ZONE, GUARD)
        and is_all(debug, "overwritten behind its end", size, ZONE, GUARD)
    )


cdef bint still_freed(zb_debug *debug) noexcept:
    return is_all(debug, "overwritten after its release", 0, debug.large.block.size, FREED)


cdef bint is_all(zb_debug *debug, const char *fault, Py_ssize_t at, Py_ssize_t n, unsigned char byte) noexcept:
    # Are the n bytes from `at` all this one? If not, that is the block's fault.
    cdef const unsigned char *data = debug.large.block.data
    cdef Py_ssize_t i
    for i in range(at, at + n):
        if data[i] != byte:
            debug.fault, debug.at, debug.byte = fault, i, data[i]
            return False
    return True


cdef void accuse(zb_pool *pool, zb_debug *debug) noexcept:
    link_large(&pool.faulty, &debug.large)
    fprintf(
        stderr, "zbuf: a buffer of %zd bytes was %s, at byte %zd; the next call of its allocator tells where it is from\n",
        debug.large.block.size, debug.fault, debug.at,
    )


cdef void debug_verify(zb_pool *pool) noexcept:
    cdef zb_large *large
    cdef zb_large *next
    pools_enter()
    large = pool.large
    while large != NULL:
        if not guards_hold(<zb_debug *>large):
            accuse_live(pool, <zb_debug *>large)
        large = large.next
    large = pool.large_kept
    while large != NULL:
        next = large.next
        if not (guards_hold(<zb_debug *>large) and still_freed(<zb_debug *>large)):
            unkeep_large(pool, large)
            accuse(pool, <zb_debug *>large)
        large = next
    pools_leave()


cdef void accuse_live(zb_pool *pool, zb_debug *debug) noexcept:
    # A live block is told by a copy of its record, and has whole guards again:
    # else it would be told twice.
    cdef zb_debug *copy = <zb_debug *>zb_calloc(1, sizeof(zb_debug))
    cdef zb_block *block = &debug.large.block
    if copy == NULL:
        return
    copy.large.block.size = block.size
    copy.fault, copy.at, copy.byte = debug.fault, debug.at, debug.byte
    stack_copy(&copy.made, &debug.made)
    memset(block.data - ZONE, GUARD, ZONE)
    memset(block.data + block.size, GUARD, ZONE)
    debug.fault = NULL
    accuse(pool, copy)


cdef int complain(zb_pool *pool) except -1:
    cdef zb_debug *debug
    pools_enter()
    debug = <zb_debug *>pool.faulty
    if debug != NULL:
        unlink_large(&pool.faulty, &debug.large)
    pools_leave()
    if debug == NULL:
        return 0
    try:
        raise error_of(debug)
    finally:
        drop(debug)


cdef object error_of(zb_debug *debug):
    error = CorruptMemoryError(debug.fault.decode(), debug.large.block.size, debug.at, debug.byte)
    error.add_note(f"allocated, innermost call first:{stack_text(&debug.made)}")
    if debug.freed.depth:
        error.add_note(f"given back, innermost call first:{stack_text(&debug.freed)}")
    return error


# -- the end of the program

def _verify_all():
    """Look at all there is of all debug pools; what is found goes to stderr and sys.unraisablehook."""
    cdef zb_pool *pool = pools
    cdef zb_pool *next
    while pool != NULL:
        # The hook may run any code: the pool is held meanwhile, and is what the walk goes on from.
        pool_hold(pool)
        if pool.complain == complain:
            debug_verify(pool)
            while pool.faulty != NULL:
                complain_in_vain(pool)
        next = pool.next
        pool_give(pool)
        pool = next


cdef void complain_in_vain(zb_pool *pool) noexcept:
    complain(pool)


cdef int verify_at_exit() except -1:
    # The module itself is not kept: what else is in it may be let go then.
    from atexit import register

    register(_verify_all)
    return 0


verify_at_exit()
