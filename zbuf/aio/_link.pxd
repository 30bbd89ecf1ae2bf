# Link: what a loop calls of a connection, between a Room and a way Out.

from zbuf._room cimport Room
from zbuf.aio._out cimport Out


cdef class Link:
    # What derives from it has connected(), received(), ended(), lost() and close().
    cdef readonly object transport  # None before there is a connection
    cdef readonly object _closed    # a future for its end; None before
    cdef Out _out                   # None before
    cdef Room _room                 # None before and afterwards

    # Both raise when there is none.
    cdef Out _way(self)
    cdef Room _place(self)
