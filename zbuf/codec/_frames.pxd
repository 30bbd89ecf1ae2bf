# FrameDecoder: a stream of bytes, cut into frames.
#
# What a kind of frame looks like is one virtual method, _find: it is shown the
# bytes of the stream once each, a piece at a time, and keeps what it needs to
# know of them in `_now`. So a frame is found in the same way however the
# stream is cut, and in linear time.

from libc.stdint cimport int64_t, uint32_t, uint64_t

from zbuf._block cimport zb_block
from zbuf._buf cimport ByteBuf

cdef enum zb_event:
    MORE          # all of the piece belongs to a frame that does not end in it
    FRAME         # a frame ends after `used` bytes
    SKIP          # all of the piece is discarded, and more will be
    GONE          # the last bytes to discard are `used`
    TOO_LONG      # `used` bytes belong to a frame that is too long,
    CORRUPT       # or to none: raise it

cdef enum:
    HEADER = 8    # bytes of the longest length field

cdef struct zb_cut:
    Py_ssize_t used       # bytes of the piece up to the end of the frame; all, unless _find says so
    Py_ssize_t head       # bytes to take off the frame's start,
    Py_ssize_t tail       # and off its end
    uint64_t length       # of what is raised: what the frame says of its length
    bint unknown          # or that nobody knows it
    int64_t begin         # where in the stream the frame begins

cdef struct zb_progress:
    int64_t at            # position in the stream of the next byte to be looked at
    int64_t begin         # position of the first byte of the frame that is under way
    int64_t seen          # bytes of it that were looked at
    int64_t total         # how many it has, once that is known; 0 before
    uint64_t length       # what its length field says
    bint discarding       # it is too long: its bytes are let go
    bint cr               # the last byte seen is a carriage return
    uint32_t state        # of the search for a delimiter
    Py_ssize_t head       # bytes of a length of variable size
    unsigned char header[HEADER]   # of a length field whose bytes come one by one


cdef class FrameDecoder:
    # Invariants, true whenever none of its methods is running:
    #   (1) _held is the _now.seen bytes of the frame under way, or None for
    #       none; None while discarding
    #   (2) _rest is bytes behind an error that nobody looked at yet, or None
    cdef ByteBuf _held
    cdef ByteBuf _rest
    cdef zb_progress _now
    cdef Py_ssize_t _most     # the longest frame allowed, in bytes; 0: no kind of frame
    cdef bint _fail_fast
    cdef bint _closed

    # -- a kind of frame

    # Looks at the next n bytes of the stream; what they are, and details in
    # *cut. REQUIRES: n >= 1.
    cdef zb_event _find(self, const unsigned char *p, Py_ssize_t n, zb_cut *cut) noexcept
    # Why a frame is corrupt, for people.
    cdef str _why(self, zb_cut *cut)
    # The length to speak of in an error.
    cdef object _length(self, zb_cut *cut)

    cdef inline zb_event _to_end(self, Py_ssize_t n, zb_cut *cut) noexcept:
        # _find, once the frame's `total` is known.
        cdef int64_t left = self._now.total - self._now.seen
        if n < left:
            self._now.seen += n
            return MORE
        cut.used = left
        self._now.seen = self._now.total = 0
        return FRAME

    cdef zb_event _discard(self, Py_ssize_t n, bint first, zb_cut *cut) noexcept
    cdef zb_event _discard_piece(self, Py_ssize_t n, zb_cut *cut) noexcept
    cdef zb_event _discard_end(self, Py_ssize_t used, int64_t length, zb_cut *cut) noexcept

    # -- the stream

    cdef int _open(self) except -1
    cdef list _feed(self, ByteBuf src, list frames)
    cdef zb_event _split(self, ByteBuf src, Py_ssize_t *at, list frames, zb_cut *cut) except *
    cdef ByteBuf _whole(self, ByteBuf src, Py_ssize_t start, Py_ssize_t end, zb_cut *cut)
    cdef int _hold(self, ByteBuf src, Py_ssize_t i, Py_ssize_t end) except -1
    cdef int _hold_copy(self, const unsigned char *mem, Py_ssize_t n) except -1
    cdef int _hold_shared(self, zb_block *block, unsigned char *mem, Py_ssize_t n, bint readonly) except -1
    cdef void _restart(self) noexcept
    cdef object _failure(self, zb_event event, zb_cut *cut, list frames)
