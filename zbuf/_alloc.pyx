"""Allocators: what buffers are made by."""

cimport cython
from libc.math cimport isfinite
from libc.string cimport memset

from zbuf._block cimport zb_block
from zbuf._buf cimport ByteBuf, blank
from zbuf._composite cimport CompositeByteBuf, blank_composite
from zbuf._debug cimport debug_pool_new, debug_verify
from zbuf._guard cimport guard
from zbuf._memory cimport count_objects
from zbuf._number cimport size_of
from zbuf._pool cimport (
    pool_close, pool_give, pool_kept, pool_live, pool_new, pool_take, pool_trim, pools_enter, pools_leave,
    pools_lock, pools_unlock,
    set_default_pool, system_pool_new, tick, zb_pool,
)
from zbuf._refs cimport pool_default
from zbuf._poolstats cimport check_pool, live_of, stats_of

from os import environ

from zbuf.errors import ReleasedError

cdef extern from *:
    Py_ssize_t PY_SSIZE_T_MAX


cdef ByteBuf plain(zb_pool *pool, Py_ssize_t n):
    # The hot way: a capacity alone.
    cdef ByteBuf made = blank()
    cdef zb_block *block = pool_take(pool, n)
    made._adopt(block, block.data, n, PY_SSIZE_T_MAX)
    return made


cdef ByteBuf limited(zb_pool *pool, Py_ssize_t n, object max_capacity, object headroom):
    cdef Py_ssize_t most = PY_SSIZE_T_MAX
    cdef Py_ssize_t head = size_of(headroom)
    cdef ByteBuf made
    if max_capacity is not None:
        most = size_of(max_capacity)
        if most < n:
            raise ValueError(f"max_capacity {most} is below the capacity of {n}")
    if head > PY_SSIZE_T_MAX - n:
        raise MemoryError(f"no memory for {n} bytes and a headroom of {head}")
    made = plain(pool, n + head)
    made._max = most + head if most <= PY_SSIZE_T_MAX - head else PY_SSIZE_T_MAX
    # What lies before the writer can be read, and this memory may be used.
    memset(made._mem, 0, head)
    made._settle(head, head)
    return made


cdef int told(zb_pool *pool) except -1:
    # Raises for what a debug pool has found.
    if pool.complain != NULL:
        pool.complain(pool)
    return 0


cdef bint is_closed(zb_pool *pool) noexcept:
    pools_enter()
    cdef bint closed = pool.closed
    pools_leave()
    return closed


