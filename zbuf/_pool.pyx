"""The pool: takes blocks out of spans of pages, and keeps what comes back."""

from libc.stdlib cimport free
from libc.string cimport memset

from zbuf._arena cimport (
    ARENA, PAGE, arenas_give, arenas_purge, arenas_take, arenas_unmap, map_pages, unmap_pages,
)
from zbuf._block cimport zb_block
from zbuf._leak cimport track, track_follow, tracking, zb_follower
from zbuf._memory cimport zb_calloc, zb_memalign
from zbuf._native cimport (
    ZB_FREE_THREADED, ZB_SANITIZED, zb_at_fork, zb_load, zb_lock, zb_mutex, zb_poison, zb_store, zb_unlock, zb_unpoison,
)
from zbuf._sizeclass cimport CLASSES, HEADERS, LARGEST, class_of, class_size
from zbuf._threadcache cimport (
    CLOCK_EVERY, cache_at_exit, cache_free, cache_give, cache_open, cache_own, cache_take, caches, zb_cache,
)

from zbuf.errors import PoolExhaustedError, ReleasedError

cdef extern from *:
    Py_ssize_t PY_SSIZE_T_MAX

cdef extern from "<time.h>":
    struct timespec:
        long tv_sec
        long tv_nsec
    int CLOCK_MONOTONIC_COARSE
    int clock_gettime(int clock, timespec *now)

cdef extern from "<pthread.h>":
    int pthread_atfork(void (*prepare)() noexcept, void (*parent)() noexcept, void (*child)() noexcept)

cdef extern from "<string.h>":
    void explicit_bzero(void *p, size_t n)

cdef enum:
    SMALLEST_SPAN = 2      # pages
    BLOCKS = 4             # of a span at the least, for classes below 16 KiB
    REST = 24              # live bytes for each byte that may rest, above an arena
    QUARTERS = 4           # a tick lets a quarter go of what has rested since the last
    TICKS = QUARTERS + 1   # in `decay` seconds: the first sees what rests
    LARGE_KEPT = 8 << 20   # larger blocks are not kept
    ALIGN = 64             # bytes; of every block


# -- take

cdef zb_block *pool_take_slow(zb_pool *pool, Py_ssize_t n) except NULL:
    cdef zb_block *block = NULL
    if ZB_FREE_THREADED and n <= LARGEST:
        block = cache_take(pool, class_of(n), n)
    if block == NULL:
        block = take_locked(pool, n)
    if pool.zeroed:
        memset(block.data, 0, block.size)
    if tracking:
        track(block)
    return block


cdef zb_block *take_locked(zb_pool *pool, Py_ssize_t n) except NULL:
    cdef zb_block *block = NULL
    pools_enter()
    cdef bint closed = pool.closed
    cdef bint beyond = too_much(pool, n)
    cdef Py_ssize_t requested = pool.requested
    if not closed and not beyond and pool.faulty == NULL:
        block = pool.miss(pool, n)
        if block != NULL:
            block.asked = n
            block.refs = 1
            pool.requested += n
            zb_unpoison(block.data, block.size)
    pools_leave()
    if block == NULL:
        refuse(pool, n, requested, closed, beyond)
    return block


cdef bint too_much(zb_pool *pool, Py_ssize_t n) noexcept:
    return n > pool.max_live - pool.requested and pool.max_live != PY_SSIZE_T_MAX


cdef int refuse(zb_pool *pool, Py_ssize_t n, Py_ssize_t requested, bint closed, bint beyond) except -1:
    if closed:
        raise ReleasedError("this allocator was closed")
    if pool.complain != NULL:
        pool.complain(pool)
    if beyond:
        raise PoolExhaustedError(n, requested, pool.max_live)
    raise MemoryError(f"no memory for a block of {n} bytes, {requested} are live")


cdef zb_block *pooled_miss(zb_pool *pool, Py_ssize_t n) noexcept:
    # NULL if there is no memory, as from all that may be `miss`.
    if n > LARGEST:
        return large_miss(pool, n)
    cdef zb_bin *bin = &pool.bins[class_of(n)]
    if bin.stack == NULL:
        return span_miss(pool, bin)
    bin.takes += 1
    return pop_rest(pool, bin)


