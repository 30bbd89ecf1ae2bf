"""System calls that move bytes: the GIL is released around each, one call each."""

from cpython.exc cimport PyErr_CheckSignals, PyErr_SetFromErrno
from libc.errno cimport EAGAIN, EINTR, errno
from libc.signal cimport SIG_IGN, SIGPIPE
from libc.string cimport memset
from posix.signal cimport (
    SIG_BLOCK, SIG_SETMASK, sigaction, sigaction_t, sigaddset, sigemptyset, siginfo_t, sigismember, sigpending,
)
from posix.time cimport timespec
from posix.types cimport sigset_t

from zbuf._script cimport next_outcome

import sys

cdef extern from "<signal.h>" nogil:
    int pthread_sigmask(int how, const sigset_t *new, sigset_t *old)
    int sigtimedwait(const sigset_t *wanted, siginfo_t *got, const timespec *timeout)

cdef extern from "<sys/socket.h>" nogil:
    ctypedef unsigned int socklen_t
    struct msghdr:
        iovec *msg_iov
        size_t msg_iovlen
    int MSG_MORE
    int MSG_NOSIGNAL
    Py_ssize_t send(int sock, const void *data, size_t size, int flags)
    Py_ssize_t sendmsg(int sock, const msghdr *message, int flags)
    int getsockopt(int sock, int level, int name, void *value, socklen_t *size)
    int setsockopt(int sock, int level, int name, const void *value, socklen_t size)

cdef extern from "<netinet/in.h>" nogil:
    int IPPROTO_TCP

cdef extern from "<netinet/tcp.h>" nogil:
    int TCP_CORK

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


cdef Py_ssize_t send_file(int sock, int file, int64_t offset, Py_ssize_t n) except -1:
    cdef Py_ssize_t sent
    cdef int code = next_outcome(&n)
    if code:
        return refused(code)
    with nogil:
        sent = sendfile64(sock, file, &offset, n) if pipe_ignored() else sendfile_quietly(sock, file, offset, n)
        code = errno
    return sent if sent >= 0 else refused(code)


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


cdef bint pipe_ignored() noexcept nogil:
    # As Python leaves it, unless the program wants SIGPIPE as other tools do.
    cdef sigaction_t now
    return sigaction(SIGPIPE, NULL, &now) == 0 and now.sa_handler == SIG_IGN


cdef Py_ssize_t sendfile_quietly(int sock, int file, int64_t offset, Py_ssize_t n) noexcept nogil:
    # sendfile knows no MSG_NOSIGNAL: keep the signal from this thread, and
    # take it away unless one was waiting before. The kernel sends it to the
    # calling thread, also where the call then reports the bytes that went.
    cdef sigset_t pipe, before, waiting
    cdef timespec at_once
    cdef int code
    at_once.tv_sec = at_once.tv_nsec = 0
    sigemptyset(&pipe)
    sigaddset(&pipe, SIGPIPE)
    pthread_sigmask(SIG_BLOCK, &pipe, &before)
    sigpending(&waiting)
    cdef Py_ssize_t sent = sendfile64(sock, file, &offset, n)
    code = errno
    if not sigismember(&waiting, SIGPIPE):
        sigtimedwait(&pipe, NULL, &at_once)
    pthread_sigmask(SIG_SETMASK, &before, NULL)
    global errno
    errno = code
    return sent


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