cdef class Allocator:
    """Makes buffers and knows what memory they hold: what all allocators have in common.

    >>> isinstance(zbuf.default_allocator(), zbuf.Allocator)
    True

    Buffers outlive their allocator: memory goes when the last handle does.
    """

    def __dealloc__(self):
        if self._pool != NULL:
            pool_close(self._pool)
            pool_give(self._pool)

    cdef int _made(self) except -1:
        if self._pool == NULL:
            raise ReleasedError("this allocator was never made: use PooledAllocator or SystemAllocator")
        return 0

    def buffer(self, capacity=256, max_capacity=None, /, *, headroom=0):
        """Make an empty buffer that can take `capacity` bytes before it must grow.

        >>> with zbuf.PooledAllocator() as allocator:
        ...     buf = allocator.buffer(100, 1000)
        ...     buf.writable_bytes(), buf.max_capacity
        (100, 1000)

        `headroom` bytes lie before the reader, for prepend_*; they count in the
        buffer's indices and capacities. The memory is not cleared, and cannot
        be read before it is written.
        Returns: a buffer that may grow to `max_capacity`, None for no limit.
        Raises:  ValueError for a negative size or a max_capacity below the
                 capacity, PoolExhaustedError, MemoryError, ReleasedError for a
                 closed allocator; nothing has changed.
        Source:  ByteBufAllocator.buffer.
        """
        self._made()
        return made(self._pool, capacity, max_capacity, headroom)

    def composite(self, *, coalesce=512):
        """Make an empty composite; what is written to it lies in blocks of this allocator.

        >>> with zbuf.PooledAllocator() as allocator:
        ...     c = allocator.composite()
        ...     c.append(b"abc")
        ...     len(allocator.live())
        1

        Pieces below `coalesce` bytes are copied there when they are appended.
        Raises ReleasedError for a closed allocator, ValueError for a negative
        `coalesce`. Source: ByteBufAllocator.compositeBuffer.
        """
        cdef Py_ssize_t least_shared = size_of(coalesce)
        self._made()
        if is_closed(self._pool):
            raise ReleasedError("this allocator was closed")
        cdef CompositeByteBuf composite = blank_composite()
        composite._coalesce = least_shared
        composite._pin(self._pool)
        return composite

    def stats(self):
        """Count what the allocator holds; print() shows it as a table.

        >>> with zbuf.PooledAllocator() as allocator:
        ...     buf = allocator.buffer(1000)
        ...     allocator.stats().requested
        1000

        Returns: zbuf.stats.PoolStats, in bytes and blocks. Walks all spans and
                 asks the kernel which pages are in memory: not for hot paths.
        Source:  PooledByteBufAllocatorMetric, jemalloc's stats.
        """
        self._made()
        return stats_of(self._pool)

    def live(self):
        """List the blocks that have references, in no order.

        >>> with zbuf.SystemAllocator() as allocator:
        ...     buf = allocator.buffer(1000)
        ...     allocator.live()
        [LiveBlock(requested=1000, granted=1000, refs=1, age=None, place=None)]

        Returns: a list of zbuf.stats.LiveBlock, with age and place of those that
                 zbuf.leak watches.
        """
        self._made()
        return live_of(self._pool)

    def trim(self, target=0, /):
        """Return memory at rest to the system, until at most `target` bytes of it are left.

        >>> with zbuf.PooledAllocator() as allocator:
        ...     allocator.buffer(1000).release(), allocator.trim() > 0, allocator.stats().committed
        (True, True, 0)

        Live buffers are not touched. Without it, what rests goes within
        `decay` seconds of use of the allocator.
        Returns: how many bytes at rest went.
        Raises:  ValueError for a negative target.
        Source:  PooledByteBufAllocator.trimCurrentThreadCache, malloc_trim(3).
        """
        cdef Py_ssize_t most = size_of(target)
        self._made()
        pools_lock()
        tick(self._pool)
        cdef Py_ssize_t went = pool_kept(self._pool)
        pool_trim(self._pool, most)
        went -= pool_kept(self._pool)
        pools_unlock()
        told(self._pool)
        return went

    def close(self):
        """Refuse to make buffers from now on, and return what is at rest to the system.

        >>> allocator = zbuf.PooledAllocator()
        >>> buf = allocator.buffer(100)
        >>> allocator.close()
        >>> buf.write_bytes(b"still good")

        Live buffers stay good; their memory goes when they do, and they cannot
        move to grow. Closing twice does nothing.
        """
        self._made()
        pool_close(self._pool)
        told(self._pool)

    @property
    def closed(self):
        """Whether close() was called; never raises.

        >>> zbuf.PooledAllocator().closed
        False
        """
        return self._pool == NULL or is_closed(self._pool)

    def __enter__(self):
        self._made()
        return self

    def __exit__(self, kind, error, trace):
        self.close()

    def __repr__(self):
        if self._pool == NULL:
            return f"<zbuf.{type(self).__name__} never made>"
        pools_lock()
        cdef bint closed = self._pool.closed
        cdef Py_ssize_t live = pool_live(self._pool), requested = self._pool.requested, kept = pool_kept(self._pool)
        pools_unlock()
        return (
            f"<zbuf.{type(self).__name__}{' closed,' if closed else ''} {live} live blocks,"
            f" {requested} bytes requested, {kept} at rest>"
        )

    def _check(self):
        """Raise AssertionError unless all counters are right; for tests."""
        self._made()
        check_pool(self._pool)


cdef class PooledAllocator(Allocator):
    """PooledAllocator(*, max_cached=67108864, max_live=None, decay=10.0, zeroed=False, sensitive=False)\n--\n\nTakes blocks of 59 sizes out of 2 MiB arenas, and keeps what comes back for the next.

    >>> allocator = zbuf.PooledAllocator(max_live=1000)
    >>> allocator.buffer(2000)
    Traceback (most recent call last):
    zbuf.errors.PoolExhaustedError: wanted 2000 bytes, 0 of at most 1000 are live

    max_cached  bytes at rest that are kept at the most
    max_live    bytes that live buffers may ask for at the most; None: no limit
    decay       seconds of use within which all that rests goes to the system
    zeroed      every new buffer's memory is zeros
    sensitive   memory is overwritten with zeros when its last reference goes

    Raises: ValueError for negative numbers or a decay that is not finite and
            above 0, MemoryError.
    Source: io.netty.buffer.PooledByteBufAllocator, jemalloc.
    """

    def __cinit__(self, *, max_cached=64 << 20, max_live=None, decay=10.0, zeroed=False, sensitive=False):
        cdef double seconds = decay
        if not (isfinite(seconds) and seconds > 0):
            raise ValueError(f"decay is a number of seconds above 0, not {seconds}")
        self._pool = pool_new(size_of(max_cached), limit_of(max_live), seconds, bool(zeroed), bool(sensitive))