cdef zb_block *span_miss(zb_pool *pool, zb_bin *bin) noexcept:
    if bin.open == NULL and not add_span(pool, bin):
        return NULL
    bin.misses += 1
    bin.takes += 1
    return span_pop(bin, bin.open)


cdef bint add_span(zb_pool *pool, zb_bin *bin) noexcept:
    tick(pool)
    cdef zb_span *span = new_span(pool, bin)
    if span == NULL:
        pool_trim(pool, 0)   # what rests may be what is missing
        span = new_span(pool, bin)
    if span == NULL:
        return False
    idle_changed(pool)
    cut_blocks(pool, bin, span)
    span.next = bin.all
    if bin.all != NULL:
        bin.all.prev = span
    bin.all = span
    bin.spans += 1
    open_span(bin, span)
    return True


cdef zb_span *new_span(zb_pool *pool, zb_bin *bin) noexcept:
    # The record, its blocks and its stack of numbers in one piece; the pages
    # elsewhere. NULL if there is no memory.
    cdef size_t blocks = bin.count * sizeof(zb_block)
    cdef zb_span *span = <zb_span *>zb_calloc(1, sizeof(zb_span) + blocks + bin.count * sizeof(unsigned short))
    if span == NULL:
        return NULL
    span.blocks = <zb_block *>(span + 1)
    span.free = <unsigned short *>(<unsigned char *>span.blocks + blocks)
    span.base = arenas_take(&pool.arenas, bin.pages, &span.arena)
    if span.base == NULL:
        free(span)
        return NULL
    return span


cdef void cut_blocks(zb_pool *pool, zb_bin *bin, zb_span *span) noexcept:
    cdef int k
    cdef zb_block *block
    for k in range(bin.count):
        block = &span.blocks[k]
        block.data = span.base + k * bin.size
        block.size = bin.size
        block.done = wiping_done if pool.sensitive else pooled_done
        block.pool = pool
        block.owner = span
        block.size_class = bin.number
        span.free[bin.count - 1 - k] = <unsigned short>k
    span.frees = bin.count
    zb_poison(span.base, bin.pages * PAGE)


cdef zb_block *span_pop(zb_bin *bin, zb_span *span) noexcept:
    span.frees -= 1
    if span.frees == 0:
        close_span(bin, span)
    return &span.blocks[span.free[span.frees]]


cdef void open_span(zb_bin *bin, zb_span *span) noexcept:
    span.prev_open = NULL
    span.next_open = bin.open
    if bin.open != NULL:
        bin.open.prev_open = span
    bin.open = span


cdef void close_span(zb_bin *bin, zb_span *span) noexcept:
    if span.next_open != NULL:
        span.next_open.prev_open = span.prev_open
    if span.prev_open != NULL:
        span.prev_open.next_open = span.next_open
    else:
        bin.open = span.next_open


# -- give

cdef void wiping_done(zb_block *block) noexcept:
    explicit_bzero(block.data, block.size)
    pooled_done(block)


cdef void pooled_done(zb_block *block) noexcept:
    cdef zb_pool *pool = <zb_pool *>block.pool
    if ZB_FREE_THREADED and cache_give(pool, block):
        return
    pools_enter()
    zb_poison(block.data, block.size)
    pool.requested -= block.asked
    give(pool, &pool.bins[block.size_class], block)
    if ZB_FREE_THREADED:
        serve_thread(pool)
    pools_leave()


cdef inline void give(zb_pool *pool, zb_bin *bin, zb_block *block) noexcept:
    bin.gives += 1
    if bin.gives % CLOCK_EVERY == 0:
        tick(pool)
    put(pool, bin, block)


cdef inline void put(zb_pool *pool, zb_bin *bin, zb_block *block) noexcept:
    if pool.rest + bin.size > pool.rest_max:
        put_slow(pool, bin, block)
    else:
        push_rest(pool, bin, block)


cdef inline void push_rest(zb_pool *pool, zb_bin *bin, zb_block *block) noexcept:
    block.next = bin.stack
    bin.stack = block
    bin.cached += 1
    pool.rest += bin.size


