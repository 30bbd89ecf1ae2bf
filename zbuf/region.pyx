"""FileRegion: bytes of a file that are sent without being read."""

cimport cython
from cpython.exc cimport PyErr_CheckSignals, PyErr_SetFromErrno
from cpython.object cimport PyObject_AsFileDescriptor
from cpython.slice cimport PySlice_AdjustIndices, PySlice_Check, PySlice_Unpack
from libc.errno cimport EAGAIN, EBADF, EINTR, EINVAL, EISDIR, errno
from libc.limits cimport INT_MAX
from libc.stdint cimport INT64_MAX
from libc.stdlib cimport free, getenv
from libc.string cimport memcmp, memset
from posix.fcntl cimport F_GETFL, O_ACCMODE, O_WRONLY
from posix.mman cimport MS_SYNC
from posix.stat cimport S_ISBLK, S_ISCHR, S_ISDIR, S_ISFIFO, S_ISREG, S_ISSOCK, mode_t, struct_stat
from posix.unistd cimport _SC_PAGESIZE, close as close_fd, sysconf

from zbuf._block cimport zb_block
from zbuf._buf cimport READONLY, ByteBuf, blank, shared
from zbuf._calls cimport fcntl, fstat, msync
from zbuf._guard cimport guard, guard_argument
from zbuf._mapping cimport mapping_block
from zbuf._memory cimport count_objects, zb_malloc
from zbuf._native cimport ZB_FREE_THREADED, zb_add, zb_count, zb_sub
from zbuf._number cimport fit, index_of, size_of
from zbuf._pool cimport pool_take
from zbuf._refs cimport block_give, pool_default
from zbuf._splice cimport Pipe, take_pipe
from zbuf._sys cimport AGAIN, FULL, MOST_BYTES, REFUSED, receive_spliced, receive_written

import os

from zbuf.errors import FileChangedError, ReleasedError

cdef extern from *:
    Py_ssize_t PY_SSIZE_T_MAX

cdef extern from "<fcntl.h>":
    int F_DUPFD_CLOEXEC
    int O_PATH

cdef extern from *:
    """
    #ifndef O_PATH
    #define O_PATH 0
    #endif
    #define zb_nanoseconds(found) ((found)->st_mtim.tv_nsec)
    """
    long nanoseconds "zb_nanoseconds" (struct_stat *found)

cdef enum:
    ROOM = 64 << 10    # bytes of the block through which a file goes that is not spliced


cdef void file_hold(zb_file *file, Py_ssize_t n) noexcept:
    zb_add(&file.refs, n)


cdef bint file_give(zb_file *file, Py_ssize_t n) noexcept:
    if zb_sub(&file.refs, n):
        return False
    close_fd(file.fd)
    free(file)
    return True


