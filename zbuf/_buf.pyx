"""ByteBuf: one handle on one block, a window into it, two indices."""

cimport cython
from cpython.buffer cimport (
    PyBUF_FORMAT, PyBUF_ND, PyBUF_SIMPLE, PyBUF_STRIDES, PyBUF_WRITABLE, PyBuffer_Release,
    PyObject_CheckBuffer, PyObject_GetBuffer,
)
from cpython.bytes cimport (
    PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE,
)
from cpython.memoryview cimport PyMemoryView_FromObject
from cpython.number cimport PyIndex_Check
from cpython.object cimport PyObject, PyTypeObject, Py_EQ, Py_NE
from cpython.slice cimport PySlice_AdjustIndices, PySlice_Check, PySlice_Unpack
from cpython.unicode cimport PyUnicode_AsUTF8AndSize, PyUnicode_DecodeUTF8, PyUnicode_FromObject
from libc.limits cimport INT_MAX
from libc.stdint cimport (
    INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, int16_t, int32_t, int64_t, uint16_t, uint32_t, uint64_t,
)
from libc.stdlib cimport free
from libc.string cimport memcmp, memcpy, memmove, memset

from zbuf._block cimport zb_block
from zbuf._endian cimport *
from zbuf._foreign cimport foreign_block
from zbuf._guard cimport guard, guard_argument, guard_with
from zbuf._leak cimport (
    SIMPLE, track_burial, track_close, track_follow, track_move, track_noted, track_ours, track_release, track_unview, track_use,
    tracking, zb_follower,
)
from zbuf._mapping cimport forget_fault, settle
from zbuf._marks cimport mark_drop, mark_set, marks_cut, marks_shift, zb_mark
from zbuf._memory cimport count_objects, open_nursery, zb_malloc
from zbuf._native cimport (
    ZB_FREE_THREADED, newfunc, zb_add_int, zb_count_int, zb_nursery, zb_rest, zb_small_slice, zb_type, zb_wake, zb_wake_dead,
)
from zbuf._number cimport byte_of, fit, fit_u64, index_of, single, size_of
from zbuf._pool cimport pool_regrant, pool_take, zb_pool
from zbuf._prefix cimport prefix_load, prefix_of, prefix_store, prefix_wanted, zb_prefix
from zbuf._refs cimport block_give, block_hold, block_refs, pool_default
from zbuf._search cimport find_bytes, rfind_bytes
from zbuf._varint cimport *

from zbuf.errors import CapacityError, PoolExhaustedError, ReadOnlyError, ReleasedError, UnderflowError, VarintError
from zbuf.hexdump import hexdump

cdef extern from *:
    Py_ssize_t PY_SSIZE_T_MAX

cdef enum:
    STEP = 4 << 20         # capacities double up to it, then grow by it
    SMALLEST = 64          # what the first growth gives at the least
    WINDOW = 64 << 10      # what a search gathers at a time from many pieces
    PREVIEW = 16           # bytes that repr shows


