# The system calls of zbuf: those of the C library, with -1 and errno, but that
# each first asks _script what it is to say. No module makes one by itself whose
# failure anybody hears of; tests/faults/test_every_call.py looks for those.

from libc.errno cimport errno
from libc.stdint cimport int64_t
from posix.stat cimport struct_stat
from posix.uio cimport iovec

from zbuf._script cimport (
    FCNTL, FDATASYNC, FSTAT, FTRUNCATE, GETSOCKOPT, LSEEK, MMAP, MSYNC, PIPE2, PREAD, PREADV2, PWRITE, PWRITEV, READ, RECV,
    RECVMSG, SENDFILE, SENDMSG, SETSOCKOPT, SHUTDOWN, SPLICE, TEE, WRITE, next_outcome,
)

cdef extern from *:
    """
    #include <fcntl.h>
    #include <sys/mman.h>
    #include <sys/sendfile.h>
    #include <sys/socket.h>
    #include <sys/stat.h>
    #include <sys/uio.h>
    #include <unistd.h>
    """
    Py_ssize_t ALL "PY_SSIZE_T_MAX"
    ctypedef unsigned int socklen_t
    struct msghdr:
        iovec *msg_iov
        size_t msg_iovlen

cdef extern from * nogil:
    Py_ssize_t c_send "send" (int sock, const void *data, size_t n, int flags)
    Py_ssize_t c_sendmsg "sendmsg" (int sock, const msghdr *message, int flags)
    Py_ssize_t c_recv "recv" (int sock, void *data, size_t n, int flags)
    Py_ssize_t c_recvmsg "recvmsg" (int sock, msghdr *message, int flags)
    int c_shutdown "shutdown" (int sock, int how)
    int c_getsockopt "getsockopt" (int sock, int level, int name, void *value, socklen_t *size)
    int c_setsockopt "setsockopt" (int sock, int level, int name, const void *value, socklen_t size)
    Py_ssize_t c_sendfile "sendfile64" (int out, int file, int64_t *at, size_t n)
    Py_ssize_t c_splice "splice" (int source, int64_t *at, int target, int64_t *to, size_t n, unsigned int flags)
    Py_ssize_t c_tee "tee" (int source, int target, size_t n, unsigned int flags)
    int c_pipe2 "pipe2" (int *ends, int flags)
    Py_ssize_t c_read "read" (int file, void *data, size_t n)
    Py_ssize_t c_write "write" (int file, const void *data, size_t n)
    Py_ssize_t c_pread "pread64" (int file, void *data, size_t n, int64_t at)
    Py_ssize_t c_preadv2 "preadv2" (int file, const iovec *parts, int count, int64_t at, int flags)
    Py_ssize_t c_pwrite "pwrite64" (int file, const void *data, size_t n, int64_t at)
    Py_ssize_t c_pwritev "pwritev64" (int file, const iovec *parts, int count, int64_t at)
    int c_fcntl "fcntl" (int fd, int what, ...)
    int c_fstat "fstat" (int fd, struct_stat *found)
    int c_ftruncate "ftruncate64" (int file, int64_t size)
    int64_t c_lseek "lseek64" (int file, int64_t at, int whence)
    int c_fdatasync "fdatasync" (int file)
    void *c_mmap "mmap64" (void *at, size_t n, int rights, int flags, int file, int64_t offset)
    int c_msync "msync" (void *at, size_t n, int flags)
    void *NOT_MAPPED "MAP_FAILED"


cdef inline bint told(int call, Py_ssize_t *most) noexcept nogil:
    # Has the call failed, with errno? If not, it may be for fewer bytes.
    global errno
    cdef int code = next_outcome(call, most)
    if code:
        errno = code
    return code != 0


cdef inline bint fails(int call) noexcept nogil:
    # The same of a call that moves no bytes.
    cdef Py_ssize_t nothing = 0
    return told(call, &nothing)


cdef inline int cut(iovec *parts, int count, Py_ssize_t most) noexcept nogil:
    # The first `most` bytes of the parts, and how many they lie in. REQUIRES: most >= 1.
    cdef int k = 0
    while k < count and <Py_ssize_t>parts[k].iov_len < most:
        most -= parts[k].iov_len
        k += 1
    if k == count:
        return count
    parts[k].iov_len = most
    return k + 1


# -- sockets; what is given in parts may be used up

cdef inline Py_ssize_t send(int sock, const void *data, Py_ssize_t n, int flags) noexcept nogil:
    return -1 if told(SENDMSG, &n) else c_send(sock, data, n, flags)


