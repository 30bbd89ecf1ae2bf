"""Arenas: 2 MiB of mapped memory, given out in runs of pages."""

from libc.stdint cimport uint64_t, uintptr_t
from libc.stdlib cimport free
from posix.mman cimport munmap

from zbuf._memory cimport zb_calloc, zb_mmap
from zbuf._native cimport zb_unpoison

cdef extern from "<sys/mman.h>" nogil:
    int MADV_DONTNEED
    int madvise(void *p, size_t n, int advice)
    int mincore(void *p, size_t n, unsigned char *present)

cdef extern from *:
    int __builtin_clzll(unsigned long long v)
    int __builtin_ctzll(unsigned long long v)


cdef unsigned char *arenas_take(zb_arenas *arenas, int n, zb_arena **home) noexcept:
    cdef zb_arena *arena = arenas.first
    cdef int page = -1
    while arena != NULL:
        if arena.longest >= n:
            page = find_run(arena.used, n)
            if page >= 0:
                break
            arena.longest = n - 1
        arena = arena.next
    if arena == NULL:
        arena = add_arena(arenas)
        page = 0
        if arena == NULL:
            return NULL
    mark(arena.used, page, n, True)
    arena.busy += n
    reuse(arenas, arena, page, n)
    home[0] = arena
    return arena.base + <Py_ssize_t>page * PAGE