cdef class ByteBuf:
    """A handle on a block of memory: a window into it, a reader and a writer.

    >>> with zbuf.buffer(64) as buf:
    ...     buf.write_u16(5)
    ...     buf.write_bytes(b"hello")
    ...     buf.read_bytes(buf.read_u16())
    b'hello'

    The window is addressed in two ways. Methods that take an `index`, and
    reader_index and writer_index themselves, count from the start of the
    handle. Python's own protocols (len, [], in, ==, iteration, memoryview)
    and the searches count from the reader, over the readable bytes alone.

    Made by zbuf.buffer, zbuf.wrap, zbuf.copied, an allocator, or another
    buffer. Every handle has a reference of its own to its memory: release()
    ends this handle and no other, and dropping the object does the same.
    A method that raises has changed nothing; after release() all of them
    raise ReleasedError. Source: io.netty.buffer.ByteBuf.
    """

    __hash__ = None

    def __init__(self, *args, **kwargs):
        raise TypeError(f"{type(self).__name__} is not made directly: use zbuf.buffer, wrap or copied")

    # -- what the gates do when the short way is closed

    cdef const unsigned char *_take_slow(self, Py_ssize_t n) except NULL:
        self._live()
        raise UnderflowError(n, self._w - self._r, self._r)

    cdef const unsigned char *_look_slow(self, Py_ssize_t offset, Py_ssize_t n) except NULL:
        self._live()
        if offset < 0:
            raise IndexError(f"offset {offset} is negative")
        raise UnderflowError(wanted_at(offset, n), self._w - self._r, self._r)

    cdef const unsigned char *_at_slow(self, Py_ssize_t i, Py_ssize_t n) except NULL:
        self._live()
        raise unwritten(i, n, self._w)

    cdef unsigned char *_room_slow(self, Py_ssize_t n) except NULL:
        self._ensure(n)
        self._w += n
        self._run = self._w
        return self._mem + self._w - n

    cdef int _poke_slow(self, Py_ssize_t i, const unsigned char *src, Py_ssize_t n) except -1:
        self._writable()
        raise beyond(i, n, self._cap)

    # -- what another kind of buffer does its own way

    cdef unsigned char *_span(self, Py_ssize_t i, Py_ssize_t *n, zb_block **block) noexcept:
        n[0] = self._cap - i
        block[0] = self._block
        return self._mem + i

    cdef void _settle(self, Py_ssize_t r, Py_ssize_t w) noexcept:
        self._r = r
        self._w = self._run = w

    cdef int _ensure(self, Py_ssize_t n) except -1:
        self._writable()
        if n <= self._cap - self._w:
            return 0
        if n > self._max - self._w:
            raise CapacityError(n, self._max - self._w)
        self._grow(self._w + n)
        # A foreign owner whose memory was left may have run any code.
        return self._ensure(n)

    cdef int _grow(self, Py_ssize_t least) except -1:
        # Where the allocator's limit refuses what the policy wishes, it may
        # still allow what is needed.
        try:
            return self._grow_to(least, grown(least, self._max))
        except PoolExhaustedError:
            return self._grow_to(least, least)

    cdef int _grow_to(self, Py_ssize_t least, Py_ssize_t wish) except -1:
        # The whole block is used before anything moves.
        cdef Py_ssize_t here = self._in_place()
        if least <= here:
            return self._stretch(min(wish, here))
        return self._move(wish)

    cdef int _stretch(self, Py_ssize_t capacity) except -1:
        # Sets the capacity to what is there in place.
        cdef Py_ssize_t used = self._mem - self._block.data + capacity
        if used > self._block.asked:
            pool_regrant(self._block, used)
        self._lim = self._cap = capacity
        return 0

    cdef Py_ssize_t _in_place(self) noexcept:
        # What the capacity can be without moving; _max keeps it inside the window.
        return self._block.size - (self._mem - self._block.data)

    cdef int _move(self, Py_ssize_t capacity) except -1:
        cdef int exports = zb_count_int(&self._exports)
        if exports:
            raise BufferError(f"{self._cap} bytes cannot move to grow to {capacity}: {exports} memoryviews look at them")
        cdef zb_block *old = self._block
        cdef zb_block *block = pool_take(self._pool(), capacity)
        memcpy(block.data, self._mem, self._cap)
        block_hold(block, self._own - 1)
        self._block = block
        self._mem = block.data
        self._cap = capacity
        if self._lim != READONLY:
            self._lim = capacity
        if tracking:
            track_move(old, block)
        block_give(old, self._own)
        return 0

    cdef int _resize(self, Py_ssize_t n) except -1:
        if n > self._in_place():
            return self._move(n)
        self._stretch(n)
        self._settle(min(self._r, n), min(self._w, n))
        return 0

    cdef ByteBuf _part(self, Py_ssize_t i, Py_ssize_t n):
        cdef ByteBuf part = blank()
        block_hold(self._block, 1)
        part._adopt(self._block, self._mem + i, n, n)
        part._w = part._run = n
        if self._lim == READONLY:
            part._lim = READONLY
        if tracking > SIMPLE:
            track_use(self._block, b"slice", NULL)
        return part

    cdef ByteBuf _twin(self):
        cdef ByteBuf twin = blank()
        block_hold(self._block, 1)
        twin._adopt(self._block, self._mem, self._cap, self._max)
        twin._lim = self._lim
        twin._settle(self._r, self._w)
        return twin

    cdef void _rebase(self, Py_ssize_t n) noexcept:
        self._mem += n
        self._cap -= n
        if self._max != PY_SSIZE_T_MAX:
            self._max -= n
        if self._lim != READONLY:
            self._lim = self._cap
        self._settle(self._r - n, self._w - n)
        marks_shift(<void *>self, n, -n)

    cdef Py_ssize_t _slide(self) noexcept:
        # The unread bytes to the front, if nobody else looks and as many have
        # been consumed: then what is copied was paid for by what was read.
        cdef zb_block *block = self._block
        cdef unsigned char *front = block.data if block.pool != NULL else self._mem
        cdef Py_ssize_t moved = self._r
        cdef Py_ssize_t unread = self._w - self._r
        if block_refs(block) != self._own or self._mem + moved - front < unread or moved == 0:
            return 0
        memmove(front, self._mem + moved, unread)
        self._cap = self._lim = min(self._cap + (self._mem - front), self._max)
        self._mem = front
        self._settle(0, unread)
        marks_shift(<void *>self, moved, -moved)
        return moved

    cdef void _close_gap(self, Py_ssize_t i, Py_ssize_t n) noexcept:
        memmove(self._mem + i, self._mem + i + n, self._w - i - n)
        self._settle(self._r - min(max(self._r - i, 0), n), self._w - n)
        marks_shift(<void *>self, i + n, -n)

    cdef bint _close(self) noexcept:
        cdef zb_block *block = self._block
        cdef int own = self._own
        self._block = NULL
        self._mem = NULL
        self._r = self._w = self._start = self._run = self._lim = self._cap = self._max = 0
        self._own = 0
        return block_give(block, own)

    # -- checks, and copies over any kind of buffer

    cdef int _raise_released(self) except -1:
        error = ReleasedError("this handle was released")
        raise track_noted(error, <void *>self) if tracking else error

    cdef int _writable(self) except -1:
        self._live()
        if self._lim == READONLY:
            raise ReadOnlyError(f"this handle of {self._cap} bytes is read-only")
        return 0

    cdef int _need(self, Py_ssize_t n) except -1:
        self._live()
        if n > self._w - self._r:
            raise UnderflowError(n, self._w - self._r, self._r)
        return 0

    cdef int _written(self, Py_ssize_t i, Py_ssize_t n) except -1:
        self._live()
        if i < 0 or i > self._w or n > self._w - i:
            raise unwritten(i, n, self._w)
        return 0

    cdef int _settable(self, Py_ssize_t i, Py_ssize_t n) except -1:
        self._writable()
        if i < 0 or n > self._cap - i:
            raise beyond(i, n, self._cap)
        if not self._may_write(i, n):
            raise ReadOnlyError(f"the {n} bytes at {i} are read-only")
        return 0

    cdef bint _short(self, Py_ssize_t n) except -1:
        self._live()
        return self._w - self._r < n

    cdef bint _whole(self) noexcept:
        # Do the readable bytes lie in one piece?
        cdef Py_ssize_t here = 0
        cdef zb_block *block
        if self._block != NULL:
            self._span(self._r, &here, &block)
        return self._w - self._r <= here

    cdef zb_pool *_pool(self) noexcept:
        # Where this buffer's next block comes from.
        if self._block.pool != NULL:
            return <zb_pool *>self._block.pool
        return pool_default()

    cdef int _front(self, const unsigned char *src, Py_ssize_t n) except -1:
        self._writable()
        if n > self._r:
            raise CapacityError(n, self._r)
        self._settable(self._r - n, n)
        overwrite(self, self._r - n, src, n)
        self._settle(self._r - n, self._w)
        return 0

    cdef int _append(self, const unsigned char *src, Py_ssize_t n) except -1:
        # REQUIRES: src does not lie in memory that only this handle keeps.
        if n == 0:
            return self._writable()
        memmove(self._room(n), src, n)
        return 0

    cdef int _append_buf(self, ByteBuf src) except -1:
        cdef Py_ssize_t n = src._w - src._r
        src._live()
        self._ensure(n)
        # A foreign owner whose memory was left may have run any code.
        src._live()
        n = min(n, src._w - src._r)
        if n > 0:
            append_from(self, src, n)
        return 0

    cdef void _copy_out(self, Py_ssize_t i, unsigned char *dst, Py_ssize_t n) noexcept:
        cdef Py_ssize_t here
        cdef zb_block *block
        cdef unsigned char *src
        while n > 0:
            src = self._span(i, &here, &block)
            here = min(here, n)
            memmove(dst, src, here)
            dst += here
            i += here
            n -= here

    cdef void _copy_in(self, Py_ssize_t i, const unsigned char *src, Py_ssize_t n) noexcept:
        cdef Py_ssize_t here
        cdef zb_block *block
        cdef unsigned char *dst
        while n > 0:
            dst = self._span(i, &here, &block)
            here = min(here, n)
            memmove(dst, src, here)
            src += here
            i += here
            n -= here

    cdef bytes _bytes(self, Py_ssize_t i, Py_ssize_t n):
        cdef bytes made = PyBytes_FromStringAndSize(NULL, n)
        self._copy_out(i, <unsigned char *>PyBytes_AS_STRING(made), n)
        return made

    cdef bint _matches(self, Py_ssize_t i, const unsigned char *data, Py_ssize_t n) noexcept:
        # Are the n bytes from i those at data? REQUIRES: inside the capacity.
        cdef Py_ssize_t here
        cdef zb_block *block
        cdef unsigned char *mine
        while n > 0:
            mine = self._span(i, &here, &block)
            here = min(here, n)
            if memcmp(mine, data, here) != 0:
                return False
            data += here
            i += here
            n -= here
        return True

    cdef bint _equals(self, ByteBuf other) noexcept:
        # Same readable bytes? REQUIRES: both live.
        cdef Py_ssize_t i = other._r
        cdef Py_ssize_t here
        cdef zb_block *block
        cdef unsigned char *theirs
        cdef Py_ssize_t mine = self._r - other._r
        if self._w - self._r != other._w - other._r:
            return False
        while i < other._w:
            theirs = other._span(i, &here, &block)
            here = min(here, other._w - i)
            if not self._matches(mine + i, theirs, here):
                return False
            i += here
        return True

    # -- indices and capacity

    @property
    def reader_index(self):
        """Where the next read starts, counted from the start of the handle.

        >>> buf = zbuf.copied(b"abc")
        >>> buf.reader_index = 2
        >>> buf.read_bytes(1)
        b'c'

        Range: 0 .. writer_index. Setting it outside raises IndexError and
        changes nothing. Raises ReleasedError. Source: ByteBuf.readerIndex.
        """
        self._live()
        return self._r

    @reader_index.setter
    def reader_index(self, index):
        cdef Py_ssize_t i = index_of(index)
        self._live()
        if i < 0 or i > self._w:
            raise IndexError(f"reader_index {i} is outside 0 .. {self._w}")
        self._settle(i, self._w)

    @property
    def writer_index(self):
        """Where the next write goes, counted from the start of the handle.

        >>> buf = zbuf.copied(b"abc")
        >>> buf.writer_index = 2
        >>> bytes(buf)
        b'ab'

        Range: reader_index .. capacity. Setting it outside raises IndexError
        and changes nothing; set forward, it makes readable what the memory
        held. Raises ReleasedError. Source: ByteBuf.writerIndex.
        """
        self._live()
        return self._w

    @writer_index.setter
    def writer_index(self, index):
        cdef Py_ssize_t i = index_of(index)
        self._live()
        if i < self._r or i > self._cap:
            raise IndexError(f"writer_index {i} is outside {self._r} .. {self._cap}")
        self._settle(self._r, i)
        marks_cut(<void *>self, i)

    def set_indices(self, reader, writer, /):
        """Set both indices at once, in whatever order they would pass each other.

        >>> buf = zbuf.copied(b"abcdef")
        >>> buf.set_indices(2, 4)
        >>> bytes(buf)
        b'cd'

        Raises IndexError unless 0 <= reader <= writer <= capacity,
        ReleasedError; nothing has moved. Source: ByteBuf.setIndex.
        """
        cdef Py_ssize_t r = index_of(reader)
        cdef Py_ssize_t w = index_of(writer)
        self._live()
        if not 0 <= r <= w <= self._cap:
            raise IndexError(f"indices {r} and {w} are not in order inside 0 .. {self._cap}")
        self._settle(r, w)

    @property
    def capacity(self):
        """How many bytes the handle has now, in all.

        >>> buf = zbuf.buffer(100)
        >>> buf.capacity
        100
        >>> buf.capacity = 1000
        >>> buf.capacity
        1000

        Setting it grows or cuts the buffer, the indices are cut with it; above
        max_capacity it raises CapacityError, below 0 ValueError; BufferError if
        the bytes would have to move while a memoryview looks at them;
        ReadOnlyError, ReleasedError. Source: ByteBuf.capacity.
        """
        self._live()
        return self._cap

    @capacity.setter
    def capacity(self, capacity):
        cdef Py_ssize_t n = size_of(capacity)
        self._writable()
        if n > self._max:
            raise CapacityError(n, self._max)
        self._resize(n)
        marks_cut(<void *>self, n)

    @property
    def max_capacity(self):
        """What the capacity may become: writes beyond it raise CapacityError.

        >>> zbuf.buffer(16, 64).max_capacity
        64

        Raises ReleasedError. Source: ByteBuf.maxCapacity.
        """
        self._live()
        return self._max

    @property
    def readonly(self):
        """Whether writes raise ReadOnlyError.

        >>> zbuf.wrap(b"abc").readonly, zbuf.wrap(bytearray(3)).readonly
        (True, False)

        Raises ReleasedError. Source: ByteBuf.isReadOnly.
        """
        self._live()
        return self._lim == READONLY

    @property
    def released(self):
        """Whether this handle was released; never raises.

        >>> buf = zbuf.buffer()
        >>> buf.released, buf.release(), buf.released
        (False, True, True)
        """
        return self._block == NULL

    @property
    def refcnt(self):
        """How many references keep the memory alive; 0 for a released handle.

        >>> buf = zbuf.copied(b"abc")
        >>> part = buf[1:]
        >>> buf.refcnt
        2

        Handles, retains, memoryviews and queued sends all count; of a
        composite, what came through this handle. Source: ReferenceCounted.refCnt.
        """
        return block_refs(self._block) if self._block != NULL else 0

    def readable_bytes(self):
        """Count the bytes between reader and writer.

        >>> zbuf.copied(b"abc").readable_bytes()
        3

        Raises ReleasedError. Source: ByteBuf.readableBytes.
        """
        self._live()
        return self._w - self._r

    def writable_bytes(self):
        """Count the bytes that can be written before the buffer must grow.

        >>> zbuf.buffer(100).writable_bytes()
        100

        Raises ReleasedError. Source: ByteBuf.writableBytes.
        """
        self._live()
        return self._cap - self._w

    def clear(self):
        """Put both indices to 0; the memory stays as it is.

        >>> buf = zbuf.copied(b"abc")
        >>> buf.clear()
        >>> len(buf)
        0

        Raises ReleasedError. Source: ByteBuf.clear.
        """
        self._live()
        self._settle(0, 0)
        marks_cut(<void *>self, 0)

    def skip(self, size, /):
        """Move the reader forward without reading.

        >>> buf = zbuf.copied(b"abc")
        >>> buf.skip(2)
        >>> bytes(buf)
        b'c'

        Raises, nothing moved: UnderflowError, ValueError for a negative size,
        ReleasedError. Source: ByteBuf.skipBytes.
        """
        cdef Py_ssize_t n = size_of(size)
        self._need(n)
        self._advance(n)

    def ensure_writable(self, size, /):
        """Make room for `size` more bytes now, so that writing them cannot fail.

        >>> buf = zbuf.buffer(16)
        >>> buf.ensure_writable(100)
        >>> buf.writable_bytes() >= 100
        True

        Moves no index. Capacities grow by doubling up to 4 MiB, then by 4 MiB,
        and use the whole block before they move to another.
        Raises, nothing changed: CapacityError, BufferError (must move while a
        memoryview looks), ReadOnlyError, ValueError for a negative size,
        MemoryError, ReleasedError. Source: ByteBuf.ensureWritable.
        """
        self._ensure(size_of(size))

    def reclaim(self):
        """Slide the unread bytes to the front, where that costs less than it gives.

        >>> buf = zbuf.copied(b"0123456789")
        >>> buf.skip(8)
        >>> buf.reclaim(), buf.reader_index, bytes(buf)
        (8, 0, b'89')

        Nothing happens unless at least as many bytes were consumed as are
        unread, and no other handle or memoryview looks at the memory.
        Returns: how far the indices moved down; 0 if nothing happened.
        Raises:  ReadOnlyError, ReleasedError.
        Source:  ByteBuf.discardSomeReadBytes.
        """
        self._writable()
        return self._slide()

    # -- ownership

    def retain(self, count=1, /):
        """Take references for other holders of this very handle.

        >>> buf = zbuf.copied(b"abc").retain()
        >>> buf.release(), buf.release()
        (False, True)

        Each holder calls release(); the handle closes at the last.
        Returns: the handle itself.
        Raises:  ValueError for less than 1, OverflowError for more than
                 2**31 - 1 in all, ReleasedError; nothing has changed.
        Source:  ReferenceCounted.retain.
        """
        cdef Py_ssize_t n = index_of(count)
        self._live()
        if n < 1:
            raise ValueError(f"retain takes 1 reference or more, not {n}")
        if n > INT_MAX - self._own:
            raise OverflowError(f"{n} references beyond the {self._own} held are more than {INT_MAX}")
        if self is not EMPTY:
            block_hold(self._block, n)
            self._own += <int>n
            if tracking > SIMPLE:
                used(self, b"retain")
        return self

    def release(self, count=1, /):
        """Give references back; the handle closes when it has none left.

        >>> buf = zbuf.copied(b"abc")
        >>> part = buf[1:]
        >>> buf.release()
        False
        >>> bytes(part), part.release()
        (b'bc', True)

        Other handles of the memory, memoryviews and sends under way go on.
        Returns: True if these were the last references to the memory.
        Raises:  ReleasedError for a released handle or more references than
                 it holds, ValueError for less than 1; nothing has changed.
        Source:  ReferenceCounted.release.
        """
        cdef Py_ssize_t n = index_of(count)
        self._live()
        if n < 1:
            raise ValueError(f"release gives back 1 reference or more, not {n}")
        if n > self._own:
            raise ReleasedError(f"release of {n} references, this handle holds {self._own}")
        if self is EMPTY:
            return False
        if n == self._own:
            if tracking:
                release_seen(self)
            return self._close()
        if tracking > SIMPLE:
            used(self, b"release")
        self._own -= <int>n
        return block_give(self._block, n)

    def touch(self, hint=None, /):
        """Tell leak tracking that the buffer was here.

        >>> buf = zbuf.copied(b"abc")
        >>> buf.touch("parsed") is buf
        True

        From level "advanced" on, a report of a leak has the last places of
        use of the memory: this call is one, with str(hint). Else it does
        nothing, and makes no string.
        Returns: the buffer itself.
        Raises:  ReleasedError; what str(hint) raises, if it is asked for.
        Source:  ReferenceCounted.touch.
        """
        cdef str text = None
        if tracking > SIMPLE and hint is not None:
            text = PyUnicode_FromObject(str(hint))   # of no class whose end runs code
        self._live()
        if tracking > SIMPLE:
            used(self, b"touch", text)
        return self

    def retained_bytes(self):
        """Count the bytes of memory that this handle keeps alive.

        >>> allocator = zbuf.PooledAllocator()
        >>> buf = allocator.buffer(1000)
        >>> buf.slice(0, 0).retained_bytes()
        1024

        The whole blocks that it lies in, each once, whoever shares them: a
        small slice of a large buffer keeps all of that. See compact_if.
        Raises ReleasedError.
        """
        self._live()
        return self._block.size

    def compact_if(self, ratio, /):
        """Copy the buffer into a block of its own, if its capacity is less than `ratio` of the one it lies in.

        >>> part = zbuf.copied(b"x" * 1000)[:10]
        >>> part.compact_if(0.5), part.retained_bytes() < 1000, part.compact_if(0.5)
        (True, True, False)

        For small slices that are kept for long: each keeps a whole receive
        buffer, say, from going back to its pool. A quarter is a good ratio.
        What counts of a block is what was asked for, not what was granted: so
        what has one of its own stays. Moves no index; content, capacity, and
        being read-only stay. The handle shares its bytes with no other then.
        Returns: whether it was copied.
        Raises, nothing changed: ValueError for a ratio that is not 0 .. 1;
        BufferError if it would have to move while a memoryview looks at it;
        PoolExhaustedError, MemoryError; ReleasedError, of the allocator too.
        Source: Bytes::copy_from_slice of Rust's bytes, with the reason to.
        """
        cdef double least = ratio_of(ratio)
        self._live()
        if self._cap >= least * self._block.asked:
            return False
        must_not_show(self)
        self._move(self._cap)
        return True

    def __enter__(self):
        self._live()
        return self

    def __exit__(self, kind, error, trace):
        if self._block != NULL:
            self.release()

    # -- other handles on the same memory

    def slice(self, index=None, size=None, /):
        """Make a handle on `size` bytes from `index`, sharing the memory.

        >>> buf = zbuf.copied(b"abcdef")
        >>> bytes(buf.slice(2, 3)), bytes(buf.slice())
        (b'cde', b'abcdef')

        Without arguments: the readable bytes. Moves nothing.
        Returns: a buffer with reader 0 and writer and capacities `size`, with
                 a reference of its own: it outlives this handle.
        Raises:  IndexError unless the bytes are written, ValueError for a
                 negative size, ReleasedError.
        Source:  ByteBuf.retainedSlice.
        """
        cdef Py_ssize_t i = self._r if index is None else index_of(index)
        cdef Py_ssize_t n = max(self._w - i, 0) if size is None else size_of(size)
        self._written(i, n)
        return self._part(i, n)

    def duplicate(self):
        """Make a handle on the same memory with the same indices and limits.

        >>> buf = zbuf.copied(b"abc")
        >>> twin = buf.duplicate()
        >>> twin.read_bytes(2), bytes(buf)
        (b'ab', b'abc')

        Raises ReleasedError. Source: ByteBuf.retainedDuplicate.
        """
        self._live()
        return duplicate_of(self)

    def as_readonly(self):
        """Make a handle on the same memory that refuses to write.

        >>> zbuf.copied(b"abc").as_readonly().readonly
        True

        It shows what others write to the memory. Raises ReleasedError.
        Source: ByteBuf.asReadOnly.
        """
        self._live()
        cdef ByteBuf twin = duplicate_of(self)
        twin._lim = READONLY
        return twin

    def read_slice(self, size, /):
        """Read `size` bytes as a handle on them, sharing the memory.

        >>> buf = zbuf.copied(b"abcdef")
        >>> bytes(buf.read_slice(2)), bytes(buf)
        (b'ab', b'cdef')

        Moves:   reader_index by `size`.
        Returns: a buffer with a reference of its own.
        Raises:  UnderflowError, ValueError for a negative size, ReleasedError;
                 nothing has moved.
        Source:  ByteBuf.readRetainedSlice.
        """
        cdef Py_ssize_t n = size_of(size)
        self._need(n)
        cdef ByteBuf part = self._part(self._r, n)
        self._advance(n)
        return part

    def try_read_slice(self, size, /):
        """Read `size` bytes as read_slice does, or return None if they are not all there.

        >>> zbuf.copied(b"abc").try_read_slice(4) is None
        True

        Raises ValueError for a negative size, ReleasedError.
        """
        cdef Py_ssize_t n = size_of(size)
        if self._short(n):
            return None
        return self.read_slice(n)

    def split_to(self, size, /):
        """Cut the buffer in two: `size` readable bytes for a new handle, the rest stays.

        >>> buf = zbuf.copied(b"headbody")
        >>> head = buf.split_to(4)
        >>> bytes(head), bytes(buf), buf.reader_index
        (b'head', b'body', 0)

        This handle lets go of all before its new reader, which becomes index
        0: capacity and max_capacity shrink by as much.
        Raises:  UnderflowError, ValueError for a negative size, ReleasedError;
                 nothing has changed.
        Source:  BytesMut::split_to in Rust's bytes, Buffer.split in Netty 5.
        """
        cdef Py_ssize_t n = size_of(size)
        self._need(n)
        cdef ByteBuf front = self._part(self._r, n)
        self._advance(n)
        self._rebase(self._r)
        return front

    def copy(self, index=None, size=None, /):
        """Copy `size` bytes from `index` into a buffer of the same allocator.

        >>> bytes(zbuf.copied(b"abcdef").copy(2, 3))
        b'cde'

        Without arguments: the readable bytes. Moves nothing.
        Returns: a writable buffer of capacity `size`, with this one's max_capacity.
        Raises:  IndexError unless the bytes are written, ValueError for a
                 negative size, MemoryError, ReleasedError.
        Source:  ByteBuf.copy.
        """
        cdef Py_ssize_t i = self._r if index is None else index_of(index)
        cdef Py_ssize_t n = max(self._w - i, 0) if size is None else size_of(size)
        self._written(i, n)
        return fresh(self._pool(), self, i, n, self._max)

    # -- bytes

    def read_bytes(self, size, /):
        """Read `size` bytes as a bytes object.

        >>> zbuf.copied(b"abcdef").read_bytes(2)
        b'ab'

        Moves:   reader_index by `size`.
        Raises:  UnderflowError, ValueError for a negative size, ReleasedError;
                 nothing has moved.
        Source:  ByteBuf.readBytes.
        """
        cdef Py_ssize_t n = size_of(size)
        self._need(n)
        cdef bytes made = self._bytes(self._r, n)
        self._advance(n)
        return made

    def try_read_bytes(self, size, /):
        """Read `size` bytes as a bytes object, or return None if they are not all there.

        >>> zbuf.copied(b"abc").try_read_bytes(4) is None
        True

        Moves reader_index by `size`, or not at all. Raises ValueError for a
        negative size, ReleasedError.
        """
        cdef Py_ssize_t n = size_of(size)
        if self._short(n):
            return None
        return self.read_bytes(n)

    def peek_bytes(self, size, offset=0, /):
        """Copy `size` bytes that lie `offset` after the reader, and stay.

        >>> zbuf.copied(b"abcdef").peek_bytes(2, 1)
        b'bc'

        Raises UnderflowError if they are not readable, IndexError for a
        negative offset, ValueError for a negative size, ReleasedError.
        """
        cdef Py_ssize_t n = size_of(size)
        cdef Py_ssize_t i = index_of(offset)
        self._live()
        if i < 0 or n > self._w - self._r - i:
            self._look_slow(i, n)
        return self._bytes(self._r + i, n)

    def get_bytes(self, index, size, /):
        """Copy `size` bytes from `index` to a bytes object; no index moves.

        >>> zbuf.copied(b"abcdef").get_bytes(2, 3)
        b'cde'

        Raises IndexError unless they are written, ValueError for a negative
        size, ReleasedError. Source: ByteBuf.getBytes.
        """
        cdef Py_ssize_t i = index_of(index)
        cdef Py_ssize_t n = size_of(size)
        self._written(i, n)
        return self._bytes(i, n)

    def read_into(self, target, /):
        """Read as many bytes as fill the target: a bytes-like's, or a buffer's writable ones.

        >>> buf, target = zbuf.copied(b"abcdef"), bytearray(4)
        >>> buf.read_into(target), target
        (4, bytearray(b'abcd'))

        Moves:   reader_index, and the writer_index of a ByteBuf.
        Returns: how many bytes were read.
        Raises:  UnderflowError, ReadOnlyError for a read-only buffer,
                 TypeError or BufferError for what is not writable,
                 ReleasedError; nothing has moved.
        Source:  ByteBuf.readBytes(ByteBuf).
        """
        cdef Py_buffer view
        if isinstance(target, ByteBuf):
            return self._pour(<ByteBuf>target)
        PyObject_GetBuffer(target, &view, PyBUF_WRITABLE)
        try:
            self._need(view.len)
            gather(self, self._r, <unsigned char *>view.buf, view.len)
            self._advance(view.len)
            return view.len
        finally:
            PyBuffer_Release(&view)

    cdef Py_ssize_t _pour(self, ByteBuf target) except -1:
        target._writable()
        cdef Py_ssize_t n = target._cap - target._w
        self._need(n)
        if n:
            target._ensure(n)
            # A foreign owner whose memory was left may have run any code.
            self._need(n)
            append_from(target, self, n)
            self._advance(n)
        return n

    def write_bytes(self, data, /):
        """Write all of a bytes-like, or the readable bytes of a buffer.

        >>> buf = zbuf.buffer(16)
        >>> buf.write_bytes(b"abc"), bytes(buf)
        (None, b'abc')

        Moves:   writer_index; nothing of the source.
        Raises:  CapacityError, BufferError (must move while a memoryview looks),
                 ReadOnlyError, TypeError for what is not bytes-like, MemoryError,
                 ReleasedError; nothing has changed.
        Source:  ByteBuf.writeBytes.
        """
        cdef Py_buffer view
        if PyBytes_CheckExact(data):
            self._append(<unsigned char *>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
        elif isinstance(data, ByteBuf):
            self._append_buf(<ByteBuf>data)
        else:
            PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
            try:
                self._append(<unsigned char *>view.buf, view.len)
            finally:
                PyBuffer_Release(&view)

    def set_bytes(self, index, data, /):
        """Overwrite the bytes from `index` with all of a bytes-like or buffer.

        >>> buf = zbuf.copied(b"abcdef")
        >>> buf.set_bytes(1, b"XY"), bytes(buf)
        (None, b'aXYdef')

        Moves nothing. Raises, nothing changed: IndexError unless they fit the
        capacity, ReadOnlyError, TypeError, ReleasedError. Source: ByteBuf.setBytes.
        """
        cdef Py_ssize_t i = index_of(index)
        cdef Py_buffer view
        borrow(data, &view)
        try:
            self._settable(i, view.len)
            overwrite(self, i, <unsigned char *>view.buf, view.len)
        finally:
            PyBuffer_Release(&view)

    def prepend_bytes(self, data, /):
        """Put all of a bytes-like or buffer in front of the readable bytes.

        >>> buf = zbuf.buffer(16, headroom=8)
        >>> buf.write_bytes(b"body")
        >>> buf.prepend_bytes(b"head"), bytes(buf)
        (None, b'headbody')

        Moves reader_index back. Raises, nothing changed: CapacityError if
        fewer bytes lie before the reader, ReadOnlyError, TypeError, ReleasedError.
        """
        cdef Py_buffer view
        borrow(data, &view)
        try:
            self._front(<unsigned char *>view.buf, view.len)
        finally:
            PyBuffer_Release(&view)

    def write_zeros(self, size, /):
        """Write `size` zero bytes.

        >>> buf = zbuf.buffer(16)
        >>> buf.write_zeros(3), bytes(buf)
        (None, b'\\x00\\x00\\x00')

        Moves writer_index. Raises as write_bytes does, and ValueError for a
        negative size; nothing has changed. Source: ByteBuf.writeZero.
        """
        cdef Py_ssize_t n = size_of(size)
        if n == 0:
            self._writable()
        else:
            memset(self._room(n), 0, n)

    def set_zeros(self, index, size, /):
        """Overwrite `size` bytes from `index` with zeros.

        >>> buf = zbuf.copied(b"abc")
        >>> buf.set_zeros(1, 1), bytes(buf)
        (None, b'a\\x00c')

        Moves nothing. Raises, nothing changed: IndexError unless they fit the
        capacity, ValueError for a negative size, ReadOnlyError, ReleasedError.
        Source: ByteBuf.setZero.
        """
        cdef Py_ssize_t i = index_of(index)
        cdef Py_ssize_t n = size_of(size)
        cdef Py_ssize_t here
        cdef zb_block *block
        cdef unsigned char *mem
        self._settable(i, n)
        while n > 0:
            mem = self._span(i, &here, &block)
            here = min(here, n)
            memset(mem, 0, here)
            i += here
            n -= here

    # -- text

    def read_str(self, size, encoding="utf-8", errors="strict", /):
        """Read `size` bytes as text.

        >>> zbuf.copied("h\\xe9!".encode()).read_str(3)
        'h\\xe9'

        Moves:   reader_index by `size`.
        Raises:  UnderflowError, UnicodeDecodeError, LookupError for an unknown
                 encoding, ValueError for a negative size, ReleasedError;
                 nothing has moved.
        Source:  ByteBuf.readCharSequence.
        """
        cdef Py_ssize_t n = size_of(size)
        self._need(n)
        text = self._text(self._r, n, encoding, errors)
        self._need(n)
        self._advance(n)
        return text

    def get_str(self, index, size, encoding="utf-8", errors="strict", /):
        """Get `size` bytes from `index` as text; no index moves.

        >>> zbuf.copied(b"abcdef").get_str(2, 3)
        'cde'

        Raises IndexError unless they are written, UnicodeDecodeError,
        LookupError, ValueError for a negative size, ReleasedError.
        Source: ByteBuf.getCharSequence.
        """
        cdef Py_ssize_t i = index_of(index)
        cdef Py_ssize_t n = size_of(size)
        self._written(i, n)
        return self._text(i, n, encoding, errors)

    cdef str _text(self, Py_ssize_t i, Py_ssize_t n, object encoding, object errors):
        # Codecs and error handlers are anybody's Python code: they get a copy.
        # To compare an encoding may be, too: the memory is looked at after it.
        cdef Py_ssize_t here
        cdef zb_block *block
        cdef unsigned char *mem
        cdef bint plain = encoding == "utf-8" and errors == "strict"
        self._written(i, n)
        mem = self._span(i, &here, &block)
        if plain and n <= here:
            return PyUnicode_DecodeUTF8(<char *>mem, n, NULL)
        return self._bytes(i, n).decode(encoding, errors)

    def write_str(self, text, encoding="utf-8", errors="strict", /):
        """Write text, with room for exactly its bytes.

        >>> buf = zbuf.buffer(16)
        >>> buf.write_str("h\\xe9"), bytes(buf)
        (3, b'h\\xc3\\xa9')

        Moves:   writer_index.
        Returns: how many bytes were written.
        Raises:  UnicodeEncodeError, LookupError, TypeError for what is not
                 str, and what write_bytes raises; nothing has changed.
        Source:  ByteBuf.writeCharSequence.
        """
        cdef Py_ssize_t n
        cdef const char *utf8
        if not isinstance(text, str):
            raise TypeError(f"text is a str, not {type(text).__name__!r}")
        if encoding == "utf-8" and errors == "strict":
            utf8 = PyUnicode_AsUTF8AndSize(text, &n)
            self._append(<const unsigned char *>utf8, n)
            return n
        cdef bytes data = text.encode(encoding, errors)
        self._append(<unsigned char *>PyBytes_AS_STRING(data), len(data))
        return len(data)

    def set_str(self, index, text, encoding="utf-8", errors="strict", /):
        """Overwrite the bytes from `index` with text; no index moves.

        >>> buf = zbuf.copied(b"abcdef")
        >>> buf.set_str(1, "XY"), bytes(buf)
        (2, b'aXYdef')

        Returns: how many bytes were overwritten.
        Raises:  IndexError unless they fit the capacity, UnicodeEncodeError,
                 LookupError, TypeError, ReadOnlyError, ReleasedError; nothing
                 has changed.
        Source:  ByteBuf.setCharSequence.
        """
        if not isinstance(text, str):
            raise TypeError(f"text is a str, not {type(text).__name__!r}")
        cdef bytes data = (<str>text).encode(encoding, errors)
        self.set_bytes(index, data)
        return len(data)

    # -- variable-length integers

    def read_varint(self):
        """Read a LEB128 integer of up to 64 bits, as protobuf writes them.

        >>> zbuf.copied(b"\\xac\\x02").read_varint()
        300

        Moves:   reader_index by 1 to 10.
        Returns: 0 .. 2**64 - 1.
        Raises:  UnderflowError if the number has no end yet, VarintError if it
                 does not fit 64 bits, ReleasedError; nothing has moved.
        """
        cdef uint64_t value
        if self._leb(64, &value) == 0:
            self._raise_endless()
        return value

    def try_read_varint(self):
        """Read a LEB128 integer of up to 64 bits, or return None if it has no end yet.

        >>> zbuf.copied(b"\\xac").try_read_varint() is None
        True

        Moves reader_index by 1 to 10, or not at all. Raises VarintError, ReleasedError.
        """
        cdef uint64_t value
        return value if self._leb(64, &value) else None

    def read_varint_u32(self):
        """Read a LEB128 integer of up to 32 bits.

        >>> zbuf.copied(b"\\xac\\x02").read_varint_u32()
        300

        Moves:   reader_index by 1 to 5.
        Returns: 0 .. 2**32 - 1.
        Raises:  UnderflowError if the number has no end yet, VarintError if it
                 does not fit 32 bits, ReleasedError; nothing has moved.
        """
        cdef uint64_t value
        if self._leb(32, &value) == 0:
            self._raise_endless()
        return value

    def try_read_varint_u32(self):
        """Read a LEB128 integer of up to 32 bits, or return None if it has no end yet.

        >>> zbuf.copied(b"\\xac").try_read_varint_u32() is None
        True

        Moves reader_index by 1 to 5, or not at all. Raises VarintError, ReleasedError.
        """
        cdef uint64_t value
        return value if self._leb(32, &value) else None

    def read_svarint(self):
        """Read a signed LEB128 integer in zigzag form, as protobuf's sint64.

        >>> zbuf.copied(b"\\x03").read_svarint()
        -2

        Moves:   reader_index by 1 to 10.
        Returns: -2**63 .. 2**63 - 1.
        Raises:  UnderflowError, VarintError, ReleasedError; nothing has moved.
        """
        cdef uint64_t value
        if self._leb(64, &value) == 0:
            self._raise_endless()
        return unzigzag(value)

    def try_read_svarint(self):
        """Read a signed LEB128 integer in zigzag form, or return None if it has no end yet.

        >>> zbuf.copied(b"\\x83").try_read_svarint() is None
        True

        Moves reader_index by 1 to 10, or not at all. Raises VarintError, ReleasedError.
        """
        cdef uint64_t value
        return unzigzag(value) if self._leb(64, &value) else None

    def write_varint(self, value, /):
        """Write an integer of up to 64 bits as LEB128, in as few bytes as it needs.

        >>> buf = zbuf.buffer(16)
        >>> buf.write_varint(300), bytes(buf)
        (None, b'\\xac\\x02')

        Moves writer_index by 1 to 10. Raises, nothing changed: OverflowError
        unless 0 .. 2**64 - 1, and what write_bytes raises.
        """
        self._write_leb(fit_u64(value))

    def write_varint_u32(self, value, /):
        """Write an integer of up to 32 bits as LEB128.

        >>> buf = zbuf.buffer(16)
        >>> buf.write_varint_u32(300), bytes(buf)
        (None, b'\\xac\\x02')

        Moves writer_index by 1 to 5. Raises, nothing changed: OverflowError
        unless 0 .. 2**32 - 1, and what write_bytes raises.
        """
        self._write_leb(fit(value, 0, 0xFFFFFFFF))

    def write_svarint(self, value, /):
        """Write a signed integer as LEB128 in zigzag form.

        >>> buf = zbuf.buffer(16)
        >>> buf.write_svarint(-2), bytes(buf)
        (None, b'\\x03')

        Moves writer_index by 1 to 10. Raises, nothing changed: OverflowError
        unless -2**63 .. 2**63 - 1, and what write_bytes raises.
        """
        self._write_leb(zigzag(fit(value, INT64_MIN, INT64_MAX)))

    def read_quic_varint(self):
        """Read a QUIC variable-length integer.

        >>> zbuf.copied(b"\\x7b\\xbd").read_quic_varint()
        15293

        Moves:   reader_index by 1, 2, 4 or 8.
        Returns: 0 .. 2**62 - 1.
        Raises:  UnderflowError, ReleasedError; nothing has moved.
        Source:  RFC 9000, section 16.
        """
        return quic_decode(self._take(quic_length(self._look(0, 1)[0])))

    def try_read_quic_varint(self):
        """Read a QUIC variable-length integer, or return None if it is not all there.

        >>> zbuf.copied(b"\\x7b").try_read_quic_varint() is None
        True

        Moves reader_index by 1, 2, 4 or 8, or not at all. Raises ReleasedError.
        """
        if self._short(1) or self._short(quic_length(self._look(0, 1)[0])):
            return None
        return self.read_quic_varint()

    def write_quic_varint(self, value, /):
        """Write a QUIC variable-length integer, in as few bytes as it needs.

        >>> buf = zbuf.buffer(16)
        >>> buf.write_quic_varint(15293), bytes(buf)
        (None, b'{\\xbd')

        Moves writer_index by 1, 2, 4 or 8. Raises, nothing changed:
        OverflowError unless 0 .. 2**62 - 1, and what write_bytes raises.
        Source: RFC 9000, section 16.
        """
        cdef uint64_t number = fit(value, 0, (<int64_t>1 << QUIC_BITS) - 1)
        cdef int n = quic_size(number)
        quic_encode(self._room(n), number, n)

    cdef int _leb_slow(self, int bits, uint64_t *value) except -1:
        cdef unsigned char scratch[LONGEST]
        cdef const unsigned char *p = self._mem + self._r
        cdef Py_ssize_t here = self._run - self._r
        self._live()
        if here < LONGEST and here < self._w - self._r:
            here = min(<Py_ssize_t>LONGEST, self._w - self._r)
            self._copy_out(self._r, scratch, here)
            p = scratch
        cdef int used = leb_decode(p, here, bits, value)
        if used < 0:
            raise VarintError(f"{bits}-bit varint", self._r)
        self._advance(used)
        return used

    cdef int _raise_endless(self) except -1:
        cdef Py_ssize_t readable = self._w - self._r
        raise UnderflowError(readable + 1, readable, self._r)

    cdef int _write_leb(self, uint64_t value) except -1:
        leb_encode(self._room(leb_size(value)), value)
        return 0

    # -- a length in front of what it counts

    def length_prefixed(self, format, /, *, includes_length=False, max_length=None):
        """Write a length in front of what a `with` block writes.

        >>> buf = zbuf.buffer()
        >>> with buf.length_prefixed("u32"):
        ...     buf.write_bytes(b"hello")
        ...     buf.write_u16(7)
        >>> bytes(buf)
        b'\\x00\\x00\\x00\\x07hello\\x00\\x07'

        The block begins with zeros where the length will be; its end fills in
        how many bytes were written after them. Formats: u8, u16, u24, u32 and
        u64, these but u8 with _le, varint, varint_u32 and quic_varint.
        With includes_length the length counts its own bytes too; more than
        max_length bytes of body are refused. Blocks nest. The object may be
        kept, and used for one block after the other.

        A varint is as short as it can be. So its block begins with as many
        bytes as max_length takes (without one 9, 5 for varint_u32, 8 for
        quic_varint), and if fewer do the body moves down at the end: say a
        max_length that needs the bytes that most bodies need, and those stay
        where they are. In a composite, shared parts never move.

        The length goes with its bytes: reclaim, split_to and growth are fine
        inside the block. A slice shares the memory that the buffer had when
        it was taken: unless the buffer has moved since, it shows the length
        too, and the bytes of a varint's body as they move.

        Returns: a context manager; its `as` is this buffer.
        Raises:  ValueError for no such format, includes_length with a varint or
                 a negative max_length, TypeError, ReleasedError. At the
                 block's begin, nothing changed: what write_zeros raises, and
                 RuntimeError inside a block of the same object. At its end:
                 OverflowError for a body that is too long, everything as after
                 an error; ReleasedError, and RuntimeError if the bytes for the
                 length are gone (the writer was before them, or they were
                 discarded), nothing changed.
        An error in the block passes on. The writer is then where it was before
        it, the reader not behind it, the capacity not larger than it was, and
        what a composite was given in the block is let go.
        """
        cdef LengthPrefix made = LengthPrefix.__new__(LengthPrefix)
        prefix_of(format, includes_length, max_length, &made._prefix)
        self._live()
        made._buf = self
        return made

    def read_prefixed(self, format, /, *, includes_length=False, max_length=None):
        """Read a length, and as many bytes as it says as a handle on them.

        >>> buf = zbuf.copied(b"\\x00\\x05helloworld")
        >>> bytes(buf.read_prefixed("u16")), bytes(buf)
        (b'hello', b'world')

        Formats and arguments as in length_prefixed. What comes from others
        needs a max_length: who waits for all the bytes may wait for 2**64.
        Moves:   reader_index past the body.
        Returns: a buffer with a reference of its own, as read_slice does.
        Raises:  UnderflowError; ValueError for a length above max_length, or
                 one that is to include itself and does not; VarintError; for
                 the arguments what length_prefixed raises; ReleasedError;
                 nothing has moved.
        """
        return take_prefixed(self, format, includes_length, max_length, True)

    def try_read_prefixed(self, format, /, *, includes_length=False, max_length=None):
        """Read a length and its bytes as read_prefixed does, or return None if they are not all there.

        >>> zbuf.copied(b"\\x00\\x05hell").try_read_prefixed("u16") is None
        True

        Moves reader_index past the body, or not at all. Raises what
        read_prefixed raises, but UnderflowError.
        """
        return take_prefixed(self, format, includes_length, max_length, False)

    # -- search, in the reader's coordinates

    def find(self, needle, start=0, end=None, /):
        """Find the first place of a byte or of bytes among the readable bytes.

        >>> buf = zbuf.copied(b"key: value")
        >>> buf.find(b": "), buf.find(0x76), buf.find(b"?")
        (3, 5, -1)

        Moves nothing. start and end as in slices, counted from the reader.
        Returns: the offset from the reader, -1 if there is none.
        Raises:  TypeError, ValueError for an int outside 0 .. 255, ReleasedError.
        Source:  bytes.find, ByteBuf.indexOf.
        """
        return self._search(needle, start, end, False)

    def rfind(self, needle, start=0, end=None, /):
        """Find the last place of a byte or of bytes among the readable bytes.

        >>> zbuf.copied(b"a/b/c").rfind(b"/")
        3

        All else as find. Source: bytes.rfind.
        """
        return self._search(needle, start, end, True)

    def index(self, needle, start=0, end=None, /):
        """Find as find does, but raise ValueError where find returns -1.

        >>> zbuf.copied(b"a/b/c").index(b"/")
        1

        Source: bytes.index.
        """
        cdef Py_ssize_t at = self._search(needle, start, end, False)
        if at < 0:
            raise ValueError(f"{short(needle)} is not among the {self._w - self._r} readable bytes")
        return at

    def count(self, needle, start=0, end=None, /):
        """Count the places of a byte or of bytes that do not overlap.

        >>> zbuf.copied(b"a/b/c").count(b"/")
        2

        All else as find. Source: bytes.count.
        """
        cdef Py_ssize_t lo, hi, at, found = 0
        cdef Py_buffer view
        cdef bytes key = one_byte(needle)
        borrow(needle if key is None else key, &view)
        try:
            if not self._range(start, end, &lo, &hi):
                return 0
            if view.len == 0:
                return hi - lo + 1
            while True:
                at = self._seek(<unsigned char *>view.buf, view.len, lo, hi, False)
                if at < 0:
                    return found
                found += 1
                lo = at + view.len
        finally:
            PyBuffer_Release(&view)

    def startswith(self, prefix, start=0, end=None, /):
        """Tell whether the readable bytes start with a prefix, or with one of a tuple.

        >>> zbuf.copied(b"GET /").startswith((b"PUT", b"GET"))
        True

        Raises TypeError, ReleasedError. Source: bytes.startswith.
        """
        if isinstance(prefix, tuple):
            for one in <tuple>prefix:
                if self.startswith(one, start, end):
                    return True
            return False
        return self._has_at_end(prefix, start, end, False)

    def endswith(self, suffix, start=0, end=None, /):
        """Tell whether the readable bytes end with a suffix, or with one of a tuple.

        >>> zbuf.copied(b"line\\r\\n").endswith(b"\\r\\n")
        True

        Raises TypeError, ReleasedError. Source: bytes.endswith.
        """
        if isinstance(suffix, tuple):
            for one in <tuple>suffix:
                if self.endswith(one, start, end):
                    return True
            return False
        return self._has_at_end(suffix, start, end, True)

    cdef bint _has_at_end(self, object needle, object start, object end, bint last) except -1:
        cdef Py_ssize_t lo, hi
        cdef Py_buffer view
        borrow(needle, &view)
        try:
            if not self._range(start, end, &lo, &hi) or view.len > hi - lo:
                return False
            return self._matches(hi - view.len if last else lo, <unsigned char *>view.buf, view.len)
        finally:
            PyBuffer_Release(&view)

    cdef bint _range(self, object start, object end, Py_ssize_t *lo, Py_ssize_t *hi) except -1:
        # From slice bounds to indices of the handle; False if lo > hi, where
        # not even an empty needle lies. May run Python code before it looks.
        cdef Py_ssize_t a = 0 if start is None else index_of(start)
        cdef Py_ssize_t b = PY_SSIZE_T_MAX if end is None else index_of(end)
        self._live()
        cdef Py_ssize_t n = self._w - self._r
        lo[0] = self._r + (max(a + n, 0) if a < 0 else min(a, n + 1))
        hi[0] = self._r + (max(b + n, 0) if b < 0 else min(b, n))
        return lo[0] <= hi[0]

    cdef Py_ssize_t _search(self, object needle, object start, object end, bint last) except -2:
        cdef Py_ssize_t lo, hi, at
        cdef unsigned char byte
        cdef Py_buffer view
        if is_byte(needle):
            byte = byte_of(needle)
            if not self._range(start, end, &lo, &hi):
                return -1
            at = self._seek(&byte, 1, lo, hi, last)
            return at - self._r if at >= 0 else -1
        borrow(needle, &view)
        try:
            if not self._range(start, end, &lo, &hi):
                return -1
            at = self._seek(<unsigned char *>view.buf, view.len, lo, hi, last)
            return at - self._r if at >= 0 else -1
        finally:
            PyBuffer_Release(&view)

    cdef Py_ssize_t _seek(self, const unsigned char *needle, Py_ssize_t m, Py_ssize_t lo, Py_ssize_t hi, bint last) except -2:
        # The index of the first or last needle inside [lo, hi), or -1.
        # REQUIRES: live, lo <= hi, both inside the readable bytes.
        cdef Py_ssize_t here, at
        cdef zb_block *block
        cdef unsigned char *mem = self._span(lo, &here, &block)
        if m > hi - lo:
            return -1
        if hi - lo > here:
            return self._seek_pieces(needle, m, lo, hi, last)
        at = rfind_bytes(mem, hi - lo, needle, m) if last else find_bytes(mem, hi - lo, needle, m)
        return lo + at if at >= 0 else -1

    cdef Py_ssize_t _seek_pieces(self, const unsigned char *needle, Py_ssize_t m, Py_ssize_t lo, Py_ssize_t hi, bint last) except -2:
        # Gathers windows that overlap by a needle less one byte. They double,
        # so that many near hits do not cost a full window each.
        cdef Py_ssize_t most = max(<Py_ssize_t>WINDOW, m + m)
        cdef Py_ssize_t n = max(<Py_ssize_t>256, m + m)
        cdef Py_ssize_t at
        cdef unsigned char *window = <unsigned char *>zb_malloc(most)
        if window == NULL:
            raise MemoryError(f"no memory for a window of {most} bytes")
        try:
            while hi - lo >= m:
                n = min(n, hi - lo)
                self._copy_out(hi - n if last else lo, window, n)
                at = rfind_bytes(window, n, needle, m) if last else find_bytes(window, n, needle, m)
                if at >= 0:
                    return at + (hi - n if last else lo)
                if last:
                    hi -= n - m + 1
                else:
                    lo += n - m + 1
                n = min(n + n, most)
            return -1
        finally:
            free(window)

    # -- the windows that others may look through

    def view(self):
        """Look at the readable bytes as a memoryview, without a copy.

        >>> zbuf.copied(b"abc").view().tobytes()
        b'abc'

        What asyncio's transport.write wants. The view holds the memory, not
        the handle: release() under it is fine. While it is out this handle
        cannot grow beyond its block.
        Raises:  BufferError for a composite whose readable bytes lie in
                 several parts (see views and consolidate), ReleasedError.
        Source:  ByteBuf.nioBuffer.
        """
        return PyMemoryView_FromObject(self)

    def writable_view(self, size, /):
        """Look at the next `size` writable bytes as a memoryview, for others to fill.

        >>> buf = zbuf.buffer(16)
        >>> buf.writable_view(4)[:] = b"abcd"
        >>> buf.commit(4)
        >>> bytes(buf)
        b'abcd'

        Moves nothing: commit(n) then makes the first n of them readable.
        Raises, nothing changed: what ensure_writable raises; MemoryError, with
        the room made, where Python has none for the memoryview.
        Source: ByteBuf.internalNioBuffer.
        """
        cdef Py_ssize_t n = size_of(size)
        cdef Py_ssize_t here = 0
        cdef zb_block *block
        cdef Window window = Window.__new__(Window)
        self._ensure(n)
        cdef unsigned char *mem = self._span(self._w, &here, &block)
        block_hold(block, 1)
        window._show(self, block, mem, n, False)
        return PyMemoryView_FromObject(window)

    def commit(self, size, /):
        """Make the next `size` writable bytes readable: something has filled them.

        >>> buf = zbuf.buffer(16)
        >>> buf.writable_view(4)[:2] = b"ab"
        >>> buf.commit(2)
        >>> bytes(buf)
        b'ab'

        Moves writer_index. Raises, nothing moved: CapacityError beyond the
        capacity, ValueError for a negative size, ReadOnlyError, ReleasedError.
        """
        cdef Py_ssize_t n = size_of(size)
        self._writable()
        if n > self._cap - self._w:
            raise CapacityError(n, self._cap - self._w)
        self._settle(self._r, self._w + n)

    def __getbuffer__(self, Py_buffer *view, int flags):
        self._live()
        cdef Py_ssize_t n = self._w - self._r
        cdef Py_ssize_t here = 0
        cdef zb_block *block
        cdef unsigned char *mem = self._span(self._r, &here, &block)
        if here < n:
            raise BufferError(
                f"the {n} readable bytes lie in several parts: use views(), or consolidate() first"
            )
        fill_view(view, flags, self, block, mem, n, not self._may_write(self._r, n))
        zb_add_int(&self._exports, 1)

    def __releasebuffer__(self, Py_buffer *view):
        zb_add_int(&self._exports, -1)
        unview(<zb_block *>view.internal)

    cdef bint _may_write(self, Py_ssize_t i, Py_ssize_t n) noexcept:
        # May the bytes themselves be overwritten? REQUIRES: live, inside the capacity.
        return self._lim != READONLY

    # -- Python's protocols

    def __len__(self):
        self._live()
        return self._w - self._r

    def __getitem__(self, key):
        cdef Py_ssize_t n, i
        if PySlice_Check(key):
            i = self._slice_bounds(key, &n)
            return self._part(i, n)
        cdef unsigned char byte = self._at(self._item(index_of(key)), 1)[0]
        settle()
        return byte

    def __setitem__(self, key, value):
        cdef unsigned char byte
        if PySlice_Check(key):
            self._set_slice(key, value)
        else:
            byte = byte_of(value)
            self._poke(self._item(index_of(key)), &byte, 1)
        settle()

    cdef Py_ssize_t _item(self, Py_ssize_t i) except -1:
        # From a subscript to an index of the handle.
        cdef Py_ssize_t n = self._w - self._r
        self._live()
        if not -n <= i < n:
            raise IndexError(f"index {i} is outside the {n} readable bytes")
        return self._r + (i if i >= 0 else i + n)

    cdef Py_ssize_t _slice_bounds(self, object key, Py_ssize_t *n) except -1:
        cdef Py_ssize_t start, stop, step = 1
        if not zb_small_slice(key, &start, &stop):
            PySlice_Unpack(key, &start, &stop, &step)
        self._live()
        if step != 1:
            raise ValueError(f"a slice of a buffer has step 1, not {step}")
        n[0] = PySlice_AdjustIndices(self._w - self._r, &start, &stop, step)
        return self._r + start

    cdef int _set_slice(self, object key, object data) except -1:
        cdef Py_ssize_t n, i
        cdef Py_buffer view
        borrow(data, &view)
        try:
            i = self._slice_bounds(key, &n)
            if view.len != n:
                raise ValueError(f"{view.len} bytes do not replace {n}: a slice of a buffer keeps its length")
            self._settable(i, n)
            overwrite(self, i, <unsigned char *>view.buf, n)
        finally:
            PyBuffer_Release(&view)
        return 0

    def __iter__(self):
        self._live()
        cdef ByteIterator made = ByteIterator.__new__(ByteIterator)
        made._buf = self
        return made

    def __contains__(self, needle):
        cdef bint found = self._search(needle, 0, None, False) >= 0
        settle()
        return found

    def __richcmp__(self, other, int op):
        if op != Py_EQ and op != Py_NE:
            return NotImplemented
        if self is other:
            return op == Py_EQ
        cdef Py_buffer view
        cdef bint same
        if isinstance(other, ByteBuf):
            self._live()
            (<ByteBuf>other)._live()
            same = (<ByteBuf>self)._equals(<ByteBuf>other)
            settle()
            return same == (op == Py_EQ)
        if not PyObject_CheckBuffer(other):
            return NotImplemented
        try:
            PyObject_GetBuffer(other, &view, PyBUF_SIMPLE)
        except BufferError:
            return NotImplemented
        try:
            self._live()
            same = view.len == self._w - self._r and self._matches(self._r, <unsigned char *>view.buf, view.len)
            settle()
            return same == (op == Py_EQ)
        finally:
            PyBuffer_Release(&view)

    def __bytes__(self):
        self._live()
        return self._bytes(self._r, self._w - self._r)

    def __repr__(self):
        cdef str name = type(self).__name__
        if self._block == NULL:
            return f"<zbuf.{name} released>"
        cdef Py_ssize_t n = self._w - self._r
        shown = self._bytes(self._r, min(n, <Py_ssize_t>PREVIEW)).hex(" ")
        forget_fault()   # to be shown is never an error
        return f"<zbuf.{name} {self._r}..{self._w} of {self._cap}, refs {self.refcnt}: {shown}{' ...' if n > PREVIEW else ''}>"

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, memo):
        return self.copy()

    def __reduce_ex__(self, protocol):
        cdef bint out_of_band = index_of(protocol) >= 5
        self._live()
        if out_of_band and self._whole():
            from pickle import PickleBuffer   # who pickles has paid for the import
            return unpickled, (PickleBuffer(self),)
        return copied, (self.__bytes__(),)

    def __sizeof__(self):
        cdef Py_ssize_t n = type(self).__basicsize__
        if self._block != NULL and self._block.pool != NULL and block_refs(self._block) == self._own:
            n += self._block.size
        return n

    def hexdump(self):
        """Lay the readable bytes out for people: offset, hexadecimal, text.

        >>> print(zbuf.copied(b"GET / HTTP/1.1").hexdump())
        00000000  47 45 54 20 2f 20 48 54  54 50 2f 31 2e 31        |GET / HTTP/1.1|

        Offsets count from the start of the handle. Raises ReleasedError.
        Source: ByteBufUtil.prettyHexDump.
        """
        self._live()
        return hexdump(self.__bytes__(), self._r)

    def _check(self):
        """Raise AssertionError unless the invariants hold; for tests."""
        if self._block == NULL:
            assert self._mem == NULL and self._own == 0
            assert self._r == self._w == self._start == self._run == self._lim == self._cap == self._max == 0
            return
        assert self._mem != NULL and self._own >= 1 and zb_count_int(&self._exports) >= 0
        assert 0 <= self._r <= self._w <= self._cap <= self._max
        assert 0 <= self._start <= self._r <= self._run <= self._w
        self._check_kind()

    cdef int _check_kind(self) except -1:
        assert self._start == 0 and self._run == self._w
        assert self._lim == self._cap or self._lim == READONLY
        assert self._block.data <= self._mem
        assert self._mem + self._cap <= self._block.data + self._block.size
        assert block_refs(self._block) >= self._own
        return 0

    # -- numbers: read, and move the reader

    def read_bool(self):
        """Read one byte as a bool.

        >>> zbuf.copied(b"\\x01").read_bool()
        True

        Moves reader_index by 1. Returns True or False. Raises UnderflowError or
        ReleasedError, nothing moved. Source: ByteBuf.readBoolean.
        """
        return self._take(1)[0] != 0

    def read_u8(self):
        """Read 1 byte as an unsigned integer.

        >>> zbuf.copied(b"\\xc8").read_u8()
        200

        Moves reader_index by 1. Returns 0 .. 255. Raises UnderflowError or
        ReleasedError, nothing moved. Source: ByteBuf.readUnsignedByte.
        """
        return self._take(1)[0]

    def read_i8(self):
        """Read 1 byte as a signed integer.

        >>> zbuf.copied(b"\\xfe").read_i8()
        -2

        Moves reader_index by 1. Returns -128 .. 127. Raises UnderflowError or
        ReleasedError, nothing moved. Source: ByteBuf.readByte.
        """
        return <signed char>self._take(1)[0]

    def read_u16(self):
        """Read 2 bytes as an unsigned integer, most significant byte first.

        >>> zbuf.copied(b"\\x02\\x01").read_u16()
        513

        Moves reader_index by 2. Returns 0 .. 65535. Raises UnderflowError or
        ReleasedError, nothing moved. Source: ByteBuf.readUnsignedShort.
        """
        return load_u16_be(self._take(2))

    def read_u16_le(self):
        """Read 2 bytes as an unsigned integer, least significant byte first.

        >>> zbuf.copied(b"\\x01\\x02").read_u16_le()
        513

        Moves reader_index by 2. Returns 0 .. 65535. Raises UnderflowError or
        ReleasedError, nothing moved. Source: ByteBuf.readUnsignedShortLE.
        """
        return load_u16_le(self._take(2))

    def read_i16(self):
        """Read 2 bytes as a signed integer, most significant byte first.

        >>> zbuf.copied(b"\\xff\\xfe").read_i16()
        -2

        Moves reader_index by 2. Returns -32768 .. 32767. Raises UnderflowError or
        ReleasedError, nothing moved. Source: ByteBuf.readShort.
        """
        return <int16_t>load_u16_be(self._take(2))

    def read_i16_le(self):
        """Read 2 bytes as a signed integer, least significant byte first.

        >>> zbuf.copied(b"\\xfe\\xff").read_i16_le()
        -2

        Moves reader_index by 2. Returns -32768 .. 32767. Raises UnderflowError or
        ReleasedError, nothing moved. Source: ByteBuf.readShortLE.
        """
        return <int16_t>load_u16_le(self._take(2))

    def read_u24(self):
        """Read 3 bytes as an unsigned integer, most significant byte first.

        >>> zbuf.copied(b"\\x01\\x02\\x03").read_u24()
        66051

        Moves reader_index by 3. Returns 0 .. 2**24 - 1. Raises UnderflowError or
        ReleasedError, nothing moved. Source: ByteBuf.readUnsignedMedium.
        """
        return load_u24_be(self._take(3))

    def read_u24_le(self):
        """Read 3 bytes as an unsigned integer, least significant byte first.

        >>> zbuf.copied(b"\\x03\\x02\\x01").read_u24_le()
        66051

        Moves reader_index by 3. Returns 0 .. 2**24 - 1. Raises UnderflowError or
        ReleasedError, nothing moved. Source: ByteBuf.readUnsignedMediumLE.
        """
        return load_u24_le(self._take(3))

    def read_i24(self):
        """Read 3 bytes as a signed integer, most significant byte first.

        >>> zbuf.copied(b"\\xff\\xff\\xfe").read_i24()
        -2

        Moves reader_index by 3. Returns -2**23 .. 2**23 - 1. Raises UnderflowError
        or ReleasedError, nothing moved. Source: ByteBuf.readMedium.
        """
        return sign24(load_u24_be(self._take(3)))

    def read_i24_le(self):
        """Read 3 bytes as a signed integer, least significant byte first.

        >>> zbuf.copied(b"\\xfe\\xff\\xff").read_i24_le()
        -2

        Moves reader_index by 3. Returns -2**23 .. 2**23 - 1. Raises UnderflowError
        or ReleasedError, nothing moved. Source: ByteBuf.readMediumLE.
        """
        return sign24(load_u24_le(self._take(3)))

    def read_u32(self):
        """Read 4 bytes as an unsigned integer, most significant byte first.

        >>> zbuf.copied(b"\\x01\\x02\\x03\\x04").read_u32()
        16909060

        Moves reader_index by 4. Returns 0 .. 2**32 - 1. Raises UnderflowError or
        ReleasedError, nothing moved. Source: ByteBuf.readUnsignedInt.
        """
        return load_u32_be(self._take(4))

    def read_u32_le(self):
        """Read 4 bytes as an unsigned integer, least significant byte first.

        >>> zbuf.copied(b"\\x04\\x03\\x02\\x01").read_u32_le()
        16909060

        Moves reader_index by 4. Returns 0 .. 2**32 - 1. Raises UnderflowError or
        ReleasedError, nothing moved. Source: ByteBuf.readUnsignedIntLE.
        """
        return load_u32_le(self._take(4))

    def read_i32(self):
        """Read 4 bytes as a signed integer, most significant byte first.

        >>> zbuf.copied(b"\\xff\\xff\\xff\\xfe").read_i32()
        -2

        Moves reader_index by 4. Returns -2**31 .. 2**31 - 1. Raises UnderflowError
        or ReleasedError, nothing moved. Source: ByteBuf.readInt.
        """
        return <int32_t>load_u32_be(self._take(4))

    def read_i32_le(self):
        """Read 4 bytes as a signed integer, least significant byte first.

        >>> zbuf.copied(b"\\xfe\\xff\\xff\\xff").read_i32_le()
        -2

        Moves reader_index by 4. Returns -2**31 .. 2**31 - 1. Raises UnderflowError
        or ReleasedError, nothing moved. Source: ByteBuf.readIntLE.
        """
        return <int32_t>load_u32_le(self._take(4))

    def read_u64(self):
        """Read 8 bytes as an unsigned integer, most significant byte first.

        >>> zbuf.copied(b"\\x01\\x02\\x03\\x04\\x05\\x06\\x07\\x08").read_u64()
        72623859790382856

        Moves reader_index by 8. Returns 0 .. 2**64 - 1. Raises UnderflowError or
        ReleasedError, nothing moved. Source: ByteBuf.readLong.
        """
        return load_u64_be(self._take(8))

    def read_u64_le(self):
        """Read 8 bytes as an unsigned integer, least significant byte first.

        >>> zbuf.copied(b"\\x08\\x07\\x06\\x05\\x04\\x03\\x02\\x01").read_u64_le()
        72623859790382856

        Moves reader_index by 8. Returns 0 .. 2**64 - 1. Raises UnderflowError or
        ReleasedError, nothing moved. Source: ByteBuf.readLongLE.
        """
        return load_u64_le(self._take(8))

    def read_i64(self):
        """Read 8 bytes as a signed integer, most significant byte first.

        >>> zbuf.copied(b"\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xfe").read_i64()
        -2

        Moves reader_index by 8. Returns -2**63 .. 2**63 - 1. Raises UnderflowError
        or ReleasedError, nothing moved. Source: ByteBuf.readLong.
        """
        return <int64_t>load_u64_be(self._take(8))

    def read_i64_le(self):
        """Read 8 bytes as a signed integer, least significant byte first.

        >>> zbuf.copied(b"\\xfe\\xff\\xff\\xff\\xff\\xff\\xff\\xff").read_i64_le()
        -2

        Moves reader_index by 8. Returns -2**63 .. 2**63 - 1. Raises UnderflowError
        or ReleasedError, nothing moved. Source: ByteBuf.readLongLE.
        """
        return <int64_t>load_u64_le(self._take(8))

    def read_f32(self):
        """Read 4 bytes as a float, most significant byte first.

        >>> zbuf.copied(b"\\x3f\\xc0\\x00\\x00").read_f32()
        1.5

        Moves reader_index by 4. Returns a float. Raises UnderflowError or
        ReleasedError, nothing moved. Source: ByteBuf.readFloat.
        """
        return load_f32_be(self._take(4))

    def read_f32_le(self):
        """Read 4 bytes as a float, least significant byte first.

        >>> zbuf.copied(b"\\x00\\x00\\xc0\\x3f").read_f32_le()
        1.5

        Moves reader_index by 4. Returns a float. Raises UnderflowError or
        ReleasedError, nothing moved. Source: ByteBuf.readFloatLE.
        """
        return load_f32_le(self._take(4))

    def read_f64(self):
        """Read 8 bytes as a float, most significant byte first.

        >>> zbuf.copied(b"\\xbf\\xd0\\x00\\x00\\x00\\x00\\x00\\x00").read_f64()
        -0.25

        Moves reader_index by 8. Returns a float. Raises UnderflowError or
        ReleasedError, nothing moved. Source: ByteBuf.readDouble.
        """
        return load_f64_be(self._take(8))

    def read_f64_le(self):
        """Read 8 bytes as a float, least significant byte first.

        >>> zbuf.copied(b"\\x00\\x00\\x00\\x00\\x00\\x00\\xd0\\xbf").read_f64_le()
        -0.25

        Moves reader_index by 8. Returns a float. Raises UnderflowError or
        ReleasedError, nothing moved. Source: ByteBuf.readDoubleLE.
        """
        return load_f64_le(self._take(8))

    # -- numbers: read if they are there

    def try_read_bool(self):
        """Read one byte as a bool, or return None if it is not all there.

        >>> zbuf.copied(b"").try_read_bool() is None
        True

        Moves reader_index by 1, or not at all. Returns True or False, or None.
        Raises ReleasedError.
        """
        if self._short(1):
            return None
        return self._take(1)[0] != 0

    def try_read_u8(self):
        """Read 1 byte as an unsigned integer, or return None if it is not all there.

        >>> zbuf.copied(b"").try_read_u8() is None
        True

        Moves reader_index by 1, or not at all. Returns 0 .. 255, or None. Raises
        ReleasedError.
        """
        if self._short(1):
            return None
        return self._take(1)[0]

    def try_read_i8(self):
        """Read 1 byte as a signed integer, or return None if it is not all there.

        >>> zbuf.copied(b"").try_read_i8() is None
        True

        Moves reader_index by 1, or not at all. Returns -128 .. 127, or None. Raises
        ReleasedError.
        """
        if self._short(1):
            return None
        return <signed char>self._take(1)[0]

    def try_read_u16(self):
        """Read 2 bytes as an unsigned integer, most significant byte first, or return None if they are not all there.

        >>> zbuf.copied(b"").try_read_u16() is None
        True

        Moves reader_index by 2, or not at all. Returns 0 .. 65535, or None. Raises
        ReleasedError.
        """
        if self._short(2):
            return None
        return load_u16_be(self._take(2))

    def try_read_u16_le(self):
        """Read 2 bytes as an unsigned integer, least significant byte first, or return None if they are not all there.

        >>> zbuf.copied(b"").try_read_u16_le() is None
        True

        Moves reader_index by 2, or not at all. Returns 0 .. 65535, or None. Raises
        ReleasedError.
        """
        if self._short(2):
            return None
        return load_u16_le(self._take(2))

    def try_read_i16(self):
        """Read 2 bytes as a signed integer, most significant byte first, or return None if they are not all there.

        >>> zbuf.copied(b"").try_read_i16() is None
        True

        Moves reader_index by 2, or not at all. Returns -32768 .. 32767, or None.
        Raises ReleasedError.
        """
        if self._short(2):
            return None
        return <int16_t>load_u16_be(self._take(2))

    def try_read_i16_le(self):
        """Read 2 bytes as a signed integer, least significant byte first, or return None if they are not all there.

        >>> zbuf.copied(b"").try_read_i16_le() is None
        True

        Moves reader_index by 2, or not at all. Returns -32768 .. 32767, or None.
        Raises ReleasedError.
        """
        if self._short(2):
            return None
        return <int16_t>load_u16_le(self._take(2))

    def try_read_u24(self):
        """Read 3 bytes as an unsigned integer, most significant byte first, or return None if they are not all there.

        >>> zbuf.copied(b"").try_read_u24() is None
        True

        Moves reader_index by 3, or not at all. Returns 0 .. 2**24 - 1, or None.
        Raises ReleasedError.
        """
        if self._short(3):
            return None
        return load_u24_be(self._take(3))

    def try_read_u24_le(self):
        """Read 3 bytes as an unsigned integer, least significant byte first, or return None if they are not all there.

        >>> zbuf.copied(b"").try_read_u24_le() is None
        True

        Moves reader_index by 3, or not at all. Returns 0 .. 2**24 - 1, or None.
        Raises ReleasedError.
        """
        if self._short(3):
            return None
        return load_u24_le(self._take(3))

    def try_read_i24(self):
        """Read 3 bytes as a signed integer, most significant byte first, or return None if they are not all there.

        >>> zbuf.copied(b"").try_read_i24() is None
        True

        Moves reader_index by 3, or not at all. Returns -2**23 .. 2**23 - 1, or
        None. Raises ReleasedError.
        """
        if self._short(3):
            return None
        return sign24(load_u24_be(self._take(3)))

    def try_read_i24_le(self):
        """Read 3 bytes as a signed integer, least significant byte first, or return None if they are not all there.

        >>> zbuf.copied(b"").try_read_i24_le() is None
        True

        Moves reader_index by 3, or not at all. Returns -2**23 .. 2**23 - 1, or
        None. Raises ReleasedError.
        """
        if self._short(3):
            return None
        return sign24(load_u24_le(self._take(3)))

    def try_read_u32(self):
        """Read 4 bytes as an unsigned integer, most significant byte first, or return None if they are not all there.

        >>> zbuf.copied(b"").try_read_u32() is None
        True

        Moves reader_index by 4, or not at all. Returns 0 .. 2**32 - 1, or None.
        Raises ReleasedError.
        """
        if self._short(4):
            return None
        return load_u32_be(self._take(4))

    def try_read_u32_le(self):
        """Read 4 bytes as an unsigned integer, least significant byte first, or return None if they are not all there.

        >>> zbuf.copied(b"").try_read_u32_le() is None
        True

        Moves reader_index by 4, or not at all. Returns 0 .. 2**32 - 1, or None.
        Raises ReleasedError.
        """
        if self._short(4):
            return None
        return load_u32_le(self._take(4))

    def try_read_i32(self):
        """Read 4 bytes as a signed integer, most significant byte first, or return None if they are not all there.

        >>> zbuf.copied(b"").try_read_i32() is None
        True

        Moves reader_index by 4, or not at all. Returns -2**31 .. 2**31 - 1, or
        None. Raises ReleasedError.
        """
        if self._short(4):
            return None
        return <int32_t>load_u32_be(self._take(4))

    def try_read_i32_le(self):
        """Read 4 bytes as a signed integer, least significant byte first, or return None if they are not all there.

        >>> zbuf.copied(b"").try_read_i32_le() is None
        True

        Moves reader_index by 4, or not at all. Returns -2**31 .. 2**31 - 1, or
        None. Raises ReleasedError.
        """
        if self._short(4):
            return None
        return <int32_t>load_u32_le(self._take(4))

    def try_read_u64(self):
        """Read 8 bytes as an unsigned integer, most significant byte first, or return None if they are not all there.

        >>> zbuf.copied(b"").try_read_u64() is None
        True

        Moves reader_index by 8, or not at all. Returns 0 .. 2**64 - 1, or None.
        Raises ReleasedError.
        """
        if self._short(8):
            return None
        return load_u64_be(self._take(8))

    def try_read_u64_le(self):
        """Read 8 bytes as an unsigned integer, least significant byte first, or return None if they are not all there.

        >>> zbuf.copied(b"").try_read_u64_le() is None
        True

        Moves reader_index by 8, or not at all. Returns 0 .. 2**64 - 1, or None.
        Raises ReleasedError.
        """
        if self._short(8):
            return None
        return load_u64_le(self._take(8))

    def try_read_i64(self):
        """Read 8 bytes as a signed integer, most significant byte first, or return None if they are not all there.

        >>> zbuf.copied(b"").try_read_i64() is None
        True

        Moves reader_index by 8, or not at all. Returns -2**63 .. 2**63 - 1, or
        None. Raises ReleasedError.
        """
        if self._short(8):
            return None
        return <int64_t>load_u64_be(self._take(8))

    def try_read_i64_le(self):
        """Read 8 bytes as a signed integer, least significant byte first, or return None if they are not all there.

        >>> zbuf.copied(b"").try_read_i64_le() is None
        True

        Moves reader_index by 8, or not at all. Returns -2**63 .. 2**63 - 1, or
        None. Raises ReleasedError.
        """
        if self._short(8):
            return None
        return <int64_t>load_u64_le(self._take(8))

    def try_read_f32(self):
        """Read 4 bytes as a float, most significant byte first, or return None if they are not all there.

        >>> zbuf.copied(b"").try_read_f32() is None
        True

        Moves reader_index by 4, or not at all. Returns a float, or None. Raises
        ReleasedError.
        """
        if self._short(4):
            return None
        return load_f32_be(self._take(4))

    def try_read_f32_le(self):
        """Read 4 bytes as a float, least significant byte first, or return None if they are not all there.

        >>> zbuf.copied(b"").try_read_f32_le() is None
        True

        Moves reader_index by 4, or not at all. Returns a float, or None. Raises
        ReleasedError.
        """
        if self._short(4):
            return None
        return load_f32_le(self._take(4))

    def try_read_f64(self):
        """Read 8 bytes as a float, most significant byte first, or return None if they are not all there.

        >>> zbuf.copied(b"").try_read_f64() is None
        True

        Moves reader_index by 8, or not at all. Returns a float, or None. Raises
        ReleasedError.
        """
        if self._short(8):
            return None
        return load_f64_be(self._take(8))

    def try_read_f64_le(self):
        """Read 8 bytes as a float, least significant byte first, or return None if they are not all there.

        >>> zbuf.copied(b"").try_read_f64_le() is None
        True

        Moves reader_index by 8, or not at all. Returns a float, or None. Raises
        ReleasedError.
        """
        if self._short(8):
            return None
        return load_f64_le(self._take(8))

    # -- numbers: look ahead, and stay

    def peek_bool(self, offset=0, /):
        """Look at one byte as a bool, `offset` bytes after the reader.

        >>> zbuf.copied(b"!" + b"\\x01").peek_bool(1)
        True

        Moves nothing. Returns True or False. Raises UnderflowError if the bytes are
        not readable, IndexError for a negative offset, or ReleasedError.
        """
        return self._look(index_of(offset), 1)[0] != 0

    def peek_u8(self, offset=0, /):
        """Look at 1 byte as an unsigned integer, `offset` bytes after the reader.

        >>> zbuf.copied(b"!" + b"\\xc8").peek_u8(1)
        200

        Moves nothing. Returns 0 .. 255. Raises UnderflowError if the bytes are not
        readable, IndexError for a negative offset, or ReleasedError.
        """
        return self._look(index_of(offset), 1)[0]

    def peek_i8(self, offset=0, /):
        """Look at 1 byte as a signed integer, `offset` bytes after the reader.

        >>> zbuf.copied(b"!" + b"\\xfe").peek_i8(1)
        -2

        Moves nothing. Returns -128 .. 127. Raises UnderflowError if the bytes are
        not readable, IndexError for a negative offset, or ReleasedError.
        """
        return <signed char>self._look(index_of(offset), 1)[0]

    def peek_u16(self, offset=0, /):
        """Look at 2 bytes as an unsigned integer, most significant byte first, `offset` bytes after the reader.

        >>> zbuf.copied(b"!" + b"\\x02\\x01").peek_u16(1)
        513

        Moves nothing. Returns 0 .. 65535. Raises UnderflowError if the bytes are
        not readable, IndexError for a negative offset, or ReleasedError.
        """
        return load_u16_be(self._look(index_of(offset), 2))

    def peek_u16_le(self, offset=0, /):
        """Look at 2 bytes as an unsigned integer, least significant byte first, `offset` bytes after the reader.

        >>> zbuf.copied(b"!" + b"\\x01\\x02").peek_u16_le(1)
        513

        Moves nothing. Returns 0 .. 65535. Raises UnderflowError if the bytes are
        not readable, IndexError for a negative offset, or ReleasedError.
        """
        return load_u16_le(self._look(index_of(offset), 2))

    def peek_i16(self, offset=0, /):
        """Look at 2 bytes as a signed integer, most significant byte first, `offset` bytes after the reader.

        >>> zbuf.copied(b"!" + b"\\xff\\xfe").peek_i16(1)
        -2

        Moves nothing. Returns -32768 .. 32767. Raises UnderflowError if the bytes
        are not readable, IndexError for a negative offset, or ReleasedError.
        """
        return <int16_t>load_u16_be(self._look(index_of(offset), 2))

    def peek_i16_le(self, offset=0, /):
        """Look at 2 bytes as a signed integer, least significant byte first, `offset` bytes after the reader.

        >>> zbuf.copied(b"!" + b"\\xfe\\xff").peek_i16_le(1)
        -2

        Moves nothing. Returns -32768 .. 32767. Raises UnderflowError if the bytes
        are not readable, IndexError for a negative offset, or ReleasedError.
        """
        return <int16_t>load_u16_le(self._look(index_of(offset), 2))

    def peek_u24(self, offset=0, /):
        """Look at 3 bytes as an unsigned integer, most significant byte first, `offset` bytes after the reader.

        >>> zbuf.copied(b"!" + b"\\x01\\x02\\x03").peek_u24(1)
        66051

        Moves nothing. Returns 0 .. 2**24 - 1. Raises UnderflowError if the bytes
        are not readable, IndexError for a negative offset, or ReleasedError.
        """
        return load_u24_be(self._look(index_of(offset), 3))

    def peek_u24_le(self, offset=0, /):
        """Look at 3 bytes as an unsigned integer, least significant byte first, `offset` bytes after the reader.

        >>> zbuf.copied(b"!" + b"\\x03\\x02\\x01").peek_u24_le(1)
        66051

        Moves nothing. Returns 0 .. 2**24 - 1. Raises UnderflowError if the bytes
        are not readable, IndexError for a negative offset, or ReleasedError.
        """
        return load_u24_le(self._look(index_of(offset), 3))

    def peek_i24(self, offset=0, /):
        """Look at 3 bytes as a signed integer, most significant byte first, `offset` bytes after the reader.

        >>> zbuf.copied(b"!" + b"\\xff\\xff\\xfe").peek_i24(1)
        -2

        Moves nothing. Returns -2**23 .. 2**23 - 1. Raises UnderflowError if the
        bytes are not readable, IndexError for a negative offset, or ReleasedError.
        """
        return sign24(load_u24_be(self._look(index_of(offset), 3)))

    def peek_i24_le(self, offset=0, /):
        """Look at 3 bytes as a signed integer, least significant byte first, `offset` bytes after the reader.

        >>> zbuf.copied(b"!" + b"\\xfe\\xff\\xff").peek_i24_le(1)
        -2

        Moves nothing. Returns -2**23 .. 2**23 - 1. Raises UnderflowError if the
        bytes are not readable, IndexError for a negative offset, or ReleasedError.
        """
        return sign24(load_u24_le(self._look(index_of(offset), 3)))

    def peek_u32(self, offset=0, /):
        """Look at 4 bytes as an unsigned integer, most significant byte first, `offset` bytes after the reader.

        >>> zbuf.copied(b"!" + b"\\x01\\x02\\x03\\x04").peek_u32(1)
        16909060

        Moves nothing. Returns 0 .. 2**32 - 1. Raises UnderflowError if the bytes
        are not readable, IndexError for a negative offset, or ReleasedError.
        """
        return load_u32_be(self._look(index_of(offset), 4))

    def peek_u32_le(self, offset=0, /):
        """Look at 4 bytes as an unsigned integer, least significant byte first, `offset` bytes after the reader.

        >>> zbuf.copied(b"!" + b"\\x04\\x03\\x02\\x01").peek_u32_le(1)
        16909060

        Moves nothing. Returns 0 .. 2**32 - 1. Raises UnderflowError if the bytes
        are not readable, IndexError for a negative offset, or ReleasedError.
        """
        return load_u32_le(self._look(index_of(offset), 4))

    def peek_i32(self, offset=0, /):
        """Look at 4 bytes as a signed integer, most significant byte first, `offset` bytes after the reader.

        >>> zbuf.copied(b"!" + b"\\xff\\xff\\xff\\xfe").peek_i32(1)
        -2

        Moves nothing. Returns -2**31 .. 2**31 - 1. Raises UnderflowError if the
        bytes are not readable, IndexError for a negative offset, or ReleasedError.
        """
        return <int32_t>load_u32_be(self._look(index_of(offset), 4))

    def peek_i32_le(self, offset=0, /):
        """Look at 4 bytes as a signed integer, least significant byte first, `offset` bytes after the reader.

        >>> zbuf.copied(b"!" + b"\\xfe\\xff\\xff\\xff").peek_i32_le(1)
        -2

        Moves nothing. Returns -2**31 .. 2**31 - 1. Raises UnderflowError if the
        bytes are not readable, IndexError for a negative offset, or ReleasedError.
        """
        return <int32_t>load_u32_le(self._look(index_of(offset), 4))

    def peek_u64(self, offset=0, /):
        """Look at 8 bytes as an unsigned integer, most significant byte first, `offset` bytes after the reader.

        >>> zbuf.copied(b"!" + b"\\x01\\x02\\x03\\x04\\x05\\x06\\x07\\x08").peek_u64(1)
        72623859790382856

        Moves nothing. Returns 0 .. 2**64 - 1. Raises UnderflowError if the bytes
        are not readable, IndexError for a negative offset, or ReleasedError.
        """
        return load_u64_be(self._look(index_of(offset), 8))

    def peek_u64_le(self, offset=0, /):
        """Look at 8 bytes as an unsigned integer, least significant byte first, `offset` bytes after the reader.

        >>> zbuf.copied(b"!" + b"\\x08\\x07\\x06\\x05\\x04\\x03\\x02\\x01").peek_u64_le(1)
        72623859790382856

        Moves nothing. Returns 0 .. 2**64 - 1. Raises UnderflowError if the bytes
        are not readable, IndexError for a negative offset, or ReleasedError.
        """
        return load_u64_le(self._look(index_of(offset), 8))

    def peek_i64(self, offset=0, /):
        """Look at 8 bytes as a signed integer, most significant byte first, `offset` bytes after the reader.

        >>> zbuf.copied(b"!" + b"\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xfe").peek_i64(1)
        -2

        Moves nothing. Returns -2**63 .. 2**63 - 1. Raises UnderflowError if the
        bytes are not readable, IndexError for a negative offset, or ReleasedError.
        """
        return <int64_t>load_u64_be(self._look(index_of(offset), 8))

    def peek_i64_le(self, offset=0, /):
        """Look at 8 bytes as a signed integer, least significant byte first, `offset` bytes after the reader.

        >>> zbuf.copied(b"!" + b"\\xfe\\xff\\xff\\xff\\xff\\xff\\xff\\xff").peek_i64_le(1)
        -2

        Moves nothing. Returns -2**63 .. 2**63 - 1. Raises UnderflowError if the
        bytes are not readable, IndexError for a negative offset, or ReleasedError.
        """
        return <int64_t>load_u64_le(self._look(index_of(offset), 8))

    def peek_f32(self, offset=0, /):
        """Look at 4 bytes as a float, most significant byte first, `offset` bytes after the reader.

        >>> zbuf.copied(b"!" + b"\\x3f\\xc0\\x00\\x00").peek_f32(1)
        1.5

        Moves nothing. Returns a float. Raises UnderflowError if the bytes are not
        readable, IndexError for a negative offset, or ReleasedError.
        """
        return load_f32_be(self._look(index_of(offset), 4))

    def peek_f32_le(self, offset=0, /):
        """Look at 4 bytes as a float, least significant byte first, `offset` bytes after the reader.

        >>> zbuf.copied(b"!" + b"\\x00\\x00\\xc0\\x3f").peek_f32_le(1)
        1.5

        Moves nothing. Returns a float. Raises UnderflowError if the bytes are not
        readable, IndexError for a negative offset, or ReleasedError.
        """
        return load_f32_le(self._look(index_of(offset), 4))

    def peek_f64(self, offset=0, /):
        """Look at 8 bytes as a float, most significant byte first, `offset` bytes after the reader.

        >>> zbuf.copied(b"!" + b"\\xbf\\xd0\\x00\\x00\\x00\\x00\\x00\\x00").peek_f64(1)
        -0.25

        Moves nothing. Returns a float. Raises UnderflowError if the bytes are not
        readable, IndexError for a negative offset, or ReleasedError.
        """
        return load_f64_be(self._look(index_of(offset), 8))

    def peek_f64_le(self, offset=0, /):
        """Look at 8 bytes as a float, least significant byte first, `offset` bytes after the reader.

        >>> zbuf.copied(b"!" + b"\\x00\\x00\\x00\\x00\\x00\\x00\\xd0\\xbf").peek_f64_le(1)
        -0.25

        Moves nothing. Returns a float. Raises UnderflowError if the bytes are not
        readable, IndexError for a negative offset, or ReleasedError.
        """
        return load_f64_le(self._look(index_of(offset), 8))

    # -- numbers: at an index of the handle

    def get_bool(self, index, /):
        """Get one byte as a bool, at an index.

        >>> zbuf.copied(b"\\x01").get_bool(0)
        True

        Moves nothing. Returns True or False. Raises IndexError unless index ..
        index + 1 is written, or ReleasedError. Source: ByteBuf.getBoolean.
        """
        return self._at(index_of(index), 1)[0] != 0

    def get_u8(self, index, /):
        """Get 1 byte as an unsigned integer, at an index.

        >>> zbuf.copied(b"\\xc8").get_u8(0)
        200

        Moves nothing. Returns 0 .. 255. Raises IndexError unless index .. index + 1
        is written, or ReleasedError. Source: ByteBuf.getUnsignedByte.
        """
        return self._at(index_of(index), 1)[0]

    def get_i8(self, index, /):
        """Get 1 byte as a signed integer, at an index.

        >>> zbuf.copied(b"\\xfe").get_i8(0)
        -2

        Moves nothing. Returns -128 .. 127. Raises IndexError unless index .. index
        + 1 is written, or ReleasedError. Source: ByteBuf.getByte.
        """
        return <signed char>self._at(index_of(index), 1)[0]

    def get_u16(self, index, /):
        """Get 2 bytes as an unsigned integer, most significant byte first, at an index.

        >>> zbuf.copied(b"\\x02\\x01").get_u16(0)
        513

        Moves nothing. Returns 0 .. 65535. Raises IndexError unless index .. index +
        2 is written, or ReleasedError. Source: ByteBuf.getUnsignedShort.
        """
        return load_u16_be(self._at(index_of(index), 2))

    def get_u16_le(self, index, /):
        """Get 2 bytes as an unsigned integer, least significant byte first, at an index.

        >>> zbuf.copied(b"\\x01\\x02").get_u16_le(0)
        513

        Moves nothing. Returns 0 .. 65535. Raises IndexError unless index .. index +
        2 is written, or ReleasedError. Source: ByteBuf.getUnsignedShortLE.
        """
        return load_u16_le(self._at(index_of(index), 2))

    def get_i16(self, index, /):
        """Get 2 bytes as a signed integer, most significant byte first, at an index.

        >>> zbuf.copied(b"\\xff\\xfe").get_i16(0)
        -2

        Moves nothing. Returns -32768 .. 32767. Raises IndexError unless index ..
        index + 2 is written, or ReleasedError. Source: ByteBuf.getShort.
        """
        return <int16_t>load_u16_be(self._at(index_of(index), 2))

    def get_i16_le(self, index, /):
        """Get 2 bytes as a signed integer, least significant byte first, at an index.

        >>> zbuf.copied(b"\\xfe\\xff").get_i16_le(0)
        -2

        Moves nothing. Returns -32768 .. 32767. Raises IndexError unless index ..
        index + 2 is written, or ReleasedError. Source: ByteBuf.getShortLE.
        """
        return <int16_t>load_u16_le(self._at(index_of(index), 2))

    def get_u24(self, index, /):
        """Get 3 bytes as an unsigned integer, most significant byte first, at an index.

        >>> zbuf.copied(b"\\x01\\x02\\x03").get_u24(0)
        66051

        Moves nothing. Returns 0 .. 2**24 - 1. Raises IndexError unless index ..
        index + 3 is written, or ReleasedError. Source: ByteBuf.getUnsignedMedium.
        """
        return load_u24_be(self._at(index_of(index), 3))

    def get_u24_le(self, index, /):
        """Get 3 bytes as an unsigned integer, least significant byte first, at an index.

        >>> zbuf.copied(b"\\x03\\x02\\x01").get_u24_le(0)
        66051

        Moves nothing. Returns 0 .. 2**24 - 1. Raises IndexError unless index ..
        index + 3 is written, or ReleasedError. Source: ByteBuf.getUnsignedMediumLE.
        """
        return load_u24_le(self._at(index_of(index), 3))

    def get_i24(self, index, /):
        """Get 3 bytes as a signed integer, most significant byte first, at an index.

        >>> zbuf.copied(b"\\xff\\xff\\xfe").get_i24(0)
        -2

        Moves nothing. Returns -2**23 .. 2**23 - 1. Raises IndexError unless index
        .. index + 3 is written, or ReleasedError. Source: ByteBuf.getMedium.
        """
        return sign24(load_u24_be(self._at(index_of(index), 3)))

    def get_i24_le(self, index, /):
        """Get 3 bytes as a signed integer, least significant byte first, at an index.

        >>> zbuf.copied(b"\\xfe\\xff\\xff").get_i24_le(0)
        -2

        Moves nothing. Returns -2**23 .. 2**23 - 1. Raises IndexError unless index
        .. index + 3 is written, or ReleasedError. Source: ByteBuf.getMediumLE.
        """
        return sign24(load_u24_le(self._at(index_of(index), 3)))

    def get_u32(self, index, /):
        """Get 4 bytes as an unsigned integer, most significant byte first, at an index.

        >>> zbuf.copied(b"\\x01\\x02\\x03\\x04").get_u32(0)
        16909060

        Moves nothing. Returns 0 .. 2**32 - 1. Raises IndexError unless index ..
        index + 4 is written, or ReleasedError. Source: ByteBuf.getUnsignedInt.
        """
        return load_u32_be(self._at(index_of(index), 4))

    def get_u32_le(self, index, /):
        """Get 4 bytes as an unsigned integer, least significant byte first, at an index.

        >>> zbuf.copied(b"\\x04\\x03\\x02\\x01").get_u32_le(0)
        16909060

        Moves nothing. Returns 0 .. 2**32 - 1. Raises IndexError unless index ..
        index + 4 is written, or ReleasedError. Source: ByteBuf.getUnsignedIntLE.
        """
        return load_u32_le(self._at(index_of(index), 4))

    def get_i32(self, index, /):
        """Get 4 bytes as a signed integer, most significant byte first, at an index.

        >>> zbuf.copied(b"\\xff\\xff\\xff\\xfe").get_i32(0)
        -2

        Moves nothing. Returns -2**31 .. 2**31 - 1. Raises IndexError unless index
        .. index + 4 is written, or ReleasedError. Source: ByteBuf.getInt.
        """
        return <int32_t>load_u32_be(self._at(index_of(index), 4))

    def get_i32_le(self, index, /):
        """Get 4 bytes as a signed integer, least significant byte first, at an index.

        >>> zbuf.copied(b"\\xfe\\xff\\xff\\xff").get_i32_le(0)
        -2

        Moves nothing. Returns -2**31 .. 2**31 - 1. Raises IndexError unless index
        .. index + 4 is written, or ReleasedError. Source: ByteBuf.getIntLE.
        """
        return <int32_t>load_u32_le(self._at(index_of(index), 4))

    def get_u64(self, index, /):
        """Get 8 bytes as an unsigned integer, most significant byte first, at an index.

        >>> zbuf.copied(b"\\x01\\x02\\x03\\x04\\x05\\x06\\x07\\x08").get_u64(0)
        72623859790382856

        Moves nothing. Returns 0 .. 2**64 - 1. Raises IndexError unless index ..
        index + 8 is written, or ReleasedError. Source: ByteBuf.getLong.
        """
        return load_u64_be(self._at(index_of(index), 8))

    def get_u64_le(self, index, /):
        """Get 8 bytes as an unsigned integer, least significant byte first, at an index.

        >>> zbuf.copied(b"\\x08\\x07\\x06\\x05\\x04\\x03\\x02\\x01").get_u64_le(0)
        72623859790382856

        Moves nothing. Returns 0 .. 2**64 - 1. Raises IndexError unless index ..
        index + 8 is written, or ReleasedError. Source: ByteBuf.getLongLE.
        """
        return load_u64_le(self._at(index_of(index), 8))

    def get_i64(self, index, /):
        """Get 8 bytes as a signed integer, most significant byte first, at an index.

        >>> zbuf.copied(b"\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xfe").get_i64(0)
        -2

        Moves nothing. Returns -2**63 .. 2**63 - 1. Raises IndexError unless index
        .. index + 8 is written, or ReleasedError. Source: ByteBuf.getLong.
        """
        return <int64_t>load_u64_be(self._at(index_of(index), 8))

    def get_i64_le(self, index, /):
        """Get 8 bytes as a signed integer, least significant byte first, at an index.

        >>> zbuf.copied(b"\\xfe\\xff\\xff\\xff\\xff\\xff\\xff\\xff").get_i64_le(0)
        -2

        Moves nothing. Returns -2**63 .. 2**63 - 1. Raises IndexError unless index
        .. index + 8 is written, or ReleasedError. Source: ByteBuf.getLongLE.
        """
        return <int64_t>load_u64_le(self._at(index_of(index), 8))

    def get_f32(self, index, /):
        """Get 4 bytes as a float, most significant byte first, at an index.

        >>> zbuf.copied(b"\\x3f\\xc0\\x00\\x00").get_f32(0)
        1.5

        Moves nothing. Returns a float. Raises IndexError unless index .. index + 4
        is written, or ReleasedError. Source: ByteBuf.getFloat.
        """
        return load_f32_be(self._at(index_of(index), 4))

    def get_f32_le(self, index, /):
        """Get 4 bytes as a float, least significant byte first, at an index.

        >>> zbuf.copied(b"\\x00\\x00\\xc0\\x3f").get_f32_le(0)
        1.5

        Moves nothing. Returns a float. Raises IndexError unless index .. index + 4
        is written, or ReleasedError. Source: ByteBuf.getFloatLE.
        """
        return load_f32_le(self._at(index_of(index), 4))

    def get_f64(self, index, /):
        """Get 8 bytes as a float, most significant byte first, at an index.

        >>> zbuf.copied(b"\\xbf\\xd0\\x00\\x00\\x00\\x00\\x00\\x00").get_f64(0)
        -0.25

        Moves nothing. Returns a float. Raises IndexError unless index .. index + 8
        is written, or ReleasedError. Source: ByteBuf.getDouble.
        """
        return load_f64_be(self._at(index_of(index), 8))

    def get_f64_le(self, index, /):
        """Get 8 bytes as a float, least significant byte first, at an index.

        >>> zbuf.copied(b"\\x00\\x00\\x00\\x00\\x00\\x00\\xd0\\xbf").get_f64_le(0)
        -0.25

        Moves nothing. Returns a float. Raises IndexError unless index .. index + 8
        is written, or ReleasedError. Source: ByteBuf.getDoubleLE.
        """
        return load_f64_le(self._at(index_of(index), 8))

    def set_bool(self, index, value, /):
        """Set one byte as a bool, at an index.

        >>> buf = zbuf.copied(bytes(1))
        >>> buf.set_bool(0, True)
        >>> bytes(buf) == b"\\x01"
        True

        Moves nothing. Nothing is written after IndexError (index .. index + 1 is
        not inside the capacity), ReadOnlyError or ReleasedError. Source:
        ByteBuf.setBoolean.
        """
        cdef unsigned char raw[1]
        raw[0] = <unsigned char>bool(value)
        self._poke(index_of(index), raw, 1)

    def set_u8(self, index, value, /):
        """Set 1 byte as an unsigned integer, at an index.

        >>> buf = zbuf.copied(bytes(1))
        >>> buf.set_u8(0, 200)
        >>> bytes(buf) == b"\\xc8"
        True

        Moves nothing. Nothing is written after IndexError (index .. index + 1 is
        not inside the capacity), OverflowError unless 0 .. 255, ReadOnlyError or
        ReleasedError. Source: ByteBuf.setByte.
        """
        cdef unsigned char raw[1]
        raw[0] = <unsigned char>fit(value, 0, 255)
        self._poke(index_of(index), raw, 1)

    def set_i8(self, index, value, /):
        """Set 1 byte as a signed integer, at an index.

        >>> buf = zbuf.copied(bytes(1))
        >>> buf.set_i8(0, -2)
        >>> bytes(buf) == b"\\xfe"
        True

        Moves nothing. Nothing is written after IndexError (index .. index + 1 is
        not inside the capacity), OverflowError unless -128 .. 127, ReadOnlyError or
        ReleasedError. Source: ByteBuf.setByte.
        """
        cdef unsigned char raw[1]
        raw[0] = <unsigned char>fit(value, -128, 127)
        self._poke(index_of(index), raw, 1)

    def set_u16(self, index, value, /):
        """Set 2 bytes as an unsigned integer, most significant byte first, at an index.

        >>> buf = zbuf.copied(bytes(2))
        >>> buf.set_u16(0, 513)
        >>> bytes(buf) == b"\\x02\\x01"
        True

        Moves nothing. Nothing is written after IndexError (index .. index + 2 is
        not inside the capacity), OverflowError unless 0 .. 65535, ReadOnlyError or
        ReleasedError. Source: ByteBuf.setShort.
        """
        cdef unsigned char raw[2]
        store_u16_be(raw, <uint16_t>fit(value, 0, 65535))
        self._poke(index_of(index), raw, 2)

    def set_u16_le(self, index, value, /):
        """Set 2 bytes as an unsigned integer, least significant byte first, at an index.

        >>> buf = zbuf.copied(bytes(2))
        >>> buf.set_u16_le(0, 513)
        >>> bytes(buf) == b"\\x01\\x02"
        True

        Moves nothing. Nothing is written after IndexError (index .. index + 2 is
        not inside the capacity), OverflowError unless 0 .. 65535, ReadOnlyError or
        ReleasedError. Source: ByteBuf.setShortLE.
        """
        cdef unsigned char raw[2]
        store_u16_le(raw, <uint16_t>fit(value, 0, 65535))
        self._poke(index_of(index), raw, 2)

    def set_i16(self, index, value, /):
        """Set 2 bytes as a signed integer, most significant byte first, at an index.

        >>> buf = zbuf.copied(bytes(2))
        >>> buf.set_i16(0, -2)
        >>> bytes(buf) == b"\\xff\\xfe"
        True

        Moves nothing. Nothing is written after IndexError (index .. index + 2 is
        not inside the capacity), OverflowError unless -32768 .. 32767,
        ReadOnlyError or ReleasedError. Source: ByteBuf.setShort.
        """
        cdef unsigned char raw[2]
        store_u16_be(raw, <uint16_t>fit(value, -32768, 32767))
        self._poke(index_of(index), raw, 2)

    def set_i16_le(self, index, value, /):
        """Set 2 bytes as a signed integer, least significant byte first, at an index.

        >>> buf = zbuf.copied(bytes(2))
        >>> buf.set_i16_le(0, -2)
        >>> bytes(buf) == b"\\xfe\\xff"
        True

        Moves nothing. Nothing is written after IndexError (index .. index + 2 is
        not inside the capacity), OverflowError unless -32768 .. 32767,
        ReadOnlyError or ReleasedError. Source: ByteBuf.setShortLE.
        """
        cdef unsigned char raw[2]
        store_u16_le(raw, <uint16_t>fit(value, -32768, 32767))
        self._poke(index_of(index), raw, 2)

    def set_u24(self, index, value, /):
        """Set 3 bytes as an unsigned integer, most significant byte first, at an index.

        >>> buf = zbuf.copied(bytes(3))
        >>> buf.set_u24(0, 66051)
        >>> bytes(buf) == b"\\x01\\x02\\x03"
        True

        Moves nothing. Nothing is written after IndexError (index .. index + 3 is
        not inside the capacity), OverflowError unless 0 .. 2**24 - 1, ReadOnlyError
        or ReleasedError. Source: ByteBuf.setMedium.
        """
        cdef unsigned char raw[3]
        store_u24_be(raw, <uint32_t>fit(value, 0, 0xFFFFFF))
        self._poke(index_of(index), raw, 3)

    def set_u24_le(self, index, value, /):
        """Set 3 bytes as an unsigned integer, least significant byte first, at an index.

        >>> buf = zbuf.copied(bytes(3))
        >>> buf.set_u24_le(0, 66051)
        >>> bytes(buf) == b"\\x03\\x02\\x01"
        True

        Moves nothing. Nothing is written after IndexError (index .. index + 3 is
        not inside the capacity), OverflowError unless 0 .. 2**24 - 1, ReadOnlyError
        or ReleasedError. Source: ByteBuf.setMediumLE.
        """
        cdef unsigned char raw[3]
        store_u24_le(raw, <uint32_t>fit(value, 0, 0xFFFFFF))
        self._poke(index_of(index), raw, 3)

    def set_i24(self, index, value, /):
        """Set 3 bytes as a signed integer, most significant byte first, at an index.

        >>> buf = zbuf.copied(bytes(3))
        >>> buf.set_i24(0, -2)
        >>> bytes(buf) == b"\\xff\\xff\\xfe"
        True

        Moves nothing. Nothing is written after IndexError (index .. index + 3 is
        not inside the capacity), OverflowError unless -2**23 .. 2**23 - 1,
        ReadOnlyError or ReleasedError. Source: ByteBuf.setMedium.
        """
        cdef unsigned char raw[3]
        store_u24_be(raw, <uint32_t>fit(value, -8388608, 8388607))
        self._poke(index_of(index), raw, 3)

    def set_i24_le(self, index, value, /):
        """Set 3 bytes as a signed integer, least significant byte first, at an index.

        >>> buf = zbuf.copied(bytes(3))
        >>> buf.set_i24_le(0, -2)
        >>> bytes(buf) == b"\\xfe\\xff\\xff"
        True

        Moves nothing. Nothing is written after IndexError (index .. index + 3 is
        not inside the capacity), OverflowError unless -2**23 .. 2**23 - 1,
        ReadOnlyError or ReleasedError. Source: ByteBuf.setMediumLE.
        """
        cdef unsigned char raw[3]
        store_u24_le(raw, <uint32_t>fit(value, -8388608, 8388607))
        self._poke(index_of(index), raw, 3)

    def set_u32(self, index, value, /):
        """Set 4 bytes as an unsigned integer, most significant byte first, at an index.

        >>> buf = zbuf.copied(bytes(4))
        >>> buf.set_u32(0, 16909060)
        >>> bytes(buf) == b"\\x01\\x02\\x03\\x04"
        True

        Moves nothing. Nothing is written after IndexError (index .. index + 4 is
        not inside the capacity), OverflowError unless 0 .. 2**32 - 1, ReadOnlyError
        or ReleasedError. Source: ByteBuf.setInt.
        """
        cdef unsigned char raw[4]
        store_u32_be(raw, <uint32_t>fit(value, 0, 0xFFFFFFFF))
        self._poke(index_of(index), raw, 4)

    def set_u32_le(self, index, value, /):
        """Set 4 bytes as an unsigned integer, least significant byte first, at an index.

        >>> buf = zbuf.copied(bytes(4))
        >>> buf.set_u32_le(0, 16909060)
        >>> bytes(buf) == b"\\x04\\x03\\x02\\x01"
        True

        Moves nothing. Nothing is written after IndexError (index .. index + 4 is
        not inside the capacity), OverflowError unless 0 .. 2**32 - 1, ReadOnlyError
        or ReleasedError. Source: ByteBuf.setIntLE.
        """
        cdef unsigned char raw[4]
        store_u32_le(raw, <uint32_t>fit(value, 0, 0xFFFFFFFF))
        self._poke(index_of(index), raw, 4)

    def set_i32(self, index, value, /):
        """Set 4 bytes as a signed integer, most significant byte first, at an index.

        >>> buf = zbuf.copied(bytes(4))
        >>> buf.set_i32(0, -2)
        >>> bytes(buf) == b"\\xff\\xff\\xff\\xfe"
        True

        Moves nothing. Nothing is written after IndexError (index .. index + 4 is
        not inside the capacity), OverflowError unless -2**31 .. 2**31 - 1,
        ReadOnlyError or ReleasedError. Source: ByteBuf.setInt.
        """
        cdef unsigned char raw[4]
        store_u32_be(raw, <uint32_t>fit(value, INT32_MIN, INT32_MAX))
        self._poke(index_of(index), raw, 4)

    def set_i32_le(self, index, value, /):
        """Set 4 bytes as a signed integer, least significant byte first, at an index.

        >>> buf = zbuf.copied(bytes(4))
        >>> buf.set_i32_le(0, -2)
        >>> bytes(buf) == b"\\xfe\\xff\\xff\\xff"
        True

        Moves nothing. Nothing is written after IndexError (index .. index + 4 is
        not inside the capacity), OverflowError unless -2**31 .. 2**31 - 1,
        ReadOnlyError or ReleasedError. Source: ByteBuf.setIntLE.
        """
        cdef unsigned char raw[4]
        store_u32_le(raw, <uint32_t>fit(value, INT32_MIN, INT32_MAX))
        self._poke(index_of(index), raw, 4)

    def set_u64(self, index, value, /):
        """Set 8 bytes as an unsigned integer, most significant byte first, at an index.

        >>> buf = zbuf.copied(bytes(8))
        >>> buf.set_u64(0, 72623859790382856)
        >>> bytes(buf) == b"\\x01\\x02\\x03\\x04\\x05\\x06\\x07\\x08"
        True

        Moves nothing. Nothing is written after IndexError (index .. index + 8 is
        not inside the capacity), OverflowError unless 0 .. 2**64 - 1, ReadOnlyError
        or ReleasedError. Source: ByteBuf.setLong.
        """
        cdef unsigned char raw[8]
        store_u64_be(raw, <uint64_t>fit_u64(value))
        self._poke(index_of(index), raw, 8)

    def set_u64_le(self, index, value, /):
        """Set 8 bytes as an unsigned integer, least significant byte first, at an index.

        >>> buf = zbuf.copied(bytes(8))
        >>> buf.set_u64_le(0, 72623859790382856)
        >>> bytes(buf) == b"\\x08\\x07\\x06\\x05\\x04\\x03\\x02\\x01"
        True

        Moves nothing. Nothing is written after IndexError (index .. index + 8 is
        not inside the capacity), OverflowError unless 0 .. 2**64 - 1, ReadOnlyError
        or ReleasedError. Source: ByteBuf.setLongLE.
        """
        cdef unsigned char raw[8]
        store_u64_le(raw, <uint64_t>fit_u64(value))
        self._poke(index_of(index), raw, 8)

    def set_i64(self, index, value, /):
        """Set 8 bytes as a signed integer, most significant byte first, at an index.

        >>> buf = zbuf.copied(bytes(8))
        >>> buf.set_i64(0, -2)
        >>> bytes(buf) == b"\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xfe"
        True

        Moves nothing. Nothing is written after IndexError (index .. index + 8 is
        not inside the capacity), OverflowError unless -2**63 .. 2**63 - 1,
        ReadOnlyError or ReleasedError. Source: ByteBuf.setLong.
        """
        cdef unsigned char raw[8]
        store_u64_be(raw, <uint64_t>fit(value, INT64_MIN, INT64_MAX))
        self._poke(index_of(index), raw, 8)

    def set_i64_le(self, index, value, /):
        """Set 8 bytes as a signed integer, least significant byte first, at an index.

        >>> buf = zbuf.copied(bytes(8))
        >>> buf.set_i64_le(0, -2)
        >>> bytes(buf) == b"\\xfe\\xff\\xff\\xff\\xff\\xff\\xff\\xff"
        True

        Moves nothing. Nothing is written after IndexError (index .. index + 8 is
        not inside the capacity), OverflowError unless -2**63 .. 2**63 - 1,
        ReadOnlyError or ReleasedError. Source: ByteBuf.setLongLE.
        """
        cdef unsigned char raw[8]
        store_u64_le(raw, <uint64_t>fit(value, INT64_MIN, INT64_MAX))
        self._poke(index_of(index), raw, 8)

    def set_f32(self, index, value, /):
        """Set 4 bytes as a float, most significant byte first, at an index.

        >>> buf = zbuf.copied(bytes(4))
        >>> buf.set_f32(0, 1.5)
        >>> bytes(buf) == b"\\x3f\\xc0\\x00\\x00"
        True

        Moves nothing. Nothing is written after IndexError (index .. index + 4 is
        not inside the capacity), OverflowError if the value is too large for 32
        bits, ReadOnlyError or ReleasedError. Source: ByteBuf.setFloat.
        """
        cdef unsigned char raw[4]
        store_f32_be(raw, single(value))
        self._poke(index_of(index), raw, 4)

    def set_f32_le(self, index, value, /):
        """Set 4 bytes as a float, least significant byte first, at an index.

        >>> buf = zbuf.copied(bytes(4))
        >>> buf.set_f32_le(0, 1.5)
        >>> bytes(buf) == b"\\x00\\x00\\xc0\\x3f"
        True

        Moves nothing. Nothing is written after IndexError (index .. index + 4 is
        not inside the capacity), OverflowError if the value is too large for 32
        bits, ReadOnlyError or ReleasedError. Source: ByteBuf.setFloatLE.
        """
        cdef unsigned char raw[4]
        store_f32_le(raw, single(value))
        self._poke(index_of(index), raw, 4)

    def set_f64(self, index, value, /):
        """Set 8 bytes as a float, most significant byte first, at an index.

        >>> buf = zbuf.copied(bytes(8))
        >>> buf.set_f64(0, -0.25)
        >>> bytes(buf) == b"\\xbf\\xd0\\x00\\x00\\x00\\x00\\x00\\x00"
        True

        Moves nothing. Nothing is written after IndexError (index .. index + 8 is
        not inside the capacity), ReadOnlyError or ReleasedError. Source:
        ByteBuf.setDouble.
        """
        cdef unsigned char raw[8]
        store_f64_be(raw, <double>value)
        self._poke(index_of(index), raw, 8)

    def set_f64_le(self, index, value, /):
        """Set 8 bytes as a float, least significant byte first, at an index.

        >>> buf = zbuf.copied(bytes(8))
        >>> buf.set_f64_le(0, -0.25)
        >>> bytes(buf) == b"\\x00\\x00\\x00\\x00\\x00\\x00\\xd0\\xbf"
        True

        Moves nothing. Nothing is written after IndexError (index .. index + 8 is
        not inside the capacity), ReadOnlyError or ReleasedError. Source:
        ByteBuf.setDoubleLE.
        """
        cdef unsigned char raw[8]
        store_f64_le(raw, <double>value)
        self._poke(index_of(index), raw, 8)

    # -- numbers: write, and move the writer

    def write_bool(self, value, /):
        """Write one byte as a bool.

        >>> buf = zbuf.buffer(16)
        >>> buf.write_bool(True)
        >>> bytes(buf) == b"\\x01"
        True

        Moves writer_index by 1. Nothing has changed after CapacityError,
        BufferError, ReadOnlyError or ReleasedError. Source: ByteBuf.writeBoolean.
        """
        cdef unsigned char number = bool(value)
        self._room(1)[0] = number

    def write_u8(self, value, /):
        """Write 1 byte as an unsigned integer.

        >>> buf = zbuf.buffer(16)
        >>> buf.write_u8(200)
        >>> bytes(buf) == b"\\xc8"
        True

        Moves writer_index by 1. Nothing has changed after OverflowError unless 0 ..
        255 or CapacityError, BufferError, ReadOnlyError or ReleasedError. Source:
        ByteBuf.writeByte.
        """
        cdef int64_t number = fit(value, 0, 255)
        self._room(1)[0] = <unsigned char>number

    def write_i8(self, value, /):
        """Write 1 byte as a signed integer.

        >>> buf = zbuf.buffer(16)
        >>> buf.write_i8(-2)
        >>> bytes(buf) == b"\\xfe"
        True

        Moves writer_index by 1. Nothing has changed after OverflowError unless -128
        .. 127 or CapacityError, BufferError, ReadOnlyError or ReleasedError.
        Source: ByteBuf.writeByte.
        """
        cdef int64_t number = fit(value, -128, 127)
        self._room(1)[0] = <unsigned char>number

    def write_u16(self, value, /):
        """Write 2 bytes as an unsigned integer, most significant byte first.

        >>> buf = zbuf.buffer(16)
        >>> buf.write_u16(513)
        >>> bytes(buf) == b"\\x02\\x01"
        True

        Moves writer_index by 2. Nothing has changed after OverflowError unless 0 ..
        65535 or CapacityError, BufferError, ReadOnlyError or ReleasedError. Source:
        ByteBuf.writeShort.
        """
        cdef int64_t number = fit(value, 0, 65535)
        store_u16_be(self._room(2), <uint16_t>number)

    def write_u16_le(self, value, /):
        """Write 2 bytes as an unsigned integer, least significant byte first.

        >>> buf = zbuf.buffer(16)
        >>> buf.write_u16_le(513)
        >>> bytes(buf) == b"\\x01\\x02"
        True

        Moves writer_index by 2. Nothing has changed after OverflowError unless 0 ..
        65535 or CapacityError, BufferError, ReadOnlyError or ReleasedError. Source:
        ByteBuf.writeShortLE.
        """
        cdef int64_t number = fit(value, 0, 65535)
        store_u16_le(self._room(2), <uint16_t>number)

    def write_i16(self, value, /):
        """Write 2 bytes as a signed integer, most significant byte first.

        >>> buf = zbuf.buffer(16)
        >>> buf.write_i16(-2)
        >>> bytes(buf) == b"\\xff\\xfe"
        True

        Moves writer_index by 2. Nothing has changed after OverflowError unless
        -32768 .. 32767 or CapacityError, BufferError, ReadOnlyError or
        ReleasedError. Source: ByteBuf.writeShort.
        """
        cdef int64_t number = fit(value, -32768, 32767)
        store_u16_be(self._room(2), <uint16_t>number)

    def write_i16_le(self, value, /):
        """Write 2 bytes as a signed integer, least significant byte first.

        >>> buf = zbuf.buffer(16)
        >>> buf.write_i16_le(-2)
        >>> bytes(buf) == b"\\xfe\\xff"
        True

        Moves writer_index by 2. Nothing has changed after OverflowError unless
        -32768 .. 32767 or CapacityError, BufferError, ReadOnlyError or
        ReleasedError. Source: ByteBuf.writeShortLE.
        """
        cdef int64_t number = fit(value, -32768, 32767)
        store_u16_le(self._room(2), <uint16_t>number)

    def write_u24(self, value, /):
        """Write 3 bytes as an unsigned integer, most significant byte first.

        >>> buf = zbuf.buffer(16)
        >>> buf.write_u24(66051)
        >>> bytes(buf) == b"\\x01\\x02\\x03"
        True

        Moves writer_index by 3. Nothing has changed after OverflowError unless 0 ..
        2**24 - 1 or CapacityError, BufferError, ReadOnlyError or ReleasedError.
        Source: ByteBuf.writeMedium.
        """
        cdef int64_t number = fit(value, 0, 0xFFFFFF)
        store_u24_be(self._room(3), <uint32_t>number)

    def write_u24_le(self, value, /):
        """Write 3 bytes as an unsigned integer, least significant byte first.

        >>> buf = zbuf.buffer(16)
        >>> buf.write_u24_le(66051)
        >>> bytes(buf) == b"\\x03\\x02\\x01"
        True

        Moves writer_index by 3. Nothing has changed after OverflowError unless 0 ..
        2**24 - 1 or CapacityError, BufferError, ReadOnlyError or ReleasedError.
        Source: ByteBuf.writeMediumLE.
        """
        cdef int64_t number = fit(value, 0, 0xFFFFFF)
        store_u24_le(self._room(3), <uint32_t>number)

    def write_i24(self, value, /):
        """Write 3 bytes as a signed integer, most significant byte first.

        >>> buf = zbuf.buffer(16)
        >>> buf.write_i24(-2)
        >>> bytes(buf) == b"\\xff\\xff\\xfe"
        True

        Moves writer_index by 3. Nothing has changed after OverflowError unless
        -2**23 .. 2**23 - 1 or CapacityError, BufferError, ReadOnlyError or
        ReleasedError. Source: ByteBuf.writeMedium.
        """
        cdef int64_t number = fit(value, -8388608, 8388607)
        store_u24_be(self._room(3), <uint32_t>number)

    def write_i24_le(self, value, /):
        """Write 3 bytes as a signed integer, least significant byte first.

        >>> buf = zbuf.buffer(16)
        >>> buf.write_i24_le(-2)
        >>> bytes(buf) == b"\\xfe\\xff\\xff"
        True

        Moves writer_index by 3. Nothing has changed after OverflowError unless
        -2**23 .. 2**23 - 1 or CapacityError, BufferError, ReadOnlyError or
        ReleasedError. Source: ByteBuf.writeMediumLE.
        """
        cdef int64_t number = fit(value, -8388608, 8388607)
        store_u24_le(self._room(3), <uint32_t>number)

    def write_u32(self, value, /):
        """Write 4 bytes as an unsigned integer, most significant byte first.

        >>> buf = zbuf.buffer(16)
        >>> buf.write_u32(16909060)
        >>> bytes(buf) == b"\\x01\\x02\\x03\\x04"
        True

        Moves writer_index by 4. Nothing has changed after OverflowError unless 0 ..
        2**32 - 1 or CapacityError, BufferError, ReadOnlyError or ReleasedError.
        Source: ByteBuf.writeInt.
        """
        cdef int64_t number = fit(value, 0, 0xFFFFFFFF)
        store_u32_be(self._room(4), <uint32_t>number)

    def write_u32_le(self, value, /):
        """Write 4 bytes as an unsigned integer, least significant byte first.

        >>> buf = zbuf.buffer(16)
        >>> buf.write_u32_le(16909060)
        >>> bytes(buf) == b"\\x04\\x03\\x02\\x01"
        True

        Moves writer_index by 4. Nothing has changed after OverflowError unless 0 ..
        2**32 - 1 or CapacityError, BufferError, ReadOnlyError or ReleasedError.
        Source: ByteBuf.writeIntLE.
        """
        cdef int64_t number = fit(value, 0, 0xFFFFFFFF)
        store_u32_le(self._room(4), <uint32_t>number)

    def write_i32(self, value, /):
        """Write 4 bytes as a signed integer, most significant byte first.

        >>> buf = zbuf.buffer(16)
        >>> buf.write_i32(-2)
        >>> bytes(buf) == b"\\xff\\xff\\xff\\xfe"
        True

        Moves writer_index by 4. Nothing has changed after OverflowError unless
        -2**31 .. 2**31 - 1 or CapacityError, BufferError, ReadOnlyError or
        ReleasedError. Source: ByteBuf.writeInt.
        """
        cdef int64_t number = fit(value, INT32_MIN, INT32_MAX)
        store_u32_be(self._room(4), <uint32_t>number)

    def write_i32_le(self, value, /):
        """Write 4 bytes as a signed integer, least significant byte first.

        >>> buf = zbuf.buffer(16)
        >>> buf.write_i32_le(-2)
        >>> bytes(buf) == b"\\xfe\\xff\\xff\\xff"
        True

        Moves writer_index by 4. Nothing has changed after OverflowError unless
        -2**31 .. 2**31 - 1 or CapacityError, BufferError, ReadOnlyError or
        ReleasedError. Source: ByteBuf.writeIntLE.
        """
        cdef int64_t number = fit(value, INT32_MIN, INT32_MAX)
        store_u32_le(self._room(4), <uint32_t>number)

    def write_u64(self, value, /):
        """Write 8 bytes as an unsigned integer, most significant byte first.

        >>> buf = zbuf.buffer(16)
        >>> buf.write_u64(72623859790382856)
        >>> bytes(buf) == b"\\x01\\x02\\x03\\x04\\x05\\x06\\x07\\x08"
        True

        Moves writer_index by 8. Nothing has changed after OverflowError unless 0 ..
        2**64 - 1 or CapacityError, BufferError, ReadOnlyError or ReleasedError.
        Source: ByteBuf.writeLong.
        """
        cdef uint64_t number = fit_u64(value)
        store_u64_be(self._room(8), <uint64_t>number)

    def write_u64_le(self, value, /):
        """Write 8 bytes as an unsigned integer, least significant byte first.

        >>> buf = zbuf.buffer(16)
        >>> buf.write_u64_le(72623859790382856)
        >>> bytes(buf) == b"\\x08\\x07\\x06\\x05\\x04\\x03\\x02\\x01"
        True

        Moves writer_index by 8. Nothing has changed after OverflowError unless 0 ..
        2**64 - 1 or CapacityError, BufferError, ReadOnlyError or ReleasedError.
        Source: ByteBuf.writeLongLE.
        """
        cdef uint64_t number = fit_u64(value)
        store_u64_le(self._room(8), <uint64_t>number)

    def write_i64(self, value, /):
        """Write 8 bytes as a signed integer, most significant byte first.

        >>> buf = zbuf.buffer(16)
        >>> buf.write_i64(-2)
        >>> bytes(buf) == b"\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xfe"
        True

        Moves writer_index by 8. Nothing has changed after OverflowError unless
        -2**63 .. 2**63 - 1 or CapacityError, BufferError, ReadOnlyError or
        ReleasedError. Source: ByteBuf.writeLong.
        """
        cdef int64_t number = fit(value, INT64_MIN, INT64_MAX)
        store_u64_be(self._room(8), <uint64_t>number)

    def write_i64_le(self, value, /):
        """Write 8 bytes as a signed integer, least significant byte first.

        >>> buf = zbuf.buffer(16)
        >>> buf.write_i64_le(-2)
        >>> bytes(buf) == b"\\xfe\\xff\\xff\\xff\\xff\\xff\\xff\\xff"
        True

        Moves writer_index by 8. Nothing has changed after OverflowError unless
        -2**63 .. 2**63 - 1 or CapacityError, BufferError, ReadOnlyError or
        ReleasedError. Source: ByteBuf.writeLongLE.
        """
        cdef int64_t number = fit(value, INT64_MIN, INT64_MAX)
        store_u64_le(self._room(8), <uint64_t>number)

    def write_f32(self, value, /):
        """Write 4 bytes as a float, most significant byte first.

        >>> buf = zbuf.buffer(16)
        >>> buf.write_f32(1.5)
        >>> bytes(buf) == b"\\x3f\\xc0\\x00\\x00"
        True

        Moves writer_index by 4. Nothing has changed after OverflowError if the
        value is too large for 32 bits or CapacityError, BufferError, ReadOnlyError
        or ReleasedError. Source: ByteBuf.writeFloat.
        """
        cdef float number = single(value)
        store_f32_be(self._room(4), number)

    def write_f32_le(self, value, /):
        """Write 4 bytes as a float, least significant byte first.

        >>> buf = zbuf.buffer(16)
        >>> buf.write_f32_le(1.5)
        >>> bytes(buf) == b"\\x00\\x00\\xc0\\x3f"
        True

        Moves writer_index by 4. Nothing has changed after OverflowError if the
        value is too large for 32 bits or CapacityError, BufferError, ReadOnlyError
        or ReleasedError. Source: ByteBuf.writeFloatLE.
        """
        cdef float number = single(value)
        store_f32_le(self._room(4), number)

    def write_f64(self, value, /):
        """Write 8 bytes as a float, most significant byte first.

        >>> buf = zbuf.buffer(16)
        >>> buf.write_f64(-0.25)
        >>> bytes(buf) == b"\\xbf\\xd0\\x00\\x00\\x00\\x00\\x00\\x00"
        True

        Moves writer_index by 8. Nothing has changed after CapacityError,
        BufferError, ReadOnlyError or ReleasedError. Source: ByteBuf.writeDouble.
        """
        cdef double number = <double>value
        store_f64_be(self._room(8), number)

    def write_f64_le(self, value, /):
        """Write 8 bytes as a float, least significant byte first.

        >>> buf = zbuf.buffer(16)
        >>> buf.write_f64_le(-0.25)
        >>> bytes(buf) == b"\\x00\\x00\\x00\\x00\\x00\\x00\\xd0\\xbf"
        True

        Moves writer_index by 8. Nothing has changed after CapacityError,
        BufferError, ReadOnlyError or ReleasedError. Source: ByteBuf.writeDoubleLE.
        """
        cdef double number = <double>value
        store_f64_le(self._room(8), number)

    # -- numbers: in front of the reader

    def prepend_bool(self, value, /):
        """Put one byte as a bool, in front of the readable bytes.

        >>> buf = zbuf.buffer(16, headroom=8)
        >>> buf.prepend_bool(True)
        >>> bytes(buf) == b"\\x01"
        True

        Moves reader_index back by 1. Nothing has changed after CapacityError (fewer
        than 1 bytes before the reader), ReadOnlyError or ReleasedError.
        """
        cdef unsigned char raw[1]
        raw[0] = <unsigned char>bool(value)
        self._front(raw, 1)

    def prepend_u8(self, value, /):
        """Put 1 byte as an unsigned integer, in front of the readable bytes.

        >>> buf = zbuf.buffer(16, headroom=8)
        >>> buf.prepend_u8(200)
        >>> bytes(buf) == b"\\xc8"
        True

        Moves reader_index back by 1. Nothing has changed after CapacityError (fewer
        than 1 bytes before the reader), OverflowError unless 0 .. 255,
        ReadOnlyError or ReleasedError.
        """
        cdef unsigned char raw[1]
        raw[0] = <unsigned char>fit(value, 0, 255)
        self._front(raw, 1)

    def prepend_i8(self, value, /):
        """Put 1 byte as a signed integer, in front of the readable bytes.

        >>> buf = zbuf.buffer(16, headroom=8)
        >>> buf.prepend_i8(-2)
        >>> bytes(buf) == b"\\xfe"
        True

        Moves reader_index back by 1. Nothing has changed after CapacityError (fewer
        than 1 bytes before the reader), OverflowError unless -128 .. 127,
        ReadOnlyError or ReleasedError.
        """
        cdef unsigned char raw[1]
        raw[0] = <unsigned char>fit(value, -128, 127)
        self._front(raw, 1)

    def prepend_u16(self, value, /):
        """Put 2 bytes as an unsigned integer, most significant byte first, in front of the readable bytes.

        >>> buf = zbuf.buffer(16, headroom=8)
        >>> buf.prepend_u16(513)
        >>> bytes(buf) == b"\\x02\\x01"
        True

        Moves reader_index back by 2. Nothing has changed after CapacityError (fewer
        than 2 bytes before the reader), OverflowError unless 0 .. 65535,
        ReadOnlyError or ReleasedError.
        """
        cdef unsigned char raw[2]
        store_u16_be(raw, <uint16_t>fit(value, 0, 65535))
        self._front(raw, 2)

    def prepend_u16_le(self, value, /):
        """Put 2 bytes as an unsigned integer, least significant byte first, in front of the readable bytes.

        >>> buf = zbuf.buffer(16, headroom=8)
        >>> buf.prepend_u16_le(513)
        >>> bytes(buf) == b"\\x01\\x02"
        True

        Moves reader_index back by 2. Nothing has changed after CapacityError (fewer
        than 2 bytes before the reader), OverflowError unless 0 .. 65535,
        ReadOnlyError or ReleasedError.
        """
        cdef unsigned char raw[2]
        store_u16_le(raw, <uint16_t>fit(value, 0, 65535))
        self._front(raw, 2)

    def prepend_i16(self, value, /):
        """Put 2 bytes as a signed integer, most significant byte first, in front of the readable bytes.

        >>> buf = zbuf.buffer(16, headroom=8)
        >>> buf.prepend_i16(-2)
        >>> bytes(buf) == b"\\xff\\xfe"
        True

        Moves reader_index back by 2. Nothing has changed after CapacityError (fewer
        than 2 bytes before the reader), OverflowError unless -32768 .. 32767,
        ReadOnlyError or ReleasedError.
        """
        cdef unsigned char raw[2]
        store_u16_be(raw, <uint16_t>fit(value, -32768, 32767))
        self._front(raw, 2)

    def prepend_i16_le(self, value, /):
        """Put 2 bytes as a signed integer, least significant byte first, in front of the readable bytes.

        >>> buf = zbuf.buffer(16, headroom=8)
        >>> buf.prepend_i16_le(-2)
        >>> bytes(buf) == b"\\xfe\\xff"
        True

        Moves reader_index back by 2. Nothing has changed after CapacityError (fewer
        than 2 bytes before the reader), OverflowError unless -32768 .. 32767,
        ReadOnlyError or ReleasedError.
        """
        cdef unsigned char raw[2]
        store_u16_le(raw, <uint16_t>fit(value, -32768, 32767))
        self._front(raw, 2)

    def prepend_u24(self, value, /):
        """Put 3 bytes as an unsigned integer, most significant byte first, in front of the readable bytes.

        >>> buf = zbuf.buffer(16, headroom=8)
        >>> buf.prepend_u24(66051)
        >>> bytes(buf) == b"\\x01\\x02\\x03"
        True

        Moves reader_index back by 3. Nothing has changed after CapacityError (fewer
        than 3 bytes before the reader), OverflowError unless 0 .. 2**24 - 1,
        ReadOnlyError or ReleasedError.
        """
        cdef unsigned char raw[3]
        store_u24_be(raw, <uint32_t>fit(value, 0, 0xFFFFFF))
        self._front(raw, 3)

    def prepend_u24_le(self, value, /):
        """Put 3 bytes as an unsigned integer, least significant byte first, in front of the readable bytes.

        >>> buf = zbuf.buffer(16, headroom=8)
        >>> buf.prepend_u24_le(66051)
        >>> bytes(buf) == b"\\x03\\x02\\x01"
        True

        Moves reader_index back by 3. Nothing has changed after CapacityError (fewer
        than 3 bytes before the reader), OverflowError unless 0 .. 2**24 - 1,
        ReadOnlyError or ReleasedError.
        """
        cdef unsigned char raw[3]
        store_u24_le(raw, <uint32_t>fit(value, 0, 0xFFFFFF))
        self._front(raw, 3)

    def prepend_i24(self, value, /):
        """Put 3 bytes as a signed integer, most significant byte first, in front of the readable bytes.

        >>> buf = zbuf.buffer(16, headroom=8)
        >>> buf.prepend_i24(-2)
        >>> bytes(buf) == b"\\xff\\xff\\xfe"
        True

        Moves reader_index back by 3. Nothing has changed after CapacityError (fewer
        than 3 bytes before the reader), OverflowError unless -2**23 .. 2**23 - 1,
        ReadOnlyError or ReleasedError.
        """
        cdef unsigned char raw[3]
        store_u24_be(raw, <uint32_t>fit(value, -8388608, 8388607))
        self._front(raw, 3)

    def prepend_i24_le(self, value, /):
        """Put 3 bytes as a signed integer, least significant byte first, in front of the readable bytes.

        >>> buf = zbuf.buffer(16, headroom=8)
        >>> buf.prepend_i24_le(-2)
        >>> bytes(buf) == b"\\xfe\\xff\\xff"
        True

        Moves reader_index back by 3. Nothing has changed after CapacityError (fewer
        than 3 bytes before the reader), OverflowError unless -2**23 .. 2**23 - 1,
        ReadOnlyError or ReleasedError.
        """
        cdef unsigned char raw[3]
        store_u24_le(raw, <uint32_t>fit(value, -8388608, 8388607))
        self._front(raw, 3)

    def prepend_u32(self, value, /):
        """Put 4 bytes as an unsigned integer, most significant byte first, in front of the readable bytes.

        >>> buf = zbuf.buffer(16, headroom=8)
        >>> buf.prepend_u32(16909060)
        >>> bytes(buf) == b"\\x01\\x02\\x03\\x04"
        True

        Moves reader_index back by 4. Nothing has changed after CapacityError (fewer
        than 4 bytes before the reader), OverflowError unless 0 .. 2**32 - 1,
        ReadOnlyError or ReleasedError.
        """
        cdef unsigned char raw[4]
        store_u32_be(raw, <uint32_t>fit(value, 0, 0xFFFFFFFF))
        self._front(raw, 4)

    def prepend_u32_le(self, value, /):
        """Put 4 bytes as an unsigned integer, least significant byte first, in front of the readable bytes.

        >>> buf = zbuf.buffer(16, headroom=8)
        >>> buf.prepend_u32_le(16909060)
        >>> bytes(buf) == b"\\x04\\x03\\x02\\x01"
        True

        Moves reader_index back by 4. Nothing has changed after CapacityError (fewer
        than 4 bytes before the reader), OverflowError unless 0 .. 2**32 - 1,
        ReadOnlyError or ReleasedError.
        """
        cdef unsigned char raw[4]
        store_u32_le(raw, <uint32_t>fit(value, 0, 0xFFFFFFFF))
        self._front(raw, 4)

    def prepend_i32(self, value, /):
        """Put 4 bytes as a signed integer, most significant byte first, in front of the readable bytes.

        >>> buf = zbuf.buffer(16, headroom=8)
        >>> buf.prepend_i32(-2)
        >>> bytes(buf) == b"\\xff\\xff\\xff\\xfe"
        True

        Moves reader_index back by 4. Nothing has changed after CapacityError (fewer
        than 4 bytes before the reader), OverflowError unless -2**31 .. 2**31 - 1,
        ReadOnlyError or ReleasedError.
        """
        cdef unsigned char raw[4]
        store_u32_be(raw, <uint32_t>fit(value, INT32_MIN, INT32_MAX))
        self._front(raw, 4)

    def prepend_i32_le(self, value, /):
        """Put 4 bytes as a signed integer, least significant byte first, in front of the readable bytes.

        >>> buf = zbuf.buffer(16, headroom=8)
        >>> buf.prepend_i32_le(-2)
        >>> bytes(buf) == b"\\xfe\\xff\\xff\\xff"
        True

        Moves reader_index back by 4. Nothing has changed after CapacityError (fewer
        than 4 bytes before the reader), OverflowError unless -2**31 .. 2**31 - 1,
        ReadOnlyError or ReleasedError.
        """
        cdef unsigned char raw[4]
        store_u32_le(raw, <uint32_t>fit(value, INT32_MIN, INT32_MAX))
        self._front(raw, 4)

    def prepend_u64(self, value, /):
        """Put 8 bytes as an unsigned integer, most significant byte first, in front of the readable bytes.

        >>> buf = zbuf.buffer(16, headroom=8)
        >>> buf.prepend_u64(72623859790382856)
        >>> bytes(buf) == b"\\x01\\x02\\x03\\x04\\x05\\x06\\x07\\x08"
        True

        Moves reader_index back by 8. Nothing has changed after CapacityError (fewer
        than 8 bytes before the reader), OverflowError unless 0 .. 2**64 - 1,
        ReadOnlyError or ReleasedError.
        """
        cdef unsigned char raw[8]
        store_u64_be(raw, <uint64_t>fit_u64(value))
        self._front(raw, 8)

    def prepend_u64_le(self, value, /):
        """Put 8 bytes as an unsigned integer, least significant byte first, in front of the readable bytes.

        >>> buf = zbuf.buffer(16, headroom=8)
        >>> buf.prepend_u64_le(72623859790382856)
        >>> bytes(buf) == b"\\x08\\x07\\x06\\x05\\x04\\x03\\x02\\x01"
        True

        Moves reader_index back by 8. Nothing has changed after CapacityError (fewer
        than 8 bytes before the reader), OverflowError unless 0 .. 2**64 - 1,
        ReadOnlyError or ReleasedError.
        """
        cdef unsigned char raw[8]
        store_u64_le(raw, <uint64_t>fit_u64(value))
        self._front(raw, 8)

    def prepend_i64(self, value, /):
        """Put 8 bytes as a signed integer, most significant byte first, in front of the readable bytes.

        >>> buf = zbuf.buffer(16, headroom=8)
        >>> buf.prepend_i64(-2)
        >>> bytes(buf) == b"\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xfe"
        True

        Moves reader_index back by 8. Nothing has changed after CapacityError (fewer
        than 8 bytes before the reader), OverflowError unless -2**63 .. 2**63 - 1,
        ReadOnlyError or ReleasedError.
        """
        cdef unsigned char raw[8]
        store_u64_be(raw, <uint64_t>fit(value, INT64_MIN, INT64_MAX))
        self._front(raw, 8)

    def prepend_i64_le(self, value, /):
        """Put 8 bytes as a signed integer, least significant byte first, in front of the readable bytes.

        >>> buf = zbuf.buffer(16, headroom=8)
        >>> buf.prepend_i64_le(-2)
        >>> bytes(buf) == b"\\xfe\\xff\\xff\\xff\\xff\\xff\\xff\\xff"
        True

        Moves reader_index back by 8. Nothing has changed after CapacityError (fewer
        than 8 bytes before the reader), OverflowError unless -2**63 .. 2**63 - 1,
        ReadOnlyError or ReleasedError.
        """
        cdef unsigned char raw[8]
        store_u64_le(raw, <uint64_t>fit(value, INT64_MIN, INT64_MAX))
        self._front(raw, 8)

    def prepend_f32(self, value, /):
        """Put 4 bytes as a float, most significant byte first, in front of the readable bytes.

        >>> buf = zbuf.buffer(16, headroom=8)
        >>> buf.prepend_f32(1.5)
        >>> bytes(buf) == b"\\x3f\\xc0\\x00\\x00"
        True

        Moves reader_index back by 4. Nothing has changed after CapacityError (fewer
        than 4 bytes before the reader), OverflowError if the value is too large for
        32 bits, ReadOnlyError or ReleasedError.
        """
        cdef unsigned char raw[4]
        store_f32_be(raw, single(value))
        self._front(raw, 4)

    def prepend_f32_le(self, value, /):
        """Put 4 bytes as a float, least significant byte first, in front of the readable bytes.

        >>> buf = zbuf.buffer(16, headroom=8)
        >>> buf.prepend_f32_le(1.5)
        >>> bytes(buf) == b"\\x00\\x00\\xc0\\x3f"
        True

        Moves reader_index back by 4. Nothing has changed after CapacityError (fewer
        than 4 bytes before the reader), OverflowError if the value is too large for
        32 bits, ReadOnlyError or ReleasedError.
        """
        cdef unsigned char raw[4]
        store_f32_le(raw, single(value))
        self._front(raw, 4)

    def prepend_f64(self, value, /):
        """Put 8 bytes as a float, most significant byte first, in front of the readable bytes.

        >>> buf = zbuf.buffer(16, headroom=8)
        >>> buf.prepend_f64(-0.25)
        >>> bytes(buf) == b"\\xbf\\xd0\\x00\\x00\\x00\\x00\\x00\\x00"
        True

        Moves reader_index back by 8. Nothing has changed after CapacityError (fewer
        than 8 bytes before the reader), ReadOnlyError or ReleasedError.
        """
        cdef unsigned char raw[8]
        store_f64_be(raw, <double>value)
        self._front(raw, 8)

    def prepend_f64_le(self, value, /):
        """Put 8 bytes as a float, least significant byte first, in front of the readable bytes.

        >>> buf = zbuf.buffer(16, headroom=8)
        >>> buf.prepend_f64_le(-0.25)
        >>> bytes(buf) == b"\\x00\\x00\\x00\\x00\\x00\\x00\\xd0\\xbf"
        True

        Moves reader_index back by 8. Nothing has changed after CapacityError (fewer
        than 8 bytes before the reader), ReadOnlyError or ReleasedError.
        """
        cdef unsigned char raw[8]
        store_f64_le(raw, <double>value)
        self._front(raw, 8)

