"""FrameDecoder: a stream of bytes, cut into frames."""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport int64_t
from libc.string cimport memcpy, memset

from zbuf._block cimport zb_block
from zbuf._buf cimport READONLY, ByteBuf, blank, fresh
from zbuf._composite cimport CompositeByteBuf, blank_composite
from zbuf._guard cimport guard
from zbuf._leak cimport track_ours, tracking
from zbuf._memory cimport count_objects
from zbuf._pool cimport pool_take
from zbuf._refs cimport block_hold, pool_default

from zbuf.errors import CorruptFrameError, FrameTooLongError, ReleasedError

cdef extern from *:
    Py_ssize_t PY_SSIZE_T_MAX

cdef enum:
    LEAST = 256            # bytes that the first block for an unfinished frame has at least,
    EXPECTED = 4 << 10     # and at the most if it has not come yet
    SHARE = 4 << 10        # shorter pieces are copied behind an unfinished frame
    LARGE = 64 << 10       # a shorter frame lies in one piece, whatever it takes


cdef class FrameDecoder:
    """Cuts a stream of bytes into frames: what all decoders have in common.

    >>> lines = zbuf.codec.LineDecoder(80)
    >>> isinstance(lines, zbuf.codec.FrameDecoder)
    True
    >>> [bytes(line) for line in lines.feed(b"one\\ntwo\\nthr")], lines.pending
    ([b'one', b'two'], 3)

    Frames are buffers that share the memory they came in. A frame that began
    in one piece of the stream and ended in another is copied into one block if
    it is shorter than 64 KiB; a longer one may be a CompositeByteBuf. However
    the stream is cut into pieces, the frames and the errors are the same.

    What is wrong with the stream is raised at once, by the call that meets it,
    as FrameTooLongError or CorruptFrameError, which have the frames that were
    decoded before it in the same call as `frames`. What came behind it is kept
    where it lies, and the next feed(), which may be feed(b""), goes on there.
    """

    def __cinit__(self, *args, **kwargs):
        if type(self) is FrameDecoder:
            raise TypeError("FrameDecoder is not made directly: use one of its kinds")

    cdef int _open(self) except -1:
        if self._closed:
            raise ReleasedError("this decoder was closed")
        if self._most == 0:
            raise TypeError(f"{type(self).__name__} is no kind of FrameDecoder that finds frames")
        return 0

    # -- in

    def feed(self, data, /):
        """Take the next bytes of the stream and list the frames they complete.

        >>> decoder = zbuf.codec.LengthFieldDecoder(100, width=2, strip=2)
        >>> [bytes(frame) for frame in decoder.feed(zbuf.copied(b"\\0\\3one\\0\\3t"))]
        [b'one']
        >>> [bytes(frame) for frame in decoder.feed(b"wo")]
        [b'two']

        A buffer is shared, which moves none of its indices and leaves the
        handle to the caller; of other bytes-likes a copy is made first. What
        is written over the bytes of a buffer later shows in the frames. A
        frame that is not all there yet is kept as a copy, unless it fills most
        of a large block.
        Returns: the frames, each with a reference of its own.
        Raises:  FrameTooLongError or CorruptFrameError: see FrameDecoder;
                 TypeError for what is not bytes-like, ReleasedError for a
                 released buffer or a closed decoder, MemoryError: nothing has
                 changed, the same bytes can be fed again.
        Source:  ByteToMessageDecoder.channelRead.
        """
        cdef list frames = []
        cdef ByteBuf src = input_of(data)
        self._open()    # making a list and asking for a buffer may run any code
        src._live()
        return self._feed(src, frames)

    cdef list _feed(self, ByteBuf src, list frames):
        # Nothing that runs between here and the end gives a block of
        # strangers back: what is let go of stays alive in these names.
        cdef ByteBuf held = self._held
        cdef ByteBuf rest = self._rest
        cdef ByteBuf unread = None
        cdef zb_progress before = self._now
        cdef Py_ssize_t length = held._w if held is not None else 0
        cdef Py_ssize_t at
        cdef zb_cut cut
        cdef zb_event event
        try:
            if rest is not None:
                src = behind(rest, src)
            at = src._r
            event = self._split(src, &at, frames, &cut)
            if event >= TOO_LONG:
                if at < src._w:
                    unread = ours(src._part(at, src._w - at))
            elif at < src._w:
                self._hold(src, at, src._w)
        except:
            self._held, self._now = held, before
            if held is not None:
                cut_back(held, length)
            raise
        self._rest = unread
        if event >= TOO_LONG:
            raise self._failure(event, &cut, frames)
        return frames

    def decode(self, buf, /):
        """Take all whole frames off a buffer's readable bytes; the rest stays there.

        >>> decoder = zbuf.codec.LineDecoder(80)
        >>> buf = zbuf.copied(b"one\\ntwo\\nthr")
        >>> [bytes(line) for line in decoder.decode(buf)], bytes(buf)
        ([b'one', b'two'], b'thr')

        For those who gather the stream themselves: the decoder keeps none of
        it, and an unfinished frame is looked at anew by the next call. Of a
        frame that is too long it keeps only that the rest is to be discarded.
        Moves:   buf's reader_index past the frames, and past what is discarded.
        Returns: the frames, each with a reference of its own.
        Raises:  FrameTooLongError or CorruptFrameError, the reader is behind
                 what is wrong; TypeError for what is no buffer, ReleasedError,
                 ValueError while bytes of feed() are pending, MemoryError:
                 nothing has changed.
        Source:  ByteToMessageDecoder.decode.
        """
        cdef list frames = []
        if not isinstance(buf, ByteBuf):
            raise TypeError(f"a ByteBuf is required, not {type(buf).__name__!r}")
        cdef ByteBuf src = <ByteBuf>buf
        self._open()
        src._live()
        if self._held is not None or self._rest is not None:
            raise ValueError(f"decode() while {self.pending} bytes of feed() are pending")
        cdef zb_progress before = self._now
        cdef Py_ssize_t at = src._r
        cdef zb_cut cut
        cdef zb_event event
        try:
            event = self._split(src, &at, frames, &cut)
        except:
            self._now = before
            raise
        if event < TOO_LONG and at < src._w:
            self._now.at -= src._w - at
            self._restart()
        src._advance(at - src._r)
        if event >= TOO_LONG:
            raise self._failure(event, &cut, frames)
        return frames

    cdef zb_event _split(self, ByteBuf src, Py_ssize_t *at, list frames, zb_cut *cut) except *:
        # Cuts the readable bytes of src from *at on into frames, up to the end
        # or behind what is wrong; *at becomes where the bytes begin that
        # belong to no frame yet.
        cdef Py_ssize_t i = at[0]
        cdef Py_ssize_t here
        cdef zb_event event = MORE
        cdef zb_block *block
        cdef unsigned char *mem
        cdef bint readonly
        memset(cut, 0, sizeof(zb_cut))
        while i < src._w and event < TOO_LONG:
            mem = src._span(i, &here, &block)
            here = min(here, src._w - i)
            readonly = not src._may_write(i, here)
            while here > 0 and event < TOO_LONG:
                cut.begin = self._now.begin
                cut.used = here
                event = self._find(mem, here, cut)
                i += cut.used
                self._now.at += cut.used
                if event == FRAME and self._held is None and i - at[0] == cut.used:    # it began at mem
                    frames.append(view(block, mem + cut.head, cut.used - cut.head - cut.tail, readonly))
                elif event == FRAME:
                    frames.append(self._whole(src, at[0], i, cut))
                elif event != MORE:
                    self._held = None
                mem += cut.used
                here -= cut.used
                if event != MORE:
                    at[0] = i
                if event != MORE and event != SKIP:
                    self._now.begin = self._now.at
        return event if event >= TOO_LONG else MORE

    cdef ByteBuf _whole(self, ByteBuf src, Py_ssize_t start, Py_ssize_t end, zb_cut *cut):
        # The frame that ends with src's bytes from start to end, which do not
        # lie in one piece with its beginning.
        if self._held is not None:
            self._hold(src, start, end)
            src, self._held = self._held, None
            start, end = src._r, src._w
        return in_one(src, start + cut.head, end - start - cut.head - cut.tail)

    # -- what a frame under way is kept in

    cdef int _hold(self, ByteBuf src, Py_ssize_t i, Py_ssize_t end) except -1:
        cdef Py_ssize_t here
        cdef zb_block *block
        cdef unsigned char *mem
        while i < end:
            mem = src._span(i, &here, &block)
            here = min(here, end - i)
            # A few bytes do not keep a large block from its pool.
            if here >= SHARE and here >= block.size >> 1:
                self._hold_shared(block, mem, here, not src._may_write(i, here))
            else:
                self._hold_copy(mem, here)
            i += here
        return 0

    cdef int _hold_copy(self, const unsigned char *mem, Py_ssize_t n) except -1:
        cdef Py_ssize_t room
        cdef zb_block *block
        cdef ByteBuf held
        if self._held is None:
            room = max(n, <Py_ssize_t>LEAST)
            if self._now.total > room:
                room = max(n, <Py_ssize_t>min(self._now.total, EXPECTED))
            held = ours(blank())
            block = pool_take(pool_default(), room)
            held._adopt(block, block.data, room, PY_SSIZE_T_MAX)
            self._held = held
        return self._held._append(mem, n)

    cdef int _hold_shared(self, zb_block *block, unsigned char *mem, Py_ssize_t n, bint readonly) except -1:
        cdef CompositeByteBuf parts
        if isinstance(self._held, CompositeByteBuf):
            parts = <CompositeByteBuf>self._held
        else:
            parts = <CompositeByteBuf>ours(blank_composite())
            if self._held is not None:
                parts._append_pieces(self._held)
        parts._append_piece(block, mem, n, readonly)
        self._held = parts
        return 0

    # -- what is too long

    cdef zb_event _discard(self, Py_ssize_t n, bint first, zb_cut *cut) noexcept:
        # _find, for a frame of known length.
        cdef int64_t left = self._now.total - self._now.seen
        cut.length = self._now.length
        if n < left:
            self._now.discarding = True
            self._now.seen += n
            cut.used = n
            return TOO_LONG if first and self._fail_fast else SKIP
        cut.used = left
        self._restart()
        return TOO_LONG if first or not self._fail_fast else GONE

    cdef zb_event _discard_piece(self, Py_ssize_t n, zb_cut *cut) noexcept:
        # _find, for a frame whose end is not in the piece.
        cdef bint first = not self._now.discarding
        self._now.discarding = True
        cut.used = n
        cut.unknown = True
        return TOO_LONG if first and self._fail_fast else SKIP

    cdef zb_event _discard_end(self, Py_ssize_t used, int64_t length, zb_cut *cut) noexcept:
        # _find, for a frame whose end was found.
        cdef bint first = not self._now.discarding
        self._restart()
        cut.used = used
        cut.length = length
        cut.unknown = self._fail_fast    # who fails fast may not have seen the end
        return TOO_LONG if first or not self._fail_fast else GONE

    cdef void _restart(self) noexcept:
        # The next byte begins a frame.
        cdef int64_t at = self._now.at
        memset(&self._now, 0, sizeof(zb_progress))
        self._now.at = self._now.begin = at

    # -- a kind of frame

    cdef zb_event _find(self, const unsigned char *p, Py_ssize_t n, zb_cut *cut) noexcept:
        cut.used = n
        return SKIP

    cdef str _why(self, zb_cut *cut):
        return ""

    cdef object _length(self, zb_cut *cut):
        return None if cut.unknown else cut.length

    cdef object _failure(self, zb_event event, zb_cut *cut, list frames):
        length = self._length(cut)
        if event == TOO_LONG:
            return FrameTooLongError(cut.begin, length, self._most, frames)
        return CorruptFrameError(cut.begin, self._why(cut), length, 0, frames)

    # -- the end

    def finish(self):
        """End the stream: list the frames that are still to be had, and start anew.

        >>> decoder = zbuf.codec.LineDecoder(80)
        >>> decoder.feed(b"half a li")
        []
        >>> decoder.finish()
        Traceback (most recent call last):
        zbuf.errors.CorruptFrameError: frame at 0: the stream ends after 9 bytes of it

        There are such frames only behind an error.
        Returns: the frames, each with a reference of its own.
        Raises:  CorruptFrameError if the stream ends inside a frame, or
                 FrameTooLongError inside one that is discarded and was not
                 reported; the decoder has started anew. The same errors as
                 feed() for what is wrong before the end: finish() once more
                 goes on there. ReleasedError, MemoryError.
        Source:  ByteToMessageDecoder.decodeLast.
        """
        cdef list frames = self.feed(b"")
        cdef Py_ssize_t left = self.pending
        cdef bint late = self._now.discarding and not self._fail_fast
        cdef zb_cut cut
        memset(&cut, 0, sizeof(zb_cut))
        cut.begin = self._now.begin
        cut.length = self._now.length
        cut.unknown = self._now.total == 0
        self._now.at = 0
        self._restart()
        self._held = None    # whose owner finds a decoder that has begun anew
        if late:
            raise self._failure(TOO_LONG, &cut, frames)
        if left:
            raise CorruptFrameError(cut.begin, f"the stream ends after {left} bytes of it", None, left, frames)
        return frames

    @property
    def pending(self):
        """How many bytes are kept that belong to no frame yet.

        >>> decoder = zbuf.codec.FixedLengthDecoder(4)
        >>> decoder.feed(b"abcdef")
        [<zbuf.ByteBuf 0..4 of 4, refs 1: 61 62 63 64>]
        >>> decoder.pending
        2

        Those of an unfinished frame, and those behind an error. 0 after close().
        """
        cdef Py_ssize_t n = 0
        if self._held is not None:
            n += self._held._w - self._held._r
        if self._rest is not None:
            n += self._rest._w - self._rest._r
        return n

    def close(self):
        """Give back what is kept; feed() and decode() raise ReleasedError from now on.

        >>> decoder = zbuf.codec.FixedLengthDecoder(4)
        >>> decoder.feed(b"abc")
        []
        >>> decoder.close()
        >>> decoder.pending
        0

        Frames stay good. Closing twice is closing once.
        """
        self._closed = True
        self._held = None
        self._rest = None