cdef void arenas_give(zb_arenas *arenas, zb_arena *home, unsigned char *run, int n) noexcept:
    cdef int page = <int>((run - home.base) // PAGE)
    mark(home.used, page, n, False)
    mark(home.dirty, page, n, True)
    home.busy -= n
    home.longest = max(home.longest, free_around(home.used, page))
    home.idle += n
    arenas.idle += n


cdef void arenas_purge(zb_arenas *arenas, Py_ssize_t n) noexcept:
    # The list is short and purging rare: a pass for each arena, from the last.
    cdef zb_arena *stop = NULL
    cdef zb_arena *arena
    while n > 0 and arenas.idle > 0:
        arena = arenas.first
        while arena.next != stop:
            arena = arena.next
        n -= purge_arena(arenas, arena, n)
        stop = arena


cdef Py_ssize_t purge_arena(zb_arenas *arenas, zb_arena *arena, Py_ssize_t most) noexcept:
    cdef int purged = 0
    cdef int stop
    cdef int page = run_end(arena.dirty, 0, PAGES, 0)
    while page < PAGES and purged < most:
        stop = run_end(arena.dirty, page, <int>min(<Py_ssize_t>PAGES, page + most - purged), ~<uint64_t>0)
        madvise(arena.base + <Py_ssize_t>page * PAGE, <size_t>(stop - page) * PAGE, MADV_DONTNEED)
        mark(arena.dirty, page, stop - page, False)
        purged += stop - page
        page = run_end(arena.dirty, stop, PAGES, 0)
    arena.idle -= purged
    arenas.idle -= purged
    return purged


cdef void arenas_unmap(zb_arenas *arenas, Py_ssize_t keep) noexcept:
    cdef zb_arena **link = &arenas.first
    cdef zb_arena *arena
    while link[0] != NULL:
        arena = link[0]
        if arena.busy or arena.idle:
            link = &arena.next
        elif keep > 0:
            keep -= 1
            link = &arena.next
        else:
            link[0] = arena.next
            arenas.count -= 1
            unmap_pages(arena.base, ARENA)
            free(arena)


cdef zb_arena *add_arena(zb_arenas *arenas) noexcept:
    cdef zb_arena **link = &arenas.first
    cdef zb_arena *arena = <zb_arena *>zb_calloc(1, sizeof(zb_arena))
    if arena == NULL:
        return NULL
    arena.base = map_pages(ARENA, ARENA)
    if arena.base == NULL:
        free(arena)
        return NULL
    while link[0] != NULL and link[0].base < arena.base:
        link = &link[0].next
    arena.longest = PAGES
    arena.next = link[0]
    link[0] = arena
    arenas.count += 1
    return arena


cdef int find_run(const uint64_t *used, int n) noexcept:
    # The first of n pages in a row whose bits are clear; -1 if there are none.
    # All pages at once: bit i of `room` says that `have` are free from i on.
    cdef uint64_t room[WORDS]
    cdef int have = 1
    cdef int k, step
    for k in range(WORDS):
        room[k] = ~used[k]
    while have < n:
        step = min(have, n - have)
        and_later(room, step)
        have += step
    k = run_end(room, 0, PAGES, 0)
    return k if k < PAGES else -1


cdef void and_later(uint64_t *bits, int n) noexcept:
    # Leaves those bits set whose n-th next is set too. REQUIRES: 0 < n < PAGES.
    cdef int words = n >> 6
    cdef int k
    for k in range(WORDS - words):
        bits[k] &= bits[k + words] >> (n & 63) | (
            bits[k + words + 1] << (64 - (n & 63)) if n & 63 and k + words + 1 < WORDS else 0)
    for k in range(WORDS - words, WORDS):
        bits[k] = 0


cdef int free_around(const uint64_t *used, int page) noexcept:
    # How many free pages lie in a row with this one.
    cdef int stop = run_end(used, page, PAGES, 0)
    cdef uint64_t before = used[page >> 6] << (63 - (page & 63))
    cdef int start = page
    while before == 0:
        start = (start & ~63) - 1
        if start < 0:
            return stop
        before = used[start >> 6]
    return stop - (start - __builtin_clzll(before)) - 1


cdef int run_end(const uint64_t *bits, int i, int stop, uint64_t flip) noexcept:
    # The first set bit (clear bit, where flip is all ones) of [i, stop), or stop.
    cdef uint64_t word
    while i < stop:
        word = (bits[i >> 6] ^ flip) >> (i & 63)
        if word:
            return min(i + __builtin_ctzll(word), stop)
        i += 64 - (i & 63)
    return stop


cdef void mark(uint64_t *bits, int i, int n, bint value) noexcept:
    cdef int here
    cdef uint64_t mask
    while n > 0:
        here = min(64 - (i & 63), n)
        mask = (~<uint64_t>0 >> (64 - here)) << (i & 63)
        if value:
            bits[i >> 6] |= mask
        else:
            bits[i >> 6] &= ~mask
        i += here
        n -= here


cdef void reuse(zb_arenas *arenas, zb_arena *arena, int page, int n) noexcept:
    # What was idle is in use again.
    cdef int found = 0
    cdef int stop = page + n
    while page < stop:
        page = run_end(arena.dirty, page, stop, 0)
        n = run_end(arena.dirty, page, stop, ~<uint64_t>0) - page
        mark(arena.dirty, page, n, False)
        found += n
        page += n
    arena.idle -= found
    arenas.idle -= found


cdef Py_ssize_t resident_bytes(unsigned char *p, Py_ssize_t n) noexcept:
    cdef unsigned char present[PAGES]
    cdef Py_ssize_t pages, k
    cdef Py_ssize_t found = 0
    while n > 0:
        pages = min(n // PAGE, <Py_ssize_t>PAGES)
        if mincore(p, pages * PAGE, present) == 0:
            for k in range(pages):
                found += present[k] & 1
        p += pages * PAGE
        n -= pages * PAGE
    return found * PAGE


cdef unsigned char *map_pages(Py_ssize_t n, Py_ssize_t align) noexcept:
    # Maps as much more as alignment may need, and unmaps what was too much.
    cdef Py_ssize_t extra = align - PAGE
    cdef unsigned char *p
    cdef Py_ssize_t before
    p = <unsigned char *>zb_mmap(n + extra)
    if p == NULL:
        return NULL
    before = -<Py_ssize_t>(<uintptr_t>p) & (align - 1)
    if before:
        munmap(p, before)
    if extra > before:
        munmap(p + before + n, extra - before)
    return p + before


cdef void unmap_pages(unsigned char *p, Py_ssize_t n) noexcept:
    zb_unpoison(p, n)    # these addresses may be someone else's next
    munmap(p, n)