# -- birth and death of handles

cdef zb_nursery nursery
cdef tuple NO_ARGS = ()
cdef newfunc make_handle = (<zb_type *>ByteBuf).tp_new


cdef ByteBuf blank():
    return <ByteBuf>zb_wake(&nursery, <PyTypeObject *>ByteBuf, make_handle, NO_ARGS)


cdef void bury(PyObject *o) noexcept:
    # tp_dealloc. Calls no Python, but what foreign memory's owner does when it
    # is let go; the handle counts as alive meanwhile.
    zb_wake_dead(o)
    if (<ByteBuf>o)._block != NULL:
        (<ByteBuf>o)._close()
    zb_rest(&nursery, o, <PyTypeObject *>ByteBuf)


cdef void bury_seen(PyObject *o) noexcept:
    # tp_dealloc while leaks are tracked: an end that is no release().
    zb_wake_dead(o)
    cdef bint ours = track_burial(<void *>o)
    if (<ByteBuf>o)._block != NULL:
        track_close((<ByteBuf>o)._block, (<ByteBuf>o)._own, not ours)
    bury(o)


cdef void level_changed() noexcept:
    (<zb_type *>ByteBuf).tp_dealloc = bury_seen if tracking else bury


cdef zb_follower follower
track_follow(&follower, level_changed)
(<zb_type *>ByteBuf).tp_dealloc = bury
count_objects(ByteBuf)
open_nursery(&nursery)


