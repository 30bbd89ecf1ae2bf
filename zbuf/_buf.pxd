# ByteBuf: one handle on one block, a window into it, two indices.

from libc.stdint cimport uint64_t
from libc.string cimport memcpy

from zbuf._block cimport zb_block
from zbuf._pool cimport zb_pool

# The number in its name is that of what a stranger's module has compiled in:
# fields, order and signatures of the cdef methods below and in _composite.pxd,
# the layout of a block. Change it with every change to those. Cython imports
# variables by name, used or not, so a module that was compiled against another
# number fails at its import and not in its calls.
cdef int zbuf_abi_3

cdef enum:
    # Values of _lim that say why no write goes straight to _mem.
    READONLY = -1
    ELSEWHERE = -2     # a composite: _room_slow and _poke_slow know where


cdef class ByteBuf:
    # Invariants, true whenever none of this object's methods is running:
    #   (1) 0 <= _r <= _w <= _cap <= _max
    #   (2) once _block is NULL the handle is released: _mem is NULL, all
    #       else is 0, and all stay so
    #   (3) [_start, _run) is one run of written bytes, _mem + i its byte i;
    #       the reader stands in it: _start <= _r <= _run <= _w
    #   (4) a buffer over one region has _start == 0 and _run == _w,
    #       and _lim == _cap unless it is READONLY
    #   (5) of _block's references, _own came through this handle (>= 1), and
    #       _exports more are held by memoryviews of it
    #
    #       | discarded | readable | writable |   may grow   |
    #       0           _r         _w         _cap           _max
    cdef zb_block *_block     # _own references are ours; give them back once
    cdef unsigned char *_mem  # where index 0 lies, or would lie for this run; borrowed from a block
    cdef Py_ssize_t _r        # next byte to read
    cdef Py_ssize_t _w        # next byte to write
    cdef Py_ssize_t _start    # first index of the run the reader stands in
    cdef Py_ssize_t _run      # reads and gets below it need no further check
    cdef Py_ssize_t _lim      # writes below it need no further check; negative: see the enum
    cdef Py_ssize_t _cap      # indices that exist now
    cdef Py_ssize_t _max      # what _cap may become
    cdef int _own             # references held through this handle: 1 + retains - releases
    cdef int _exports         # Py_buffers out on this handle, which its memory must not leave

    # -- gates: every accessor goes through one. The inline half serves all
    # kinds of buffer; a kind of its own overrides the `_slow` half.

    cdef inline const unsigned char *_take(self, Py_ssize_t n) except NULL:
        # n readable bytes; moves the reader past them. REQUIRES: 1 <= n <= 8.
        if self._run - self._r < n:
            return self._take_slow(n)
        self._r += n
        return self._mem + self._r - n

    cdef inline const unsigned char *_look(self, Py_ssize_t offset, Py_ssize_t n) except NULL:
        # n bytes at `offset` from the reader. REQUIRES: 1 <= n <= 8.
        if offset < 0 or self._run - self._r - n < offset:
            return self._look_slow(offset, n)
        return self._mem + self._r + offset

    cdef inline const unsigned char *_at(self, Py_ssize_t i, Py_ssize_t n) except NULL:
        # n written bytes at index i. REQUIRES: 1 <= n <= 8.
        if i < self._start or self._run - n < i:
            return self._at_slow(i, n)
        return self._mem + i

    cdef inline unsigned char *_room(self, Py_ssize_t n) except NULL:
        # Room for n bytes at the writer; moves the writer past it, so the
        # caller stores all n. REQUIRES: n >= 1.
        if self._lim - self._w < n:
            return self._room_slow(n)
        self._w += n
        self._run = self._w
        return self._mem + self._w - n

    cdef inline int _poke(self, Py_ssize_t i, const unsigned char *src, Py_ssize_t n) except -1:
        # Overwrites n bytes at index i, within the capacity. REQUIRES: n >= 1.
        if i < 0 or self._lim - n < i:
            return self._poke_slow(i, src, n)
        memcpy(self._mem + i, src, n)
        return 0

    cdef inline int _live(self) except -1:
        # For what moves no bytes and so passes no gate.
        if self._block == NULL:
            return self._raise_released()
        return 0

    cdef inline void _adopt(self, zb_block *block, unsigned char *mem, Py_ssize_t capacity, Py_ssize_t max_capacity) noexcept:
        # Makes a blank handle one on block, whose bytes from mem on are its
        # window; takes over the caller's reference.
        self._block = block
        self._mem = mem
        self._lim = self._cap = capacity
        self._max = max_capacity
        self._own = 1

    cdef inline void _advance(self, Py_ssize_t n) noexcept:
        # Moves the reader. REQUIRES: live, 0 <= n <= _w - _r.
        if n <= self._run - self._r:
            self._r += n
        else:
            self._settle(self._r + n, self._w)

    cdef inline int _leb(self, int bits, uint64_t *value) except -1:
        # Bytes of the LEB128 number at the reader, which moves past it; 0 if it
        # has no end yet, and then nothing moves.
        if self._r < self._run and self._mem[self._r] < 0x80:
            value[0] = self._mem[self._r]
            self._r += 1
            return 1
        return self._leb_slow(bits, value)

    cdef const unsigned char *_take_slow(self, Py_ssize_t n) except NULL
    cdef const unsigned char *_look_slow(self, Py_ssize_t offset, Py_ssize_t n) except NULL
    cdef const unsigned char *_at_slow(self, Py_ssize_t i, Py_ssize_t n) except NULL
    cdef unsigned char *_room_slow(self, Py_ssize_t n) except NULL
    cdef int _poke_slow(self, Py_ssize_t i, const unsigned char *src, Py_ssize_t n) except -1

    # -- what else a kind of buffer may do its own way

    # The bytes from index i that lie in one piece: where, *n how many, up to
    # the capacity (*n == 0 only at i == _cap), and the block that keeps them.
    # REQUIRES: live, 0 <= i <= _cap. The pointer is good while the block is.
    cdef unsigned char *_span(self, Py_ssize_t i, Py_ssize_t *n, zb_block **block) noexcept
    # Puts the reader and the writer, and restores invariant (3).
    # REQUIRES: live, 0 <= r <= w <= _cap.
    cdef void _settle(self, Py_ssize_t r, Py_ssize_t w) noexcept
    # Makes [_w, _w + n) writable in one piece, moving the bytes if it must.
    # Raises for a handle that may not be written. REQUIRES: n >= 0.
    cdef int _ensure(self, Py_ssize_t n) except -1
    # Changes the capacity; the indices are cut to it. REQUIRES: live, writable, 0 <= n <= _max.
    cdef int _resize(self, Py_ssize_t n) except -1
    # A handle of its own on the n bytes from i, all of them readable.
    # REQUIRES: live, inside the capacity.
    cdef ByteBuf _part(self, Py_ssize_t i, Py_ssize_t n)
    # A handle of its own on the same bytes with the same indices and limits.
    cdef ByteBuf _twin(self)
    # Lets go of all before index n, which becomes index 0. REQUIRES: live, n <= _r.
    cdef void _rebase(self, Py_ssize_t n) noexcept
    # Moves the unread bytes to index 0 if that is cheap; how far they moved. REQUIRES: writable.
    cdef Py_ssize_t _slide(self) noexcept
    # Takes the n bytes at i out; the bytes after them move down, in the memory
    # that they were written to or by their index alone.
    # REQUIRES: writable, written by this handle in one piece, and so was the byte before.
    cdef void _close_gap(self, Py_ssize_t i, Py_ssize_t n) noexcept
    # Gives all of this handle's references back; True if they were the last.
    cdef bint _close(self) noexcept
    # May the bytes of [i, i + n) be overwritten? REQUIRES: live, inside the capacity.
    cdef bint _may_write(self, Py_ssize_t i, Py_ssize_t n) noexcept
    cdef zb_pool *_pool(self) noexcept
    cdef int _check_kind(self) except -1

    # -- growth over one region
    cdef int _grow(self, Py_ssize_t least) except -1
    cdef int _grow_to(self, Py_ssize_t least, Py_ssize_t wish) except -1
    cdef int _stretch(self, Py_ssize_t capacity) except -1
    cdef int _move(self, Py_ssize_t capacity) except -1
    cdef Py_ssize_t _in_place(self) noexcept

    # -- checks and copies over any kind of buffer
    cdef int _raise_released(self) except -1
    cdef int _writable(self) except -1
    cdef int _need(self, Py_ssize_t n) except -1
    cdef int _written(self, Py_ssize_t i, Py_ssize_t n) except -1
    cdef int _settable(self, Py_ssize_t i, Py_ssize_t n) except -1
    cdef bint _short(self, Py_ssize_t n) except -1
    cdef bint _whole(self) noexcept
    cdef int _front(self, const unsigned char *src, Py_ssize_t n) except -1
    cdef int _append(self, const unsigned char *src, Py_ssize_t n) except -1
    cdef int _append_buf(self, ByteBuf src) except -1
    cdef Py_ssize_t _pour(self, ByteBuf target) except -1
    cdef void _copy_out(self, Py_ssize_t i, unsigned char *dst, Py_ssize_t n) noexcept
    cdef void _copy_in(self, Py_ssize_t i, const unsigned char *src, Py_ssize_t n) noexcept
    cdef bytes _bytes(self, Py_ssize_t i, Py_ssize_t n)
    cdef bint _matches(self, Py_ssize_t i, const unsigned char *data, Py_ssize_t n) noexcept
    cdef bint _equals(self, ByteBuf other) noexcept
    cdef str _text(self, Py_ssize_t i, Py_ssize_t n, object encoding, object errors)
    cdef int _leb_slow(self, int bits, uint64_t *value) except -1
    cdef int _raise_endless(self) except -1
    cdef int _write_leb(self, uint64_t value) except -1
    cdef bint _has_at_end(self, object needle, object start, object end, bint last) except -1
    cdef bint _range(self, object start, object end, Py_ssize_t *lo, Py_ssize_t *hi) except -1
    cdef Py_ssize_t _search(self, object needle, object start, object end, bint last) except -2
    cdef Py_ssize_t _seek(self, const unsigned char *needle, Py_ssize_t m, Py_ssize_t lo, Py_ssize_t hi, bint last) except -2
    cdef Py_ssize_t _seek_pieces(self, const unsigned char *needle, Py_ssize_t m, Py_ssize_t lo, Py_ssize_t hi, bint last) except -2
    cdef Py_ssize_t _item(self, Py_ssize_t i) except -1
    cdef Py_ssize_t _slice_bounds(self, object key, Py_ssize_t *n) except -1
    cdef int _set_slice(self, object key, object data) except -1


