"""OutboundBuffer: what is to go to a socket, in order, until it has gone."""

cimport cython
from cpython.buffer cimport PyObject_CheckBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_GET_SIZE
from cpython.exc cimport PyErr_CheckSignals
from cpython.object cimport PyObject, PyObject_AsFileDescriptor
from libc.errno cimport EFAULT
from libc.limits cimport INT_MAX
from libc.stdint cimport INT64_MAX
from libc.stdlib cimport free
from libc.string cimport memcpy

from zbuf._block cimport zb_block
from zbuf._buf cimport ByteBuf, private, shared
from zbuf._foreign cimport foreign_block
from zbuf._guard cimport guard
from zbuf._mapping cimport mapped_bytes, mapped_size
from zbuf._memory cimport count_objects, zb_malloc
from zbuf._native cimport ZB_FREE_THREADED, zb_small_int
from zbuf._number cimport fit, index_of, size_of
from zbuf._pool cimport pool_take
from zbuf._refs cimport block_give, block_hold, pool_default
from zbuf._sys cimport (
    FULL, MOST_BYTES, MOST_PARTS, REFUSED, is_cold, is_tls, push, read_ahead, send_file, send_parts, send_read, send_spliced,
)
from zbuf.region cimport (
    MEMORY, PREAD, SENDFILE, SPLICE, FileRegion, file_check, file_give, file_hold, file_size, first_way, way_name, zb_file, private_region,
)

from zbuf.errors import ReleasedError, TruncatedFileError

cdef extern from "Python.h":
    PyObject **PySequence_Fast_ITEMS(object parts)
    Py_ssize_t PySequence_Fast_GET_SIZE(object parts)

cdef enum:
    # Two wishes pull apart: few parts for the kernel to walk (copy), few bytes
    # to move (share). Measured: 16 parts of 1.5 KiB copied 7.0 us, shared 7.2;
    # of 3 KiB 9.2 and 8.3.
    # Sharing a bytes object costs a record more, and pays from half as much again.
    MOST_SMALL = 1 << 20     # bytes that may be copied on a user's wish
    ROOM = 64 << 10          # bytes of a file that are read at once where they must be
    WINDOW = 256 << 10       # bytes of a file that are looked for in the page cache at once
    LEAST_REACH = 64 << 10   # bytes gathered for one call, however little a socket takes
    LEAST_TAIL = 4 << 10     # bytes of a tail block, and so of what a slow peer
    MOST_TAIL = 32 << 10     # pins at the least; of many small ones, one part
    FIRST_PLACES = 16        # items of the first ring


@cython.final
cdef class Flushed:
    """What one flush did: `sent` bytes went, and whether the socket is `full`.

    >>> ours, theirs = socket.socketpair()
    >>> queue = zbuf.OutboundBuffer()
    >>> queue.writelines([b"abc", zbuf.FileRegion.open(zbuf.__file__, 0, 10)])
    >>> with ours, theirs:
    ...     done = queue.flush_to(ours)
    >>> done
    Flushed(sent=13, full=False, calls=2)
    >>> done.copied, done.referenced, done.ways
    (3, 10, ('sendmsg', 'sendfile'))
    """

    def __init__(self, *args, **kwargs):
        raise TypeError("Flushed is made by OutboundBuffer.flush_to")

    @property
    def sent(self):
        """How many bytes the socket took: those `copied` and those `referenced`."""
        return self._sent

    @property
    def copied(self):
        """How many bytes the kernel copied from memory, each once."""
        return self._copied

    @property
    def referenced(self):
        """How many bytes went as pages of a file, which the program never saw."""
        return self._referenced

    @property
    def ways(self):
        """How bytes went: a tuple of 'sendmsg', 'sendfile', 'splice' and 'pread'."""
        cdef list ways = []
        cdef int way = MEMORY
        while way <= PREAD:
            if self._ways & way:
                ways.append(way_name(way))
            way *= 2
        return tuple(ways)

    @property
    def full(self):
        """Whether the socket takes no more for now."""
        return self._full

    @property
    def cold(self):
        """Whether it stopped, as it was told to, in front of bytes that are on the disk alone: see warm()."""
        return self._cold

    @property
    def calls(self):
        """How many system calls carried bytes or were refused."""
        return self._calls

    def __repr__(self):
        return f"Flushed(sent={self._sent}, full={self._full}, calls={self._calls})"


