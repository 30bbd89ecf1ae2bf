"""System calls that move bytes: the GIL is released around each, one call each."""

from cpython.exc cimport PyErr_CheckSignals, PyErr_SetFromErrno
from cpython.object cimport PyObject_AsFileDescriptor
from libc.errno cimport EAGAIN, EINTR, EINVAL, ENOSYS, EOPNOTSUPP, ESPIPE, errno
from libc.string cimport memset
from posix.fcntl cimport O_CLOEXEC
from posix.unistd cimport close

from zbuf._script cimport next_outcome
from zbuf._sigpipe cimport hush, unhush, zb_hush

import sys

cdef enum:
    LEAST_PAGE = 4096    # bytes that are surely in the page cache together

cdef extern from "<sys/socket.h>" nogil:
    ctypedef unsigned int socklen_t
    struct msghdr:
        iovec *msg_iov
        size_t msg_iovlen
    int MSG_DONTWAIT
    int MSG_MORE
    int MSG_NOSIGNAL
    Py_ssize_t recv(int sock, void *data, size_t size, int flags)
    Py_ssize_t send(int sock, const void *data, size_t size, int flags)
    Py_ssize_t sendmsg(int sock, const msghdr *message, int flags)
    int getsockopt(int sock, int level, int name, void *value, socklen_t *size)
    int setsockopt(int sock, int level, int name, const void *value, socklen_t size)

cdef extern from "<netinet/in.h>" nogil:
    int IPPROTO_TCP

cdef extern from "<netinet/tcp.h>" nogil:
    int TCP_CORK

cdef enum:
    # <linux/tls.h>, which not everybody has.
    SOL_TLS = 282
    TLS_TX = 1

cdef extern from "<fcntl.h>" nogil:
    unsigned int SPLICE_F_MOVE
    Py_ssize_t splice(int source, int64_t *at, int target, int64_t *to, size_t n, unsigned int flags)

cdef extern from "<unistd.h>" nogil:
    int pipe2(int *ends, int flags)
    Py_ssize_t read(int file, void *data, size_t size)
    Py_ssize_t pread64(int file, void *data, size_t size, int64_t offset)
    Py_ssize_t pwrite64(int file, const void *data, size_t size, int64_t offset)

cdef extern from "<sys/uio.h>" nogil:
    int RWF_NOWAIT
    Py_ssize_t preadv2(int file, const iovec *parts, int count, int64_t offset, int flags)

cdef extern from "<sys/sendfile.h>" nogil:
    Py_ssize_t sendfile64(int out, int file, int64_t *offset, size_t n)


cdef Py_ssize_t send_parts(int sock, iovec *parts, int count, bint more) except -1:
    cdef Py_ssize_t sent
    cdef Py_ssize_t most = MOST_BYTES
    cdef int code = next_outcome(&most)
    cdef int flags = MSG_NOSIGNAL | MSG_MORE if more else MSG_NOSIGNAL
    if code:
        return refused(code)
    if most < MOST_BYTES:
        count = cut(parts, count, most)
    with nogil:
        sent = gather(sock, parts, count, flags)
        code = errno
    return sent if sent >= 0 else refused(code)


cdef Py_ssize_t send_file(int sock, int file, int64_t offset, Py_ssize_t n, bint first) except -1:
    cdef Py_ssize_t sent
    cdef zb_hush kept
    cdef int code = next_outcome(&n)
    if code:
        return elsewhere(code, first)
    with nogil:
        hush(&kept)
        sent = sendfile64(sock, file, &offset, n)
        unhush(&kept)
        code = errno
    return sent if sent >= 0 else elsewhere(code, first)


cdef Py_ssize_t send_spliced(int sock, int file, int64_t offset, Py_ssize_t n, bint first) except -1:
    cdef int pipe[2]
    cdef Py_ssize_t sent
    cdef int code = next_outcome(&n)
    if code:
        return elsewhere(code, first)
    open_pipe(pipe)
    with nogil:
        sent = through(pipe, file, &offset, sock, n)
        code = errno
    close_pipe(pipe)
    return sent if sent >= 0 else elsewhere(code, first)


