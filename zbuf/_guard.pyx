"""Guards: without the GIL, an object is one thread's while one of its methods runs."""

from cpython.object cimport PyObject

from zbuf._native cimport ZB_FREE_THREADED

cdef extern from "_guard.h":
    void zb_guarded_argument(object cls)
    int zb_guard_class(object cls, bint shared, zb_inner inner) except -1
    int zb_guard_function(object function) except -1
    bint zb_has_guard(object member)


cdef int guard(dict names, tuple shared=()) except -1:
    if not ZB_FREE_THREADED:
        return 0
    for value in list(names.values()):
        if getattr(value, "__module__", None) != names["__name__"]:
            continue
        if isinstance(value, type):
            if not value.__flags__ & HEAP:
                zb_guard_class(value, value in shared, NULL)
        elif isinstance(value, BUILTIN):
            zb_guard_function(value)
    return 0


cdef int guard_with(object cls, zb_inner inner) except -1:
    return zb_guard_class(cls, False, inner)


cdef void guard_argument(object cls) noexcept:
    zb_guarded_argument(cls)


def _unguarded(cls):
    """List what of a class is called as it is, but for what makes an object; for tests."""
    cdef list found = []
    for name, member in vars(cls).items():
        if name != "__init__" and not zb_has_guard(member):
            found.append(name)
    return found


cdef long HEAP = 1 << 9    # Py_TPFLAGS_HEAPTYPE: a class that Python code made
cdef object BUILTIN = type(len)
