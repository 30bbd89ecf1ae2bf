# FramePrepender: a length in front of each message.

from zbuf._buf cimport ByteBuf

cdef enum:
    LONGEST_HEAD = 10    # bytes of the longest length


cdef class FramePrepender:
    # Writes what goes before a message of n bytes to `header`, which has room
    # for LONGEST_HEAD; how many bytes. Raises for a length that cannot be said.
    cdef Py_ssize_t _head(self, Py_ssize_t n, unsigned char *header) except -1
    cdef int _put_small(self, bytes message, ByteBuf target) except -1
    cdef int _put(self, ByteBuf message, ByteBuf target) except -1
