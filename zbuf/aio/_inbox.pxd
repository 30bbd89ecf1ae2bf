# Inbox: what has come over a connection and waits to be read.

from zbuf._buf cimport ByteBuf
from zbuf.aio._link cimport Link


cdef class Inbox(Link):
    # Invariants, true whenever none of this object's methods is running:
    #   (1) _in is None or has bytes to read, and nobody else has a handle of it
    #   (2) while someone waits, fewer than _wanted bytes are there, more may
    #       come, and the peer is not held back
    #   (3) what the decoder has and has not given comes before _in
    cdef ByteBuf _in            # a composite if more than one receive waits
    cdef Py_ssize_t _limit      # bytes that may wait before the peer is held back
    cdef Py_ssize_t _wanted     # bytes that the reader waits for
    cdef object _waiter         # its future, or None
    cdef bint _ended            # nothing more will come
    cdef bint _held             # the peer is held back
    cdef bint _deaf             # nobody reads any more: what comes is dropped
    cdef object _decoder        # whose frames were read last, or None
    cdef object _frames         # a deque: decoded and not read
    cdef object _flaw           # what the decoder found behind them, or None
    cdef bint _again            # it has not looked at all that it has
    cdef bint _finished         # it was told of the end

    cdef Py_ssize_t _have(self) noexcept
    cdef bint _waiting(self) except -1
    cdef int _wake(self) except -1
    cdef int _let_come(self) except -1
    cdef object _more(self, Py_ssize_t size)
    cdef ByteBuf _cut(self, Py_ssize_t n)
    cdef int _bytes_are_next(self) except -1
    cdef int _decode(self, object step, object data) except -1