cdef class FileRegion:
    """FileRegion(file, offset, count=None, /, *, close=False, stable=None)\n--\n\nA run of a file's bytes, to be sent by sendfile: none is read or copied.

    >>> with open(zbuf.__file__, "rb") as file:
    ...     region = zbuf.FileRegion(file, 10)
    >>> region.offset, len(region) == os.stat(zbuf.__file__).st_size - 10
    (10, True)

    `file` is an open regular file: a descriptor, or any object with a
    fileno(). The region takes a duplicate of the descriptor, so the caller may
    close the file at any moment. With close=True the caller's file is closed
    as soon as the region stands; if making it fails, it stays open.
    `count` is in bytes; None means up to the end the file has now. What the
    file gains later is not part of the region. The file's position is neither
    used nor moved, so one file may serve any number of regions and sockets.

    Bytes that are overwritten in the file while it is being sent are sent as
    they are then, even some the kernel has already taken: send files that are
    only appended to, or replaced by renaming. What a Python file object still
    has in its write buffer is not in the file: flush() it first.
    With stable="stat", the file's size and time of change are looked at before
    and after each send: FileChangedError says that they are not what they were
    when the region was made. That detects a change and does not prevent it.
    ZBUF_NO_SENDFILE=1 in the environment, for file systems that say they can
    and send garbage, sends by read.

    Raises: OSError, with the file's name, for what is not a regular file, or
            not open for reading; ValueError for a negative offset or count,
            or a region that reaches beyond the end of the file; OverflowError
            for more than 63 bits; TypeError without a descriptor; ValueError
            for another `stable` than None or "stat".
    Source: io.netty.channel.DefaultFileRegion; sendfile(2), dup(2).
    """

    def __init__(self, file, offset, count=None, /, *, close=False, stable=None):
        if self._file != NULL:
            raise TypeError("this region is made already")
        cdef int64_t at = fit(offset, -INT64_MAX, INT64_MAX)
        name = name_of(file)
        cdef bint must_stay = is_stat(stable)
        self._adopt(duplicate(PyObject_AsFileDescriptor(file)), at, count, name, must_stay)
        if close:
            close_original(file)

    @classmethod
    def open(cls, path, offset=0, count=None, /, *, stable=None):
        """Open the file at `path` for a region of its own.

        >>> with zbuf.FileRegion.open(zbuf.__file__, 0, 4) as region:
        ...     len(region)
        4

        Returns: a region whose descriptor nobody else knows.
        Raises:  OSError of open(2), and what FileRegion raises.
        Source:  DefaultFileRegion(File, long, long).
        """
        cdef FileRegion made = cls.__new__(cls)
        cdef int64_t at = fit(offset, -INT64_MAX, INT64_MAX)
        cdef bint must_stay = is_stat(stable)
        # Without O_NONBLOCK, a named pipe would wait here for a writer.
        made._adopt(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY), at, count, path, must_stay)
        return made

    cdef int _adopt(self, int fd, int64_t offset, object count, object name, bint stable) except -1:
        # Takes the descriptor over, and closes it if it will not do.
        cdef zb_file *file = NULL
        cdef zb_stat was
        try:
            stat_of(fd, &was)
            self._count = span(fd, offset, count, name)
            file = <zb_file *>zb_malloc(sizeof(zb_file))
            if file == NULL:
                raise MemoryError(f"no memory for a record of {sizeof(zb_file)} bytes")
        except:
            self._count = 0
            close_fd(fd)
            raise
        file.refs, file.fd, file.way, file.stable, file.was = 1, fd, 0, stable, was
        self._file, self._offset, self._own = file, offset, 1
        return 0

    def __dealloc__(self):
        if self._file != NULL:
            self._close()

    cdef bint _close(self) noexcept:
        cdef zb_file *file = self._file
        cdef int own = self._own
        self._file = NULL
        self._offset = self._count = self._own = 0
        return file_give(file, own)

    cdef int _live(self) except -1:
        if self._file == NULL:
            raise ReleasedError("this region was released")
        return 0

    # -- what it is

    @property
    def offset(self):
        """Where in the file the region begins, in bytes.

        >>> zbuf.FileRegion.open(zbuf.__file__, 3).offset
        3

        Raises ReleasedError. Source: FileRegion.position.
        """
        self._live()
        return self._offset

    @property
    def count(self):
        """How many bytes the region has; len() says the same.

        >>> zbuf.FileRegion.open(zbuf.__file__, 3, 5).count
        5

        Raises ReleasedError. Source: FileRegion.count.
        """
        self._live()
        return self._count

    def __len__(self):
        self._live()
        return self._count

    def fileno(self):
        """Give the descriptor, which stays the region's: do not close it.

        >>> region = zbuf.FileRegion.open(zbuf.__file__)
        >>> os.fstat(region.fileno()).st_size == region.count
        True

        Raises ReleasedError.
        """
        self._live()
        return self._file.fd

    def __getitem__(self, key):
        """Make a region of a part of this one, on the same descriptor.

        >>> part = zbuf.FileRegion.open(zbuf.__file__, 10)[5:20]
        >>> part.offset, part.count
        (15, 15)

        Returns: a region with a reference of its own, cut to this one's ends.
        Raises:  TypeError for a single index, whose byte would have to be
                 read; ValueError for a step other than 1; ReleasedError.
        """
        cdef Py_ssize_t start, stop, step
        if not PySlice_Check(key):
            raise TypeError(f"a region can only be sliced, not indexed by {type(key).__name__!r}")
        PySlice_Unpack(key, &start, &stop, &step)
        self._live()
        if step != 1:
            raise ValueError(f"a slice of a region has step 1, not {step}")
        return part_of(self, start, PySlice_AdjustIndices(self._count, &start, &stop, step))

    def ranges(self, bounds, /):
        """Make a region of each of several parts of this one, from `start` up to `stop`, or of none.

        >>> region = zbuf.FileRegion.open(zbuf.__file__, 10)
        >>> [(part.offset, len(part)) for part in region.ranges([(0, 5), (20, 30)])]
        [(10, 5), (30, 10)]

        For what a peer asks for: bounds count from the region's first byte, and
        are not cut to its ends as those of a slice are. Parts may overlap.
        Returns: a list of regions, each with a reference of its own.
        Raises, with none made: ValueError unless 0 <= start <= stop <= count,
                 with the numbers, OverflowError, TypeError; ReleasedError.
        Source:  multipart/byteranges of RFC 9110.
        """
        cdef list wanted = []
        cdef list parts = []
        cdef int64_t start, stop
        for first, end in bounds:
            wanted.append((fit(first, -INT64_MAX, INT64_MAX), fit(end, -INT64_MAX, INT64_MAX)))
        for start, stop in wanted:
            self._live()
            if not 0 <= start <= stop <= self._count:
                raise ValueError(f"bytes {start} up to {stop} are not within the region's {self._count}")
            parts.append(part_of(self, start, stop - start))
        return parts

    # -- ownership

    @property
    def path_used(self):
        """How bytes of this file went to a socket last: 'sendfile', 'splice', 'pread', or None.

        >>> ours, theirs = socket.socketpair()
        >>> region = zbuf.FileRegion.open(zbuf.__file__)
        >>> queue = zbuf.OutboundBuffer()
        >>> queue.write(region)
        >>> with ours, theirs:
        ...     region.path_used, queue.flush_to(ours, max_bytes=9).sent, region.path_used
        (None, 9, 'sendfile')

        One for all regions of the descriptor. The next way is tried where the
        one before is refused for the first byte of a region. Raises ReleasedError.
        """
        self._live()
        return way_name(self._file.way) if self._file.way else None

    # -- as memory

    def map(self, *, writable=False):
        """Map the region into memory: a buffer of its bytes, none of which is read before it is looked at.

        >>> with zbuf.FileRegion.open(zbuf.__file__, 0, 20).map() as buf:
        ...     buf.readonly, len(buf), bytes(buf[:2])
        (True, 20, b'r"')

        The buffer is like any other: it may be cut, queued and sent, looked at
        through a memoryview, released before or after the region. With
        writable=True, what is set in it goes to the file (see flush), which
        has to be open for writing.

        A file that is truncated under it ends no process: who touches what is
        gone reads zeros, or writes nowhere, and gets a TruncatedFileError when
        the call is back in Python. This holds for calls of the buffer and of
        what shares its memory, for memoryviews and for those they were given
        to, numpy say. The call has then done its work, with zeros: a reader
        has moved, a copy was made. What is sent or written to a file straight
        from the memory raises it before anything moves. Code that runs without
        the interpreter's lock is told by the main thread; an operator of a
        memoryview, which is no call, may show its zero before. What is left of
        the last page, behind the file's new end, reads as zeros and tells
        nobody. Once the file has its size again, so has the buffer. A page that
        the disk has no room for, or cannot read, is told by OSError instead.

        Returns: a ByteBuf that keeps the file by itself.
        Raises:  OSError (PermissionError, if the file is not open for writing
                 and should be), MemoryError, ReleasedError.
        Source:  java.nio FileChannel.map; mmap(2).
        """
        cdef ByteBuf buf
        self._live()
        if self._count == 0:
            return shared(b"")
        buf = blank()
        cdef zb_block *block
        cdef int fd = duplicate(self._file.fd)
        try:
            block = mapping_block(fd, self._offset, self._count, writable)
        except:
            close_fd(fd)
            raise
        buf._adopt(block, block.data, block.size, block.size)
        buf._settle(0, block.size)
        if not writable:
            buf._lim = READONLY
        return buf

    def flush(self, start=0, stop=None, /):
        """Wait until the region's bytes of [start, stop) are on the disk: what was set through a map, and all else.

        >>> with tempfile.TemporaryFile() as file:
        ...     file.truncate(10)
        ...     region = zbuf.FileRegion(file, 0)
        ...     with region.map(writable=True) as buf:
        ...         buf.set_bytes(3, b"abc")
        ...     region.flush(3, 6), file.read()
        10
        (None, b'\\x00\\x00\\x00abc\\x00\\x00\\x00\\x00')

        Bounds are those of a slice. If it fails, what is on the disk is not
        known; a second flush may succeed without having written it.
        Raises: OSError, what a signal's handler raises, ReleasedError.
        Source: MappedByteBuffer.force; msync(2).
        """
        cdef Py_ssize_t n = 0
        cdef Py_ssize_t first = index_of(start)
        cdef Py_ssize_t last = PY_SSIZE_T_MAX if stop is None else index_of(stop)
        self._live()
        n = PySlice_AdjustIndices(self._count, &first, &last, 1)
        if n > 0:
            sync(self._file, self._offset + first, n)

    # -- the way in

    def receive_from(self, sock, most=None, /):
        """Write what a socket has to the region's place in the file, without its passing through the program.

        >>> ours, theirs = socket.socketpair()
        >>> with ours, theirs, tempfile.TemporaryFile() as file:
        ...     file.truncate(100)
        ...     region = zbuf.FileRegion(file, 10)
        ...     ours.sendall(b"hello"), region.receive_from(theirs, 5)
        ...     os.pread(file.fileno(), 5, 10)
        100
        (None, 5)
        b'hello'

        By splice; by recv and pwrite where that is refused, or no descriptor is left for a pipe. The file has to be
        open for writing too, and to have the region's bytes already: truncate()
        it to its size to come. region[n:].receive_from(sock) goes on after n.
        Returns: how many bytes came: the region's size, or `most` if that is
                 less, or fewer if the peer ended or a non-blocking socket has
                 no more for now.
        Raises:  BlockingIOError, if a non-blocking socket has nothing; OSError
                 of the socket, or of the file, ENOSPC say: then up to 1 MiB
                 that was taken from the socket is lost; what a signal's
                 handler raises, between two pieces; ValueError for a
                 negative `most`; ReleasedError.
        Source:  java.nio FileChannel.transferFrom; splice(2).
        """
        cdef int64_t n = INT64_MAX if most is None else size_of(most)
        cdef int fd = PyObject_AsFileDescriptor(sock)
        self._live()
        n = min(n, self._count)
        return self._receive(fd, n) if n else 0

    cdef int64_t _receive(self, int sock, int64_t most) except -1:
        # The file is held: a signal's handler may release this handle.
        cdef zb_file *file = self._file
        cdef int64_t at = self._offset
        file_hold(file, 1)
        try:
            return receive_all(sock, file.fd, at, most)
        finally:
            file_give(file, 1)

    @property
    def released(self):
        """Whether this handle was released; never raises.

        >>> region = zbuf.FileRegion.open(zbuf.__file__)
        >>> region.released, region.release(), region.released
        (False, True, True)
        """
        return self._file == NULL

    @property
    def refcnt(self):
        """How many references keep the descriptor open; 0 for a released handle.

        >>> region = zbuf.FileRegion.open(zbuf.__file__)
        >>> part = region[5:]
        >>> region.refcnt
        2

        Regions, retains and queued sends count. Source: ReferenceCounted.refCnt.
        """
        return zb_count(&self._file.refs) if self._file != NULL else 0

    def retain(self, count=1, /):
        """Take references for other holders of this very handle.

        >>> region = zbuf.FileRegion.open(zbuf.__file__).retain()
        >>> region.release(), region.release()
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
        file_hold(self._file, n)
        self._own += <int>n
        return self

    def release(self, count=1, /):
        """Give references back; the handle closes when it has none left.

        >>> region = zbuf.FileRegion.open(zbuf.__file__)
        >>> part = region[5:]
        >>> region.release(), part.release()
        (False, True)

        Other regions of the descriptor and queued sends go on.
        Returns: True if these were the last references: the descriptor is
                 closed now.
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
        if n == self._own:
            return self._close()
        self._own -= <int>n
        return file_give(self._file, n)

    def __enter__(self):
        self._live()
        return self

    def __exit__(self, kind, error, trace):
        if self._file != NULL:
            self.release()

    def __repr__(self):
        if self._file == NULL:
            return "<zbuf.FileRegion released>"
        return f"<zbuf.FileRegion {self._count} bytes at {self._offset} of fd {self._file.fd}, refs {self.refcnt}>"


