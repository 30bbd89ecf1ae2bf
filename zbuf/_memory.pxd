# All memory that zbuf takes from outside comes through here, so that any of it
# can be made to fail: zbuf.testing.fail_after. Otherwise it costs one look.

from cpython.object cimport PyTypeObject
from libc.stdlib cimport calloc, malloc, realloc
from posix.mman cimport MAP_ANONYMOUS, MAP_FAILED, MAP_PRIVATE, PROT_READ, PROT_WRITE, mmap

from zbuf._native cimport zb_count, zb_nursery

cdef extern from "<stdlib.h>":
    int posix_memalign(void **p, size_t align, size_t n)

cdef Py_ssize_t armed    # 1 while some of it is to fail

# One more was asked for: is it to fail?
cdef bint due() noexcept


cdef inline bint fails() noexcept:
    return zb_count(&armed) and due()


# As the functions that they are named after; NULL if there is no memory.

cdef inline void *zb_malloc(size_t n) noexcept:
    return NULL if fails() else malloc(n)


cdef inline void *zb_calloc(size_t count, size_t n) noexcept:
    return NULL if fails() else calloc(count, n)


cdef inline void *zb_realloc(void *p, size_t n) noexcept:
    return NULL if fails() else realloc(p, n)


cdef inline void *zb_memalign(size_t align, size_t n) noexcept:
    cdef void *p = NULL
    return NULL if fails() or posix_memalign(&p, align, n) != 0 else p


cdef inline void *zb_mmap(size_t n) noexcept:
    # Private pages of zeros.
    cdef void *p
    if fails():
        return NULL
    p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    return NULL if p == MAP_FAILED else p


# Lets new objects of a type count as memory asked for. A type that is made of
# this one in C does so too, one made in Python does not.
cdef void count_objects(object cls) noexcept
# Opens a new nursery. None rest in it while memory is to fail: else the same
# call would take memory at one time and none at another.
cdef void open_nursery(zb_nursery *nursery) noexcept
