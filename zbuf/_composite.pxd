# CompositeByteBuf: many regions as one buffer.

from cpython.object cimport PyObject
from libc.string cimport memcpy

from zbuf._block cimport zb_block
from zbuf._buf cimport READONLY, ByteBuf
from zbuf._pool cimport zb_pool

cdef struct zb_part:
    zb_block *block        # keeps the bytes; one reference is ours
    unsigned char *mem     # the first byte
    Py_ssize_t end         # position one past the last byte
    bint readonly          # the bytes may not be overwritten
    bint ours              # carved from our store: written here, and no other part covers it

cdef enum:
    INLINE = 4             # parts that need no array of their own


cdef class CompositeByteBuf(ByteBuf):
    # The bytes are counted in positions, which never change while a part is
    # there: index = position - _origin. So letting go of the first parts costs
    # nothing for the parts that stay.
    #
    #   slot      _head                                  _stop - 1
    #            | part 0 | part 1     | part 2 | ...   | last     |
    #   position _origin  end of 0     end of 1                    end of last
    #   index    0                _r                _w             _cap
    #
    # Invariants, beside those of ByteBuf:
    #   (6) no part is empty, ends rise, and _cap is the last end - _origin
    #   (7) _block is _anchor, whose references came through this handle
    #   (8) [_free, _free_end) is memory of _store that no part covers, and what
    #       is written goes to parts that are ours: a write never overwrites
    #       the bytes of others; set_* and [] = do
    #
    # Whoever gives a block back may run any code of a foreign owner, which may
    # come back here: the object is whole before, and looked at anew after.
    cdef zb_part *_parts        # _slots of them; _inline or malloc'ed
    cdef Py_ssize_t _head
    cdef Py_ssize_t _stop
    cdef Py_ssize_t _slots
    cdef Py_ssize_t _here       # the slot found last: the next one asked for is near
    cdef Py_ssize_t _origin
    cdef zb_block *_store       # one reference is ours; NULL before the first write
    cdef unsigned char *_free
    cdef unsigned char *_free_end
    cdef Py_ssize_t _coalesce   # shorter pieces are copied, not shared
    cdef zb_pool *_home         # one hold is ours; NULL: the default pool
    cdef zb_block _anchor
    cdef unsigned char _scratch[8]   # where bytes that straddle parts are gathered
    cdef zb_part _inline[INLINE]

    cdef void _open_up(self) noexcept
    cdef inline Py_ssize_t _start_of(self, Py_ssize_t slot) noexcept:
        # The index of a part's first byte.
        return self._parts[slot - 1].end - self._origin if slot > self._head else 0

    cdef inline void _push(self, zb_block *block, unsigned char *mem, Py_ssize_t n, bint readonly, bint ours) noexcept:
        # One more part at the end of the capacity; takes over the caller's
        # reference. REQUIRES: a slot reserved, n >= 1.
        cdef zb_part *part = &self._parts[self._stop]
        self._cap += n
        part.block = block
        part.mem = mem
        part.end = self._origin + self._cap
        part.readonly = readonly
        part.ours = ours
        self._stop += 1

    cdef inline bint _tail_has(self, Py_ssize_t n) noexcept:
        # Does the last part have n bytes for us to write after the writer?
        # REQUIRES: n >= 1.
        cdef Py_ssize_t last = self._stop - 1
        return n <= self._cap - self._w and self._parts[last].ours and self._start_of(last) <= self._w

    cdef inline unsigned char *_write_tail(self, Py_ssize_t n) noexcept:
        # The last part's next n bytes, and the writer moves past them; NULL if
        # it has not as many.
        cdef Py_ssize_t last = self._stop - 1
        cdef zb_part *tail = &self._parts[last]
        cdef Py_ssize_t start, at = self._w
        if n == 0 or self._lim == READONLY or not self._tail_has(n):
            return NULL
        start = self._start_of(last)
        self._w += n
        if self._start == start and self._mem + start == tail.mem:
            self._run = self._w    # the reader stands in this part
        return tail.mem + (at - start)

    cdef inline bint _append_short(self, object x) noexcept:
        # The commonest append, 6 ns less than the way of all: a small plain
        # buffer that has room in the tail. False: nothing was done.
        cdef ByteBuf src
        cdef Py_ssize_t n
        cdef unsigned char *room
        if type(x) is not ByteBuf:
            return False
        src = <ByteBuf>x
        n = src._w - src._r
        if n >= self._coalesce:
            return False
        room = self._write_tail(n)
        if room == NULL:
            return False
        memcpy(room, src._mem + src._r, n)
        return True

    cdef Py_ssize_t _locate(self, Py_ssize_t i) noexcept
    cdef Py_ssize_t _bisect(self, Py_ssize_t position) noexcept
    cdef int _reserve(self, Py_ssize_t more) except -1
    cdef void _cut(self, Py_ssize_t n) noexcept
    cdef bint _open(self, Py_ssize_t slot) noexcept
    cdef Py_ssize_t _room_after(self, Py_ssize_t n) noexcept
    cdef int _drop_spare(self) except -1
    cdef zb_block *_next_store(self, Py_ssize_t least) except NULL
    cdef void _set_store(self, zb_block *block) noexcept
    cdef void _extend_tail(self) noexcept
    cdef int _append_pieces(self, ByteBuf src) except -1
    cdef int _append_piece(self, zb_block *block, unsigned char *mem, Py_ssize_t n, bint readonly) except -1
    cdef int _append_each(self, ByteBuf src) except -1
    cdef int _append_copy(self, zb_block *block, unsigned char *mem, Py_ssize_t n) except -1
    cdef int _append_slow(self, zb_block *block, Py_ssize_t n) except -1
    cdef int _append_all(self, PyObject *const *parts, Py_ssize_t count) except -1
    cdef Py_ssize_t _small_run(self, PyObject *const *parts, Py_ssize_t k, Py_ssize_t count, Py_ssize_t *total) noexcept
    cdef int _append_any(self, object x) except -1
    cdef int _append_foreign(self, object exporter) except -1
    cdef CompositeByteBuf _sub(self, Py_ssize_t i, Py_ssize_t n)
    cdef void _take_back(self, Py_ssize_t w) noexcept
    cdef void _move_parts(self, CompositeByteBuf to, Py_ssize_t slot) noexcept
    cdef void _shift(self, Py_ssize_t slot, Py_ssize_t stop, Py_ssize_t n) noexcept
    cdef Py_ssize_t _count(self) noexcept
    cdef int _check_run(self) except -1
    cdef Py_ssize_t _slot_of(self, Py_ssize_t nth, bint past) except -1
    cdef void _pin(self, zb_pool *home) noexcept
    cdef int _append_these(self, PyObject *const *parts, Py_ssize_t count) except -1


# A new composite without parts.
cdef CompositeByteBuf blank_composite()
