"""Channels: bytes on their way from one descriptor to another, by splice or through a block."""

cimport cython
from libc.errno cimport EAGAIN, EINTR, EMFILE, ENFILE, errno
from posix.fcntl cimport O_CLOEXEC
from posix.unistd cimport close

from zbuf._alloc cimport plain
from zbuf._buf cimport ByteBuf
from zbuf._calls cimport fcntl, pipe2, read, shutdown, splice, tee, write
from zbuf._guard cimport guard
from zbuf._refs cimport pool_default
from zbuf._sigpipe cimport hush, unhush, zb_hush

from os import register_at_fork

cdef extern from "<fcntl.h>" nogil:
    int F_GETPIPE_SZ
    int F_SETPIPE_SZ
    unsigned int SPLICE_F_MOVE
    unsigned int SPLICE_F_NONBLOCK

cdef extern from "<sys/socket.h>" nogil:
    int SHUT_WR

cdef extern from "<string.h>":
    char *strerror(int code)

cdef enum:
    USUAL = 64 << 10    # bytes of a pipe that nobody widened


cdef class Channel:
    cdef Py_ssize_t fill(self, int source) noexcept:
        return 0

    cdef Py_ssize_t drain(self, int target, Py_ssize_t most) noexcept:
        return 0

    cdef Channel tee(self):
        return None

    cdef ByteBuf leftover(self):
        return plain(pool_default(), 0)

    cdef void rest(self) noexcept:
        pass


@cython.final
cdef class Pipe(Channel):
    def __cinit__(self):
        self._in = self._out = -1
        self.piped = True

    def __dealloc__(self):
        if self._in >= 0:
            close(self._in)
            close(self._out)

    cdef int _open(self) noexcept:
        # 0 or an errno.
        cdef int ends[2]
        if pipe2(ends, O_CLOEXEC) < 0:
            return errno
        self._out, self._in = ends[0], ends[1]
        self._forks = forks
        self.room = widen(self._in)
        return 0 if self.room > 0 else errno

    cdef Py_ssize_t take(self, int source, int64_t *at, Py_ssize_t n) noexcept:
        # What is full is not waited for. Of an empty pipe that must not be
        # said: a Unix socket that blocks would not.
        cdef unsigned int flags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK if self.held else SPLICE_F_MOVE
        cdef int code
        n = min(n, self.room - self.held)
        if n <= 0:
            return -EAGAIN
        with nogil:
            n = splice(source, at, self._in, NULL, n, flags)
            code = errno
        if n < 0:
            return -code
        self.held += n
        return n

    cdef Py_ssize_t give(self, int target, int64_t *at, Py_ssize_t n) noexcept:
        cdef int code
        cdef zb_hush kept
        with nogil:
            hush(&kept)
            n = splice(self._out, NULL, target, at, n, SPLICE_F_MOVE | SPLICE_F_NONBLOCK)
            unhush(&kept)
            code = errno
        if n < 0:
            return -code
        self.held -= n
        return n

    cdef Py_ssize_t read(self, void *mem, Py_ssize_t n) noexcept:
        n = read(self._out, mem, min(n, self.held))
        if n < 0:
            return -errno
        self.held -= n
        return n

    cdef Py_ssize_t fill(self, int source) noexcept:
        return self.take(source, NULL, self.room)

    cdef Py_ssize_t drain(self, int target, Py_ssize_t most) noexcept:
        return self.give(target, NULL, most)

    cdef Channel tee(self):
        cdef Pipe copy = take_pipe()
        cdef Py_ssize_t n = 0
        if copy is not None:
            n = tee(self._out, copy._in, self.held, SPLICE_F_NONBLOCK)
        if n <= 0:
            return None
        copy.held = n
        return copy

    cdef ByteBuf leftover(self):
        cdef ByteBuf buf = plain(pool_default(), self.held)
        cdef Py_ssize_t n
        while self.held:
            n = self.read(buf._mem + buf._w, self.held)
            if n > 0:
                buf._settle(0, buf._w + n)
            elif n != -EINTR:
                raise OSError(-n, strerror(-n).decode())
        return buf

    cdef void rest(self) noexcept:
        # One that had to be small is not kept: the next may get its full size.
        if self.held == 0 and self.room >= CAPACITY and self._forks == forks and len(resting) < MOST_RESTING:
            resting.append(self)