cdef void used(ByteBuf buf, const char *what, str hint=None) noexcept:
    cdef Py_ssize_t i = 0
    cdef Py_ssize_t here
    cdef zb_block *block
    while True:
        buf._span(i, &here, &block)
        track_use(block, what, NULL if hint is None else <PyObject *>hint)
        i += here
        if i >= buf._cap:
            break


cdef ByteBuf duplicate_of(ByteBuf buf):
    # For the program; zbuf's own are no use of its.
    cdef ByteBuf twin = buf._twin()
    if tracking > SIMPLE:
        used(buf, b"duplicate")
    return twin


cdef void release_seen(ByteBuf buf) noexcept:
    # The last reference of a handle is given back; a composite asks for its blocks itself.
    track_release(<void *>buf, buf._block)
    track_close(buf._block, buf._own, False)


cdef class ByteIterator:
    # Yields the readable bytes of a buffer as they are when their turn comes.
    cdef ByteBuf _buf
    cdef Py_ssize_t _next   # offset from the reader

    def __iter__(self):
        return self

    def __next__(self):
        cdef ByteBuf buf = self._buf
        if buf is None:
            raise StopIteration
        buf._live()
        if self._next >= buf._w - buf._r:
            raise StopIteration
        self._next += 1
        cdef unsigned char byte = buf._at(buf._r + self._next - 1, 1)[0]
        settle()
        return byte

    def __length_hint__(self):
        cdef ByteBuf buf = self._buf
        return 0 if buf is None else max(buf._w - buf._r - self._next, 0)


