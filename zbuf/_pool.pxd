# The pool: takes blocks out of spans of pages, and keeps what comes back.
#
#   zb_pool -- zb_bin per size class --> stack of blocks at rest, the last first
#                  |
#                  zb_span: pages of an arena, cut into equal blocks
#
# What a span needs to know lies outside its pages: a write through a stale
# pointer cannot reach the pool. Free blocks of a span are a stack of numbers.
#
# Without the GIL one lock keeps threads apart, in all pools: so fork has one to
# hold. pool_take, pool_regrant, pool_hold, pool_give, pool_close and a block's
# `done` take it themselves; what else changes or walks a pool is called between
# pools_lock and pools_unlock, and runs no Python code there. Each thread keeps
# some blocks of the default pool for itself, see _threadcache; between
# pools_lock and pools_unlock none does.

from zbuf._arena cimport zb_arena, zb_arenas
from zbuf._block cimport zb_block
from zbuf._sizeclass cimport CLASSES, LARGEST, class_of

cdef struct zb_span:
    zb_span *next              # in the bin's list of all its spans
    zb_span *prev
    zb_span *next_open         # in the bin's list of spans that have free blocks
    zb_span *prev_open
    zb_arena *arena            # where the pages are
    unsigned char *base        # the first of them
    zb_block *blocks           # the bin's `count`, for this span's memory
    unsigned short *free       # numbers of the free ones, a stack
    int frees                  # how many

cdef struct zb_bin:
    zb_block *stack            # blocks at rest
    Py_ssize_t cached          # how many
    Py_ssize_t low             # no more than the least there were since the last tick
    Py_ssize_t step            # how many go at each tick while they rest
    Py_ssize_t takes           # blocks given out so far,
    Py_ssize_t gives           # given back: the others are live,
    Py_ssize_t misses          # and not found in the stack
    Py_ssize_t size            # bytes of a block
    int number                 # of the size class
    int count                  # blocks of a span
    int pages                  # pages of a span
    Py_ssize_t spans           # how many there are
    zb_span *all
    zb_span *open

cdef struct zb_large:
    zb_block block             # first, so that the block's address is ours
    zb_large *next             # in the pool's list of those live, or of those kept
    zb_large *prev
    Py_ssize_t ticks           # for how many it has been kept

cdef struct zb_pool:
    # Invariants:
    #   (1) requested is the sum of `asked` over the live blocks, <= max_live
    #   (2) what is kept, blocks at rest, large ones and idle pages, exceeds
    #       max_cached only while a block is being given back
    #   (3) refs counts those who may still take blocks; the pool goes when
    #       there are none, and no live block
    Py_ssize_t refs
    Py_ssize_t requested       # bytes
    Py_ssize_t max_live        # bytes
    Py_ssize_t rest            # bytes of the blocks at rest
    Py_ssize_t rest_max        # what they may come to, as of the last slow way
    Py_ssize_t max_cached      # bytes; -1 once the pool is closed
    double decay               # seconds until nothing at rest is left
    double ticked              # when the last tick was
    bint zeroed                # zeros in every block that is taken
    bint plain                 # a block at rest is as good as taken: no zeros, no lock, nobody watches
    bint sensitive             # zeros over every block that is given back
    bint closed
    zb_block *(*miss)(zb_pool *pool, Py_ssize_t n) noexcept
    void (*unmap)(zb_large *large) noexcept   # the end of a large block that was kept
    int (*complain)(zb_pool *pool) except -1  # raises for what is in `faulty`
    zb_large *faulty           # blocks that were found overwritten, not yet told; takes are refused
    zb_pool *next              # in a list of all pools
    zb_pool *prev
    zb_arenas arenas
    Py_ssize_t idle_low        # idle pages: as low and step of a bin
    Py_ssize_t idle_step
    int next_out               # number of the bin that makes room next
    zb_large *large            # live blocks above the classes, or all of a system pool
    zb_large *large_kept       # the last first
    zb_large *large_oldest     # the last of these
    Py_ssize_t large_keeps     # how many,
    Py_ssize_t large_rest      # and their bytes
    Py_ssize_t large_hits
    Py_ssize_t large_misses
    zb_bin bins[CLASSES]

# Where buffers come from that nobody chose an allocator for.
cdef zb_pool *default_pool
cdef zb_pool *pools            # all there are


cdef inline zb_block *pool_take(zb_pool *pool, Py_ssize_t n) except NULL:
    # A block of at least n bytes, with one reference for the caller.
    # Raises MemoryError, PoolExhaustedError, or ReleasedError for a closed
    # pool; nothing has changed. REQUIRES: n >= 0.
    cdef zb_bin *bin
    cdef zb_block *block
    if pool.plain and n <= LARGEST and n <= pool.max_live - pool.requested:
        bin = &pool.bins[class_of(n)]
        block = bin.stack
        if block != NULL:
            bin.stack = block.next
            bin.cached -= 1
            if bin.cached < bin.low:
                bin.low = bin.cached
            bin.takes += 1
            pool.rest -= bin.size
            pool.requested += n
            block.asked = n
            block.refs = 1
            return block
    return pool_take_slow(pool, n)


cdef zb_block *pool_take_slow(zb_pool *pool, Py_ssize_t n) except NULL

# Tells the pool that a buffer now uses `asked` bytes of its block. Raises
# PoolExhaustedError, and nothing has changed. REQUIRES: asked <= block.size.
cdef int pool_regrant(zb_block *block, Py_ssize_t asked) except -1

# A new pool, one reference for the caller. Raises MemoryError.
cdef zb_pool *pool_new(Py_ssize_t max_cached, Py_ssize_t max_live, double decay, bint zeroed, bint sensitive) except NULL
# The same, but malloc and free for each block: nothing is cached.
cdef zb_pool *system_pool_new(Py_ssize_t max_live, bint zeroed, bint sensitive) except NULL
cdef void pools_lock() noexcept
cdef void pools_unlock() noexcept
# For what looks at no block of a class.
cdef void pools_enter() noexcept
cdef void pools_leave() noexcept
cdef void pool_hold(zb_pool *pool) noexcept
cdef void pool_give(zb_pool *pool) noexcept
# Takes from it raise from now on; what is kept goes, live blocks when given back.
cdef void pool_close(zb_pool *pool) noexcept
# Bytes of blocks at rest, of large ones kept and of idle pages.
cdef Py_ssize_t pool_kept(zb_pool *pool) noexcept
# Returns what is kept to the system until at most `target` bytes are left.
cdef void pool_trim(zb_pool *pool, Py_ssize_t target) noexcept
cdef void set_default_pool(zb_pool *pool) noexcept
# For what takes and keeps large blocks in its own way.
cdef void link_large(zb_large **list, zb_large *large) noexcept
cdef void unlink_large(zb_large **list, zb_large *large) noexcept
cdef void keep_large(zb_pool *pool, zb_large *large) noexcept
cdef void unkeep_large(zb_pool *pool, zb_large *large) noexcept
# The end of a closed pool, if nobody holds it and nothing of it is live.
cdef void pool_may_go(zb_pool *pool) noexcept
# Lets the time that has passed take its share. The slow ways call it.
cdef void tick(zb_pool *pool) noexcept
# How many blocks have references.
cdef Py_ssize_t pool_live(zb_pool *pool) noexcept
