# Without the GIL, an object is one thread's while one of its methods runs. Every
# module calls `guard` once, at its end; with the GIL, all of it is nothing.

from cpython.object cimport PyObject

ctypedef PyObject *(*zb_inner)(PyObject *object) noexcept

# Guards all that a module defines, whose globals these are: the classes by their
# objects, and classes and functions alike by the buffers and regions that they
# are given, two at the most. Classes in `shared` need no guard themselves: they
# never change, or have a lock of their own.
cdef int guard(dict names, tuple shared=*) except -1
# Guards a class together with an object that its instances keep for good,
# a buffer, which `inner` finds. To be called before `guard`.
cdef int guard_with(object cls, zb_inner inner) except -1
# Guards what is of this class when it is given to others: for two classes.
cdef void guard_argument(object cls) noexcept