cdef class Window:
    # Any run of a handle's bytes, for a memoryview to look through. The run
    # stays as long as the window does; the handle does not move under an export.
    cdef ByteBuf _buf
    cdef zb_block *_block     # one reference is ours
    cdef unsigned char *_mem
    cdef Py_ssize_t _size
    cdef bint _readonly

    cdef void _show(self, ByteBuf buf, zb_block *block, unsigned char *mem, Py_ssize_t n, bint readonly) noexcept:
        # Takes over the caller's reference of the block.
        self._buf, self._block, self._mem = buf, block, mem
        self._size, self._readonly = n, readonly

    def __dealloc__(self):
        if self._block != NULL:
            unview(self._block)

    def __getbuffer__(self, Py_buffer *view, int flags):
        if self._block == NULL:
            raise BufferError("this window is on no buffer")
        fill_view(view, flags, self, self._block, self._mem, self._size, self._readonly)
        zb_add_int(&self._buf._exports, 1)

    def __releasebuffer__(self, Py_buffer *view):
        zb_add_int(&self._buf._exports, -1)
        unview(<zb_block *>view.internal)


count_objects(ByteIterator)
count_objects(Window)


cdef void unview(zb_block *block) noexcept:
    # A memoryview gives its reference back.
    if tracking:
        track_unview(block)
    block_give(block, 1)