# A new handle that looks at nothing, as a released one; _adopt gives it a block.
cdef ByteBuf blank()
# A handle on the exporter's memory, writable only if it is.
cdef ByteBuf shared(object exporter)
# The same, or on a buffer's readable bytes: a handle that only the caller has.
cdef ByteBuf readable(object data)
# Without the GIL, for a buffer that other threads may use meanwhile: a handle
# on the same that only the caller has. With it, the buffer.
cdef ByteBuf private(ByteBuf buf)
# A handle on a copy of src's n bytes from i.
cdef ByteBuf fresh(zb_pool *pool, ByteBuf src, Py_ssize_t i, Py_ssize_t n, Py_ssize_t max_capacity)
# Something a memoryview can look through: n bytes at mem, kept by block.
cdef object window_on(ByteBuf buf, zb_block *block, unsigned char *mem, Py_ssize_t n, bint readonly)
# Of compact_if: its argument, 0 .. 1, or ValueError; BufferError while a memoryview looks.
cdef double ratio_of(object ratio) except -1
cdef int must_not_show(ByteBuf buf) except -1
# The bytes of any bytes-like, in one piece; a composite's are gathered.
cdef int borrow(object data, Py_buffer *view) except -1
# Copies n bytes from i to dst as they are now, also where they overlap it.
# REQUIRES: i + n <= _cap.
cdef int gather(ByteBuf buf, Py_ssize_t i, unsigned char *dst, Py_ssize_t n) except -1
# Tells leak tracking, for all blocks that a live handle lies in.
cdef void used(ByteBuf buf, const char *what, str hint=*) noexcept
# The growth policy: the capacity to take for at least `least` bytes. REQUIRES: least <= most.
cdef Py_ssize_t grown(Py_ssize_t least, Py_ssize_t most) noexcept
