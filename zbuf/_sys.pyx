"""System calls that move bytes: the GIL is released around each, one call each."""

from cpython.exc cimport PyErr_CheckSignals, PyErr_SetFromErrno
from cpython.object cimport PyObject_AsFileDescriptor
from libc.errno cimport EAGAIN, EINTR, EINVAL, ENOSYS, EOPNOTSUPP, ESPIPE, errno
from libc.string cimport memset

from zbuf._calls cimport msghdr, pread, preadv2, pwrite, recv, send, sendfile, sendmsg, socklen_t
from zbuf._sigpipe cimport hush, unhush, zb_hush
from zbuf._splice cimport Pipe, take_pipe

import sys

cdef enum:
    LEAST_PAGE = 4096    # bytes that are surely in the page cache together

cdef extern from "<sys/socket.h>" nogil:
    int MSG_DONTWAIT
    int MSG_MORE
    int MSG_NOSIGNAL
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

cdef extern from "<sys/uio.h>" nogil:
    int RWF_NOWAIT


cdef Py_ssize_t send_parts(int sock, iovec *parts, int count, bint more) except -1:
    cdef Py_ssize_t sent
    cdef int code
    cdef int flags = MSG_NOSIGNAL | MSG_MORE if more else MSG_NOSIGNAL
    with nogil:
        sent = gather(sock, parts, count, flags)
        code = errno
    return sent if sent >= 0 else refused(code)


cdef Py_ssize_t send_file(int sock, int file, int64_t offset, Py_ssize_t n, bint first) except -1:
    cdef Py_ssize_t sent
    cdef zb_hush kept
    cdef int code
    with nogil:
        hush(&kept)
        sent = sendfile(sock, file, &offset, n)
        unhush(&kept)
        code = errno
    return sent if sent >= 0 else elsewhere(code, first)


cdef Py_ssize_t send_spliced(int sock, int file, int64_t offset, Py_ssize_t n, bint first) except -1:
    cdef Pipe pipe = take_pipe()
    cdef Py_ssize_t sent
    if pipe is None:
        return REFUSED
    sent = pipe.take(file, &offset, n)
    if sent > 0:
        sent = pipe.give(sock, NULL, sent)
    pipe.rest()
    return sent if sent >= 0 else elsewhere(-sent, first)


cdef Py_ssize_t send_read(int sock, int file, int64_t offset, Py_ssize_t n, unsigned char *mem, Py_ssize_t room) except -1:
    cdef iovec part
    cdef Py_ssize_t got
    cdef int code
    with nogil:
        got = pread(file, mem, min(n, room), offset)
        code = errno
    if got <= 0:
        return 0 if got == 0 else refused(code)
    part.iov_base, part.iov_len = mem, got
    return send_parts(sock, &part, 1, False)


cdef bint is_cold(int file, int64_t offset, Py_ssize_t n) noexcept:
    cdef int64_t last = offset + n - 1
    return waits(file, last) or (offset // LEAST_PAGE != last // LEAST_PAGE and waits(file, offset))


cdef bint waits(int file, int64_t offset) noexcept:
    cdef char byte
    cdef iovec part
    part.iov_base, part.iov_len = &byte, 1
    return preadv2(file, &part, 1, offset, RWF_NOWAIT) < 0 and errno == EAGAIN


cdef int64_t read_ahead(int file, int64_t offset, int64_t n, unsigned char *mem, Py_ssize_t room) except -1:
    cdef int64_t all = 0
    cdef Py_ssize_t got = AGAIN
    cdef int code
    while got != 0 and got != FULL and all < n:
        with nogil:
            got = pread(file, mem, min(n - all, room), offset + all)
            code = errno
        if got < 0:
            got = refused(code)
        all += max(got, 0)
    return all


cdef Py_ssize_t receive_some(int sock, unsigned char *mem, Py_ssize_t n) except -1:
    cdef Py_ssize_t got
    cdef int code
    with nogil:
        got = recv(sock, mem, n, MSG_DONTWAIT)
        code = errno
    return got if got >= 0 else refused(code)


cdef Py_ssize_t receive_spliced(int sock, Pipe pipe, int file, int64_t offset, Py_ssize_t n) except -1:
    cdef Py_ssize_t got = pipe.take(sock, NULL, n)
    cdef Py_ssize_t put
    if got < 0:
        return elsewhere(-got, True)
    put = drain(pipe, file, offset)
    return got if put >= 0 else failed(-put)


cdef Py_ssize_t drain(Pipe pipe, int file, int64_t at) noexcept:
    # All that the pipe holds to the file, however it takes it; 0 or -errno.
    cdef Py_ssize_t put = 0
    while pipe.held and (put >= 0 or put == -EINTR):
        put = pipe.give(file, &at, pipe.held)
        if put < 0 and cannot(-put):
            put = copy_some(pipe, file, &at)
    return min(put, <Py_ssize_t>0)


cdef Py_ssize_t copy_some(Pipe pipe, int file, int64_t *at) noexcept:
    cdef unsigned char few[4096]
    cdef Py_ssize_t n = pipe.read(few, sizeof(few))
    if n > 0:
        if write_all(file, few, n, at[0]) < 0:
            return -errno
        at[0] += n
    return n


cdef Py_ssize_t receive_written(int sock, int file, int64_t offset, Py_ssize_t n, unsigned char *mem, Py_ssize_t room) except -1:
    cdef Py_ssize_t got
    cdef int put = 0
    cdef int code
    with nogil:
        got = recv(sock, mem, min(n, room), 0)
        if got > 0:
            put = write_all(file, mem, got, offset)
        code = errno
    if put < 0:
        return failed(code)
    return got if got >= 0 else refused(code)


cdef int write_all(int file, const unsigned char *mem, Py_ssize_t n, int64_t offset) noexcept nogil:
    # 0, or -1 with errno. The bytes are nowhere else: no signal is served between.
    cdef Py_ssize_t done
    while n > 0:
        done = pwrite(file, mem, n, offset)
        if done < 0 and errno != EINTR:
            return -1
        done = max(done, 0)
        mem += done
        offset += done
        n -= done
    return 0


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
    return failed(code)


cdef Py_ssize_t failed(int code) except -1:
    global errno
    errno = code
    PyErr_SetFromErrno(OSError)


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
