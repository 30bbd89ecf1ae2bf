"""Thread cache: blocks at rest that a thread keeps for itself."""

from libc.stdlib cimport free

from zbuf._memory cimport zb_calloc
from zbuf._native cimport zb_lock, zb_poison, zb_unlock, zb_unpoison

cdef extern from *:
    """
    /* What this thread has, and what is called with it when the thread ends:
     * without an interpreter, perhaps after its end. */
    #ifdef Py_GIL_DISABLED
    static __thread void *zb_own;
    static pthread_key_t zb_key;
    static void (*zb_ended)(void *);
    static void zb_end(void *own) { zb_own = NULL; zb_ended(own); }
    static void *zb_get_own(void) { return zb_own; }
    static void zb_set_own(void *own) { zb_own = own; pthread_setspecific(zb_key, own); }
    static void zb_at_exit(void (*ended)(void *)) { zb_ended = ended; pthread_key_create(&zb_key, zb_end); }
    #else
    static void *zb_get_own(void) { return NULL; }
    static void zb_set_own(void *own) { (void)own; }
    static void zb_at_exit(void (*ended)(void *)) { (void)ended; }
    #endif
    """
    void *zb_get_own() noexcept
    void zb_set_own(void *own) noexcept
    void zb_at_exit(void (*ended)(void *) noexcept) noexcept

cdef enum:
    MOST_BYTES = 256 << 10    # of a cache
    MOST = 32                 # blocks of a class


cdef zb_block *cache_take(void *pool, int size_class, Py_ssize_t n) noexcept:
    cdef zb_cache *cache = cache_own()
    cdef zb_block *block = NULL
    if cache == NULL:
        return NULL
    zb_lock(&cache.mutex)
    if cache.pool == pool:
        block = cache.stacks[size_class]
        if block != NULL:
            cache.stacks[size_class] = block.next
            cache.counts[size_class] -= 1
            cache.takes[size_class] += 1
            cache.rest -= block.size
            cache.requested += n
            block.asked = n
            block.refs = 1
            zb_unpoison(block.data, block.size)
    zb_unlock(&cache.mutex)
    return block


cdef bint cache_give(void *pool, zb_block *block) noexcept:
    cdef zb_cache *cache = cache_own()
    cdef int k = block.size_class
    cdef bint kept
    if cache == NULL:
        return False
    zb_lock(&cache.mutex)
    cache.unseen = (cache.unseen + 1) % CLOCK_EVERY
    kept = cache.unseen != 0 and cache.pool == pool and cache.counts[k] < MOST and cache.rest + block.size <= MOST_BYTES
    if kept:
        zb_poison(block.data, block.size)
        block.next = cache.stacks[k]
        cache.stacks[k] = block
        cache.counts[k] += 1
        cache.gives[k] += 1
        cache.rest += block.size
        cache.requested -= block.asked
    zb_unlock(&cache.mutex)
    return kept


cdef zb_cache *cache_own() noexcept:
    return <zb_cache *>zb_get_own()


cdef zb_cache *cache_open() noexcept:
    global caches
    cdef zb_cache *cache = <zb_cache *>zb_calloc(1, sizeof(zb_cache))
    if cache == NULL:
        return NULL
    cache.next = caches
    if caches != NULL:
        caches.prev = cache
    caches = cache
    zb_set_own(cache)
    return cache


cdef void cache_free(zb_cache *cache) noexcept:
    global caches
    if cache.next != NULL:
        cache.next.prev = cache.prev
    if cache.prev != NULL:
        cache.prev.next = cache.next
    else:
        caches = cache.next
    free(cache)


cdef void cache_at_exit(void (*ended)(zb_cache *cache) noexcept) noexcept:
    zb_at_exit(<void (*)(void *) noexcept>ended)
