"""The gate of all memory that zbuf takes from outside, which tests can make fail."""

from cpython.object cimport PyTypeObject

from zbuf._native cimport ZB_RESTING, allocfunc, zb_add, zb_empty, zb_nursery, zb_sub, zb_type

cdef extern from *:
    object PyType_GenericAlloc(PyTypeObject *type, Py_ssize_t items)

cdef Py_ssize_t armed = 0
cdef Py_ssize_t left = 0       # to be asked for until the first that fails, which makes it 0
cdef Py_ssize_t failing = 0    # how many fail, one after the other
cdef zb_nursery *nurseries = NULL


cdef bint due() noexcept:
    return -failing < zb_sub(&left, 1) <= 0


cdef object new_object(PyTypeObject *type, Py_ssize_t items):
    # tp_alloc.
    if fails():
        raise MemoryError(f"no memory for a new {(<object>type).__name__}")
    return PyType_GenericAlloc(type, items)


cdef void count_objects(object cls) noexcept:
    (<zb_type *>cls).tp_alloc = new_object


cdef void open_nursery(zb_nursery *nursery) noexcept:
    global nurseries
    nursery.next, nurseries = nurseries, nursery
    nursery.most = ZB_RESTING


def _fail_after(Py_ssize_t n, Py_ssize_t times):
    """Let the n-th piece of memory that is asked for fail, and `times` in all."""
    global left, failing
    if armed:
        raise RuntimeError(f"memory is made to fail already, {failing} times from the next {left} on")
    cdef zb_nursery *nursery = nurseries
    while nursery != NULL:
        zb_empty(nursery)
        nursery = nursery.next
    left, failing = n, times
    zb_add(&armed, 1)


def _fail_no_more():
    """Let memory be had again; how many failed."""
    cdef zb_nursery *nursery = nurseries
    zb_sub(&armed, 1)
    while nursery != NULL:
        nursery.most = ZB_RESTING
        nursery = nursery.next
    return _failed()


def _failed():
    """Count those that failed since the last _fail_after."""
    return min(max(1 - left, 0), failing)
