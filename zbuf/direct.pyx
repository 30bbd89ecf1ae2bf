"""Direct I/O: bytes between a device and pooled buffers, past the page cache.

>>> import tempfile
>>> with tempfile.NamedTemporaryFile() as data, zbuf.direct.DirectFile(data.name, "r+", buffered=True) as file:
...     block = file.buffer(8192)
...     block.write_zeros(8192)
...     file.write(block, 0)
...     file.sync()
...     len(file.read(4096, 8192))      # the file ends in between
8192
4096
"""

from cpython.exc cimport PyErr_CheckSignals, PyErr_SetFromErrno
from libc.errno cimport EINTR, EINVAL, EIO, EISDIR, errno
from libc.stdint cimport INT64_MAX, int64_t, uint32_t, uintptr_t
from libc.stdlib cimport free
from libc.string cimport memset
from posix.fcntl cimport F_GETFL, F_SETFL
from posix.stat cimport S_ISBLK, S_ISDIR, S_ISREG, struct_stat
from posix.uio cimport iovec
from posix.unistd cimport SEEK_END, close as close_fd

from zbuf._alloc cimport Allocator
from zbuf._block cimport zb_block
from zbuf._buf cimport ByteBuf, blank
from zbuf._calls cimport fcntl, fdatasync, fstat, ftruncate, lseek, pread, pwritev
from zbuf._composite cimport CompositeByteBuf
from zbuf._guard cimport guard
from zbuf._native cimport zb_add_int
from zbuf._memory cimport zb_malloc
from zbuf._number cimport fit, size_of
from zbuf._pool cimport pool_take, zb_pool
from zbuf._refs cimport block_give, block_hold, pool_default
from zbuf._spans cimport gather_spans
from zbuf._sys cimport MOST_PARTS
from zbuf.region cimport file_give, file_hold, zb_file

import os

from zbuf.errors import CapacityError, ReleasedError

__all__ = ["DirectFile", "aligned_buffer"]

cdef extern from *:
    """
    #include <fcntl.h>
    #include <stdint.h>
    #include <sys/syscall.h>
    #include <sys/vfs.h>
    #include <unistd.h>

    /* Older headers lack the two fields at the end, that Linux 6.1 has. */
    struct zb_statx {
        uint32_t mask;
        uint32_t others[37];
        uint32_t memory, step;      /* stx_dio_mem_align, stx_dio_offset_align */
        uint32_t rest[24];
    };
    #define ZB_DIOALIGN 0x2000

    /* The two alignments; 1 if the kernel tells them. */
    static int zb_dio_align(int fd, uint32_t *memory, uint32_t *step) {
        struct zb_statx found = {0};
        if (syscall(SYS_statx, fd, "", 0x1000 /* AT_EMPTY_PATH */, ZB_DIOALIGN, &found) != 0)
            return 0;
        *memory = found.memory;
        *step = found.step;
        return (found.mask & ZB_DIOALIGN) != 0;
    }

    /* File systems that live in the page cache accept O_DIRECT and ignore it. */
    static int zb_in_memory(int fd) {
        struct statfs found;
        return fstatfs(fd, &found) == 0 && (found.f_type == 0x01021994 /* tmpfs */ || found.f_type == 0x858458f6 /* ramfs */);
    }
    """
    int zb_dio_align(int fd, uint32_t *memory, uint32_t *step)
    bint zb_in_memory(int fd)
    int O_DIRECT

cdef enum:
    USUAL = 4096         # bytes; what every device is content with, where the kernel tells nothing
    MOST = 1 << 30       # bytes of one call; a multiple of every alignment

cdef dict MODES = {
    "r": os.O_RDONLY,
    "r+": os.O_RDWR,
    "w+": os.O_RDWR | os.O_CREAT,
    "x+": os.O_RDWR | os.O_CREAT | os.O_EXCL,
}


