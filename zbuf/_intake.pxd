# Intake: what has come over a connection and waits to be read, as bytes or as frames.

cimport cython

from zbuf._buf cimport ByteBuf


@cython.final
cdef class Intake:
    # Knows nothing of loops: who reads asks it, and waits where it says so.
    #
    # Invariants, true whenever none of this object's methods is running:
    #   (1) _in is None or has bytes to read, and nobody else has a handle of it
    #   (2) what the decoder has and has not given comes before _in
    cdef ByteBuf _in            # a composite if more than one receive waits
    cdef bint ended             # nothing more will come
    cdef object _error          # why, or None: all has come
    cdef object _decoder        # whose frames were read last, or None
    cdef object _frames         # a deque: decoded and not read
    cdef object _flaw           # what the decoder found behind them, or None
    cdef bint _again            # it has not looked at all that it has
    cdef bint _finished         # it was told of the end

    cdef Py_ssize_t have(self) noexcept
    # In. `wanted`: how many bytes a reader waits for, 0 if none does. If put()
    # raises, its bytes are lost, and so that is the end: nothing follows a gap.
    cpdef int put(self, ByteBuf buf, Py_ssize_t wanted) except -1
    cdef int _join(self, ByteBuf buf) except -1
    cpdef int end(self, object error) except -1
    cpdef int drop(self) except -1
    # Out, as bytes: REQUIRES bytes_are_next(), and for cut() that n are there.
    cpdef int bytes_are_next(self) except -1
    cpdef ByteBuf take(self, object size)
    cpdef ByteBuf cut(self, Py_ssize_t n)
    # Out, as frames. False: it takes more bytes to tell.
    cpdef bint decode(self, object decoder) except -1
    cpdef object next_frame(self)
    cpdef list all_frames(self)
    cdef int _step(self, object step, object data) except -1
