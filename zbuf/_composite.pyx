"""CompositeByteBuf: many regions as one buffer."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_GET_SIZE
from cpython.object cimport PyObject, PyTypeObject
from cpython.memoryview cimport PyMemoryView_FromObject
from libc.stdint cimport uintptr_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memmove, memset

from zbuf._block cimport zb_block
from zbuf._buf cimport (
    ELSEWHERE, READONLY, ByteBuf, blank, must_not_show, private, ratio_of, readable, used, window_on,
)
from zbuf._foreign cimport foreign_block
from zbuf._guard cimport guard
from zbuf._leak cimport SIMPLE, track_burial, track_close, track_follow, track_ours, track_use, tracking, zb_follower
from zbuf._marks cimport marks_shift
from zbuf._memory cimport open_nursery, zb_malloc
from zbuf._native cimport (
    ZB_FREE_THREADED, newfunc, PyTupleObject, PyType_Type, PyVectorcall_NARGS, zb_nursery, zb_own_methods, zb_rest, zb_type,
    zb_count_int, zb_wake, zb_wake_dead,
)
from zbuf._number cimport index_of, size_of
from zbuf._pool cimport pool_give, pool_hold, pool_take, zb_pool
from zbuf._refs cimport block_give, block_hold, block_refs, pool_default

from zbuf.errors import CapacityError

cdef extern from *:
    Py_ssize_t PY_SSIZE_T_MAX

cdef enum:
    COALESCE = 512         # below it a copy costs less than a part
    STORE = 1024           # the first block for what is written; each next one doubles
    STORE_MAX = 64 << 10
    DROPPED = -1           # in _exports, for a handle that dies without release(), until it closes


cdef void stay(zb_block *block) noexcept:
    # The anchor is part of the object: there is nothing to take back.
    pass


cdef class CompositeByteBuf(ByteBuf):
    """CompositeByteBuf(*parts, coalesce=512)\n--\n\nMany regions presented as one buffer, without copying them together.

    >>> body = zbuf.copied(b"body" * 1000)
    >>> message = zbuf.CompositeByteBuf(b"head", body)
    >>> len(message), message.peek_bytes(8)
    (4004, b'headbody')

    Everything a ByteBuf answers, over any number of parts; appending is
    linear and nothing is consolidated behind the user's back. Pieces below
    `coalesce` bytes are copied into memory of the composite's own, larger
    ones are shared by a reference of its own: the caller's handle stays the
    caller's. Writes go to the composite's own memory too, and never over the
    bytes of an appended part; set_* and item assignment do reach them.

    Raises:  TypeError for what is not bytes-like, ValueError for a negative
             `coalesce`, MemoryError, ReleasedError for a released part.
    Source:  io.netty.buffer.CompositeByteBuf.
    """

    cdef void _open_up(self) noexcept:
        # From all zeros to an empty composite.
        self._anchor.refs = 1
        self._anchor.done = stay
        self._anchor.size_class = -1
        self._anchor.data = self._scratch
        self._adopt(&self._anchor, self._scratch, 0, PY_SSIZE_T_MAX)
        self._lim = ELSEWHERE
        self._parts = self._inline
        self._slots = INLINE
        self._coalesce = COALESCE

    def __init__(self, *parts, coalesce=COALESCE):
        cdef Py_ssize_t before = self._w
        self._coalesce = size_of(coalesce)
        self._live()
        try:
            self._append_all((<PyTupleObject *>parts).ob_item, len(parts))
        except:
            self._take_back(before)
            raise

    # -- where an index lies

    cdef Py_ssize_t _locate(self, Py_ssize_t i) noexcept:
        # The slot of the part that index i lies in. REQUIRES: 0 <= i < _cap.
        cdef Py_ssize_t position = i + self._origin
        cdef Py_ssize_t slot = self._here
        if not self._head <= slot < self._stop or self._start_of(slot) > i:
            slot = self._bisect(position)
        elif self._parts[slot].end <= position:
            slot += 1
            if self._parts[slot].end <= position:
                slot = self._bisect(position)
        self._here = slot
        return slot

    cdef Py_ssize_t _bisect(self, Py_ssize_t position) noexcept:
        # The first slot whose end lies beyond; halving without a branch.
        cdef Py_ssize_t low = self._head
        cdef Py_ssize_t n = self._stop - low
        cdef Py_ssize_t half
        while n > 1:
            half = n >> 1
            low += half * (self._parts[low + half - 1].end <= position)
            n -= half
        return low

    cdef unsigned char *_span(self, Py_ssize_t i, Py_ssize_t *n, zb_block **block) noexcept:
        cdef Py_ssize_t slot
        if i == self._cap:
            n[0] = 0
            block[0] = &self._anchor
            return self._scratch
        slot = self._locate(i)
        n[0] = self._parts[slot].end - self._origin - i
        block[0] = self._parts[slot].block
        return self._parts[slot].mem + (i - self._start_of(slot))

    cdef void _settle(self, Py_ssize_t r, Py_ssize_t w) noexcept:
        cdef Py_ssize_t slot
        self._r = r
        self._w = w
        if r == self._cap:
            self._start = self._run = r
            self._mem = self._scratch
            return
        slot = CompositeByteBuf._locate(self, r)
        self._start = self._start_of(slot)
        self._run = min(self._parts[slot].end - self._origin, w)
        self._mem = <unsigned char *>(<uintptr_t>self._parts[slot].mem - <uintptr_t>self._start)

    # -- the gates' other halves: step to the next part, or gather

    cdef const unsigned char *_take_slow(self, Py_ssize_t n) except NULL:
        if n > self._w - self._r:
            self._need(n)    # which raises: a released handle has no bytes
        CompositeByteBuf._settle(self, self._r, self._w)
        if self._run - self._r >= n:
            self._r += n
            return self._mem + self._r - n
        self._copy_out(self._r, self._scratch, n)
        self._settle(self._r + n, self._w)
        return self._scratch

    cdef const unsigned char *_look_slow(self, Py_ssize_t offset, Py_ssize_t n) except NULL:
        self._live()
        if offset < 0 or n > self._w - self._r - offset:
            return ByteBuf._look_slow(self, offset, n)
        self._copy_out(self._r + offset, self._scratch, n)
        return self._scratch

    cdef const unsigned char *_at_slow(self, Py_ssize_t i, Py_ssize_t n) except NULL:
        self._written(i, n)
        self._copy_out(i, self._scratch, n)
        return self._scratch

    cdef unsigned char *_room_slow(self, Py_ssize_t n) except NULL:
        cdef unsigned char *mem = self._write_tail(n)
        if mem == NULL:
            self._ensure(n)
            mem = self._write_tail(n)
        return mem

    cdef int _poke_slow(self, Py_ssize_t i, const unsigned char *src, Py_ssize_t n) except -1:
        self._settable(i, n)
        self._copy_in(i, src, n)
        return 0

    # -- the array of parts

    cdef int _reserve(self, Py_ssize_t more) except -1:
        # Slots for `more` parts after the last one.
        cdef Py_ssize_t count = self._stop - self._head
        cdef Py_ssize_t slots = self._slots
        cdef zb_part *parts = self._parts
        if more <= self._slots - self._stop:
            return 0
        if count + more > slots // 2:
            slots = 2 * (count + more)
            parts = <zb_part *>zb_malloc(slots * sizeof(zb_part))
            if parts == NULL:
                raise MemoryError(f"no memory for {slots} parts")
        memmove(parts, self._parts + self._head, count * sizeof(zb_part))
        if parts != self._parts and self._parts != self._inline:
            free(self._parts)
        self._parts = parts
        self._slots = slots
        self._here -= self._head
        self._stop = count
        # Part 0 begins at _origin, whatever slot it is in.
        self._head = 0
        return 0

    cdef void _cut(self, Py_ssize_t n) noexcept:
        # Lets go of all from index n on. REQUIRES: n >= _w, indices settled.
        # A foreign owner may write here as it is let go: what is written stays.
        cdef Py_ssize_t start
        cdef zb_part *part
        while self._cap > n >= self._w:
            part = &self._parts[self._stop - 1]
            start = self._start_of(self._stop - 1)
            if self._open(self._stop - 1):
                self._free = part.mem + max(n - start, 0)
            if start < n:
                self._cap = n
                part.end = n + self._origin
                return
            self._stop -= 1
            self._cap = start
            block_give(part.block, 1)

    cdef bint _open(self, Py_ssize_t slot) noexcept:
        # Does the part end where the store's free memory begins?
        cdef zb_part *part = &self._parts[slot]
        cdef Py_ssize_t n = part.end - self._origin - self._start_of(slot)
        return part.ours and part.block == self._store and part.mem + n == self._free

    cdef int _drop_spare(self) except -1:
        # What lies after the writer goes, so that something can follow it.
        self._writable()
        while self._cap > self._w:
            self._cut(self._w)
            self._writable()
        return 0

    # -- what is written goes to the store

    cdef Py_ssize_t _room_after(self, Py_ssize_t n) noexcept:
        # Bytes of the store that could follow index n, were all after it cut.
        cdef Py_ssize_t last = self._stop - 1
        if n < self._cap and self._start_of(last) <= n and self._open(last):
            return self._free_end - self._free + self._cap - n
        return self._free_end - self._free

    cdef int _ensure(self, Py_ssize_t n) except -1:
        cdef zb_block *block = NULL
        self._writable()
        if n > self._max - self._w:
            raise CapacityError(n, self._max - self._w)
        if n == 0 or self._tail_has(n):
            return 0
        self._reserve(1)
        if self._room_after(self._w) < n:
            block = self._next_store(n)
        if self._cap > self._w or self._lim != ELSEWHERE:    # to take memory may run any code
            drop_spare_for(self, block)
        if block != NULL:
            self._set_store(block)
        if self._free < self._free_end and self._cap < self._max:
            self._reserve(1)
            self._extend_tail()
            self._settle(self._r, self._w)
        # A foreign owner that was let go may have taken the room.
        return 0 if self._tail_has(n) else self._ensure(n)

    cdef zb_block *_next_store(self, Py_ssize_t least) except NULL:
        cdef Py_ssize_t wish = STORE
        if self._store != NULL:
            wish = min(2 * self._store.size, <Py_ssize_t>STORE_MAX)
        return pool_take(self._pool(), max(wish, least))

    cdef void _set_store(self, zb_block *block) noexcept:
        # A store is pool memory: to give it back runs no foreign code.
        if self._store != NULL:
            block_give(self._store, 1)
        self._store = block
        self._free = block.data
        self._free_end = block.data + block.size

    cdef void _extend_tail(self) noexcept:
        # All free memory of the store becomes capacity, up to _max.
        # REQUIRES: a slot reserved, some memory is free, _cap < _max.
        cdef Py_ssize_t n = min(self._free_end - self._free, self._max - self._cap)
        cdef unsigned char *mem = self._free
        if self._stop > self._head and self._open(self._stop - 1):
            self._cap += n
            self._parts[self._stop - 1].end += n
        else:
            block_hold(self._store, 1)
            self._push(self._store, mem, n, False, True)
        self._free = mem + n

    cdef zb_pool *_pool(self) noexcept:
        return self._home if self._home != NULL else pool_default()

    cdef void _pin(self, zb_pool *home) noexcept:
        # What is written lies in blocks of this pool from now on.
        pool_hold(home)
        self._home = home

    cdef int _resize(self, Py_ssize_t n) except -1:
        cdef zb_block *block
        if n > self._cap:
            self._reserve(1)
            block = pool_take(self._pool(), n - self._cap)
            self._push(block, block.data, n - self._cap, False, True)
        self._settle(min(self._r, n), min(self._w, n))
        self._cut(n)
        return 0

    # -- other handles

    cdef ByteBuf _part(self, Py_ssize_t i, Py_ssize_t n):
        cdef CompositeByteBuf made
        cdef ByteBuf one
        cdef Py_ssize_t here
        cdef zb_block *block
        cdef unsigned char *mem = self._span(i, &here, &block)
        if 0 < n <= here:
            one = blank()
            look_at(one, block, mem, n, self._lim == READONLY or self._parts[self._here].readonly)
            return one
        made = self._sub(i, n)
        made._max = n
        made._settle(0, n)
        if tracking > SIMPLE:
            used(made, b"slice")
        return made

    cdef CompositeByteBuf _sub(self, Py_ssize_t i, Py_ssize_t n):
        # A composite that shares the parts of [i, i + n); its indices are 0.
        cdef CompositeByteBuf made = blank_composite()
        cdef Py_ssize_t here
        cdef zb_block *block
        cdef unsigned char *mem
        made._coalesce = self._coalesce
        made._lim = self._lim
        while n > 0:
            made._reserve(1)
            mem = self._span(i, &here, &block)
            here = min(here, n)
            block_hold(block, 1)
            made._push(block, mem, here, self._parts[self._here].readonly, False)
            i += here
            n -= here
        return made

    cdef ByteBuf _twin(self):
        cdef CompositeByteBuf made = self._sub(0, self._cap)
        made._max = self._max
        made._settle(self._r, self._w)
        return made

    cdef void _rebase(self, Py_ssize_t n) noexcept:
        cdef zb_block *block
        cdef Py_ssize_t first
        while 0 < n <= self._r:
            first = min(self._parts[self._head].end - self._origin, n)
            block = self._parts[self._head].block
            self._parts[self._head].mem += first
            n -= first
            self._origin += first
            self._cap -= first
            if self._max != PY_SSIZE_T_MAX:
                self._max -= first
            marks_shift(<void *>self, first, -first)
            if self._parts[self._head].end > self._origin:
                self._settle(self._r - first, self._w - first)
            else:
                self._head += 1
                self._settle(self._r - first, self._w - first)
                block_give(block, 1)

    cdef Py_ssize_t _slide(self) noexcept:
        cdef Py_ssize_t moved = self._r
        self._rebase(moved)
        return moved

    cdef void _close_gap(self, Py_ssize_t i, Py_ssize_t n) noexcept:
        # The rest of the gap's part moves; of the parts after it only the ends
        # do. So the bytes of others stay, and nothing that was shared is copied.
        cdef Py_ssize_t slot = self._locate(i)
        cdef Py_ssize_t end = min(self._parts[slot].end - self._origin, self._w)
        cdef unsigned char *gap = self._parts[slot].mem + (i - self._start_of(slot))
        memmove(gap, gap + n, end - i - n)
        if end < self._w:
            self._shift(slot, self._stop, -n)
            self._cap -= n
        self._settle(self._r - min(max(self._r - i, 0), n), self._w - n)
        marks_shift(<void *>self, i + n, -n)

    cdef bint _close(self) noexcept:
        # Foreign owners may run any code when they are let go: the handle is
        # closed before the first of them is.
        cdef zb_part here[INLINE]
        cdef zb_part *parts = self._parts
        cdef Py_ssize_t slot = self._head
        cdef Py_ssize_t stop = self._stop
        cdef zb_block *store = self._store
        cdef zb_pool *home = self._home
        if parts == self._inline:
            memcpy(here, parts, sizeof(here))
            parts = here
        self._parts = self._inline
        self._slots = INLINE
        self._head = self._stop = self._here = self._origin = 0
        self._store = NULL
        self._home = NULL
        self._free = self._free_end = NULL
        cdef bint dropped = zb_count_int(&self._exports) == DROPPED
        if dropped:
            self._exports = 0
        cdef bint last = ByteBuf._close(self)
        while slot < stop:
            leave(parts[slot].block, dropped)
            slot += 1
        if store != NULL:
            leave(store, dropped)
        if home != NULL:
            pool_give(home)
        if parts != here:
            free(parts)
        return last

    cdef bint _may_write(self, Py_ssize_t i, Py_ssize_t n) noexcept:
        cdef Py_ssize_t here
        cdef zb_block *block
        if self._lim == READONLY:
            return False
        while n > 0:
            self._span(i, &here, &block)
            if self._parts[self._here].readonly:
                return False
            i += here
            n -= here
        return True

    # -- append, and the other operations on parts

    def append(self, x, /):
        """Add a buffer's readable bytes, or a bytes-like, after the readable bytes.

        >>> c = zbuf.CompositeByteBuf()
        >>> c.append(b"abc")
        >>> c.append(zbuf.copied(b"def"))
        >>> bytes(c)
        b'abcdef'

        Moves:   writer_index by as much; nothing of x, which stays the caller's.
        Raises:  TypeError for what is not bytes-like, CapacityError,
                 ReadOnlyError, MemoryError, ReleasedError; nothing has changed.
        Source:  CompositeByteBuf.addComponent(true, buffer).
        """
        if not self._append_short(x):
            self._append_any(x)

    cdef int _append_all(self, PyObject *const *parts, Py_ssize_t count) except -1:
        if ZB_FREE_THREADED:
            own = privates(parts, count)
            return self._append_these((<PyTupleObject *>own).ob_item, count)
        return self._append_these(parts, count)

    cdef int _append_these(self, PyObject *const *parts, Py_ssize_t count) except -1:
        # Small buffers in a row get their room at once and are copied by a
        # loop that does nothing else: 4 ns each instead of 19. The pointers
        # are the caller's, who holds the parts.
        cdef Py_ssize_t k = 0
        cdef Py_ssize_t stop, n
        while k < count:
            n = 0
            stop = self._small_run(parts, k, count, &n)
            if n > 0 and not self._tail_has(n) and self._cap > self._w:
                # To let go of foreign parts may run any code: count after it.
                self._drop_spare()
                n = 0
                stop = self._small_run(parts, k, count, &n)
            if n > 0:
                copy_run(parts + k, stop - k, self._room(n))
                k = stop
            else:
                self._append_any(<object>parts[k])
                k += 1
        return 0

    cdef Py_ssize_t _small_run(self, PyObject *const *parts, Py_ssize_t k, Py_ssize_t count, Py_ssize_t *total) noexcept:
        # Where the run of small plain buffers that begins at k ends.
        cdef Py_ssize_t n
        cdef PyObject *src
        while k < count:
            src = parts[k]
            if type(<object>src) is not ByteBuf:
                break
            n = (<ByteBuf>src)._w - (<ByteBuf>src)._r
            if (<ByteBuf>src)._block == NULL or n >= self._coalesce:
                break
            total[0] += n
            k += 1
        return k

    cdef int _append_any(self, object x) except -1:
        if isinstance(x, ByteBuf):
            return self._append_pieces(<ByteBuf>x)
        if PyBytes_CheckExact(x) and PyBytes_GET_SIZE(x) < self._coalesce:
            return self._append(<unsigned char *>PyBytes_AS_STRING(x), PyBytes_GET_SIZE(x))
        return self._append_foreign(x)

    cdef int _append_foreign(self, object exporter) except -1:
        cdef bint readonly
        cdef zb_block *block = foreign_block(exporter, &readonly)
        try:
            return self._append_piece(block, block.data, block.size, readonly)
        finally:
            block_give(block, 1)

    cdef int _append_pieces(self, ByteBuf src) except -1:
        cdef Py_ssize_t n = src._w - src._r
        cdef Py_ssize_t here = 0
        cdef zb_block *block = src._block
        cdef unsigned char *mem = src._mem + src._r
        src._live()
        if type(src) is not ByteBuf:
            mem = src._span(src._r, &here, &block)
            if here < n:
                return self._append_each(src)
        return self._append_piece(block, mem, n, n >= self._coalesce and not src._may_write(src._r, n))

    cdef int _append_each(self, ByteBuf src) except -1:
        # All of its pieces or none.
        cdef Py_ssize_t i = src._r
        cdef Py_ssize_t end = src._w
        cdef Py_ssize_t here
        cdef zb_block *block
        cdef unsigned char *mem
        self._writable()
        if end - i > self._max - self._w:
            raise CapacityError(end - i, self._max - self._w)
        if self._cap > self._w:
            take_for_pieces(self, src)
        cdef Py_ssize_t before = self._w
        try:
            while i < end and end <= src._w:
                mem = src._span(i, &here, &block)
                here = min(here, end - i)
                self._append_piece(block, mem, here, not src._may_write(i, here))
                i += here
        except:
            self._take_back(before)
            raise
        return 0

    cdef int _append_piece(self, zb_block *block, unsigned char *mem, Py_ssize_t n, bint readonly) except -1:
        cdef unsigned char *room
        if n < self._coalesce or n == 0:
            room = self._write_tail(n)
            if room == NULL:
                return self._append_copy(block, mem, n)
            memcpy(room, mem, n)
            return 0
        if self._lim == READONLY or self._cap > self._w or self._stop == self._slots or n > self._max - self._w:
            self._append_slow(block, n)
        else:
            block_hold(block, 1)
        self._push(block, mem, n, readonly, False)
        self._w += n
        return 0

    cdef int _append_copy(self, zb_block *block, unsigned char *mem, Py_ssize_t n) except -1:
        # The source stays while room is made, whatever a foreign owner does.
        block_hold(block, 1)
        try:
            return self._append(mem, n)
        finally:
            block_give(block, 1)

    cdef int _append_slow(self, zb_block *block, Py_ssize_t n) except -1:
        # Makes place for one more part right after the writer, and takes the
        # reference for it before anybody's code can run.
        self._writable()
        if n > self._max - self._w:
            raise CapacityError(n, self._max - self._w)
        block_hold(block, 1)
        try:
            self._reserve(1)
            self._drop_spare()
            self._reserve(1)
        except:
            block_give(block, 1)
            raise
        return 0

    cdef void _take_back(self, Py_ssize_t w) noexcept:
        # Undoes what was appended after index w, unless others undid it before.
        if self._block != NULL and self._r <= w <= self._w:
            self._settle(self._r, w)
            self._cut(w)

    def insert(self, k, x, /):
        """Put a buffer's readable bytes, or a bytes-like, before part `k`.

        >>> c = zbuf.CompositeByteBuf(b"body")
        >>> c.insert(0, b"head")
        >>> bytes(c)
        b'headbody'

        The bytes are shared, whatever their size. `k` == len(parts()) puts
        them last. An index stays with its byte; at the reader's own byte the
        new bytes come first and are readable.
        Raises:  IndexError for a part that is not there, TypeError,
                 CapacityError, ReadOnlyError, MemoryError, ReleasedError;
                 nothing has changed.
        Source:  CompositeByteBuf.addComponent(true, index, buffer).
        """
        cdef Py_ssize_t nth = index_of(k)
        cdef CompositeByteBuf added = CompositeByteBuf(x, coalesce=0)
        cdef Py_ssize_t n = added._w
        cdef Py_ssize_t count = added._stop - added._head
        self._writable()
        self._slot_of(nth, True)
        if n > self._max - self._w:
            raise CapacityError(n, self._max - self._w)
        self._reserve(count)
        self._drop_spare()
        if n > self._max - self._w:
            raise CapacityError(n, self._max - self._w)
        self._reserve(count)
        cdef Py_ssize_t slot = self._slot_of(nth, True)
        cdef Py_ssize_t at = self._start_of(slot)
        memmove(&self._parts[slot + count], &self._parts[slot], (self._stop - slot) * sizeof(zb_part))
        self._stop += count
        self._shift(slot + count, self._stop, n)
        added._shift(added._head, added._stop, self._origin + at - added._origin)
        added._move_parts(self, slot)
        self._cap += n
        self._settle(self._r + (n if at < self._r else 0), self._w + n)
        marks_shift(<void *>self, at, n)

    cdef void _move_parts(self, CompositeByteBuf to, Py_ssize_t slot) noexcept:
        # Hands all parts on; nothing is left. REQUIRES: `to` has slots for them.
        memcpy(&to._parts[slot], &self._parts[self._head], (self._stop - self._head) * sizeof(zb_part))
        self._stop = self._head
        self._cap = 0
        self._settle(0, 0)

    cdef void _shift(self, Py_ssize_t slot, Py_ssize_t stop, Py_ssize_t n) noexcept:
        while slot < stop:
            self._parts[slot].end += n
            slot += 1

    def remove(self, k, /):
        """Take part `k` out, and return a handle on its bytes.

        >>> c = zbuf.CompositeByteBuf(b"head", b"body", coalesce=0)
        >>> bytes(c.remove(0)), bytes(c)
        (b'head', b'body')

        An index behind the part moves with its byte; one inside it goes to
        where the part was.
        Raises:  IndexError for a part that is not there, ReadOnlyError,
                 ReleasedError; nothing has changed.
        Source:  CompositeByteBuf.removeComponent.
        """
        cdef Py_ssize_t nth = index_of(k)
        cdef ByteBuf part = blank()
        self._writable()
        self._slot_of(nth, False)
        self._drop_spare()
        cdef Py_ssize_t slot = self._slot_of(nth, False)
        cdef Py_ssize_t start = self._start_of(slot)
        cdef Py_ssize_t n = self._parts[slot].end - self._origin - start
        cdef zb_block *block = self._parts[slot].block
        look_at(part, block, self._parts[slot].mem, n, self._parts[slot].readonly)
        memmove(&self._parts[slot], &self._parts[slot + 1], (self._stop - slot - 1) * sizeof(zb_part))
        self._stop -= 1
        self._shift(slot, self._stop, -n)
        self._cap -= n
        self._settle(self._r - min(max(self._r - start, 0), n), self._w - n)
        marks_shift(<void *>self, start + n, -n)
        block_give(block, 1)
        return part

    cdef Py_ssize_t _slot_of(self, Py_ssize_t nth, bint past) except -1:
        # From the number of a part to its slot; `past` allows one behind the last.
        cdef Py_ssize_t count = self._count()
        if not 0 <= nth < count + past:
            raise IndexError(f"part {nth} is not one of {count}")
        return self._head + nth

    cdef Py_ssize_t _count(self) noexcept:
        # Parts that hold written bytes.
        return self._locate(self._w - 1) - self._head + 1 if self._w else 0

    def parts(self):
        """List a handle on the written bytes of every part.

        >>> c = zbuf.CompositeByteBuf(b"head", b"body", coalesce=0)
        >>> [bytes(part) for part in c.parts()]
        [b'head', b'body']

        Raises ReleasedError. Source: CompositeByteBuf.component.
        """
        self._live()
        cdef list made = []
        cdef Py_ssize_t i = 0
        cdef Py_ssize_t here
        cdef zb_block *block
        while i < self._w:
            self._span(i, &here, &block)
            here = min(here, self._w - i)
            made.append(self._part(i, here))
            i += here
        return made

    def part_at(self, index, /):
        """Make a handle on the written bytes of the part that `index` lies in.

        >>> c = zbuf.CompositeByteBuf(b"head", b"body", coalesce=0)
        >>> bytes(c.part_at(5))
        b'body'

        Raises IndexError unless the index is written, ReleasedError.
        Source: CompositeByteBuf.componentAtOffset.
        """
        cdef Py_ssize_t i = index_of(index)
        self._written(i, 1)
        cdef Py_ssize_t slot = self._locate(i)
        cdef Py_ssize_t start = self._start_of(slot)
        return self._part(start, min(self._parts[slot].end - self._origin, self._w) - start)

    def views(self, limit=1024, /):
        """List memoryviews of the readable bytes, one a part, `limit` at the most.

        >>> c = zbuf.CompositeByteBuf(b"head", b"body", coalesce=0)
        >>> [view.tobytes() for view in c.views()]
        [b'head', b'body']

        What sendmsg and asyncio's writelines want; 1,024 is the most that
        Linux takes at once. Moves nothing. The views hold the memory.
        Raises ValueError for a negative limit, ReleasedError.
        Source: ByteBuf.nioBuffers.
        """
        cdef Py_ssize_t most = size_of(limit)
        cdef Py_ssize_t i = self._r
        cdef Py_ssize_t here
        cdef zb_block *block
        cdef unsigned char *mem
        cdef list made = []
        self._live()
        while i < self._w and len(made) < most:
            mem = self._span(i, &here, &block)
            here = min(here, self._w - i)
            made.append(PyMemoryView_FromObject(
                window_on(self, block, mem, here, not self._may_write(i, here))
            ))
            i += here
        return made

    def discard_read_parts(self):
        """Let go of the parts that lie wholly before the reader.

        >>> c = zbuf.CompositeByteBuf(b"head", b"body", coalesce=0)
        >>> c.skip(5)
        >>> c.discard_read_parts(), c.reader_index, bytes(c)
        (4, 1, b'ody')

        Costs the same however many parts stay.
        Returns: how many bytes went, and how far the indices moved down.
        Raises:  ReleasedError.
        Source:  CompositeByteBuf.discardReadComponents.
        """
        self._live()
        cdef Py_ssize_t n = self._r
        if self._r < self._cap:
            n = self._start_of(self._locate(self._r))
        self._rebase(n)
        return n

    def consolidate(self):
        """Copy all written bytes into one block, so that they lie in one part.

        >>> c = zbuf.CompositeByteBuf(b"head", b"body", coalesce=0)
        >>> c.consolidate()
        >>> c.view().tobytes()
        b'headbody'

        Moves nothing; other handles keep the memory they have.
        Raises ReadOnlyError, MemoryError, ReleasedError; nothing has changed.
        Source: CompositeByteBuf.consolidate.
        """
        self._writable()
        if self._count() > 1:
            gather(self)

    def retained_bytes(self):
        """Count the bytes of memory that this handle keeps alive, and no block twice.

        >>> block = zbuf.wrap(b"x" * 1000)
        >>> zbuf.CompositeByteBuf(block[:10], block[20:30], coalesce=0).retained_bytes()
        1000

        The blocks of all parts and of what is written next. Raises ReleasedError.
        """
        cdef set blocks = set()
        self._live()
        return retained(self, blocks, False)

    def compact_if(self, ratio, /):
        """Copy all written bytes into one block, if they are less than `ratio` of the blocks they lie in.

        >>> c = zbuf.CompositeByteBuf(zbuf.copied(b"x" * 1000)[:10], coalesce=0)
        >>> c.compact_if(0.5), c.retained_bytes() < 1000, bytes(c)
        (True, True, b'xxxxxxxxxx')

        As ByteBuf.compact_if, but for the capacity: room behind the writer is
        let go. Bytes that were read-only, and the handle is not, are so no more.
        """
        cdef double least = ratio_of(ratio)
        cdef set blocks = set()
        self._live()
        if self._w >= least * retained(self, blocks, True):
            return False
        must_not_show(self)
        gather(self)
        drop_store(self)
        return True

    cdef int _check_kind(self) except -1:
        cdef Py_ssize_t slot = self._head
        cdef Py_ssize_t last = self._origin
        assert self._block == &self._anchor and block_refs(self._block) >= self._own
        assert self._lim == ELSEWHERE or self._lim == READONLY
        assert 0 <= self._head <= self._stop <= self._slots
        while slot < self._stop:
            assert self._parts[slot].end > last and block_refs(self._parts[slot].block) >= 1
            assert self._parts[slot].mem >= self._parts[slot].block.data
            assert self._parts[slot].mem + (self._parts[slot].end - last) <= (
                self._parts[slot].block.data + self._parts[slot].block.size
            )
            last = self._parts[slot].end
            slot += 1
        assert last - self._origin == self._cap
        assert self._free <= self._free_end
        if self._run > self._r:
            self._check_run()
        return 0

    cdef int _check_run(self) except -1:
        cdef Py_ssize_t slot = self._bisect(self._r + self._origin)
        assert self._start == self._start_of(slot)
        assert self._run == min(self._parts[slot].end - self._origin, self._w)
        assert self._mem + self._start == self._parts[slot].mem
        return 0


# -- birth and death of handles

cdef zb_nursery nursery
cdef tuple NO_ARGS = ()
cdef newfunc make_composite = (<zb_type *>CompositeByteBuf).tp_new


cdef CompositeByteBuf blank_composite():
    cdef CompositeByteBuf made = <CompositeByteBuf>zb_wake(
        &nursery, <PyTypeObject *>CompositeByteBuf, make_composite, NO_ARGS
    )
    made._open_up()
    return made


cdef object bear(PyTypeObject *type, PyObject *args, PyObject *kwargs):
    # tp_new, for subclasses too. The arguments are __init__'s.
    if type == <PyTypeObject *>CompositeByteBuf:
        return blank_composite()
    made = make_composite(type, <PyObject *>NO_ARGS, NULL)
    (<CompositeByteBuf>made)._open_up()
    return made


cdef void bury(PyObject *o) noexcept:
    # tp_dealloc: see ByteBuf's.
    zb_wake_dead(o)
    if (<ByteBuf>o)._block != NULL:
        (<ByteBuf>o)._close()
    zb_rest(&nursery, o, <PyTypeObject *>CompositeByteBuf)


cdef void bury_seen(PyObject *o) noexcept:
    # tp_dealloc while leaks are tracked: see ByteBuf's. Nobody looks through a dead handle.
    zb_wake_dead(o)
    if not track_burial(<void *>o) and (<ByteBuf>o)._block != NULL:
        (<ByteBuf>o)._exports = DROPPED
    bury(o)


cdef void level_changed() noexcept:
    (<zb_type *>CompositeByteBuf).tp_dealloc = bury_seen if tracking else bury


cdef zb_follower follower
track_follow(&follower, level_changed)
cdef object call(PyObject *cls, PyObject *const *args, size_t nargsf, PyObject *names):
    # tp_vectorcall, CompositeByteBuf(...): parts alone go by no tuple and not
    # through __init__, which takes 40 ns.
    cdef CompositeByteBuf made
    cdef Py_ssize_t k, count = PyVectorcall_NARGS(nargsf)
    if names == NULL:
        made = blank_composite()
        made._append_all(args, count)
        return made
    cdef list given = []
    for k in range(count):
        given.append(<object>args[k])
    named = {name: <object>args[count + k] for k, name in enumerate(<tuple>names)}
    positional = tuple(given)
    return PyType_Type.tp_call(cls, <PyObject *>positional, <PyObject *>named)


(<zb_type *>CompositeByteBuf).tp_new = bear
(<zb_type *>CompositeByteBuf).tp_dealloc = bury
(<zb_type *>CompositeByteBuf).tp_vectorcall = call
zb_own_methods(CompositeByteBuf, ByteBuf)
open_nursery(&nursery)


cdef void look_at(ByteBuf made, zb_block *block, unsigned char *mem, Py_ssize_t n, bint readonly) noexcept:
    # Makes a blank handle one on n bytes that can all be read.
    block_hold(block, 1)
    made._adopt(block, mem, n, n)
    made._w = made._run = n
    if readonly:
        made._lim = READONLY
    if tracking > SIMPLE:
        track_use(block, b"slice", NULL)


cdef void leave(zb_block *block, bint dropped) noexcept:
    # A composite that closes gives one of its references back.
    if tracking:
        track_close(block, 1, dropped)
    block_give(block, 1)


cdef Py_ssize_t retained(CompositeByteBuf buf, set blocks, bint asked) except -1:
    # The bytes of all blocks, those asked for or those granted. `blocks` is
    # empty: to make it here might run code.
    cdef Py_ssize_t n = 0
    cdef Py_ssize_t slot
    for slot in range(buf._head, buf._stop):
        n += size_once(buf._parts[slot].block, blocks, asked)
    if buf._store != NULL:
        n += size_once(buf._store, blocks, asked)
    return n


cdef Py_ssize_t size_once(zb_block *block, set blocks, bint asked) except -1:
    address = <size_t>block
    if address in blocks:
        return 0
    blocks.add(address)
    return block.asked if asked else block.size


cdef int gather(CompositeByteBuf buf) except -1:
    # Copies the written bytes into one block, their only part then; the parts
    # are let go last, with `gone`.
    cdef Py_ssize_t r = buf._r
    cdef Py_ssize_t w = buf._w
    cdef zb_block *block
    cdef CompositeByteBuf gone = blank_composite()
    gone._reserve(buf._stop - buf._head)
    if tracking:
        track_ours(<void *>gone)
    if w > 0:
        block = pool_take(buf._pool(), w)
        buf._copy_out(0, block.data, w)
    gone._stop = buf._stop - buf._head
    buf._move_parts(gone, 0)
    buf._origin = 0
    if w > 0:
        buf._push(block, block.data, w, False, False)
    buf._settle(r, w)
    return 0


cdef int drop_spare_for(CompositeByteBuf buf, zb_block *store) except -1:
    # After an error the store that was to follow is given back.
    try:
        return buf._drop_spare()
    except:
        if store != NULL:
            block_give(store, 1)
        raise


cdef void drop_store(CompositeByteBuf buf) noexcept:
    # What is written next takes a new one.
    cdef zb_block *store = buf._store
    buf._store = NULL
    buf._free = buf._free_end = NULL
    if store != NULL:
        block_give(store, 1)


cdef int take_for_pieces(CompositeByteBuf buf, ByteBuf src) except -1:
    # All memory that appending the pieces takes. Without it the room behind
    # the writer would be gone already when a later piece finds none.
    cdef Py_ssize_t small = 0
    cdef Py_ssize_t shared = count_shared(src, buf._coalesce, &small)
    buf._reserve(2 * shared + 1)    # each may follow what is copied
    buf._ensure(small)
    return 0


cdef Py_ssize_t count_shared(ByteBuf src, Py_ssize_t coalesce, Py_ssize_t *small) noexcept:
    # How many pieces of the readable bytes are long enough to be shared; of
    # the others, the bytes.
    cdef Py_ssize_t i = src._r
    cdef Py_ssize_t found = 0
    cdef Py_ssize_t here
    cdef zb_block *block
    while i < src._w:
        src._span(i, &here, &block)
        here = min(here, src._w - i)
        if here < coalesce:
            small[0] += here
        else:
            found += 1
        i += here
    return found


cdef tuple privates(PyObject *const *parts, Py_ssize_t count):
    # Without the GIL: of every buffer a handle that no other thread has.
    cdef list own = []
    cdef Py_ssize_t k
    for k in range(count):
        own.append(private(<ByteBuf><object>parts[k]) if isinstance(<object>parts[k], ByteBuf) else <object>parts[k])
    return tuple(own)


cdef void copy_run(PyObject *const *parts, Py_ssize_t count, unsigned char *dst) noexcept:
    cdef Py_ssize_t k, n
    cdef PyObject *src
    for k in range(count):
        src = parts[k]
        n = (<ByteBuf>src)._w - (<ByteBuf>src)._r
        memcpy(dst, (<ByteBuf>src)._mem + (<ByteBuf>src)._r, n)
        dst += n


def wrap(obj, /, *more):
    """Make a buffer on the memory of bytes-likes, without copying.

    >>> target = bytearray(4)
    >>> buf = zbuf.wrap(target)
    >>> buf.set_u16(0, 0x4142)
    >>> target
    bytearray(b'AB\\x00\\x00')
    >>> bytes(zbuf.wrap(b"head", b"body"))
    b'headbody'

    Writable only if the memory is. A wrapped object cannot be resized while
    a handle holds it. A wrapped buffer gives a handle on its readable bytes.
    Returns: a ByteBuf of fixed capacity; of several objects, a composite.
    Raises:  TypeError for what is not bytes-like, BufferError if its memory
             is not contiguous, ReleasedError.
    Source:  Unpooled.wrappedBuffer.
    """
    if more:
        return CompositeByteBuf(obj, *more, coalesce=0)
    return readable(obj)


guard(globals())