cdef class DirectFile:
    """DirectFile(path, mode="r", /, *, buffered=False, dsync=False)\n--\n\nA file that is read and written without the page cache: O_DIRECT.

    >>> with zbuf.direct.DirectFile(zbuf.__file__, buffered=True) as file:
    ...     page = file.read(0, file.offset_align)
    ...     len(page) == min(file.offset_align, file.size)
    True

    Modes: "r" reads; "r+" reads and writes a file that is there; "w+" makes
    one, or empties it; "x+" makes one that must not be there.

    Memory, offsets and lengths must be multiples of what the device wants,
    `memory_align` and `offset_align`, which the kernel tells (statx, Linux
    6.1; else 4096). Nothing is copied to make it so: what does not fit is a
    ValueError. buffer() makes memory that fits, and so are its slices at such
    multiples.

    A write is on the device when sync() has returned, with dsync=True when the
    write has. The name of a new file is so when its directory was synced, too.
    Others that use the file through the page cache may see old bytes.

    A file system without direct I/O (in memory, or a network's) is an OSError,
    or with buffered=True a file that goes through the page cache, under the
    same rules: `path_used` says so. In modes "w+" and "x+" the empty file stays.

    Raises: OSError of open(2), or with EINVAL for what has no direct I/O, or is
            neither a regular file nor a block device; ValueError for a mode.
    Source: open(2), statx(2); InnoDB's O_DIRECT.
    """

    def __init__(self, path, mode="r", /, *, buffered=False, dsync=False):
        if self._file != NULL:
            raise TypeError("this file is open already")
        flags = MODES.get(mode)
        if flags is None:
            raise ValueError(f"a mode is one of {', '.join(MODES)}, not {mode!r}")
        if dsync:
            flags |= os.O_DSYNC
        # Without O_NONBLOCK, a named pipe would wait here for a writer.
        cdef int fd = os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY, 0o666)
        cdef zb_file *file = <zb_file *>zb_malloc(sizeof(zb_file))
        if file == NULL:
            close_fd(fd)
            raise MemoryError(f"no memory for a record of {sizeof(zb_file)} bytes")
        file.refs, file.fd = 1, fd
        self._file, self._name = file, path
        try:
            self._find_alignment(buffered)
            if mode == "w+":
                cut(fd, 0)
        except:
            self.close()
            raise

    cdef int _find_alignment(self, bint buffered) except -1:
        cdef int fd = self._file.fd
        cdef uint32_t memory = 0
        cdef uint32_t step = 0
        check_kind(fd, self._name)
        cdef bint told = zb_dio_align(fd, &memory, &step)
        self._direct = (memory and step) if told else not zb_in_memory(fd)
        # By open(2) a file might be made, and then refused.
        self._direct = self._direct and fcntl(fd, F_SETFL, fcntl(fd, F_GETFL, 0) | O_DIRECT) == 0
        if not self._direct and not buffered:
            raise OSError(EINVAL, "no direct I/O on this file; buffered=True does without", self._name)
        self._memory = memory if self._direct and told else USUAL
        self._step = step if self._direct and told else USUAL
        return 0

    def __dealloc__(self):
        if self._file != NULL:
            file_give(self._file, 1)

    cdef int _live(self) except -1:
        if self._file == NULL:
            raise ReleasedError("this file was closed")
        return 0

    cdef int _settled(self) except -1:
        # What may be written: after a sync that failed nobody knows what the
        # device has, and one that succeeds later does not mean that it has all.
        self._live()
        if self._failed:
            raise OSError(EIO, "a sync of this file has failed, and what the device has is unknown", self._name)
        return 0

    # -- what it is

    @property
    def memory_align(self):
        """What the address of memory must be a multiple of, in bytes. Raises ReleasedError."""
        self._live()
        return self._memory

    @property
    def offset_align(self):
        """What offsets and lengths must be multiples of, in bytes. Raises ReleasedError."""
        self._live()
        return self._step

    @property
    def path_used(self):
        """How bytes go: "direct", or "buffered" through the page cache. Raises ReleasedError."""
        self._live()
        return "direct" if self._direct else "buffered"

    @property
    def size(self):
        """How many bytes the file has now, be it a file or a device. Raises ReleasedError, OSError."""
        self._live()
        cdef int64_t size = lseek(self._file.fd, 0, SEEK_END)
        if size < 0:
            PyErr_SetFromErrno(OSError)
        return size

    def fileno(self):
        """Give the descriptor, which stays the file's: do not close it.

        >>> with zbuf.direct.DirectFile(zbuf.__file__, buffered=True) as file:
        ...     os.fstat(file.fileno()).st_size == file.size
        True

        Raises ReleasedError.
        """
        self._live()
        return self._file.fd

    def buffer(self, capacity, /):
        """Make an empty buffer whose memory fits this file.

        >>> with zbuf.direct.DirectFile(zbuf.__file__, buffered=True) as file:
        ...     buf = file.buffer(8192)
        ...     file.read_into(buf, 0) == len(buf)
        True

        As aligned_buffer(capacity, memory_align).
        """
        self._live()
        return aligned(pool_default(), size_of(capacity), self._memory)

    # -- reading

    def read(self, offset, size, /):
        """Read `size` bytes at `offset`, or as many as there are up to the file's end.

        >>> with zbuf.direct.DirectFile(zbuf.__file__, buffered=True) as file:
        ...     bytes(file.read(0, file.offset_align)[:4])
        b'r\"\"\"'

        Returns: a buffer of the caller's own, shorter only at the end of the
                 file, empty behind it.
        Raises:  ValueError for an offset or a size that is negative or not a
                 multiple of offset_align; OverflowError for an offset of more
                 than 63 bits; OSError; MemoryError; ReleasedError.
        Source:  pread(2).
        """
        cdef int64_t at = fit(offset, -INT64_MAX, INT64_MAX)
        cdef Py_ssize_t n = size_of(size)
        self._live()
        self._check_place(at, n)
        cdef ByteBuf buf = aligned(pool_default(), n, self._memory)
        buf._settle(0, self._read(buf._mem, n, at))
        return buf

    def read_into(self, ByteBuf buf not None, offset, size=None, /):
        """Read bytes at `offset` behind those that the buffer has, without making room for them.

        >>> with zbuf.direct.DirectFile(zbuf.__file__, buffered=True) as file:
        ...     buf = file.buffer(4 * file.offset_align)
        ...     file.read_into(buf, 0, file.offset_align) == buf.writer_index
        True

        `size` None means all that fits. The buffer is over one region, and the
        place of its writer a multiple of memory_align.
        Moves:   writer_index, by what was read.
        Returns: how many bytes: fewer than `size` only at the file's end.
        Raises, nothing moved: ValueError for what is not aligned, with the
                 numbers; OverflowError for an offset of more than 63 bits;
                 CapacityError; TypeError for a composite; OSError;
                 ReadOnlyError; ReleasedError. RuntimeError if the buffer was
                 changed meanwhile by another thread: what was read is dropped.
        Source:  pread(2).
        """
        cdef int64_t at = fit(offset, -INT64_MAX, INT64_MAX)
        cdef Py_ssize_t n = -1 if size is None else size_of(size)
        self._live()
        buf._writable()
        if isinstance(buf, CompositeByteBuf):
            raise TypeError("a composite's memory is in many places: read into a buffer over one region")
        cdef Py_ssize_t room = buf._cap - buf._w
        if n < 0:
            n = room & -self._step
        if n > room:
            raise CapacityError(n, room)
        self._check_place(at, n)
        self._check_memory(buf._mem + buf._w)
        return self._read_behind(buf, n, at)

    cdef Py_ssize_t _read_behind(self, ByteBuf buf, Py_ssize_t n, int64_t offset) except -1:
        # Its memory stays where it is meanwhile, whatever another thread does.
        cdef zb_block *block = buf._block
        cdef Py_ssize_t w = buf._w
        cdef Py_ssize_t got
        cdef bint moved
        block_hold(block, 1)
        zb_add_int(&buf._exports, 1)
        try:
            got = self._read(buf._mem + w, n, offset)
            moved = buf._block != block or buf._w != w or buf._cap - w < n
            if not moved:
                buf._settle(buf._r, w + got)
        finally:
            zb_add_int(&buf._exports, -1)
            block_give(block, 1)
        if moved:
            raise RuntimeError(f"the buffer was changed while {n} bytes were read into it")
        return got

    cdef Py_ssize_t _read(self, unsigned char *mem, Py_ssize_t n, int64_t offset) except -1:
        # Up to n bytes: fewer at the file's end, which need not be aligned.
        cdef zb_file *file = self._file
        cdef Py_ssize_t done = 0
        cdef Py_ssize_t got = 1
        cdef int code
        file_hold(file, 1)
        try:
            while done < n and got and done % self._step == 0:
                with nogil:
                    got = pread(file.fd, mem + done, min(n - done, MOST), offset + done)
                    code = errno
                if got >= 0:
                    done += got
                elif code != EINTR:
                    raise OSError(code, f"{os.strerror(code)}: {done} of {n} bytes at {offset} were read", self._name)
                PyErr_CheckSignals()
        finally:
            file_give(file, 1)
        return done

    # -- writing

    def write(self, ByteBuf buf not None, offset, /):
        """Write a buffer's readable bytes at `offset`; the reader does not move.

        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile() as data, zbuf.direct.DirectFile(data.name, "r+", buffered=True) as file:
        ...     buf = file.buffer(4096)
        ...     buf.write_zeros(4096)
        ...     file.write(buf, 8192), file.size
        (4096, 12288)

        A composite goes by pwritev, if each of its pieces is aligned.
        Returns: how many bytes, which is all of them.
        Raises, nothing written: ValueError for what is not aligned, with the
                 numbers; OverflowError for an offset of more than 63 bits;
                 ReleasedError; OSError with EIO after a sync failed.
                 OSError of the device says how many bytes were written.
        Source:  pwritev(2).
        """
        cdef int64_t at = fit(offset, -INT64_MAX, INT64_MAX)
        self._settled()
        buf._live()
        cdef ByteBuf part = buf._part(buf._r, buf._w - buf._r)
        self._check_place(at, part._w)
        self._check_pieces(part)
        self._write(part, at)
        return part._w

    def write_end(self, ByteBuf buf not None, offset, /):
        """Write a buffer's readable bytes of any number as the end of the file.

        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile() as data, zbuf.direct.DirectFile(data.name, "r+", buffered=True) as file:
        ...     buf = file.buffer(5000)
        ...     buf.write_zeros(5000)
        ...     file.write_end(buf, 4096), file.size
        (5000, 9096)

        The bytes beyond the last multiple of offset_align are copied to a block
        of that size, with zeros behind; then the file is cut, or made longer,
        to its new end. In between others may see the zeros.
        Returns: how many bytes, which is all of them.
        Raises:  what write() raises.
        """
        cdef int64_t at = fit(offset, -INT64_MAX, INT64_MAX)
        self._settled()
        buf._live()
        cdef Py_ssize_t n = buf._w - buf._r
        cdef Py_ssize_t whole = n & -self._step
        self._check_place(at, whole)
        cdef ByteBuf part = buf._part(buf._r, whole)
        self._check_pieces(part)
        cdef ByteBuf last = aligned(pool_default(), self._step if whole < n else 0, self._memory)
        memset(last._mem, 0, last._cap)
        buf._copy_out(buf._r + whole, last._mem, n - whole)
        last._settle(0, last._cap)
        self._write(part, at)
        self._settled()
        self._write(last, at + whole)
        self._settled()
        cut(self._file.fd, at + n)
        return n

    cdef int _write(self, ByteBuf part, int64_t offset) except -1:
        # All of a handle that only the caller has. REQUIRES: all is aligned.
        cdef zb_file *file = self._file
        cdef iovec parts[MOST_PARTS]
        cdef int64_t done = 0
        cdef Py_ssize_t put
        cdef int count, code
        file_hold(file, 1)
        try:
            while done < part._w:
                count = gather_spans(part, done, MOST, parts, MOST_PARTS)
                with nogil:
                    put = pwritev(file.fd, parts, count, offset + done)
                    code = errno
                if put >= 0:
                    done += put
                elif code != EINTR:
                    raise OSError(code, f"{os.strerror(code)}: {done} of {part._w} bytes at {offset} were written", self._name)
                PyErr_CheckSignals()
        finally:
            file_give(file, 1)
        return 0

    def sync(self):
        """Wait until all that was written is on the device.

        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile() as data, zbuf.direct.DirectFile(data.name, "r+", buffered=True) as file:
        ...     file.sync()

        So is the file's size, but for its times: fdatasync(2). Once it has
        raised, what the device has is unknown, and so all later writes and
        syncs raise: open the file anew, and look.
        Raises OSError, what a signal's handler raises, ReleasedError.
        """
        self._settled()
        cdef zb_file *file = self._file
        cdef int code = EINTR
        file_hold(file, 1)
        try:
            while code == EINTR:
                with nogil:
                    code = errno if fdatasync(file.fd) < 0 else 0
                if code == EINTR:
                    PyErr_CheckSignals()
        finally:
            file_give(file, 1)
        if code:
            self._failed = True
            raise OSError(code, os.strerror(code), self._name)

    # -- what must be aligned

    cdef int _check_place(self, int64_t offset, Py_ssize_t n) except -1:
        if offset < 0:
            raise ValueError(f"offset {offset} is negative")
        if offset & (self._step - 1):
            raise ValueError(f"offset {offset} is not a multiple of {self._step}")
        if n & (self._step - 1):
            raise ValueError(f"{n} bytes are not a multiple of {self._step}")
        if n > INT64_MAX - offset:
            raise OverflowError(f"{n} bytes at {offset} reach beyond 2**63 - 1")
        return 0

    cdef int _check_memory(self, const unsigned char *mem) except -1:
        cdef Py_ssize_t beyond = <uintptr_t>mem & (self._memory - 1)
        if beyond:
            raise ValueError(f"memory begins {beyond} bytes behind a multiple of {self._memory}: see DirectFile.buffer")
        return 0

    cdef int _check_pieces(self, ByteBuf part) except -1:
        cdef Py_ssize_t i = 0
        cdef Py_ssize_t n
        cdef zb_block *block
        while i < part._w:
            self._check_memory(part._span(i, &n, &block))
            n = min(n, part._w - i)
            if n & (self._step - 1):
                raise ValueError(f"a piece of {n} bytes at {i} is not a multiple of {self._step}")
            i += n
        return 0

    # -- the end

    @property
    def closed(self):
        """Whether close() was called; never raises."""
        return self._file == NULL

    def close(self):
        """Close the file, without a sync; later use raises ReleasedError.

        >>> file = zbuf.direct.DirectFile(zbuf.__file__, buffered=True)
        >>> file.close(), file.closed
        (None, True)

        Closing twice does nothing. Calls under way in other threads go on, and
        the descriptor is closed when the last of them has ended.
        """
        cdef zb_file *file = self._file
        self._file = NULL
        if file != NULL:
            file_give(file, 1)

    def __enter__(self):
        self._live()
        return self

    def __exit__(self, kind, error, trace):
        self.close()

    def __repr__(self):
        if self._file == NULL:
            return "<zbuf.direct.DirectFile closed>"
        return f"<zbuf.direct.DirectFile {self._name!r}, {self.path_used}, multiples of {self._step}>"