cdef inline ByteBuf ours(ByteBuf buf):
    # A handle that only the decoder has: leak tracking does not ask who released it.
    if tracking:
        track_ours(<void *>buf)
    return buf


cdef inline ByteBuf view(zb_block *block, unsigned char *mem, Py_ssize_t n, bint readonly):
    # A handle of its own on n bytes at mem.
    cdef ByteBuf made = blank()
    block_hold(block, 1)
    made._adopt(block, mem, n, n)
    made._w = made._run = n
    if readonly:
        made._lim = READONLY
    return made


cdef ByteBuf in_one(ByteBuf src, Py_ssize_t i, Py_ssize_t n):
    # A handle on src's n bytes from i, in one piece unless they are many.
    cdef Py_ssize_t here
    cdef zb_block *block
    cdef unsigned char *mem = src._span(i, &here, &block)
    if 0 < n <= here:
        return view(block, mem, n, not src._may_write(i, n))
    if n < LARGE:
        return fresh(pool_default(), src, i, n, n)
    return src._part(i, n)


cdef ByteBuf input_of(object data):
    # The buffer itself, or a copy of other bytes.
    cdef Py_buffer bytes_of
    cdef zb_block *block
    cdef ByteBuf made
    if isinstance(data, ByteBuf):
        return <ByteBuf>data
    PyObject_GetBuffer(data, &bytes_of, PyBUF_SIMPLE)
    try:
        made = ours(blank())
        block = pool_take(pool_default(), bytes_of.len)
        made._adopt(block, block.data, bytes_of.len, bytes_of.len)
        memcpy(block.data, bytes_of.buf, bytes_of.len)
        made._w = made._run = bytes_of.len
        return made
    finally:
        PyBuffer_Release(&bytes_of)


cdef ByteBuf behind(ByteBuf rest, ByteBuf src):
    # Both as one.
    if src._w == src._r:
        return rest
    cdef CompositeByteBuf both = <CompositeByteBuf>ours(blank_composite())
    both._append_pieces(rest)
    both._append_pieces(src)
    return both


cdef int cut_back(ByteBuf held, Py_ssize_t length) except -1:
    # Undoes what was added behind an unfinished frame.
    if isinstance(held, CompositeByteBuf):
        (<CompositeByteBuf>held)._take_back(length)
    else:
        held._settle(held._r, length)
    return 0


count_objects(FrameDecoder)


guard(globals())