cdef inline Py_ssize_t sendmsg(int sock, msghdr *message, int flags) noexcept nogil:
    cdef Py_ssize_t most = ALL
    if told(SENDMSG, &most):
        return -1
    if most != ALL:
        message.msg_iovlen = cut(message.msg_iov, message.msg_iovlen, most)
    return c_sendmsg(sock, message, flags)


cdef inline Py_ssize_t recv(int sock, void *data, Py_ssize_t n, int flags) noexcept nogil:
    return -1 if told(RECV, &n) else c_recv(sock, data, n, flags)


cdef inline Py_ssize_t recvmsg(int sock, msghdr *message, int flags) noexcept nogil:
    return -1 if fails(RECVMSG) else c_recvmsg(sock, message, flags)


cdef inline int shutdown(int sock, int how) noexcept nogil:
    return -1 if fails(SHUTDOWN) else c_shutdown(sock, how)


cdef inline int getsockopt(int sock, int level, int name, void *value, socklen_t *size) noexcept nogil:
    return -1 if fails(GETSOCKOPT) else c_getsockopt(sock, level, name, value, size)


cdef inline int setsockopt(int sock, int level, int name, const void *value, socklen_t size) noexcept nogil:
    return -1 if fails(SETSOCKOPT) else c_setsockopt(sock, level, name, value, size)


# -- from descriptor to descriptor

cdef inline Py_ssize_t sendfile(int out, int file, int64_t *at, Py_ssize_t n) noexcept nogil:
    return -1 if told(SENDFILE, &n) else c_sendfile(out, file, at, n)


cdef inline Py_ssize_t splice(int source, int64_t *at, int target, int64_t *to, Py_ssize_t n, unsigned int flags) noexcept nogil:
    return -1 if told(SPLICE, &n) else c_splice(source, at, target, to, n, flags)


cdef inline Py_ssize_t tee(int source, int target, Py_ssize_t n, unsigned int flags) noexcept nogil:
    return -1 if told(TEE, &n) else c_tee(source, target, n, flags)


cdef inline int pipe2(int *ends, int flags) noexcept nogil:
    return -1 if fails(PIPE2) else c_pipe2(ends, flags)


# -- files

cdef inline Py_ssize_t read(int file, void *data, Py_ssize_t n) noexcept nogil:
    return -1 if told(READ, &n) else c_read(file, data, n)


cdef inline Py_ssize_t write(int file, const void *data, Py_ssize_t n) noexcept nogil:
    return -1 if told(WRITE, &n) else c_write(file, data, n)


cdef inline Py_ssize_t pread(int file, void *data, Py_ssize_t n, int64_t at) noexcept nogil:
    return -1 if told(PREAD, &n) else c_pread(file, data, n, at)


cdef inline Py_ssize_t preadv2(int file, const iovec *parts, int count, int64_t at, int flags) noexcept nogil:
    return -1 if fails(PREADV2) else c_preadv2(file, parts, count, at, flags)


cdef inline Py_ssize_t pwrite(int file, const void *data, Py_ssize_t n, int64_t at) noexcept nogil:
    return -1 if told(PWRITE, &n) else c_pwrite(file, data, n, at)


cdef inline Py_ssize_t pwritev(int file, iovec *parts, int count, int64_t at) noexcept nogil:
    cdef Py_ssize_t most = ALL
    if told(PWRITEV, &most):
        return -1
    return c_pwritev(file, parts, count if most == ALL else cut(parts, count, most), at)


cdef inline int fcntl(int fd, int what, int value) noexcept nogil:
    return -1 if fails(FCNTL) else c_fcntl(fd, what, value)


cdef inline int fstat(int fd, struct_stat *found) noexcept nogil:
    return -1 if fails(FSTAT) else c_fstat(fd, found)


cdef inline int ftruncate(int file, int64_t size) noexcept nogil:
    return -1 if fails(FTRUNCATE) else c_ftruncate(file, size)


cdef inline int64_t lseek(int file, int64_t at, int whence) noexcept nogil:
    return -1 if fails(LSEEK) else c_lseek(file, at, whence)


cdef inline int fdatasync(int file) noexcept nogil:
    return -1 if fails(FDATASYNC) else c_fdatasync(file)


cdef inline void *mmap(void *at, size_t n, int rights, int flags, int file, int64_t offset) noexcept nogil:
    return NOT_MAPPED if fails(MMAP) else c_mmap(at, n, rights, flags, file, offset)


cdef inline int msync(void *at, size_t n, int flags) noexcept nogil:
    return -1 if fails(MSYNC) else c_msync(at, n, flags)
