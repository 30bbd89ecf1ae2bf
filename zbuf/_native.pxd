# The C helpers of _native.h. Only .pyx files cimport this: a stranger who
# cimports zbuf compiles no header of ours and needs no include path.

cdef extern from "_native.h" nogil:
    void zb_add(Py_ssize_t *count, Py_ssize_t n)
    Py_ssize_t zb_sub(Py_ssize_t *count, Py_ssize_t n)
    Py_ssize_t zb_count(Py_ssize_t *count)

cdef extern from "_native.h":
    bint zb_small_int(object value, long long *out)
    bint zb_plain_slice(object key, Py_ssize_t *start, Py_ssize_t *stop)
    int zb_own_methods(object cls, object base) except -1
