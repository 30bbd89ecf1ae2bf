"""fill: the room behind a buffer's writer, lent to who fills it."""

from zbuf._buf cimport ByteBuf

cdef enum:
    LEAST = 4 << 10    # bytes of room for what comes in no size that is known


def fill(ByteBuf buf not None, object size, object step, /):
    """Let step(view) fill at most `size` bytes behind what the buffer has; what it says it filled is readable then.

    Without a size: as much as there is room for, 4 KiB or more where max_capacity
    allows it. Returns what `step` does; if that is None, or it raises, nothing has
    moved. Raises ValueError for a size below 1, and what ByteBuf.writable_view raises.
    """
    view = buf.writable_view(room(buf, size))
    try:
        filled = step(view)
    finally:
        view.release()
    if filled is not None:
        buf.commit(filled)
    return filled


cdef object room(ByteBuf buf, object size):
    if size is None:
        return max(buf._cap - buf._w, min(LEAST, buf._max - buf._w), 1)
    if size < 1:
        raise ValueError(f"receive takes 1 byte or more, not {size}")
    return size