cdef object window_on(ByteBuf buf, zb_block *block, unsigned char *mem, Py_ssize_t n, bint readonly):
    # Making an object may run the collector, and that any code: hold first.
    cdef Window window
    block_hold(block, 1)
    try:
        window = Window.__new__(Window)
    except:
        block_give(block, 1)
        raise
    window._show(buf, block, mem, n, readonly)
    return window


@cython.final
@cython.freelist(8)
cdef class LengthPrefix:
    # A length in front of what is written while its `with` block runs. It may
    # be used again, but not inside itself.
    cdef ByteBuf _buf
    cdef zb_prefix _prefix
    cdef zb_mark _mark        # the bytes kept free for the length; set while the block runs
    cdef Py_ssize_t _cap      # the buffer's capacity before it

    def __dealloc__(self):
        if self._mark.of != NULL:
            mark_drop(&self._mark)

    def __enter__(self):
        cdef ByteBuf buf = self._buf
        cdef int size = self._prefix.size
        self._closed()
        if buf is None:
            raise ValueError("this length belongs to no buffer")
        cdef Py_ssize_t capacity = buf._cap
        buf._ensure(size)
        # A foreign owner whose memory was left may have run any code.
        self._closed()
        memset(buf._room(size), 0, size)
        mark_set(&self._mark, <void *>buf, buf._w - size, size)
        self._cap = capacity
        return buf

    cdef int _closed(self) except -1:
        if self._mark.of != NULL:
            raise RuntimeError("a length that is open cannot be opened again: nesting takes two of them")
        return 0

    def __exit__(self, kind, error, trace):
        if self._mark.of == NULL:
            raise RuntimeError("a length that is not open cannot be closed")
        mark_drop(&self._mark)
        if kind is None:
            self._fill_in()
        else:
            self._undo()

    cdef int _fill_in(self) except -1:
        cdef ByteBuf buf = self._buf
        cdef Py_ssize_t at = self._mark.at
        cdef int size = self._prefix.size
        cdef unsigned char raw[LONGEST]
        buf._live()
        if at < 0 or at > buf._w - size:
            raise RuntimeError(f"the {size} bytes for the length are no longer in the buffer, whose writer is at {buf._w}")
        cdef Py_ssize_t n = buf._w - at - size
        if <uint64_t>n > self._prefix.most:
            self._undo()
            raise OverflowError(
                f"{n} bytes do not fit a length as {self._prefix.name.decode()}, of {self._prefix.most} at most"
            )
        cdef int used = prefix_store(&self._prefix, raw, n + self._prefix.added)
        buf._poke(at, raw, used)
        if used < size:
            buf._close_gap(at + used, size - used)
        return 0

    cdef int _undo(self) except -1:
        # Back to where the block began, if that is still there. What was
        # appended after the piece that the length lies in is let go.
        cdef ByteBuf buf = self._buf
        cdef Py_ssize_t at = self._mark.at
        cdef Py_ssize_t here = 0
        cdef zb_block *block
        if buf._block == NULL or at < 0 or at > buf._w:
            return 0
        buf._settle(min(buf._r, at), at)
        marks_cut(<void *>buf, at)
        buf._span(at, &here, &block)
        here = min(at + here, max(self._cap, at))
        if here < buf._cap:
            buf._resize(here)
        return 0


