"""What a pool holds, for people to look at."""

from zbuf._arena cimport ARENA, PAGE, PAGES, resident_bytes, zb_arena
from zbuf._block cimport zb_block
from zbuf._leak cimport track_seen
from zbuf._native cimport zb_count
from zbuf._pool cimport pool_kept, pool_live, pools, pools_lock, pools_unlock, zb_bin, zb_large, zb_pool, zb_span
from zbuf._sizeclass cimport CLASSES


cdef object stats_of(zb_pool *pool):
    cdef Py_ssize_t granted = 0, active = 0, cached = 0
    pools_lock()
    cdef Py_ssize_t large = large_bytes(pool.large)
    cdef Py_ssize_t kept = large_bytes(pool.large_kept)
    cdef Py_ssize_t resident = resident_of(pool), live = pool_live(pool)
    cdef zb_pool now = pool[0]     # the rows run Python code, which may free and allocate
    pools_unlock()
    cdef Py_ssize_t hits = now.large_hits, misses = now.large_misses
    cdef zb_bin *bin
    cdef int k
    # Here, not above: it brings typing, 12 ms that most programs need not spend.
    from zbuf.stats import ClassStats, PoolStats
    rows = []
    for k in range(CLASSES):
        bin = &now.bins[k]
        granted += (bin.takes - bin.gives) * bin.size
        active += bin.spans * bin.pages * PAGE
        cached += bin.cached * bin.size
        hits += bin.takes - bin.misses
        misses += bin.misses
        rows.append(ClassStats(
            bin.size, bin.takes - bin.gives, bin.cached, bin.spans, bin.spans * bin.count,
            bin.takes - bin.misses, bin.misses,
        ))
    rows.sort()
    return PoolStats(
        requested=now.requested,
        granted=granted + large,
        active=active + large + kept,
        committed=now.arenas.count * ARENA + large + kept,
        resident=resident,
        cached=cached + kept,
        live_blocks=live,
        hits=hits,
        misses=misses,
        classes=tuple(rows),
    )


cdef Py_ssize_t large_bytes(zb_large *large) noexcept:
    cdef Py_ssize_t n = 0
    while large != NULL:
        n += large.block.size
        large = large.next
    return n


cdef Py_ssize_t resident_of(zb_pool *pool) noexcept:
    cdef zb_arena *arena = pool.arenas.first
    cdef Py_ssize_t n = 0
    while arena != NULL:
        n += resident_bytes(arena.base, ARENA)
        arena = arena.next
    return n + resident_large(pool.large) + resident_large(pool.large_kept)


cdef Py_ssize_t resident_large(zb_large *large) noexcept:
    # What malloc granted is not in pages of its own: it counts as it is.
    cdef Py_ssize_t n = 0
    cdef Py_ssize_t size
    while large != NULL:
        size = large.block.size
        n += resident_bytes(large.block.data, size) if (<Py_ssize_t>large.block.data | size) % PAGE == 0 else size
        large = large.next
    return n


cdef list live_of(zb_pool *pool):
    # Numbers alone while the walk goes on: to make anything that the garbage
    # collector tracks may run it, and what it frees may be the next block.
    from zbuf.stats import LiveBlock
    cdef list found = []
    pools_lock()
    try:
        record_all(found, pool)
    finally:
        pools_unlock()
    return list(map(LiveBlock, found[1::6], found[2::6], found[3::6], found[4::6], found[5::6]))


def _live_anywhere():
    """The live blocks of all pools, by their address."""
    from zbuf.stats import LiveBlock
    cdef list found = []
    cdef zb_pool *pool
    pools_lock()
    try:
        pool = pools
        while pool != NULL:
            record_all(found, pool)
            pool = pool.next
    finally:
        pools_unlock()
    blocks = map(LiveBlock, found[1::6], found[2::6], found[3::6], found[4::6], found[5::6])
    return dict(zip(found[0::6], blocks))