@cython.final
cdef class OutboundBuffer:
    """OutboundBuffer(*, high=65536, low=32768, coalesce=2048, on_writable=None)\n--\n\nA queue of buffers, bytes and file regions on their way to a stream socket.

    >>> ours, theirs = socket.socketpair()
    >>> with ours, theirs, zbuf.OutboundBuffer() as queue:
    ...     queue.write(zbuf.copied(b"head "))
    ...     queue.write(zbuf.FileRegion.open(zbuf.__file__, 0, 4))
    ...     queue.flush_to(ours).sent, len(theirs.recv(100))
    (9, 9)

    write() takes references of its own, and flush_to() gives back each as soon
    as its last byte is in the kernel: callers keep and release theirs at will.
    Bytes of memory go by sendmsg, many parts in one call; regions by sendfile,
    unread. The cursor lives here, so one region may be in many queues at once.

    `high` and `low`, in bytes, are the watermarks of `writable`. len() and
    bool() speak of pending_bytes. Source: io.netty.channel.ChannelOutboundBuffer.

    `on_writable`, if given, is called with the new `writable` when it has
    turned: at the end of the write, flush or cancel that turned it, which has
    then done its work, and raises what on_writable raises. After a flush that
    raised, the next one tells. Pieces shorter than
    `coalesce` bytes are copied together, larger ones shared: the default pays
    where memory is cheap to read and calls are not.

    Raises: ValueError unless 1 <= low <= high, or for a coalesce that is
            negative or more than 1 MiB; OverflowError for a watermark of more
            than 63 bits; TypeError for what cannot be called.
    """

    def __cinit__(self):
        self._reach = MOST_BYTES

    def __init__(self, *, high=64 << 10, low=32 << 10, coalesce=2 << 10, on_writable=None):
        cdef int64_t upper = fit(high, -INT64_MAX, INT64_MAX)
        cdef int64_t lower = fit(low, -INT64_MAX, INT64_MAX)
        if not 1 <= lower <= upper:
            raise ValueError(f"watermarks must be 1 <= low <= high, not low {lower} and high {upper}")
        cdef Py_ssize_t small = index_of(coalesce)
        if not 0 <= small <= MOST_SMALL:
            raise ValueError(f"coalesce is a number of bytes from 0 to {MOST_SMALL}, not {small}")
        if on_writable is not None and not callable(on_writable):
            raise TypeError(f"on_writable must be callable, not {type(on_writable).__name__!r}")
        self._high, self._low, self._small = upper, lower, small
        self._on_writable = on_writable
        self._account(0)

    def __dealloc__(self):
        self._give_back()

    cdef int _live(self) except -1:
        if self._closed:
            raise ReleasedError("this queue was closed")
        return 0

    cdef item *_item(self, Py_ssize_t i) noexcept:
        # REQUIRES: 0 <= i < _places.
        return &self._ring[(self._head + i) & (self._places - 1)]

    # -- in

    def write(self, data, /):
        """Put a buffer's readable bytes, a bytes-like or a region at the end of the queue.

        >>> queue = zbuf.OutboundBuffer()
        >>> queue.write(b"abc"), queue.write(zbuf.copied(b"defg")), queue.pending_bytes
        (None, None, 7)

        Nothing is sent, and the caller's reader does not move. Large pieces are
        shared, those shorter than `coalesce` (half as much again of a bytes
        object) copied: what is overwritten before it has gone may go in either
        state. What is empty is not queued at all. Legal while another thread
        flushes.
        Raises, nothing queued: ReleasedError for a released buffer or region or
        a closed queue, TypeError, BufferError for memory that is not
        contiguous, OverflowError beyond 2**63 - 1 pending bytes, MemoryError
        (PoolExhaustedError where the default allocator is limited).
        Source: ChannelOutboundBuffer.addMessage.
        """
        self._live()
        self._put_one(data)
        self._tell()

    def writelines(self, parts, /):
        """Put every one of an iterable's buffers, bytes-likes and regions at the end, in order.

        >>> queue = zbuf.OutboundBuffer()
        >>> queue.writelines([b"abc", zbuf.copied(b"de"), bytearray(b"f")])
        >>> queue.pending_bytes
        6

        All of them or none: if one raises what write() raises for it, or the
        iterable itself raises, nothing is queued. Cheaper than a write() each.
        Source: gather writes of ChannelOutboundBuffer.nioBuffers.
        """
        ready = resolved(parts)
        self._live()
        cdef mark before = self._mark()
        cdef Py_ssize_t k = 0
        try:
            while k < PySequence_Fast_GET_SIZE(ready):
                self._put_any(<object>PySequence_Fast_ITEMS(ready)[k])
                k += 1
                k += self._put_small(PySequence_Fast_ITEMS(ready) + k, PySequence_Fast_GET_SIZE(ready) - k)
        except:
            self._undo(before)
            raise
        self._tell()

    cdef int _tell(self) except -1:
        # The last step of what may have turned `writable`: runs any code.
        if self._told != self._over and not self._closed:
            self._told = self._over
            if self._on_writable is not None:
                self._on_writable(not self._told)
        return 0

    cdef int _put_one(self, object data) except -1:
        cdef PyObject *one = <PyObject *>data
        return 0 if self._put_small(&one, 1) else self._put_any(data)

    cdef Py_ssize_t _put_small(self, PyObject *const *parts, Py_ssize_t count) noexcept:
        # How many of them were put: small ones behind another, which are the
        # commonest. A third of the instructions that the way of all takes.
        cdef Py_ssize_t k = 0
        cdef Py_ssize_t n, left
        cdef const unsigned char *mem
        cdef unsigned char *at
        cdef item *last = self._item(self._count - 1) if self._count else NULL
        if self._tail == NULL or last == NULL or last.block != self._tail:
            return 0
        at = self._tail.data + self._used
        left = min(self._tail.size - self._used, INT64_MAX - self._pending)
        while k < count:
            n = small_piece(parts[k], self._small, &mem)
            if n < 0 or n > left:
                break
            memcpy(at, mem, n)
            at += n
            left -= n
            k += 1
        n = at - self._tail.data - self._used
        last.left += n
        self._used += n
        self._account(n)
        return k

    cdef int _put_any(self, object data) except -1:
        if PyBytes_CheckExact(data):
            self._put_bytes(<bytes>data)
        elif isinstance(data, ByteBuf):
            self._put_spans(<ByteBuf>data)
        elif isinstance(data, FileRegion):
            self._put_region(<FileRegion>data)
        else:
            self._put_foreign(data)
        return 0

    cdef int _put_bytes(self, bytes data) except -1:
        cdef Py_ssize_t n = PyBytes_GET_SIZE(data)
        if n >= self._small + self._small // 2:
            return self._put_foreign(data)
        if self._admit(n):
            self._copy(<unsigned char *>PyBytes_AS_STRING(data), n)
        self._account(n)
        return 0

    cdef int _put_spans(self, ByteBuf buf) except -1:
        # A buffer's readable bytes, piece by piece: all of them or none.
        cdef Py_ssize_t n = 0
        cdef zb_block *block
        cdef unsigned char *mem
        buf._live()
        self._admit(buf._w - buf._r)
        mem = buf._span(buf._r, &n, &block)
        if n < buf._w - buf._r:
            return self._put_many(buf)
        n = buf._w - buf._r
        self._put(block, mem, n)
        self._account(n)
        return 0

    cdef int _put_many(self, ByteBuf buf) except -1:
        cdef mark before = self._mark()
        cdef Py_ssize_t i = buf._r
        cdef Py_ssize_t n = 0
        cdef zb_block *block
        cdef unsigned char *mem
        try:
            while i < buf._w:
                mem = buf._span(i, &n, &block)
                n = min(n, buf._w - i)
                self._put(block, mem, n)
                i += n
        except:
            self._undo(before)
            raise
        self._account(buf._w - buf._r)
        return 0

    cdef int _put_foreign(self, object data) except -1:
        cdef bint readonly
        if not PyObject_CheckBuffer(data):
            raise TypeError(f"a buffer, bytes-like or FileRegion is required, not {type(data).__name__!r}")
        cdef zb_block *block = foreign_block(data, &readonly)
        try:
            self._live()   # the exporter's code has run
            self._admit(block.size)
            self._put(block, block.data, block.size)
            self._account(block.size)
        finally:
            block_give(block, 1)
        return 0

    cdef int _put_region(self, FileRegion region) except -1:
        cdef item *last
        region._live()
        if self._admit(region._count) == 0:
            return 0
        self._room()
        file_hold(region._file, 1)
        last = self._item(self._count)
        last.file, last.block, last.mem = region._file, NULL, NULL
        last.offset, last.left, last.whole = region._offset, region._count, region._count
        last.way = first_way()
        self._count += 1
        self._account(region._count)
        return 0

    cdef int64_t _admit(self, int64_t n) except -1:
        if n > INT64_MAX - self._pending:
            raise OverflowError(f"{n} bytes beyond the {self._pending} pending are more than 2**63 - 1")
        return n

    cdef int _put(self, zb_block *block, unsigned char *mem, Py_ssize_t n) except -1:
        # n bytes at mem, which block keeps.
        if n == 0:
            return 0
        # What a file may lose is left to the kernel, which says so and takes nothing.
        if n < self._small and mapped_bytes(block) < 0:
            return self._copy(mem, n)
        self._room()
        block_hold(block, 1)
        self._add(block, mem, n)
        return 0

    cdef int _copy(self, const unsigned char *mem, Py_ssize_t n) except -1:
        cdef item *last
        if self._tail == NULL or self._tail.size - self._used < n:
            self._next_tail(n)
        memcpy(self._tail.data + self._used, mem, n)
        last = self._item(self._count - 1) if self._count else NULL
        if last != NULL and last.block == self._tail:
            last.left += n
        else:
            self._room()
            block_hold(self._tail, 1)
            self._add(self._tail, self._tail.data + self._used, n)
        self._used += n
        return 0

    cdef int _next_tail(self, Py_ssize_t n) except -1:
        # Room for n bytes. Twice as large as the one that is full, as long as there is one.
        cdef Py_ssize_t size = self._wish if self._tail == NULL else min(2 * self._wish, MOST_TAIL)
        cdef zb_block *block = pool_take(pool_default(), max(max(size, LEAST_TAIL), n))
        self._drop_tail()
        self._tail, self._wish = block, max(size, LEAST_TAIL)
        return 0

    cdef void _rest(self) noexcept:
        # All has gone: an idle queue holds no memory, and asks for less the
        # next time if this time much was left over.
        if self._used < self._wish // 4:
            self._wish //= 2
        self._drop_tail()

    cdef void _drop_tail(self) noexcept:
        if self._tail != NULL:
            block_give(self._tail, 1)
        self._tail = NULL
        self._used = 0

    cdef int _room(self) except -1:
        # Makes a place for one more item.
        if self._count < self._places:
            return 0
        cdef Py_ssize_t places = self._places * 2 if self._places else FIRST_PLACES
        cdef item *ring = <item *>zb_malloc(places * sizeof(item))
        if ring == NULL:
            raise MemoryError(f"no memory for a queue of {places} items")
        cdef Py_ssize_t i
        for i in range(self._count):
            ring[i] = self._item(i)[0]
        free(self._ring)
        self._ring, self._places, self._head = ring, places, 0
        return 0

    cdef void _add(self, zb_block *block, unsigned char *mem, Py_ssize_t n) noexcept:
        # Takes the caller's reference over. REQUIRES: _room().
        cdef item *last = self._item(self._count)
        last.file, last.block, last.mem = NULL, block, mem
        last.offset, last.left, last.whole = 0, n, n
        last.way = MEMORY
        self._count += 1

    cdef void _account(self, int64_t n) noexcept:
        self._pending += n
        if self._pending > self._high:
            self._over = True
        elif self._pending < self._low:
            self._over = False

    cdef mark _mark(self) noexcept:
        cdef mark now
        now.count, now.pending, now.over = self._count, self._pending, self._over
        now.left = self._item(self._count - 1).left if self._count else 0
        return now

    cdef void _undo(self, mark before) noexcept:
        # Takes back what was put since: items, and bytes copied to the last one.
        self._drop_tail()
        while self._count > before.count:
            self._count -= 1
            give(self._item(self._count))
        if before.count:
            self._item(before.count - 1).left = before.left
        self._pending, self._over = before.pending, before.over

    # -- out

    def flush_to(self, sock, *, max_bytes=None, max_calls=None, cold="block"):
        """Send what is pending, in order, until it is gone or the socket is full.

        >>> ours, theirs = socket.socketpair()
        >>> queue = zbuf.OutboundBuffer()
        >>> queue.write(b"abcdef")
        >>> with ours, theirs:
        ...     queue.flush_to(ours, max_bytes=4).sent, queue.pending_bytes
        (4, 2)

        `sock` is a stream socket or its descriptor. A blocking one blocks until
        all has gone; a non-blocking one, which any Python socket with a timeout
        is, never: `full` says that it takes no more for now. No more than
        `max_bytes` go, in no more than `max_calls` system calls, for fairness
        among sockets. Other threads run meanwhile, and may write() and release;
        close() waits for the call under way.
        Bytes of a file that are not in the page cache block also a non-blocking
        socket's flush, until the disk has given them. With cold="stop" it ends
        in front of them, `cold`: let a thread warm() them, and flush again, as
        zbuf.aio and zbuf.trio do.
        Moves:   the queue's cursor, by exactly what the kernel took.
        Returns: Flushed; `sent` in bytes.
        Raises, with the cursor behind the last byte sent, all else pending:
                 OSError (BrokenPipeError, ConnectionResetError ...);
                 TruncatedFileError, if a file became shorter than its region:
                 so will the next flush, and no peer can be told where the
                 bytes end, so close both;
                 what a signal's Python handler raises;
                 RuntimeError, nothing sent, if a flush or cancel is under way;
                 ReleasedError for a closed queue; ValueError for a closed
                 socket, a negative limit or another `cold`; TypeError without a descriptor,
                 and for an SSLSocket, which has to encrypt; what on_writable
                 raises, after the flush.
        Source:  sendmsg(2), sendfile(2); AbstractEpollStreamChannel.doWrite.
        """
        cdef int64_t most = INT64_MAX if max_bytes is None else size_of(max_bytes)
        cdef int64_t calls = INT64_MAX if max_calls is None else size_of(max_calls)
        cdef int fd = descriptor(sock)
        cdef Flushed done = Flushed.__new__(Flushed)
        done._stops = stops(cold)
        self._flush_into(done, fd, most, calls)
        return done

    cdef int _flush_into(self, Flushed done, int fd, int64_t most, int64_t calls) except -1:
        self._live()
        self._idle()
        self._flushing = True
        try:
            self._flush(fd, most, calls, done)
        finally:
            self._flushing = False
            if self._closed:
                self._give_back()
            elif self._count == 0:
                self._rest()
        self._tell()
        return 0

    cdef int _idle(self) except -1:
        if self._flushing:
            raise RuntimeError("a flush or cancel of this queue is under way")
        return 0

    cdef int _flush(self, int sock, int64_t most, int64_t calls, Flushed done) except -1:
        cdef bint held = False   # the last bytes went with MSG_MORE, and nothing behind them
        try:
            while self._count and done._sent < most and done._calls < calls and not (done._full or done._cold):
                self._send_some(sock, most - done._sent, done, &held)
                if self._closed:
                    raise ReleasedError(f"this queue was closed while it was flushed; {done._sent} bytes went")
                PyErr_CheckSignals()
        finally:
            if held:
                push(sock)
        return 0

    cdef int _send_some(self, int sock, int64_t most, Flushed done, bint *held) except -1:
        # One system call, for what stands first.
        if done._stops and self._is_cold(most):
            done._cold = True
            return 0
        done._calls += 1
        if self._item(0).way == MEMORY:
            return self._send_parts(sock, most, done, held)
        return self._send_region(sock, most, done, held)

    cdef void _sent(self, Py_ssize_t sent, int way, Flushed done) noexcept:
        # What came of a call.
        done._full = sent == FULL
        if sent <= 0:
            return
        done._sent += sent
        done._ways |= way
        if way == MEMORY or way == PREAD:
            done._copied += sent
        else:
            done._referenced += sent
        self._advance(sent)

    cdef int _send_parts(self, int sock, int64_t most, Flushed done, bint *held) except -1:
        # The array is ours alone, and what it points to the items hold: (5).
        cdef iovec parts[MOST_PARTS]
        cdef bint more = False
        cdef int64_t asked = min(most, self._reach)
        cdef int count = self._gather(parts, &asked, &more)
        cdef Py_ssize_t sent = 0
        try:
            sent = send_parts(sock, parts, count, more)
        except OSError as error:
            if error.errno == EFAULT:
                self._raise_truncated(count)
            raise
        if sent > 0:
            held[0] = more
            self._adapt(asked, sent)
        self._sent(sent, MEMORY, done)
        return 0

    cdef bint _is_cold(self, int64_t most) noexcept:
        cdef item *first = self._item(0)
        return first.way != MEMORY and is_cold(first.file.fd, first.offset, min(min(first.left, most), WINDOW))

    def warm(self, max_bytes=WINDOW, /):
        """Read the file bytes that stand first into the page cache, waiting for the disk: for a thread of its own.

        >>> queue = zbuf.OutboundBuffer()
        >>> queue.write(zbuf.FileRegion.open(zbuf.__file__, 0, 10))
        >>> queue.warm()
        10

        Nothing moves, and other threads run meanwhile: they may write and flush.
        Returns: how many bytes, 256 KiB or `max_bytes` at the most; 0 if no file stands first.
        Raises:  OSError of the disk, MemoryError, ReleasedError, ValueError for
                 a negative number.
        Source:  "aio threads" of nginx; pread(2), preadv2(2) on RWF_NOWAIT.
        """
        cdef int64_t n = size_of(max_bytes)
        self._live()
        if self._count == 0 or self._item(0).way == MEMORY:
            return 0
        cdef item first = self._item(0)[0]
        file_hold(first.file, 1)    # at once: another thread may let go of the item
        try:
            return warm_file(&first, n)
        finally:
            file_give(first.file, 1)

    cdef int _raise_truncated(self, int count) except -1:
        # A call could not read one of the first `count` items: mapped memory, whose file is shorter now?
        cdef item *it
        cdef int64_t there
        cdef int i
        for i in range(count):
            it = self._item(i)
            there = mapped_bytes(it.block)
            if 0 <= there < it.mem - it.block.data + it.left:
                raise TruncatedFileError(it.whole, it.whole - it.left, mapped_size(it.block))
        return 0

    cdef int _gather(self, iovec *parts, int64_t *asked, bint *more) noexcept:
        # The bytes before the first region, *asked or what one call may send;
        # *more if the very next byte of this flush is that region's.
        cdef int count = 0
        cdef int64_t left = asked[0]
        cdef item *here
        while left and count < MOST_PARTS and count < self._count:
            here = self._item(count)
            if here.file != NULL:
                more[0] = True
                break
            parts[count].iov_base = here.mem
            parts[count].iov_len = min(here.left, left)
            left -= parts[count].iov_len
            count += 1
        asked[0] -= left
        return count

    cdef void _adapt(self, int64_t asked, int64_t sent) noexcept:
        # Netty's rule: a call that takes all may be given twice as much, one
        # that takes less than half is given half.
        if sent == asked:
            self._reach = min(max(self._reach, 2 * asked), MOST_BYTES)
        elif sent < asked // 2:
            self._reach = max(asked // 2, LEAST_REACH)

    cdef int _send_region(self, int sock, int64_t most, Flushed done, bint *held) except -1:
        # A stable file is held for its second check: the item may be gone by then.
        cdef zb_file *file = self._item(0).file
        if not file.stable:
            return self._send_file(sock, most, done, held)
        file_hold(file, 1)
        try:
            file_check(file)
            self._send_file(sock, most, done, held)
            file_check(file)
        finally:
            file_give(file, 1)
        return 0

    cdef int _send_file(self, int sock, int64_t most, Flushed done, bint *held) except -1:
        cdef item *first = self._item(0)
        cdef int way = first.way
        cdef Py_ssize_t sent = send_by(way, sock, first, min(min(first.left, most), WINDOW if done._stops else MOST_BYTES))
        first = self._item(0)   # write() may have moved the ring
        if sent == 0:
            raise TruncatedFileError(first.whole, first.whole - first.left, file_size(first.file.fd))
        if sent == REFUSED:
            first.way *= 2
        elif sent > 0:
            first.file.way = way
            held[0] = False
        self._sent(sent, way, done)
        return 0

    cdef void _advance(self, int64_t n) noexcept:
        # Past n bytes that have gone. REQUIRES: 0 <= n <= _pending.
        cdef item *first
        self._account(-n)
        self._gone += n
        while n:
            first = self._item(0)
            if n < first.left:
                first.left -= n
                first.offset += n
                first.mem += n
                return
            n -= first.left
            self._pop()

    cdef void _pop(self) noexcept:
        # The reference goes last: a foreign owner's code may come back here.
        cdef item gone = self._item(0)[0]
        self._head = (self._head + 1) & (self._places - 1)
        self._count -= 1
        give(&gone)

    # -- how much

    @property
    def pending_bytes(self):
        """Count the bytes that are still to be sent, those of files included.

        >>> queue = zbuf.OutboundBuffer()
        >>> queue.write(zbuf.FileRegion.open(zbuf.__file__, 0, 10))
        >>> queue.pending_bytes, len(queue)
        (10, 10)

        Raises ReleasedError. Source: ChannelOutboundBuffer.totalPendingWriteBytes.
        """
        self._live()
        return self._pending

    def __len__(self):
        self._live()
        return self._pending

    def __bool__(self):
        self._live()
        return self._count != 0

    @property
    def sent_bytes(self):
        """Count the bytes that have gone since the queue was made.

        >>> ours, theirs = socket.socketpair()
        >>> queue = zbuf.OutboundBuffer()
        >>> queue.write(b"abcdef")
        >>> end = queue.sent_bytes + queue.pending_bytes
        >>> with ours, theirs:
        ...     done = queue.flush_to(ours, max_bytes=4)
        >>> queue.sent_bytes, end
        (4, 6)

        A write has wholly gone once this reaches the `end` that was taken after
        it. Also told of a closed queue. Source: ChannelProgressivePromise.
        """
        return self._gone

    @property
    def writable(self):
        """Whether a producer should go on: False above `high`, until below `low`.

        >>> queue = zbuf.OutboundBuffer(high=4, low=2)
        >>> queue.write(b"abcde")
        >>> queue.writable
        False

        Advice only: write() never refuses. Raises ReleasedError.
        Source: Channel.isWritable.
        """
        self._live()
        return not self._over

    @property
    def closed(self):
        """Whether close() was called; never raises.

        >>> zbuf.OutboundBuffer().closed
        False
        """
        return self._closed

    # -- the end

    def cancel(self):
        """Give back all that is pending, unsent; the queue stays open.

        >>> queue = zbuf.OutboundBuffer()
        >>> queue.write(b"abcdef")
        >>> queue.cancel(), queue.pending_bytes
        (6, 0)

        What has gone has gone: the peer may have got a part of the first write.
        Returns: how many bytes will not be sent.
        Raises:  RuntimeError, nothing given back, while a flush or cancel is under way;
                 ReleasedError for a closed queue; what on_writable raises.
        Source:  ChannelOutboundBuffer.failFlushed.
        """
        self._live()
        self._idle()
        cdef int64_t n = self._pending
        self._flushing = True    # an owner that is let go sends nothing of the rest
        self._drop_items()
        self._flushing = False
        if self._closed:
            self._give_back()
        self._tell()
        return n

    def close(self):
        """Give everything back unsent; later use raises ReleasedError.

        >>> buf = zbuf.copied(bytes(5000))
        >>> queue = zbuf.OutboundBuffer()
        >>> queue.write(buf)
        >>> buf.refcnt, queue.close(), buf.refcnt
        (2, None, 1)

        Closing twice does nothing. A flush that is under way ends with
        ReleasedError after its system call, and gives everything back then; to
        wake one that is blocked, shut the socket down.
        Source: ChannelOutboundBuffer.close.
        """
        self._closed = True
        if not self._flushing:
            self._give_back()

    cdef void _drop_items(self) noexcept:
        # Those that are here now: an owner that is let go may write anew, to
        # another tail.
        cdef Py_ssize_t n = self._count
        self._drop_tail()
        while n > 0 and self._count:
            self._account(-self._item(0).left)
            self._pop()
            n -= 1

    cdef void _give_back(self) noexcept:
        while self._count:
            self._pop()
        self._drop_tail()
        free(self._ring)
        self._ring = NULL
        self._places = self._head = 0
        self._pending = 0

    def __enter__(self):
        self._live()
        return self

    def __exit__(self, kind, error, trace):
        self.close()

    def __repr__(self):
        if self._closed:
            return "<zbuf.OutboundBuffer closed>"
        return f"<zbuf.OutboundBuffer {self._pending} bytes pending{'' if self._over == 0 else ', over its high watermark'}>"


count_objects(Flushed)
count_objects(OutboundBuffer)


cdef void give(item *gone) noexcept:
    if gone.file != NULL:
        file_give(gone.file, 1)
    else:
        block_give(gone.block, 1)


cdef bint stops(object cold) except -1:
    if cold != "block" and cold != "stop":
        raise ValueError(f"cold is 'block' or 'stop', not {cold!r}")
    return cold == "stop"


cdef Py_ssize_t send_by(int way, int sock, item *it, Py_ssize_t n) except -1:
    # The next n bytes of a region; what `it` points to may have moved after it.
    cdef bint first = it.left == it.whole
    cdef zb_block *block
    if way == SENDFILE:
        return send_file(sock, it.file.fd, it.offset, n, first)
    if way == SPLICE:
        return send_spliced(sock, it.file.fd, it.offset, n, first)
    block = pool_take(pool_default(), min(n, ROOM))
    try:
        return send_read(sock, it.file.fd, it.offset, n, block.data, block.size)
    finally:
        block_give(block, 1)


cdef int64_t warm_file(item *it, int64_t n) except -1:
    cdef zb_block *block = pool_take(pool_default(), ROOM)
    try:
        return read_ahead(it.file.fd, it.offset, min(n, it.left), block.data, block.size)
    finally:
        block_give(block, 1)


cdef object resolved(object parts):
    # A list or tuple; what is in it runs nobody's code when it is queued.
    if not ZB_FREE_THREADED and are_plain(parts):
        return parts
    cdef list ready = []
    for part in parts:
        if PyBytes_CheckExact(part):
            ready.append(part)
        elif isinstance(part, ByteBuf):
            ready.append(private(<ByteBuf>part))
        elif isinstance(part, FileRegion):
            ready.append(private_region(<FileRegion>part))
        else:
            ready.append(shared(part))
    return ready


cdef bint are_plain(object parts) noexcept:
    cdef Py_ssize_t k
    cdef PyObject *part
    if type(parts) is not list and type(parts) is not tuple:
        return False
    for k in range(PySequence_Fast_GET_SIZE(parts)):
        part = PySequence_Fast_ITEMS(parts)[k]
        if not PyBytes_CheckExact(<object>part) and type(<object>part) is not ByteBuf:
            return False
    return True


cdef inline Py_ssize_t small_piece(PyObject *data, Py_ssize_t small, const unsigned char **mem) noexcept:
    # How many bytes a bytes object or plain buffer has to be copied; -1 for all else.
    cdef Py_ssize_t n
    if type(<object>data) is ByteBuf:
        n = (<ByteBuf>data)._w - (<ByteBuf>data)._r
        mem[0] = (<ByteBuf>data)._mem + (<ByteBuf>data)._r
        return n if n < small and (<ByteBuf>data)._block != NULL and mapped_bytes((<ByteBuf>data)._block) < 0 else -1
    if not PyBytes_CheckExact(<object>data):
        return -1
    n = PyBytes_GET_SIZE(<object>data)
    mem[0] = <const unsigned char *>PyBytes_AS_STRING(<object>data)
    return n if n < small + small // 2 else -1


cdef int descriptor(object sock) except -1:
    # PyObject_AsFileDescriptor is twice as slow, but says what is wrong.
    cdef long long fd
    if is_tls(sock):
        raise TypeError("the descriptor of an SSLSocket would send everything unencrypted; zbuf.io.send does not")
    try:
        if zb_small_int(sock.fileno(), &fd) and 0 <= fd <= INT_MAX:
            return <int>fd
    except AttributeError:
        pass
    return PyObject_AsFileDescriptor(sock)


guard(globals())