count_objects(LengthPrefix)


cdef ByteBuf take_prefixed(ByteBuf buf, object format, bint includes_length, object max_length, bint must):
    # None for what is not all there, unless it must be.
    cdef zb_prefix prefix
    cdef uint64_t number = 0
    prefix_of(format, includes_length, max_length, &prefix)
    cdef int used = look_prefix(buf, &prefix, &number, must)
    if used == 0:
        return None
    cdef uint64_t length = body_length(buf, &prefix, number)
    if length > <uint64_t>(buf._w - buf._r - used):
        if must:
            raise UnderflowError(used + <object>length, buf._w - buf._r, buf._r)
        return None
    cdef ByteBuf part = buf._part(buf._r + used, <Py_ssize_t>length)
    buf._advance(used + <Py_ssize_t>length)
    return part


cdef int look_prefix(ByteBuf buf, zb_prefix *prefix, uint64_t *number, bint must) except -1:
    # The number at the reader, which stays; how many bytes it takes, 0 if they
    # are not all there.
    cdef unsigned char scratch[LONGEST]
    cdef const unsigned char *p = buf._mem + buf._r
    buf._live()
    cdef Py_ssize_t n = min(<Py_ssize_t>LONGEST, buf._w - buf._r)
    if n > buf._run - buf._r:
        buf._copy_out(buf._r, scratch, n)
        p = scratch
    cdef int used = prefix_load(prefix, p, n, number)
    if used < 0:
        raise VarintError(f"{prefix.bits}-bit varint", buf._r)
    if used == 0 and must:
        raise UnderflowError(prefix_wanted(prefix, p, n), n, buf._r)
    return used


