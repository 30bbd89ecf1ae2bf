"""Room: the memory that the connections of one loop receive into."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from weakref import WeakValueDictionary

from zbuf._alloc import buffer
from zbuf._buf import ByteBuf

SIZE = 64 << 10  # bytes of a block, and so the most of one receive
LEAST = 16 << 10  # with less room left, the next receive gets a block of its own


class Room:
    """One block for all connections of a loop, and none while nobody keeps what came.

    A loop asks a connection for memory, fills it and says so before it turns to
    another one. So an idle connection holds nothing, and what is kept of many
    small receives lies close together, whichever connection it came from.

    Invariant: nothing of `_buf` is readable, and what others hold of its block
    lies before its writer.
    """

    def __init__(self, loop: AbstractEventLoop) -> None:
        self.loop = loop  # alive as long as this is found by its id
        self._buf: ByteBuf | None = None
        self._bare = 0  # references to the block when nobody has kept anything of it

    def offer(self) -> memoryview:
        """Give the memory for the next receive."""
        buf = self._buf
        if buf is None:
            buf = self._buf = buffer(SIZE, SIZE)
        return buf.writable_view(buf.writable_bytes())

    def take(self, size: int) -> ByteBuf:
        """Give what was received, as a handle of its own. REQUIRES: offer() before."""
        buf = self._buf
        assert buf is not None
        buf.commit(size)
        if size == buf.writer_index:
            self._bare = buf.refcnt  # 1, or 2 on a loop that holds its view until we return
        return buf.read_slice(size)

    def settle(self) -> None:
        """Let go of the block if nobody has kept anything of it, or it is used up."""
        buf = self._buf
        if buf is not None and (buf.refcnt <= self._bare or buf.writable_bytes() < LEAST):
            self._buf = None


_rooms: WeakValueDictionary[int, Room] = WeakValueDictionary()


def room_of(loop: AbstractEventLoop) -> Room:
    """Find the room of a loop, which lives as long as its connections."""
    room = _rooms.get(id(loop))
    if room is None:
        room = _rooms[id(loop)] = Room(loop)
    return room
