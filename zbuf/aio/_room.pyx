"""Room: the memory that the connections of one loop receive into."""

cimport cython
from cpython.memoryview cimport PyMemoryView_FromObject

from zbuf._buf cimport ByteBuf, window_on
from zbuf._guard cimport guard
from zbuf._refs cimport block_refs

from weakref import WeakValueDictionary

from zbuf._alloc import buffer
from zbuf.errors import CapacityError

cdef enum:
    SIZE = 64 << 10     # bytes of a block, and so the most of one receive
    LEAST = 16 << 10    # with less room left, the next receive gets a block of its own


@cython.final
cdef class Room:
    cdef object offer(self):
        # A view of the memory for the next receive.
        cdef ByteBuf buf = self._buf
        if buf is None:
            buf = self._buf = buffer(SIZE, SIZE)
        return PyMemoryView_FromObject(window_on(buf, buf._block, buf._mem + buf._w, buf._cap - buf._w, False))

    cdef ByteBuf take(self, Py_ssize_t n):
        # The n bytes that were received, as a handle of their own.
        cdef ByteBuf buf = self._buf
        if buf is None:
            raise RuntimeError("nothing was offered to receive into")
        cdef Py_ssize_t at = buf._w
        if not 0 <= n <= buf._cap - at:
            raise CapacityError(n, buf._cap - at)
        if at == 0:
            # 1, or more on a loop that holds its view until we return.
            self._bare = block_refs(buf._block)
        cdef ByteBuf got = buf._part(at, n)
        buf._settle(at + n, at + n)
        return got

    cdef void settle(self) noexcept:
        # After a receive: lets go of a block that nobody keeps, or that is used up.
        cdef ByteBuf buf = self._buf
        if buf is not None and (block_refs(buf._block) <= self._bare or buf._cap - buf._w < LEAST):
            self._buf = None


rooms = WeakValueDictionary()   # by the id of the loop


cdef Room room_of(object loop):
    cdef Room room = rooms.get(id(loop))
    if room is None:
        room = Room.__new__(Room)
        room._loop = loop
        rooms[id(loop)] = room
    return room


guard(globals())