cdef uint64_t body_length(ByteBuf buf, zb_prefix *prefix, uint64_t number) except? 0:
    if number < <uint64_t>prefix.added:
        raise ValueError(f"a length of {number} at {buf._r} does not count its own {prefix.added} bytes")
    if number - prefix.added > prefix.most:
        raise ValueError(f"a length of {number - prefix.added} at {buf._r} is above {prefix.most}")
    return number - prefix.added


cdef char *unsigned_bytes = b"B"   # the struct module's name for them


cdef int fill_view(
    Py_buffer *view, int flags, object exporter, zb_block *block, unsigned char *mem, Py_ssize_t n, bint readonly
) except -1:
    # The export holds the block, not the handle: it outlives a release.
    if readonly and flags & PyBUF_WRITABLE:
        raise BufferError(f"these {n} bytes are read-only")
    view.buf = mem
    view.obj = exporter
    view.len = n
    view.itemsize = 1
    view.readonly = readonly
    view.ndim = 1
    view.format = unsigned_bytes if flags & PyBUF_FORMAT else NULL
    view.shape = &view.len if flags & PyBUF_ND else NULL
    view.strides = &view.itemsize if flags & PyBUF_STRIDES == PyBUF_STRIDES else NULL
    view.suboffsets = NULL
    view.internal = block
    block_hold(block, 1)
    return 0


cdef int borrow(object data, Py_buffer *view) except -1:
    # The bytes of any bytes-like, in one piece; a composite's are gathered.
    if isinstance(data, ByteBuf) and not (<ByteBuf>data)._whole():
        data = (<ByteBuf>data).__bytes__()
    return PyObject_GetBuffer(data, view, PyBUF_SIMPLE)


cdef int must_not_show(ByteBuf buf) except -1:
    cdef int exports = zb_count_int(&buf._exports)
    if exports:
        raise BufferError(f"{buf._cap} bytes cannot move to a block of their own: {exports} memoryviews look at them")
    return 0


cdef double ratio_of(object ratio) except -1:
    cdef double share = ratio
    if not 0 <= share <= 1:
        raise ValueError(f"a ratio is a number from 0 to 1, not {share}")
    return share


cdef object unwritten(Py_ssize_t i, Py_ssize_t n, Py_ssize_t written):
    return IndexError(f"{n} bytes at {i} are not inside the {written} written ones")


cdef object beyond(Py_ssize_t i, Py_ssize_t n, Py_ssize_t capacity):
    return IndexError(f"{n} bytes at {i} are not inside the capacity of {capacity}")


cdef bint tangled(ByteBuf buf, Py_ssize_t i, const unsigned char *p, Py_ssize_t n) noexcept:
    # Do the n bytes from i lie in several pieces, one of which is where the n
    # bytes at p are too? Copied piece by piece, what is still to be read would
    # be written over.
    cdef Py_ssize_t here
    cdef zb_block *block
    cdef unsigned char *mem = buf._span(i, &here, &block)
    cdef Py_ssize_t end = i + n
    if here >= n:
        return False
    while i < end:
        mem = buf._span(i, &here, &block)
        here = min(here, end - i)
        if mem < p + n and p < mem + here:
            return True
        i += here
    return False


cdef int overwrite(ByteBuf buf, Py_ssize_t i, const unsigned char *src, Py_ssize_t n) except -1:
    # Puts n bytes at i, as if these had been copied first.
    if tangled(buf, i, src, n):
        copy = PyBytes_FromStringAndSize(<const char *>src, n)
        buf._copy_in(i, <unsigned char *>PyBytes_AS_STRING(copy), n)
    else:
        buf._copy_in(i, src, n)
    return 0


cdef int gather(ByteBuf buf, Py_ssize_t i, unsigned char *dst, Py_ssize_t n) except -1:
    if tangled(buf, i, dst, n):
        copy = buf._bytes(i, n)
        memcpy(dst, PyBytes_AS_STRING(copy), n)
    else:
        buf._copy_out(i, dst, n)
    return 0


cdef int append_from(ByteBuf target, ByteBuf src, Py_ssize_t n) except -1:
    # REQUIRES: src has n readable bytes, and target has room for them.
    cdef unsigned char *room = target._room(n)
    try:
        gather(src, src._r, room, n)
    except:
        target._settle(target._r, target._w - n)
        raise
    return 0


cdef bint is_byte(object needle) noexcept:
    # Is it searched for as one byte, by its number?
    return isinstance(needle, int) or (PyIndex_Check(needle) and not PyObject_CheckBuffer(needle))


cdef bytes one_byte(object needle):
    return bytes((byte_of(needle),)) if is_byte(needle) else None


cdef str short(object needle):
    cdef str text = repr(needle)
    return text if len(text) <= 64 else text[:60] + " ..."


cdef Py_ssize_t wanted_at(Py_ssize_t offset, Py_ssize_t n) noexcept:
    return offset + n if offset <= PY_SSIZE_T_MAX - n else PY_SSIZE_T_MAX


cdef Py_ssize_t grown(Py_ssize_t least, Py_ssize_t most) noexcept:
    # Two wishes pull apart: few copies (grow a lot), little idle memory (grow
    # a little). Double up to 4 MiB, then add 4 MiB at a time.
    # REQUIRES: least <= most. Source: AbstractByteBufAllocator.calculateNewCapacity.
    cdef Py_ssize_t n = SMALLEST
    if least > STEP:
        n = least - least % STEP
        return n + STEP if n <= most - STEP else most
    while n < least:
        n += n
    return min(n, most)


cdef ByteBuf fresh(zb_pool *pool, ByteBuf src, Py_ssize_t i, Py_ssize_t n, Py_ssize_t max_capacity):
    cdef ByteBuf made = blank()
    cdef zb_block *block = pool_take(pool, n)
    made._adopt(block, block.data, n, max_capacity)
    src._copy_out(i, block.data, n)
    made._w = made._run = n
    return made


cdef ByteBuf shared(object exporter):
    # A handle on the exporter's memory, writable only if it is.
    cdef bint readonly
    cdef ByteBuf made = blank()
    cdef zb_block *block = foreign_block(exporter, &readonly)
    made._adopt(block, block.data, block.size, block.size)
    made._w = made._run = block.size
    if readonly:
        made._lim = READONLY
    return made


cdef ByteBuf readable(object data):
    cdef ByteBuf buf
    if not isinstance(data, ByteBuf):
        return shared(data)
    buf = <ByteBuf>data
    buf._live()
    return buf._part(buf._r, buf._w - buf._r)


cdef ByteBuf private(ByteBuf buf):
    cdef ByteBuf twin
    if not ZB_FREE_THREADED:
        return buf
    with cython.critical_section(buf):
        buf._live()
        twin = buf._twin()
    if tracking:
        track_ours(<void *>twin)
    return twin


def unpickled(data, /):
    """Rebuild a pickled buffer on the bytes that pickle hands over.

    >>> import pickle
    >>> pickle.loads(pickle.dumps(zbuf.copied(b"abc"), protocol=5))
    <zbuf.ByteBuf 0..3 of 3, refs 1: 61 62 63>

    Returns: a buffer that shares them, as zbuf.wrap does.
    """
    return shared(data)


def copied(data, /):
    """Copy a bytes-like or a buffer's readable bytes into a new buffer.

    >>> buf = zbuf.copied(b"abc")
    >>> buf.write_bytes(b"def")
    >>> bytes(buf)
    b'abcdef'

    Returns: a writable buffer of the default allocator that may grow.
    Raises:  TypeError for what is not bytes-like, MemoryError, ReleasedError.
    Source:  Unpooled.copiedBuffer.
    """
    cdef Py_buffer view
    cdef zb_block *block
    cdef ByteBuf made
    if isinstance(data, ByteBuf):
        (<ByteBuf>data)._live()
        return fresh(
            pool_default(), <ByteBuf>data, (<ByteBuf>data)._r, (<ByteBuf>data)._w - (<ByteBuf>data)._r, PY_SSIZE_T_MAX
        )
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    try:
        made = blank()
        block = pool_take(pool_default(), view.len)
        made._adopt(block, block.data, view.len, PY_SSIZE_T_MAX)
        made._append(<unsigned char *>view.buf, view.len)
        return made
    finally:
        PyBuffer_Release(&view)


cdef zb_block empty_block
cdef unsigned char empty_byte = 0

cdef void keep(zb_block *block) noexcept:
    pass


cdef ByteBuf make_empty():
    # A read-only buffer without bytes that release() never closes.
    empty_block.refs = 1
    empty_block.data = &empty_byte
    empty_block.done = keep
    empty_block.size_class = -1
    cdef ByteBuf made = blank()
    made._adopt(&empty_block, &empty_byte, 0, 0)
    made._lim = READONLY
    return made


cdef ByteBuf EMPTY = make_empty()
globals()["EMPTY"] = EMPTY


# -- threads

cdef PyObject *buffer_of_iterator(PyObject *o) noexcept:
    return <PyObject *>(<ByteIterator>o)._buf


cdef PyObject *buffer_of_prefix(PyObject *o) noexcept:
    return <PyObject *>(<LengthPrefix>o)._buf


guard_argument(ByteBuf)
guard_with(ByteIterator, buffer_of_iterator)
guard_with(LengthPrefix, buffer_of_prefix)
guard(globals())
