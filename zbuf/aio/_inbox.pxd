# Inbox: an Intake of a connection of asyncio, and who waits for it.

from zbuf._intake cimport Intake
from zbuf.aio._link cimport Link


cdef class Inbox(Link):
    # Invariant, true whenever none of this object's methods is running: while
    # someone waits, fewer than _wanted bytes are there, more may come, and the
    # peer is not held back.
    cdef Intake _came
    cdef Py_ssize_t _limit      # bytes that may wait before the peer is held back
    cdef Py_ssize_t _wanted     # bytes that the reader waits for
    cdef object _waiter         # its future, or None
    cdef bint _held             # the peer is held back
    cdef bint _deaf             # nobody reads any more: what comes is dropped

    cdef bint _waiting(self) except -1
    cdef int _wake(self) except -1
    cdef int _let_come(self) except -1
    cdef object _more(self, Py_ssize_t size)
