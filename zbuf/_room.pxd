# Room: the memory that the connections of one loop receive into.

from zbuf._buf cimport ByteBuf


cdef class Room:
    # A loop asks a connection for memory, fills it and says so before it turns
    # to another one. So one block serves all connections of a loop: an idle one
    # holds nothing, and what is kept of many small receives lies close together.
    #
    # Invariants:
    #   (1) nothing of _buf is readable: what was received belongs to others,
    #       and lies before its writer
    #   (2) while nobody keeps anything of a block, there is none
    cdef object __weakref__
    cdef object _loop           # alive as long as this is found by its id
    cdef ByteBuf _buf           # or None
    cdef Py_ssize_t _bare       # references to the block when nobody keeps anything of it

    cdef ByteBuf _space(self)
    # For loops that receive by themselves: offer, take what came, settle.
    cpdef object offer(self)
    cpdef ByteBuf take(self, Py_ssize_t n)
    cpdef void settle(self) noexcept
    # For those that leave it to us.
    cpdef ByteBuf receive(self, int sock)


# The room of a loop, which lives as long as its connections.
cpdef Room room_of(object loop)
