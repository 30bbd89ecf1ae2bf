# OutboundBuffer: what is to go to a socket, in order, until it has gone.

cimport cython
from cpython.object cimport PyObject
from libc.stdint cimport int64_t
from posix.uio cimport iovec

from zbuf._block cimport zb_block
from zbuf._buf cimport ByteBuf
from zbuf.region cimport FileRegion, zb_file

cdef struct item:
    zb_file *file          # a region's; one reference is the queue's. NULL for bytes
    zb_block *block        # the bytes'; one reference is the queue's. NULL for a region
    unsigned char *mem     # next byte to send, inside block
    int64_t offset         # next byte to send, in file
    int64_t left           # bytes still to send, >= 1
    int64_t whole          # bytes the region had when it was written
    int way                # to send its next byte: SENDFILE or another


cdef struct mark:
    # Where the end of a queue was, to go back to.
    Py_ssize_t count
    int64_t left       # bytes of the last item, to which small pieces may be added
    int64_t pending
    bint over


@cython.final
cdef class Flushed:
    # Invariant: _sent == _copied + _referenced
    cdef int64_t _sent         # bytes
    cdef int64_t _copied       # bytes, from memory
    cdef int64_t _referenced   # bytes, as pages of a file
    cdef bint _full
    cdef bint _stops           # in front of bytes that are only on the disk
    cdef bint _cold            # and it has
    cdef Py_ssize_t _calls
    cdef int _ways             # MEMORY, SENDFILE and the others, or'ed


@cython.final   # so that its own calls are direct ones
cdef class OutboundBuffer:
    # Invariants:
    #   (1) the _count items from _head on, around the end of the ring, are
    #       what is to be sent; no other place holds references
    #   (2) _pending is the sum of their `left`
    #   (3) _over is True from _pending > _high until _pending < _low
    #   (4) bytes of the tail block below _used belong to items, and an item
    #       of the tail block ends where the next one of it begins
    #   (5) while _flushing, items leave only by the call that set it, and
    #       write() adds to the end alone: what a system call looks at stays
    #
    #       ring  | . . . | item | item | item | . . . . |
    #                       _head         _head + _count   _places
    cdef item *_ring           # ours; _places of them, a power of two, or NULL
    cdef Py_ssize_t _places
    cdef Py_ssize_t _head
    cdef Py_ssize_t _count
    cdef int64_t _pending      # bytes
    cdef int64_t _high         # bytes
    cdef int64_t _low          # bytes
    cdef int64_t _gone         # bytes sent since the queue was made
    cdef int64_t _reach        # bytes to gather for one call; follows what the socket takes
    cdef Py_ssize_t _small     # bytes; shorter pieces are copied, not shared
    cdef object _on_writable   # called with the new `writable` when it turns; or None
    cdef zb_block *_tail       # where small writes are copied to, one reference ours; or NULL
    cdef Py_ssize_t _used      # bytes of _tail given to items
    cdef Py_ssize_t _wish      # bytes the next tail block should have; follows the traffic
    cdef bint _over
    cdef bint _told            # the _over that on_writable knows of
    cdef bint _flushing        # a flush or cancel is under way, perhaps in another thread
    cdef bint _closed

    cdef int _live(self) except -1
    cdef item *_item(self, Py_ssize_t i) noexcept
    # -- in
    cdef int64_t _admit(self, int64_t n) except -1
    cdef int _put(self, zb_block *block, unsigned char *mem, Py_ssize_t n) except -1
    cdef int _put_one(self, object data) except -1
    cdef Py_ssize_t _put_small(self, PyObject *const *parts, Py_ssize_t count) noexcept
    cdef int _put_any(self, object data) except -1
    cdef int _put_spans(self, ByteBuf buf) except -1
    cdef int _put_many(self, ByteBuf buf) except -1
    cdef int _put_bytes(self, bytes data) except -1
    cdef int _put_foreign(self, object data) except -1
    cdef int _put_region(self, FileRegion region) except -1
    cdef int _copy(self, const unsigned char *mem, Py_ssize_t n) except -1
    cdef int _next_tail(self, Py_ssize_t n) except -1
    cdef void _drop_tail(self) noexcept
    cdef void _rest(self) noexcept
    cdef int _room(self) except -1
    cdef void _add(self, zb_block *block, unsigned char *mem, Py_ssize_t n) noexcept
    cdef void _account(self, int64_t n) noexcept
    cdef int _tell(self) except -1
    cdef mark _mark(self) noexcept
    cdef void _undo(self, mark before) noexcept
    # -- out
    # What flush_to does; `done` tells what went also when this raises.
    cdef int _flush_into(self, Flushed done, int fd, int64_t most, int64_t calls) except -1
    cdef int _flush(self, int sock, int64_t most, int64_t calls, Flushed done) except -1
    cdef int _send_some(self, int sock, int64_t most, Flushed done, bint *held) except -1
    cdef void _sent(self, Py_ssize_t sent, int way, Flushed done) noexcept
    cdef int _send_parts(self, int sock, int64_t most, Flushed done, bint *held) except -1
    cdef int _send_region(self, int sock, int64_t most, Flushed done, bint *held) except -1
    cdef int _send_file(self, int sock, int64_t most, Flushed done, bint *held) except -1
    cdef bint _is_cold(self, int64_t most) noexcept
    cdef int _raise_truncated(self, int count) except -1
    cdef int _gather(self, iovec *parts, int64_t *left, bint *more) noexcept
    cdef void _adapt(self, int64_t asked, int64_t sent) noexcept
    cdef int _idle(self) except -1
    cdef void _advance(self, int64_t n) noexcept
    cdef void _pop(self) noexcept
    cdef void _drop_items(self) noexcept
    cdef void _give_back(self) noexcept
