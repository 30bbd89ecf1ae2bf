# Arenas: 2 MiB of mapped memory, given out in runs of pages.

from libc.stdint cimport uint64_t

cdef enum:
    PAGE = 4096
    PAGES = 512                # of an arena
    WORDS = PAGES >> 6         # not // 64: who cimports this without cdivision could not compile it
    ARENA = PAGES * PAGE       # bytes

cdef struct zb_arena:
    # Invariants: no bit is set in both maps; idle counts the bits of `dirty`,
    # busy those of `used`; no free run is longer than `longest`.
    zb_arena *next             # the arena at the next higher address
    unsigned char *base        # its first byte, a multiple of ARENA
    uint64_t used[WORDS]       # a bit per page: it belongs to a run
    uint64_t dirty[WORDS]      # a bit per page: free, but still in memory
    int busy
    int idle
    int longest                # pages

cdef struct zb_arenas:
    zb_arena *first            # by address
    Py_ssize_t count
    Py_ssize_t idle            # pages, over all of them

# n free pages at the lowest address there is, of a new arena if need be; *home
# is theirs. NULL if the system has no memory. REQUIRES: 1 <= n <= PAGES.
cdef unsigned char *arenas_take(zb_arenas *arenas, int n, zb_arena **home) noexcept
# Takes a run back; its pages stay in memory until they are purged.
cdef void arenas_give(zb_arenas *arenas, zb_arena *home, unsigned char *run, int n) noexcept
# Returns up to n idle pages to the system, those at high addresses first.
cdef void arenas_purge(zb_arenas *arenas, Py_ssize_t n) noexcept
# Unmaps the arenas that are wholly free and not idle, but for `keep` of them.
cdef void arenas_unmap(zb_arenas *arenas, Py_ssize_t keep) noexcept
# Bytes of the n at p that are in memory now; p is a multiple of PAGE. mincore(2).
cdef Py_ssize_t resident_bytes(unsigned char *p, Py_ssize_t n) noexcept
# Fresh zeroed memory of whole pages, aligned to `align`; NULL if there is none.
cdef unsigned char *map_pages(Py_ssize_t n, Py_ssize_t align) noexcept
cdef void unmap_pages(unsigned char *p, Py_ssize_t n) noexcept
