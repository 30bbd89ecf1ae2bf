# ZeroCopySender: sends that the kernel makes straight from a buffer's memory.

cimport cython
from libc.stdint cimport int64_t, uint32_t

from zbuf._buf cimport ByteBuf


@cython.final
cdef class Call:
    # One sendmsg with MSG_ZEROCOPY whose end the kernel has not told.
    cdef ByteBuf part          # a handle of our own on what was sent, and perhaps more
    cdef Py_ssize_t size       # bytes that were sent


@cython.final
cdef class ZeroCopySender:
    # Invariants:
    #   (1) _calls has the calls whose end the kernel has not told, by their
    #       number; _pending is the sum of their sizes
    #   (2) _next is the number the kernel gives the next of them: it counts
    #       those that succeed, from 0, in 32 bits
    #   (3) _calls is in under_way while it has some: they outlive this object
    cdef object _sock           # None once closed
    cdef dict _calls
    cdef long long _number      # of this sender, in under_way
    cdef uint32_t _next
    cdef Py_ssize_t _least      # bytes; shorter sends are plain ones
    cdef int64_t _sent          # bytes in all,
    cdef Py_ssize_t _pending    # of them held still,
    cdef int64_t _uncopied      # told to have gone as they lay,
    cdef int64_t _copied        # and told to have been copied after all
    cdef bint _active           # large sends still try
    cdef bint _sending

    cdef int _live(self) except -1
    cdef Py_ssize_t _send_all(self, ByteBuf part) except -1
    cdef Py_ssize_t _send_some(self, int fd, ByteBuf part, Py_ssize_t done) except *
    cdef Py_ssize_t _send_held(self, int fd, ByteBuf part, Py_ssize_t done) except *
    cdef bint _collect(self) except -1
    cdef int _end_calls(self, uint32_t first, uint32_t last, bint copied) except -1
    cdef void _account(self, Py_ssize_t n, bint copied) noexcept
    cdef int _settle(self) except -1
