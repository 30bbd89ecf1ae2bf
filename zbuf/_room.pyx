"""Room: the memory that the connections of one loop receive into."""

cimport cython
from cpython.memoryview cimport PyMemoryView_FromObject

from zbuf._buf cimport ByteBuf, blank, window_on
from zbuf._guard cimport guard
from zbuf._memory cimport count_objects
from zbuf._refs cimport block_hold, block_refs
from zbuf._sys cimport AGAIN, FULL, receive_some

from weakref import WeakValueDictionary

from zbuf._alloc import buffer
from zbuf.errors import CapacityError

cdef enum:
    SIZE = 64 << 10     # bytes of a block, and so the most of one receive
    LEAST = 16 << 10    # with less room left, the next receive gets a block of its own


@cython.final
cdef class Room:
    cdef ByteBuf _space(self):
        if self._buf is None:
            self._buf = buffer(SIZE, SIZE)
            self._bare = 1
        return self._buf

    cpdef object offer(self):
        """A view of the memory for the next receive."""
        cdef ByteBuf buf = self._space()
        return PyMemoryView_FromObject(window_on(buf, buf._block, buf._mem + buf._w, buf._cap - buf._w, False))

    cpdef ByteBuf take(self, Py_ssize_t n):
        """The n bytes that were received, as a handle of their own."""
        cdef ByteBuf buf = self._buf
        if buf is None:
            raise RuntimeError("nothing was offered to receive into")
        cdef Py_ssize_t at = buf._w
        if not 0 <= n <= buf._cap - at:
            raise CapacityError(n, buf._cap - at)
        if at == 0:
            # 1, or more on a loop that holds its view until we return.
            self._bare = block_refs(buf._block)
        return cut(buf, blank(), n)

    cpdef ByteBuf receive(self, int sock):
        """Take what a socket has, and nothing at its end; None if it has nothing now.

        Never blocks. Raises OSError of recv(2), and what a signal's handler raises.
        """
        cdef ByteBuf buf = self._space()
        cdef ByteBuf part = blank()    # now: what has come cannot be given back
        cdef Py_ssize_t got = AGAIN
        try:
            while got == AGAIN:
                got = receive_some(sock, buf._mem + buf._w, buf._cap - buf._w)
            return None if got == FULL else cut(buf, part, got)
        finally:
            self.settle()

    cpdef void settle(self) noexcept:
        """Let go, after a receive, of a block that nobody keeps or that is used up."""
        cdef ByteBuf buf = self._buf
        if buf is not None and (block_refs(buf._block) <= self._bare or buf._cap - buf._w < LEAST):
            self._buf = None


count_objects(Room)


cdef ByteBuf cut(ByteBuf buf, ByteBuf part, Py_ssize_t n):
    # Makes a new handle one of the n bytes behind the writer, which goes behind them.
    block_hold(buf._block, 1)
    part._adopt(buf._block, buf._mem + buf._w, n, n)
    part._w = part._run = n
    buf._settle(buf._w + n, buf._w + n)
    return part

rooms = WeakValueDictionary()   # by the id of the loop


cpdef Room room_of(object loop):
    """The room of a loop, which lives as long as its connections."""
    cdef Room room = rooms.get(id(loop))
    if room is None:
        room = Room.__new__(Room)
        room._loop = loop
        rooms[id(loop)] = room
    return room


guard(globals())