count_objects(FileRegion)


cdef FileRegion part_of(FileRegion whole, int64_t start, int64_t count):
    cdef FileRegion part = FileRegion.__new__(FileRegion)
    file_hold(whole._file, 1)
    part._file, part._own = whole._file, 1
    part._offset, part._count = whole._offset + start, count
    return part


cdef FileRegion private_region(FileRegion region):
    if not ZB_FREE_THREADED:
        return region
    with cython.critical_section(region):
        region._live()
        return part_of(region, 0, region._count)


cdef int duplicate(int fd) except -1:
    # Not onto 0, 1 or 2, which programs take for theirs.
    cdef int own = fcntl(fd, F_DUPFD_CLOEXEC, 3)
    if own < 0:
        PyErr_SetFromErrno(OSError)
    return own


cdef int close_original(object file) except -1:
    if isinstance(file, int):
        os.close(file)
    else:
        file.close()
    return 0


cdef object name_of(object file):
    # What a message calls it: a file object knows its name or its number.
    return getattr(file, "name", None) or PyObject_AsFileDescriptor(file)


cdef int64_t span(int fd, int64_t offset, object count, object name) except -1:
    # How many bytes from offset on; raises unless they are there to be sent.
    cdef int64_t size = readable_size(fd, name)
    if offset < 0:
        raise ValueError(f"offset {offset} is negative")
    cdef int64_t wanted = size - offset if count is None else fit(count, -INT64_MAX, INT64_MAX)
    if wanted < 0 and count is not None:
        raise ValueError(f"count {wanted} is negative")
    if offset > size or wanted > size - offset:
        raise ValueError(f"{max(wanted, 0)} bytes at {offset} reach beyond the file's size, {size}")
    return wanted


