"""The trap of ZBUF_DEBUG=1: two threads inside methods of one buffer at once."""

from cpython.object cimport PyObject

from threading import current_thread

from zbuf.errors import ConcurrentUseError

cdef extern from "sched.h" nogil:
    int sched_yield()

cdef extern from *:
    ctypedef struct zb_class "PyTypeObject":
        PyObject *tp_dict
    void PyType_Modified(object cls) noexcept

# Who is inside of which buffer: a thread and the name of a method, by id.
cdef dict inside = {}


def watch(*classes):
    """Put the trap before every public method of the classes."""
    for cls in classes:
        names = <dict>(<zb_class *>cls).tp_dict
        for name, method in list(names.items()):
            if callable(method) and not name.startswith("_"):
                names[name] = Trap(method)
        PyType_Modified(cls)


cdef class Trap:
    # What a class has in the place of a method; who asks the class gets the method.
    cdef object _method

    def __cinit__(self, method):
        self._method = method

    def __get__(self, buf, cls):
        return self._method if buf is None else Call(self._method, buf)


cdef class Call:
    # A bound method that marks its buffer as long as it runs.
    cdef object _method
    cdef object _buf

    def __cinit__(self, method, buf):
        self._method = method
        self._buf = buf

    def __getattr__(self, name):
        return getattr(self._method, name)

    def __call__(self, *args, **named):
        me = (current_thread(), self._method.__name__)
        other = inside.setdefault(id(self._buf), me)
        if other is me:
            return self._alone(args, named)
        if other[0] is not me[0]:
            raise ConcurrentUseError(type(self._buf).__name__, *(thread.name for thread, _ in (me, other)), me[1], other[1])
        return self._method(self._buf, *args, **named)

    cdef object _alone(self, tuple args, dict named):
        # With the lock dropped for a moment: who is about to use the buffer as well does so now.
        try:
            with nogil:
                sched_yield()
            return self._method(self._buf, *args, **named)
        finally:
            del inside[id(self._buf)]