@cython.final
cdef class Block(Channel):
    # What is held are the readable bytes of a buffer that never grows.
    cdef ByteBuf _buf    # None, or ours alone but for the slices that tee made

    def __cinit__(self):
        self.room = CAPACITY

    cdef Py_ssize_t fill(self, int source) noexcept:
        cdef Py_ssize_t n = self._buf._cap - self._buf._w
        cdef unsigned char *mem = self._buf._mem + self._buf._w
        cdef int code
        if n == 0:
            return -EAGAIN
        with nogil:
            n = read(source, mem, n)
            code = errno
        if n < 0:
            return -code
        self._buf._settle(self._buf._r, self._buf._w + n)
        self.held += n
        return n

    cdef Py_ssize_t drain(self, int target, Py_ssize_t most) noexcept:
        cdef unsigned char *mem = self._buf._mem + self._buf._r
        cdef Py_ssize_t n
        cdef int code
        cdef zb_hush kept
        with nogil:
            hush(&kept)
            n = write(target, mem, most)
            unhush(&kept)
            code = errno
        if n < 0:
            return -code
        self._buf._settle(self._buf._r + n, self._buf._w)
        self.held -= n
        return n

    cdef Channel tee(self):
        cdef Block copy = Block.__new__(Block)
        copy._buf = self._buf._part(self._buf._r, self.held)
        copy.held = self.held
        return copy

    cdef ByteBuf leftover(self):
        cdef ByteBuf buf = self._buf
        self._buf = plain(pool_default(), 0)
        self.held = 0
        return buf


cdef Channel open_channel():
    cdef Pipe pipe = take_pipe()
    return pipe if pipe is not None else block_channel(None)


cdef Channel block_channel(Channel old):
    # The record first: once the bytes have left `old`, nothing may fail.
    cdef Block made = Block.__new__(Block)
    made._buf = plain(pool_default(), CAPACITY) if old is None else old.leftover()
    made.held = made._buf._w - made._buf._r
    return made


cdef Pipe take_pipe():
    # None if no descriptor is left.
    cdef Pipe pipe
    cdef int code
    if resting:
        try:
            return <Pipe>resting.pop()
        except IndexError:   # another thread was quicker
            pass
    pipe = Pipe.__new__(Pipe)
    code = pipe._open()
    if code in (EMFILE, ENFILE):
        return None
    if code:
        raise OSError(code, strerror(code).decode())
    return pipe


cdef Py_ssize_t widen(int pipe) noexcept:
    # The limits of the system, or of the user's pipes in all, may allow less.
    # A pipe that is refused all of these has what the kernel gave it.
    cdef int size = CAPACITY
    while size > USUAL and fcntl(pipe, F_SETPIPE_SZ, size) < 0:
        size //= 2
    return fcntl(pipe, F_GETPIPE_SZ, 0)


cdef int half_close(int sock) noexcept:
    return 0 if shutdown(sock, SHUT_WR) == 0 else errno


# -- pipes at rest: empty, of full size, and made by this very process

cdef list resting = []
cdef int forks = 0


cdef Py_ssize_t close_resting() except -1:
    cdef Py_ssize_t n = len(resting)
    resting.clear()
    return n


def _after_fork_in_child():
    """Leave the pipes at rest to the parent: both would write into them."""
    global forks
    forks += 1
    close_resting()


register_at_fork(after_in_child=_after_fork_in_child)


guard(globals())