cdef int64_t readable_size(int fd, object name) except -1:
    cdef struct_stat found
    cdef int mode = fcntl(fd, F_GETFL, 0)
    if mode < 0 or fstat(fd, &found) < 0:
        PyErr_SetFromErrno(OSError)
    if S_ISDIR(found.st_mode):
        raise OSError(EISDIR, "a directory, not a regular file", name)
    if not S_ISREG(found.st_mode):
        raise OSError(EINVAL, f"{kind_of(found.st_mode)}, not a regular file", name)
    if mode & O_ACCMODE == O_WRONLY or mode & O_PATH:
        raise OSError(EBADF, "not open for reading", name)
    return found.st_size


cdef str kind_of(mode_t mode):
    if S_ISFIFO(mode):
        return "a pipe"
    if S_ISSOCK(mode):
        return "a socket"
    if S_ISCHR(mode) or S_ISBLK(mode):
        return "a device"
    return "something else"


cdef bint is_stat(object stable) except -1:
    if stable is None:
        return False
    if stable != "stat":
        raise ValueError(f"stable is None or 'stat', not {stable!r}")
    return True


cdef int sync(zb_file *file, int64_t offset, Py_ssize_t n) except -1:
    # msync wants memory, but it is the file that it writes, whoever changed it.
    cdef zb_block *block
    cdef int code = EINTR
    cdef int64_t aside = offset % sysconf(_SC_PAGESIZE)
    cdef int fd = duplicate(file.fd)
    try:
        block = mapping_block(fd, offset, n, False)
    except:
        close_fd(fd)
        raise
    try:
        while code == EINTR:
            with nogil:
                code = errno if msync(block.data - aside, n + aside, MS_SYNC) < 0 else 0
            if code == EINTR:
                PyErr_CheckSignals()
    finally:
        block_give(block, 1)
    if code:
        raise_errno(code)
    return 0


