# TransportOut: what goes out through a transport that encrypts, or has no socket.

from zbuf.aio._out cimport Out


cdef class TransportOut(Out):
    # Hands pieces that fill records to a transport, as fast as it takes them.
    # Files are read: what the page cache has at once, the rest in a thread.
    cdef object _queue      # a RecordQueue
    cdef bint _paused       # the transport has enough,
    cdef bint _stalled      # and bytes wait here for it
    cdef bint _reading      # a thread reads what comes next

    cdef int _hand_over(self) except -1
    cdef int _pass_on(self, object piece) except -1
    cdef int _fetch(self) except -1