cdef int check_kind(int fd, object name) except -1:
    cdef struct_stat found
    if fstat(fd, &found) < 0:
        PyErr_SetFromErrno(OSError)
    if S_ISDIR(found.st_mode):
        raise OSError(EISDIR, "a directory, not a file", name)
    if not (S_ISREG(found.st_mode) or S_ISBLK(found.st_mode)):
        raise OSError(EINVAL, "neither a regular file nor a block device", name)
    return 0


cdef int cut(int fd, int64_t size) except -1:
    # No signal is served between: its handler might close the file.
    while ftruncate(fd, size) < 0:
        if errno != EINTR:
            PyErr_SetFromErrno(OSError)
    return 0


# -- memory

def aligned_buffer(capacity, align=4096, /, *, allocator=None):
    """Make an empty buffer whose memory begins at a multiple of `align`, a power of two.

    >>> buf = zbuf.direct.aligned_buffer(10_000)
    >>> buf.capacity, buf.max_capacity
    (10000, 10000)

    It never grows, for that could move it elsewhere. A slice at a multiple of
    `align` is aligned too. Up to 4096, a pool's blocks of that size lie so
    anyway; beyond it, and from a SystemAllocator, `align` bytes more are taken.
    Raises: ValueError for an `align` that is no power of two; what
            Allocator.buffer raises, and nothing has changed.
    Source: posix_memalign(3); PooledByteBufAllocator's directMemoryCacheAlignment.
    """
    cdef Py_ssize_t n = size_of(capacity)
    cdef Py_ssize_t step = size_of(align)
    if step == 0 or step & (step - 1):
        raise ValueError(f"align is a power of two, not {step}")
    if allocator is None:
        return aligned(pool_default(), n, step)
    if not isinstance(allocator, Allocator):
        raise TypeError(f"an Allocator is required, not {type(allocator).__name__!r}")
    (<Allocator>allocator)._made()
    return aligned((<Allocator>allocator)._pool, n, step)


cdef ByteBuf aligned(zb_pool *pool, Py_ssize_t n, Py_ssize_t align):
    # A pool's block of whole multiples of `align` begins at one, up to a page:
    # spans begin at a page, and all classes that hold such sizes are multiples.
    cdef ByteBuf made = blank()
    cdef Py_ssize_t size = max(n, <Py_ssize_t>1)
    if size > INT64_MAX - 2 * align:
        raise MemoryError(f"no memory for {n} bytes at a multiple of {align}")
    cdef zb_block *block = pool_take(pool, (size + align - 1) & -align)
    if <uintptr_t>block.data & (align - 1):
        block_give(block, 1)
        block = pool_take(pool, size + align - 1)
    made._adopt(block, block.data + (-<Py_ssize_t><uintptr_t>block.data & (align - 1)), n, n)
    return made


guard(globals())