cdef int record_all(list found, zb_pool *pool) except -1:
    cdef zb_large *large = pool.large
    cdef zb_span *span
    cdef int k, i
    while large != NULL:
        record(found, &large.block)
        large = large.next
    for k in range(CLASSES):
        span = pool.bins[k].all
        while span != NULL:
            for i in range(pool.bins[k].count):
                if zb_count(&span.blocks[i].refs) > 0:
                    record(found, &span.blocks[i])
            span = span.next
    return 0


cdef int record(list found, zb_block *block) except -1:
    found.append(<size_t>block)
    found.append(block.asked)
    found.append(block.size)
    found.append(zb_count(&block.refs))
    track_seen(found, block)
    return 0


cdef int check_pool(zb_pool *pool) except -1:
    pools_lock()
    try:
        return recount(pool)
    finally:
        pools_unlock()


cdef int recount(zb_pool *pool) except -1:
    cdef Py_ssize_t requested = 0, live = 0, rest = 0
    cdef zb_large *large = pool.large
    cdef int k
    while large != NULL:
        requested += large.block.asked
        live += 1
        large = large.next
    for k in range(CLASSES):
        check_bin(&pool.bins[k], &requested)
        live += pool.bins[k].takes - pool.bins[k].gives
        rest += pool.bins[k].cached * pool.bins[k].size
    assert requested == pool.requested and live == pool_live(pool)
    assert rest == pool.rest and large_bytes(pool.large_kept) == pool.large_rest, (rest, pool.rest, pool.large_rest)
    assert pool_kept(pool) <= (0 if pool.closed else pool.max_cached), (pool_kept(pool), pool.max_cached)
    check_arenas(pool)
    return 0


cdef int check_bin(zb_bin *bin, Py_ssize_t *requested) except -1:
    cdef Py_ssize_t live = 0, rest = 0, frees = 0, spans = 0, opens = 0
    cdef zb_span *span = bin.all
    cdef zb_block *block = bin.stack
    cdef int i
    while span != NULL:
        assert 0 <= span.frees < bin.count
        for i in range(bin.count):
            if zb_count(&span.blocks[i].refs) > 0:
                live += 1
                requested[0] += span.blocks[i].asked
                assert span.blocks[i].asked <= bin.size
        frees += span.frees
        spans += 1
        opens += span.frees > 0
        span = span.next
    span = bin.open
    while span != NULL:
        assert span.frees > 0 and (span.next_open == NULL or span.next_open.prev_open == span)
        opens -= 1
        span = span.next_open
    assert opens == 0
    while block != NULL:
        assert zb_count(&block.refs) == 0
        rest += 1
        block = block.next
    assert live == bin.takes - bin.gives and rest == bin.cached and spans == bin.spans
    assert live + rest + frees == spans * bin.count
    return 0


cdef int check_pages(zb_arena *arena) except -1:
    cdef int busy = 0, idle = 0, room = 0
    cdef int page
    cdef bint used, dirty
    for page in range(PAGES):
        used = arena.used[page >> 6] >> (page & 63) & 1
        dirty = arena.dirty[page >> 6] >> (page & 63) & 1
        assert not (used and dirty)
        busy += used
        idle += dirty
        room = 0 if used else room + 1
        assert room <= arena.longest
    assert busy == arena.busy and idle == arena.idle
    return 0


cdef int check_arenas(zb_pool *pool) except -1:
    cdef zb_arena *arena = pool.arenas.first
    cdef Py_ssize_t busy = 0, idle = 0, count = 0, pages = 0
    cdef int k
    while arena != NULL:
        assert arena.next == NULL or arena.base < arena.next.base
        check_pages(arena)
        busy += arena.busy
        idle += arena.idle
        count += 1
        arena = arena.next
    for k in range(CLASSES):
        pages += pool.bins[k].spans * pool.bins[k].pages
    assert busy == pages and idle == pool.arenas.idle and count == pool.arenas.count
    return 0