cdef Py_ssize_t through(int *pipe, int file, int64_t *offset, int sock, Py_ssize_t n) noexcept nogil:
    cdef zb_hush kept
    cdef Py_ssize_t got = splice(file, offset, pipe[1], NULL, n, SPLICE_F_MOVE)
    if got <= 0:
        return got
    hush(&kept)
    got = splice(pipe[0], NULL, sock, NULL, got, SPLICE_F_MOVE)
    unhush(&kept)
    return got


cdef Py_ssize_t send_read(int sock, int file, int64_t offset, Py_ssize_t n, unsigned char *mem, Py_ssize_t room) except -1:
    cdef iovec part
    cdef Py_ssize_t got
    cdef int code
    with nogil:
        got = pread64(file, mem, min(n, room), offset)
        code = errno
    if got <= 0:
        return 0 if got == 0 else refused(code)
    part.iov_base, part.iov_len = mem, got
    return send_parts(sock, &part, 1, False)


cdef bint is_cold(int file, int64_t offset, Py_ssize_t n) noexcept:
    cdef Py_ssize_t most = 1
    cdef int code = next_outcome(&most)
    cdef int64_t last = offset + n - 1
    return code == EAGAIN or waits(file, last) or (offset // LEAST_PAGE != last // LEAST_PAGE and waits(file, offset))


cdef bint waits(int file, int64_t offset) noexcept:
    cdef char byte
    cdef iovec part
    part.iov_base, part.iov_len = &byte, 1
    return preadv2(file, &part, 1, offset, RWF_NOWAIT) < 0 and errno == EAGAIN


cdef int64_t read_ahead(int file, int64_t offset, int64_t n, unsigned char *mem, Py_ssize_t room) except -1:
    cdef int64_t all = 0
    cdef Py_ssize_t got = 1
    cdef int code
    while got > 0 and all < n:
        with nogil:
            got = pread64(file, mem, min(n - all, room), offset + all)
            code = errno
        if got < 0:
            refused(code)
        all += max(got, 0)
    return all


cdef Py_ssize_t receive_some(int sock, unsigned char *mem, Py_ssize_t n) except -1:
    cdef Py_ssize_t got
    cdef int code = next_outcome(&n)
    if code:
        return refused(code)
    with nogil:
        got = recv(sock, mem, n, MSG_DONTWAIT)
        code = errno
    return got if got >= 0 else refused(code)


cdef Py_ssize_t receive_spliced(int sock, int *pipe, int file, int64_t offset, Py_ssize_t n) except -1:
    cdef Py_ssize_t got
    cdef bint taken = False
    cdef int code = next_outcome(&n)
    if code:
        return elsewhere(code, True)
    with nogil:
        got = splice(sock, NULL, pipe[1], NULL, n, SPLICE_F_MOVE)
        if got > 0:
            taken = True
            got = drain(pipe[0], file, offset, got)
        code = errno
    return got if got >= 0 else elsewhere(code, not taken)


cdef Py_ssize_t drain(int pipe, int file, int64_t offset, Py_ssize_t n) noexcept nogil:
    # All n bytes in the pipe to the file, however it takes them; -1 with errno.
    cdef unsigned char few[4096]
    cdef Py_ssize_t moved, left = n
    cdef int64_t at = offset
    while left > 0:
        moved = splice(pipe, NULL, file, &at, left, SPLICE_F_MOVE)
        if moved < 0 and cannot(errno):
            moved = read(pipe, few, min(left, <Py_ssize_t>sizeof(few)))
            if moved > 0:
                if write_all(file, few, moved, at) < 0:
                    return -1
                at += moved
        if moved < 0 and errno != EINTR:
            return -1
        left -= max(moved, 0)
    return n


cdef Py_ssize_t receive_written(int sock, int file, int64_t offset, Py_ssize_t n, unsigned char *mem, Py_ssize_t room) except -1:
    cdef Py_ssize_t got
    cdef int code = next_outcome(&n)
    if code:
        return refused(code)
    with nogil:
        got = recv(sock, mem, min(n, room), 0)
        if got > 0 and write_all(file, mem, got, offset) < 0:
            got = -1
        code = errno
    return got if got >= 0 else refused(code)


cdef int write_all(int file, const unsigned char *mem, Py_ssize_t n, int64_t offset) noexcept nogil:
    # 0, or -1 with errno. The bytes are nowhere else: no signal is served between.
    cdef Py_ssize_t done
    while n > 0:
        done = pwrite64(file, mem, n, offset)
        if done < 0 and errno != EINTR:
            return -1
        done = max(done, 0)
        mem += done
        offset += done
        n -= done
    return 0


cdef int open_pipe(int *ends) except -1:
    if pipe2(ends, O_CLOEXEC) < 0:
        PyErr_SetFromErrno(OSError)
    return 0


cdef void close_pipe(int *ends) noexcept:
    close(ends[0])
    close(ends[1])


cdef bint cannot(int code) noexcept nogil:
    # Does a call say that it does not do this at all?
    return code == EINVAL or code == ENOSYS or code == EOPNOTSUPP or code == ESPIPE


cdef Py_ssize_t elsewhere(int code, bint first) except -1:
    return REFUSED if first and cannot(code) else refused(code)


cdef Py_ssize_t refused(int code) except -1:
    # Why a call moved nothing, and whether to try again.
    if code == EAGAIN:
        return FULL
    if code == EINTR:
        PyErr_CheckSignals()
        return AGAIN
    global errno
    errno = code
    PyErr_SetFromErrno(OSError)


cdef int cut(iovec *parts, int count, Py_ssize_t most) noexcept:
    # The first `most` bytes of the parts, and how many they lie in. REQUIRES: most >= 1.
    cdef int k = 0
    while k < count and <Py_ssize_t>parts[k].iov_len < most:
        most -= parts[k].iov_len
        k += 1
    if k == count:
        return count
    parts[k].iov_len = most
    return k + 1


cdef Py_ssize_t gather(int sock, iovec *parts, int count, int flags) noexcept nogil:
    # The kernel copies in a lone part's address faster than a message's.
    cdef msghdr message
    if count == 1:
        return send(sock, parts[0].iov_base, parts[0].iov_len, flags)
    memset(&message, 0, sizeof(message))
    message.msg_iov = parts
    message.msg_iovlen = count
    return sendmsg(sock, &message, flags)


cdef void push(int sock) noexcept nogil:
    # Taking a cork off sends what is waiting. Where the user has put one on,
    # bytes are to wait, and there is nothing to do.
    cdef int code = errno
    cdef int corked = 0
    cdef socklen_t size = sizeof(corked)
    if getsockopt(sock, IPPROTO_TCP, TCP_CORK, &corked, &size) == 0 and not corked:
        setsockopt(sock, IPPROTO_TCP, TCP_CORK, &corked, size)
    global errno
    errno = code


cdef type tls_socket = None   # ssl.SSLSocket, once somebody has imported ssl


cpdef bint is_tls(object sock) except -1:
    """Whether what is written to the descriptor itself would go out unencrypted."""
    global tls_socket
    if tls_socket is None:
        ssl = (<dict>sys.modules).get("ssl")
        tls_socket = getattr(ssl, "SSLSocket", None)   # not there while ssl is being imported
    return tls_socket is not None and isinstance(sock, tls_socket)


cpdef bint encrypts(int sock) noexcept:
    """Whether the kernel encrypts what is written to the descriptor, as OpenSSL may have asked it to."""
    cdef unsigned int version_and_cipher
    cdef socklen_t size = sizeof(version_and_cipher)
    return getsockopt(sock, SOL_TLS, TLS_TX, &version_and_cipher, &size) == 0


cdef int plain_descriptor(object end) except -1:
    if is_tls(end):
        raise TypeError("an SSLSocket's descriptor has only encrypted bytes: a plain socket is required")
    return PyObject_AsFileDescriptor(end)
