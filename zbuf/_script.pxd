# What the next system calls of zbuf are to say: zbuf.testing.syscalls. The
# calls that ask are in _calls. Without a script it costs one look a call, and
# nobody needs the GIL.

from zbuf._native cimport zb_count

cdef enum:
    MOST_OUTCOMES = 1024

cdef enum:
    # The calls by their names in _script.pyx: bits.
    SENDMSG = 1 << 0
    SENDFILE = 1 << 1
    SPLICE = 1 << 2
    TEE = 1 << 3
    RECV = 1 << 4
    READ = 1 << 5
    WRITE = 1 << 6
    PREAD = 1 << 7
    PREADV2 = 1 << 8
    PWRITE = 1 << 9
    PWRITEV = 1 << 10
    PIPE2 = 1 << 11
    FCNTL = 1 << 12
    FSTAT = 1 << 13
    FTRUNCATE = 1 << 14
    LSEEK = 1 << 15
    FDATASYNC = 1 << 16
    MMAP = 1 << 17
    MSYNC = 1 << 18
    SHUTDOWN = 1 << 19
    GETSOCKOPT = 1 << 20
    SETSOCKOPT = 1 << 21
    RECVMSG = 1 << 22

cdef Py_ssize_t left    # outcomes to come

cdef int next_line(int call, Py_ssize_t *most) noexcept nogil


cdef inline int next_outcome(int call, Py_ssize_t *most) noexcept nogil:
    # The errno that the call to be made has failed with, or 0: make it, for
    # *most bytes or less, which may be fewer than *most was.
    return next_line(call, most) if zb_count(&left) > 0 else 0