cdef int raise_errno(int code) except -1:
    global errno
    errno = code
    PyErr_SetFromErrno(OSError)


cdef int64_t receive_all(int sock, int file, int64_t at, int64_t most) except -1:
    # By splice as long as there is a pipe and it is not refused.
    cdef Pipe pipe = take_pipe()
    cdef zb_block *block = NULL
    cdef int64_t all = 0
    cdef Py_ssize_t got = AGAIN
    try:
        while all < most and got != 0 and got != FULL:
            if pipe is None:
                block = pool_take(pool_default(), ROOM) if block == NULL else block
                got = receive_written(sock, file, at + all, most - all, block.data, block.size)
            else:
                got = receive_spliced(sock, pipe, file, at + all, min(most - all, MOST_BYTES))
            if got == REFUSED:
                pipe.rest()
                pipe = None
            all += max(got, 0)
    finally:
        if pipe is not None:
            pipe.rest()
        if block != NULL:
            block_give(block, 1)
    if all == 0 and got == FULL:
        raise BlockingIOError(EAGAIN, os.strerror(EAGAIN))
    return all


cdef int first_way() noexcept:
    cdef const char *off = getenv("ZBUF_NO_SENDFILE")
    return PREAD if off != NULL and off[0] == c"1" else SENDFILE


cdef str way_name(int way):
    return {MEMORY: "sendmsg", SENDFILE: "sendfile", SPLICE: "splice", PREAD: "pread"}[way]


cdef int stat_of(int fd, zb_stat *what) except -1:
    cdef struct_stat found
    memset(what, 0, sizeof(zb_stat))
    if fstat(fd, &found) < 0:
        PyErr_SetFromErrno(OSError)
    what.device, what.inode, what.size = found.st_dev, found.st_ino, found.st_size
    what.seconds, what.nanoseconds = found.st_mtime, nanoseconds(&found)
    return 0


cdef int file_check(zb_file *file) except -1:
    cdef zb_stat now
    if file.stable:
        stat_of(file.fd, &now)
        if memcmp(&now, &file.was, sizeof(zb_stat)) != 0:
            raise FileChangedError(file.was.size, now.size)
    return 0


cdef int64_t file_size(int fd) except -1:
    cdef struct_stat found
    if fstat(fd, &found) < 0:
        PyErr_SetFromErrno(OSError)
    return found.st_size


guard_argument(FileRegion)
guard(globals())