cdef class SystemAllocator(Allocator):
    """SystemAllocator(*, max_live=None, zeroed=False, sensitive=False)\n--\n\nTakes every block from malloc and gives it back to free: nothing is kept.

    >>> with zbuf.SystemAllocator() as allocator:
    ...     allocator.buffer(100).release(), allocator.stats().committed
    (True, 0)

    The same accounting as PooledAllocator, and the one under which tools that
    watch malloc see every block.

    Raises: ValueError for a negative max_live, MemoryError.
    Source: io.netty.buffer.UnpooledByteBufAllocator.
    """

    def __cinit__(self, *, max_live=None, zeroed=False, sensitive=False):
        self._pool = system_pool_new(limit_of(max_live), bool(zeroed), bool(sensitive))


cdef class DebugAllocator(Allocator):
    """DebugAllocator(*, max_live=None, quarantine=16777216)\n--\n\nFinds memory that something else than a handle has overwritten: C code, or a stale pointer.

    >>> with zbuf.DebugAllocator() as allocator:
    ...     buf = allocator.buffer(4)
    ...     buf.writable_view(4).hex()
    'a5a5a5a5'

    Each block is one of malloc, ends where the buffer was asked to end, and has
    guards of 64 bytes before and behind, which are looked at when it is given
    back. Fresh memory is filled with 0xA5, what was given back with 0xDE; it
    takes `quarantine` bytes given back after it before malloc may have it, and
    has not changed then. What is found goes to stderr at once, for nothing can
    be raised where Python drops a buffer; the next call of buffer(), trim(),
    verify() or close(), or growth, raises CorruptMemoryError.

    With the environment variable ZBUF_DEBUG=1 one of these is the default
    allocator, without a change of the program; and a method of a buffer that is
    called while another thread is in one raises ConcurrentUseError with the
    names of both.

    Raises: ValueError for negative numbers, MemoryError.
    Source: glibc's MALLOC_PERTURB_, AddressSanitizer's quarantine.
    """

    def __cinit__(self, *, max_live=None, quarantine=16 << 20):
        self._pool = debug_pool_new(limit_of(max_live), size_of(quarantine))

    def verify(self):
        """Look now at the guards of all live buffers, and at all that is in quarantine.

        >>> zbuf.DebugAllocator().verify()

        Raises: CorruptMemoryError for the first that was overwritten, and at
                the next call for the next; ReleasedError.
        """
        self._made()
        debug_verify(self._pool)
        told(self._pool)


count_objects(PooledAllocator)
count_objects(SystemAllocator)
count_objects(DebugAllocator)


cdef Py_ssize_t limit_of(object max_live) except -1:
    return PY_SSIZE_T_MAX if max_live is None else size_of(max_live)


cdef ByteBuf made(zb_pool *pool, object capacity, object max_capacity, object headroom):
    cdef Py_ssize_t n = size_of(capacity)
    if max_capacity is None and headroom is ZERO:
        return plain(pool, n)
    return limited(pool, n, max_capacity, headroom)


cdef object ZERO = 0
cdef object door = object()    # to `current`: one thread at a time
cdef Allocator current = DebugAllocator() if environ.get("ZBUF_DEBUG", "0") not in ("", "0") else PooledAllocator()
set_default_pool(current._pool)


def buffer(capacity=256, max_capacity=None, /, *, headroom=0):
    """Make an empty buffer, from the default allocator.

    >>> buf = zbuf.buffer(64)
    >>> buf.write_bytes(b"abc")
    >>> len(buf), buf.writable_bytes()
    (3, 61)

    All as Allocator.buffer. Source: ByteBufAllocator.DEFAULT.buffer.
    """
    return made(pool_default(), capacity, max_capacity, headroom)


def default_allocator():
    """Tell which allocator zbuf.buffer and zbuf.copied take memory from.

    >>> zbuf.default_allocator().closed
    False

    Source: ByteBufAllocator.DEFAULT.
    """
    with cython.critical_section(door):
        return current


def set_default_allocator(allocator, /):
    """Let zbuf.buffer and zbuf.copied take memory from this allocator from now on.

    >>> before = zbuf.set_default_allocator(zbuf.SystemAllocator())
    >>> zbuf.set_default_allocator(before)
    <zbuf.SystemAllocator 0 live blocks, 0 bytes requested, 0 at rest>

    Returns: the one they took it from before; its buffers stay good.
    Raises:  TypeError for what is no allocator, ReleasedError for a closed
             one; nothing has changed.
    """
    global current
    if not isinstance(allocator, Allocator):
        raise TypeError(f"an Allocator is required, not {type(allocator).__name__!r}")
    (<Allocator>allocator)._made()
    if is_closed((<Allocator>allocator)._pool):
        raise ReleasedError("this allocator was closed")
    with cython.critical_section(door):
        before, current = current, <Allocator>allocator
        set_default_pool(current._pool)
    return before


guard(globals(), (Allocator, PooledAllocator, SystemAllocator, DebugAllocator))
