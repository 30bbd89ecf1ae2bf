# The C helpers of _native.h. Nothing that __init__.pxd leads to may cimport
# this: a stranger who cimports zbuf compiles no header of ours and needs no
# include path.

from cpython.object cimport PyObject, PyTypeObject

cdef extern from "_native.h" nogil:
    void zb_add(Py_ssize_t *count, Py_ssize_t n)
    Py_ssize_t zb_sub(Py_ssize_t *count, Py_ssize_t n)
    Py_ssize_t zb_count(Py_ssize_t *count)
    void zb_add_int(int *count, int n)
    int zb_count_int(int *count)
    void *zb_load(void *place)
    void zb_store(void *place, void *p)
    bint ZB_FREE_THREADED
    bint ZB_SANITIZED
    void zb_poison(void *p, size_t n)
    void zb_unpoison(void *p, size_t n)
    ctypedef struct zb_mutex:
        pass
    void zb_lock(zb_mutex *m)
    void zb_unlock(zb_mutex *m)

cdef extern from "_native.h":
    int zb_at_fork(void (*before)() noexcept, void (*parent)() noexcept, void (*child)() noexcept) except -1
    bint zb_small_int(object value, long long *out)
    int zb_own_methods(object cls, object base) except -1
    bint zb_small_slice(object key, Py_ssize_t *start, Py_ssize_t *stop)

    int ZB_RESTING
    ctypedef struct zb_nursery:
        zb_nursery *next
        int most
    void zb_empty(zb_nursery *nursery) noexcept
    ctypedef object (*allocfunc)(PyTypeObject *type, Py_ssize_t items)
    ctypedef object (*newfunc)(PyTypeObject *type, PyObject *args, PyObject *kwargs)
    object zb_wake(zb_nursery *nursery, PyTypeObject *type, newfunc make, object no_args)
    void zb_rest(zb_nursery *nursery, PyObject *handle, PyTypeObject *type) noexcept
    void zb_wake_dead(PyObject *handle) noexcept
    ctypedef struct zb_type "PyTypeObject":
        allocfunc tp_alloc
        newfunc tp_new
        void (*tp_dealloc)(PyObject *o) noexcept
        object (*tp_call)(PyObject *cls, PyObject *args, PyObject *kwargs)
        object (*tp_vectorcall)(PyObject *cls, PyObject *const *args, size_t nargsf, PyObject *names)
    zb_type PyType_Type
    ctypedef struct PyTupleObject:
        PyObject **ob_item
    Py_ssize_t PyVectorcall_NARGS(size_t nargsf)
