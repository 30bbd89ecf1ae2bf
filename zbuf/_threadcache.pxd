# Thread cache: blocks at rest that a thread keeps for itself. Only without the GIL.
#
#   thread -- zb_cache per thread --> stack of blocks per size class
#                 |
#             the pool that they are of, and what it has not been told yet
#
# A pool has one lock for all threads; a cache has a lock that nearly always its
# own thread takes alone. Who wants to see all of a pool takes the locks of all
# caches and empties them. Order of locks: the pools', then those of caches.

from zbuf._block cimport zb_block
from zbuf._native cimport zb_mutex
from zbuf._sizeclass cimport CLASSES

cdef enum:
    CLOCK_EVERY = 4096     # gives between two looks at the clock

cdef struct zb_cache:
    # Invariants, while nobody has the lock:
    #   (1) rest is the sum of the sizes of its blocks, <= MOST_BYTES
    #   (2) every block in it is one of `pool`, without references; with no pool
    #       there is none, and nothing to tell
    zb_mutex mutex
    void *pool                     # the zb_pool that it is for now, or NULL
    Py_ssize_t rest                # bytes
    Py_ssize_t requested           # bytes: asked for by takes here, less those given back here
    int unseen                     # gives since the last that the pool was asked to see
    zb_block *stacks[CLASSES]
    int counts[CLASSES]            # how many rest
    Py_ssize_t takes[CLASSES]
    Py_ssize_t gives[CLASSES]
    zb_cache *next                 # in a list of all, under the pools' lock
    zb_cache *prev

cdef zb_cache *caches              # all there are

# A block of that class for n bytes, with one reference; NULL if this thread has none.
cdef zb_block *cache_take(void *pool, int size_class, Py_ssize_t n) noexcept
# Whether this thread keeps the block, which has no references any more.
cdef bint cache_give(void *pool, zb_block *block) noexcept
# This thread's own, or NULL.
cdef zb_cache *cache_own() noexcept
# Makes this thread one of its own, in the list; NULL if there is no memory.
# REQUIRES: the pools' lock, and that it has none.
cdef zb_cache *cache_open() noexcept
# Takes it out of the list, and frees it. REQUIRES: the pools' lock; it is empty.
cdef void cache_free(zb_cache *cache) noexcept
# What to do with the cache of a thread that ends.
cdef void cache_at_exit(void (*ended)(zb_cache *cache) noexcept) noexcept