cdef void put_slow(zb_pool *pool, zb_bin *bin, zb_block *block) noexcept:
    if pool.rest + bin.size <= rest_wish(pool):
        purge_to(pool, pool.max_cached - bin.size)
    set_rest_max(pool)
    if bin.stack == NULL and bin.size <= pool.rest_max:
        make_room(pool, bin.size)
    if pool.rest + bin.size <= pool.rest_max:
        push_rest(pool, bin, block)
        return
    block_to_span(pool, bin, block)
    pool_may_go(pool)


cdef Py_ssize_t rest_wish(zb_pool *pool) noexcept:
    # Two wishes pull apart: quick takes (let much rest) and few pages that no
    # live buffer wants (let little). One arena is there anyway, so what of it
    # is not live may rest; with more live than that, a fraction of it.
    return max(ARENA - pool.requested, pool.requested // REST)


cdef void set_rest_max(zb_pool *pool) noexcept:
    cdef Py_ssize_t most = pool.max_cached - pool.large_rest - pool.arenas.idle * PAGE
    pool.rest_max = min(most, rest_wish(pool))


cdef void make_room(zb_pool *pool, Py_ssize_t n) noexcept:
    # For a class of which none rests. All take turns, for what one has left
    # at rest and takes no more would stand in the way of the others.
    cdef zb_bin *bin
    while pool.rest > 0 and pool.rest + n > pool.rest_max:
        bin = &pool.bins[pool.next_out]
        if bin.stack != NULL:
            rest_to_span(pool, bin)
            purge_to(pool, pool.max_cached - n)
        pool.next_out = (pool.next_out + 1) % CLASSES


cdef zb_block *pop_rest(zb_pool *pool, zb_bin *bin) noexcept:
    cdef zb_block *block = bin.stack
    bin.stack = block.next
    bin.cached -= 1
    bin.low = min(bin.low, bin.cached)
    pool.rest -= bin.size
    return block


cdef void rest_to_span(zb_pool *pool, zb_bin *bin) noexcept:
    block_to_span(pool, bin, pop_rest(pool, bin))


cdef void block_to_span(zb_pool *pool, zb_bin *bin, zb_block *block) noexcept:
    cdef zb_span *span = <zb_span *>block.owner
    span.free[span.frees] = <unsigned short>(block - span.blocks)
    span.frees += 1
    if span.frees == 1:
        open_span(bin, span)
    if span.frees == bin.count:
        drop_span(pool, bin, span)


cdef void drop_span(zb_pool *pool, zb_bin *bin, zb_span *span) noexcept:
    close_span(bin, span)
    if span.next != NULL:
        span.next.prev = span.prev
    if span.prev != NULL:
        span.prev.next = span.next
    else:
        bin.all = span.next
    bin.spans -= 1
    arenas_give(&pool.arenas, span.arena, span.base, bin.pages)
    free(span)
    purge_to(pool, pool.max_cached)


cdef void idle_changed(zb_pool *pool) noexcept:
    # Brings the low mark and the limit up to date with the arenas' idle pages.
    pool.idle_low = min(pool.idle_low, pool.arenas.idle)
    set_rest_max(pool)


cdef Py_ssize_t pool_kept(zb_pool *pool) noexcept:
    return pool.rest + pool.large_rest + pool.arenas.idle * PAGE


# -- blocks above the classes

cdef zb_block *large_miss(zb_pool *pool, Py_ssize_t n) noexcept:
    cdef zb_large *large = large_from_kept(pool, n)
    if large != NULL:
        pool.large_hits += 1
    else:
        tick(pool)
        large = new_large(n)
        if large == NULL:
            pool_trim(pool, 0)
            large = new_large(n)
        if large == NULL:
            return NULL
        large.block.done = large_done
        large.block.pool = pool
        large.block.size_class = -1
        pool.large_misses += 1
    link_large(&pool.large, large)
    return &large.block


cdef zb_large *new_large(Py_ssize_t n) noexcept:
    cdef Py_ssize_t size
    if n > PY_SSIZE_T_MAX - 2 * PAGE:
        return NULL
    size = (n + PAGE - 1) // PAGE * PAGE
    cdef zb_large *large = <zb_large *>zb_calloc(1, sizeof(zb_large))
    if large == NULL:
        return NULL
    large.block.size = size
    large.block.data = map_pages(size, PAGE)
    if large.block.data == NULL:
        free(large)
        return NULL
    return large


cdef zb_large *large_from_kept(zb_pool *pool, Py_ssize_t n) noexcept:
    # One that fits without wasting more than a size class would.
    cdef zb_large *large = pool.large_kept
    while large != NULL:
        if n <= large.block.size and large.block.size - n <= large.block.size // 5:
            unkeep_large(pool, large)
            return large
        large = large.next
    return NULL


cdef void large_done(zb_block *block) noexcept:
    cdef zb_pool *pool = <zb_pool *>block.pool
    cdef zb_large *large = <zb_large *>block
    if pool.sensitive:
        explicit_bzero(block.data, block.size)
    pools_enter()
    unlink_large(&pool.large, large)
    pool.requested -= block.asked
    if block.size > LARGE_KEPT or pool_kept(pool) + block.size > pool.max_cached or kept_alike(pool, block.size) >= 2:
        drop_large(large)
        pool_may_go(pool)
    else:
        zb_poison(block.data, block.size)
        keep_large(pool, large)
        tick(pool)
    pools_leave()


cdef void keep_large(zb_pool *pool, zb_large *large) noexcept:
    large.ticks = 0
    link_large(&pool.large_kept, large)
    if large.next == NULL:
        pool.large_oldest = large
    pool.large_keeps += 1
    pool.large_rest += large.block.size
    set_rest_max(pool)


cdef void unkeep_large(zb_pool *pool, zb_large *large) noexcept:
    if pool.large_oldest == large:
        pool.large_oldest = large.prev
    unlink_large(&pool.large_kept, large)
    pool.large_keeps -= 1
    pool.large_rest -= large.block.size
    set_rest_max(pool)


cdef int kept_alike(zb_pool *pool, Py_ssize_t size) noexcept:
    # How many are kept within the same power of two.
    cdef int found = 0
    cdef zb_large *large = pool.large_kept
    while large != NULL:
        found += large.block.size <= 2 * size and size <= 2 * large.block.size
        large = large.next
    return found


cdef void drop_large(zb_large *large) noexcept:
    unmap_pages(large.block.data, large.block.size)
    free(large)


cdef void link_large(zb_large **list, zb_large *large) noexcept:
    large.prev = NULL
    large.next = list[0]
    if large.next != NULL:
        large.next.prev = large
    list[0] = large


cdef void unlink_large(zb_large **list, zb_large *large) noexcept:
    if large.next != NULL:
        large.next.prev = large.prev
    if large.prev != NULL:
        large.prev.next = large.next
    else:
        list[0] = large.next


# -- malloc for each block

cdef zb_block *system_miss(zb_pool *pool, Py_ssize_t n) noexcept:
    cdef zb_large *large = <zb_large *>zb_calloc(1, sizeof(zb_large))
    if large == NULL or n > PY_SSIZE_T_MAX - ALIGN:
        free(large)
        return NULL
    large.block.data = <unsigned char *>zb_memalign(ALIGN, max(n, <Py_ssize_t>1))
    if large.block.data == NULL:
        free(large)
        return NULL
    large.block.size = n
    large.block.done = system_done
    large.block.pool = pool
    large.block.size_class = -1
    pool.large_misses += 1
    link_large(&pool.large, large)
    return &large.block


cdef void system_done(zb_block *block) noexcept:
    cdef zb_pool *pool = <zb_pool *>block.pool
    if pool.sensitive:
        explicit_bzero(block.data, block.size)
    pools_enter()
    unlink_large(&pool.large, <zb_large *>block)
    pool.requested -= block.asked
    free(block.data)
    free(block)
    pool_may_go(pool)
    pools_leave()


# -- decay

cdef double clock_shift = 0    # seconds; tests move it


def _advance_clock(seconds):
    """Let the pools believe that time has passed; for tests."""
    global clock_shift
    clock_shift += seconds


cdef double now() noexcept:
    cdef timespec t
    clock_gettime(CLOCK_MONOTONIC_COARSE, &t)
    return t.tv_sec + t.tv_nsec * 1e-9 + clock_shift


cdef void tick(zb_pool *pool) noexcept:
    cdef double t = now()
    cdef double length = pool.decay / TICKS
    cdef int due = TICKS
    if t - pool.ticked < pool.decay:
        due = <int>((t - pool.ticked) / length)
    if due == TICKS:
        pool.ticked = t
    elif due > 0:
        pool.ticked += due * length
    while due > 0:
        decay_once(pool)
        due -= 1


cdef void decay_once(zb_pool *pool) noexcept:
    # A quarter of what rested when the resting began, not of what is left of
    # it: so nothing is left in the end. Pages that blocks leave have rested.
    cdef int k
    if ZB_FREE_THREADED:
        gather(pool)
    cdef Py_ssize_t idle = pool.arenas.idle
    for k in range(CLASSES):
        decay_bin(pool, &pool.bins[k])
    decay_large(pool)
    pool.idle_step = fraction(pool.idle_low, pool.idle_step)
    arenas_purge(&pool.arenas, pool.idle_step + pool.arenas.idle - idle)
    idle_changed(pool)
    arenas_unmap(&pool.arenas, 1)
    pool.idle_low = pool.arenas.idle


cdef Py_ssize_t fraction(Py_ssize_t low, Py_ssize_t step) noexcept:
    # How many to let go of what never were less than `low`.
    if low == 0:
        return 0
    return max(step, (low + QUARTERS - 1) // QUARTERS)


cdef void decay_bin(zb_pool *pool, zb_bin *bin) noexcept:
    cdef Py_ssize_t n
    bin.step = fraction(bin.low, bin.step)
    n = min(bin.step, bin.low)
    while n > 0:
        rest_to_span(pool, bin)
        n -= 1
    bin.low = bin.cached


cdef void decay_large(zb_pool *pool) noexcept:
    cdef zb_large *large = pool.large_kept
    cdef zb_large *next
    while large != NULL:
        next = large.next
        large.ticks += 1
        if large.ticks >= TICKS:
            unkeep_large(pool, large)
            pool.unmap(large)
        large = next


cdef void pool_trim(zb_pool *pool, Py_ssize_t target) noexcept:
    cdef int k = CLASSES - 1
    cdef zb_large *large
    # With no target all go: a quarantine may hold blocks of no bytes.
    while pool.large_kept != NULL and (target == 0 or pool_kept(pool) > target):
        large = pool.large_kept
        unkeep_large(pool, large)
        pool.unmap(large)
    while pool_kept(pool) > target and k >= 0:
        while pool_kept(pool) > target and pool.bins[k].stack != NULL:
            rest_to_span(pool, &pool.bins[k])
            purge_to(pool, target)
        k -= 1
    purge_to(pool, target)
    arenas_unmap(&pool.arenas, 0 if target == 0 else 1)


cdef void purge_to(zb_pool *pool, Py_ssize_t target) noexcept:
    cdef Py_ssize_t excess = pool_kept(pool) - target
    if excess > 0:
        arenas_purge(&pool.arenas, (excess + PAGE - 1) // PAGE)
    idle_changed(pool)


# -- life of a pool

cdef zb_pool *pool_new(Py_ssize_t max_cached, Py_ssize_t max_live, double decay, bint zeroed, bint sensitive) except NULL:
    cdef zb_pool *pool = <zb_pool *>zb_calloc(1, sizeof(zb_pool))
    cdef int k
    if pool == NULL:
        raise MemoryError(f"no memory for a pool of {sizeof(zb_pool)} bytes")
    pool.refs = 1
    pool.max_cached = max_cached
    pool.max_live = max_live
    pool.decay = decay
    pool.ticked = now()
    pool.zeroed = zeroed
    pool.sensitive = sensitive
    pool.miss = pooled_miss
    pool.unmap = drop_large
    for k in range(CLASSES):
        shape_bin(&pool.bins[k], k)
    set_rest_max(pool)
    enlist(pool)
    return pool


cdef void enlist(zb_pool *pool) noexcept:
    global pools
    pools_enter()
    set_plain(pool)
    pool.next = pools
    if pools != NULL:
        pools.prev = pool
    pools = pool
    pools_leave()


cdef void delist(zb_pool *pool) noexcept:
    global pools
    if pool.next != NULL:
        pool.next.prev = pool.prev
    if pool.prev != NULL:
        pool.prev.next = pool.next
    else:
        pools = pool.next


cdef void set_plain(zb_pool *pool) noexcept:
    pool.plain = not (pool.zeroed or tracking or ZB_FREE_THREADED or ZB_SANITIZED)


cdef void level_changed() noexcept:
    # Takes are seen by leak tracking, or not any more.
    cdef zb_pool *pool
    pools_enter()
    pool = pools
    while pool != NULL:
        set_plain(pool)
        pool = pool.next
    pools_leave()


cdef zb_follower follower
track_follow(&follower, level_changed)


cdef void shape_bin(zb_bin *bin, int number) noexcept:
    # As few pages as hold 4 blocks (1 from 16 KiB on) and waste nothing at the
    # end; the 2**k + 64 classes cannot waste nothing, but less than a twentieth.
    cdef Py_ssize_t size = class_size(number)
    cdef Py_ssize_t blocks = BLOCKS if size < 16 << 10 else 1
    cdef Py_ssize_t pages = max((blocks * size + PAGE - 1) // PAGE, <Py_ssize_t>SMALLEST_SPAN)
    while pages * PAGE % size * 20 >= (pages * PAGE if number >= HEADERS else 1):
        pages += 1
    bin.number = number
    bin.size = size
    bin.pages = <int>pages
    bin.count = <int>(pages * PAGE // size)


cdef zb_pool *system_pool_new(Py_ssize_t max_live, bint zeroed, bint sensitive) except NULL:
    cdef zb_pool *pool = pool_new(0, max_live, 1, zeroed, sensitive)
    pool.miss = system_miss
    return pool


cdef void pool_hold(zb_pool *pool) noexcept:
    pools_enter()
    pool.refs += 1
    pools_leave()


cdef void pool_give(zb_pool *pool) noexcept:
    pools_enter()
    pool.refs -= 1
    pool_may_go(pool)
    pools_leave()


cdef void pool_close(zb_pool *pool) noexcept:
    pools_lock()
    pool.closed = True
    leave_caches(pool)
    pool.max_cached = -1
    pool_trim(pool, 0)
    set_rest_max(pool)
    pools_unlock()


cdef void leave_caches(zb_pool *pool) noexcept:
    # REQUIRES: pools_lock.
    cdef zb_cache *cache = caches
    while cache != NULL:
        if cache.pool == pool:
            cache.pool = NULL
        cache = cache.next


cdef void pool_may_go(zb_pool *pool) noexcept:
    # A closed pool has nothing at rest: with the last live block all is gone.
    cdef zb_large *large
    if not pool.closed:
        return
    arenas_unmap(&pool.arenas, 0)
    if pool.refs == 0 and not pool_lives(pool):
        delist(pool)
        while pool.faulty != NULL:
            large = pool.faulty
            unlink_large(&pool.faulty, large)
            pool.unmap(large)
        free(pool)


cdef bint pool_lives(zb_pool *pool) noexcept:
    # Whether a block has references. Asked at every give to a dropped pool, so
    # it must not count them all, as pool_live does.
    cdef int k
    if pool.large != NULL:
        return True
    for k in range(CLASSES):
        if pool.bins[k].takes != pool.bins[k].gives:
            return True
    return False


cdef Py_ssize_t pool_live(zb_pool *pool) noexcept:
    cdef Py_ssize_t live = 0
    cdef zb_large *large = pool.large
    cdef int k
    while large != NULL:
        live += 1
        large = large.next
    for k in range(CLASSES):
        live += pool.bins[k].takes - pool.bins[k].gives
    return live


cdef int pool_regrant(zb_block *block, Py_ssize_t asked) except -1:
    cdef zb_pool *pool = <zb_pool *>block.pool
    cdef Py_ssize_t more
    pools_enter()
    more = asked - block.asked
    cdef bint refused = too_much(pool, more)
    cdef Py_ssize_t requested = pool.requested
    if not refused:
        pool.requested += more
        block.asked = asked
    pools_leave()
    if refused:
        raise PoolExhaustedError(more, requested, pool.max_live)
    return 0


cdef zb_pool *default_pool = NULL   # the package sets it before anything can be made


cdef void set_default_pool(zb_pool *pool) noexcept:
    # Another thread may have read which it is and not yet taken from it: what
    # once was the default stays.
    if ZB_FREE_THREADED:
        pool_hold(pool)
    zb_store(&default_pool, pool)


# -- threads

cdef zb_mutex mutex
cdef bint stopped = False    # all caches are locked, and empty


cdef void pools_enter() noexcept:
    zb_lock(&mutex)


cdef void pools_leave() noexcept:
    zb_unlock(&mutex)


cdef void pools_lock() noexcept:
    global stopped
    cdef zb_cache *cache
    pools_enter()
    cache = caches
    while cache != NULL:
        zb_lock(&cache.mutex)
        empty(cache)
        cache = cache.next
    stopped = True


cdef void pools_unlock() noexcept:
    global stopped
    cdef zb_cache *cache = caches
    stopped = False
    while cache != NULL:
        zb_unlock(&cache.mutex)
        cache = cache.next
    pools_leave()


# -- what threads keep for themselves

cdef void serve_thread(zb_pool *pool) noexcept:
    # Lets this thread keep blocks of the default pool from now on. Not where each
    # byte counts: a limit is kept to by one count, and little is kept at all.
    cdef zb_cache *cache = cache_own()
    if pool != zb_load(&default_pool) or pool.closed or pool.max_live != PY_SSIZE_T_MAX or pool.max_cached < ARENA:
        return
    if cache == NULL:
        cache = cache_open()
    if cache != NULL and not stopped:
        zb_lock(&cache.mutex)
        if cache.pool != pool:
            empty(cache)
            cache.pool = pool
        settle(cache)
        zb_unlock(&cache.mutex)
    tick(pool)


cdef void settle(zb_cache *cache) noexcept:
    # What is asked for in one place may be given back in another.
    (<zb_pool *>cache.pool).requested += cache.requested
    cache.requested = 0


cdef void empty(zb_cache *cache) noexcept:
    # REQUIRES: its lock, and the pools'.
    cdef zb_pool *pool = <zb_pool *>cache.pool
    cdef int k
    if pool == NULL:
        return
    settle(cache)
    for k in range(CLASSES):
        empty_class(cache, pool, &pool.bins[k])
    cache.rest = 0


cdef void empty_class(zb_cache *cache, zb_pool *pool, zb_bin *bin) noexcept:
    cdef zb_block *block = cache.stacks[bin.number]
    cdef zb_block *next
    bin.takes += cache.takes[bin.number]
    # What rests was given back: that is counted as it goes on.
    bin.gives += cache.gives[bin.number] - cache.counts[bin.number]
    cache.takes[bin.number] = cache.gives[bin.number] = cache.counts[bin.number] = 0
    cache.stacks[bin.number] = NULL
    while block != NULL:
        next = block.next
        bin.gives += 1
        put(pool, bin, block)    # no tick: it would wait for the lock of this cache
        block = next


cdef void gather(zb_pool *pool) noexcept:
    # What threads keep of the pool is its own again.
    cdef zb_cache *cache = caches
    while cache != NULL and not stopped:
        zb_lock(&cache.mutex)
        if cache.pool == pool:
            empty(cache)
        zb_unlock(&cache.mutex)
        cache = cache.next


cdef void thread_ended(zb_cache *cache) noexcept:
    pools_enter()
    zb_lock(&cache.mutex)
    empty(cache)
    zb_unlock(&cache.mutex)
    cache_free(cache)
    pools_leave()


def _thread_caches():
    """How many blocks each thread keeps that keeps any; for tests."""
    cdef list found = []
    cdef zb_cache *cache
    cdef Py_ssize_t blocks
    pools_enter()
    cache = caches
    while cache != NULL:
        zb_lock(&cache.mutex)
        blocks = kept(cache)
        zb_unlock(&cache.mutex)
        if blocks:
            found.append(blocks)
        cache = cache.next
    pools_leave()
    return found


cdef Py_ssize_t kept(zb_cache *cache) noexcept:
    cdef Py_ssize_t blocks = 0
    cdef int k
    for k in range(CLASSES):
        blocks += cache.counts[k]
    return blocks


cdef void in_child() noexcept:
    # Without what was other threads'.
    cdef zb_cache *cache
    cdef zb_cache *next = caches
    pools_unlock()
    while next != NULL:
        cache, next = next, next.next
        if cache != cache_own():
            cache_free(cache)


cache_at_exit(thread_ended)
zb_at_fork(pools_lock, pools_unlock, in_child)
