"""What a pool holds, for people to look at."""

from zbuf._arena cimport ARENA, PAGE, PAGES, resident_bytes, zb_arena
from zbuf._block cimport zb_block
from zbuf._pool cimport pool_live, zb_bin, zb_large, zb_pool, zb_span
from zbuf._sizeclass cimport CLASSES


cdef object stats_of(zb_pool *pool):
    cdef Py_ssize_t granted = 0, active = 0, cached = 0
    cdef Py_ssize_t large = large_bytes(pool.large)
    cdef Py_ssize_t kept = large_bytes(pool.large_kept)
    cdef Py_ssize_t hits = pool.large_hits, misses = pool.large_misses
    cdef zb_bin *bin
    cdef int k
    # Here, not above: it brings typing, 12 ms that most programs need not spend.
    from zbuf.stats import ClassStats, PoolStats
    rows = []
    for k in range(CLASSES):
        bin = &pool.bins[k]
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
        requested=pool.requested,
        granted=granted + large,
        active=active + large + kept,
        committed=pool.arenas.count * ARENA + large + kept,
        resident=resident_of(pool),
        cached=cached + kept,
        live_blocks=pool_live(pool),
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
    # What malloc granted is not in pages of our own: it counts as it is.
    cdef Py_ssize_t n = 0
    while large != NULL:
        n += resident_bytes(large.block.data, large.block.size) if large.block.size % PAGE == 0 else large.block.size
        large = large.next
    return n


cdef list live_of(zb_pool *pool):
    cdef list found = []
    cdef zb_large *large = pool.large
    cdef zb_span *span
    cdef int k, i
    from zbuf.stats import LiveBlock
    while large != NULL:
        found.append(record(&large.block))
        large = large.next
    for k in range(CLASSES):
        span = pool.bins[k].all
        while span != NULL:
            for i in range(pool.bins[k].count):
                if span.blocks[i].refs > 0:
                    found.append(record(&span.blocks[i]))
            span = span.next
    return [LiveBlock(*each) for each in found]


cdef tuple record(zb_block *block):
    return (block.asked, block.size, block.refs)


cdef int check_pool(zb_pool *pool) except -1:
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
    assert requested == pool.requested and live == pool_live(pool), (requested, pool.requested, live, pool_live(pool))
    kept = rest + large_bytes(pool.large_kept) + pool.arenas.idle * PAGE
    assert kept == pool.kept, (kept, pool.kept)
    assert pool.closed or pool.kept <= pool.max_cached, (pool.kept, pool.max_cached)
    check_arenas(pool)
    return 0


cdef int check_bin(zb_bin *bin, Py_ssize_t *requested) except -1:
    cdef Py_ssize_t live = 0, rest = 0, frees = 0, spans = 0
    cdef zb_span *span = bin.all
    cdef zb_block *block = bin.stack
    cdef int i
    while span != NULL:
        assert 0 <= span.frees < bin.count
        for i in range(bin.count):
            if span.blocks[i].refs > 0:
                live += 1
                requested[0] += span.blocks[i].asked
                assert span.blocks[i].asked <= bin.size
        frees += span.frees
        spans += 1
        span = span.next
    while block != NULL:
        assert block.refs == 0
        rest += 1
        block = block.next
    assert (live, rest, spans) == (bin.takes - bin.gives, bin.cached, bin.spans)
    assert live + rest + frees == spans * bin.count
    return 0


cdef int check_arenas(zb_pool *pool) except -1:
    cdef zb_arena *arena = pool.arenas.first
    cdef Py_ssize_t busy = 0, idle = 0, count = 0, pages = 0
    cdef int k
    while arena != NULL:
        assert arena.next == NULL or arena.base < arena.next.base
        assert arena.busy + arena.idle <= PAGES
        busy += arena.busy
        idle += arena.idle
        count += 1
        arena = arena.next
    for k in range(CLASSES):
        pages += pool.bins[k].spans * pool.bins[k].pages
    assert (busy, idle, count) == (pages, pool.arenas.idle, pool.arenas.count)
    return 0
