"""Sends that the kernel makes straight from a buffer's memory: MSG_ZEROCOPY.

>>> with socket.create_server(("127.0.0.1", 0)) as listener:
...     ours = socket.create_connection(listener.getsockname())
...     theirs = listener.accept()[0]
>>> with ours, theirs, zbuf.zerocopy.ZeroCopySender(ours) as sender:
...     buf = zbuf.copied(bytes(40_000))
...     sender.send(buf), buf.refcnt                # the kernel still reads it
...     len(theirs.recv(40_000, socket.MSG_WAITALL))
...     sender.drain(10), buf.refcnt
(40000, 2)
40000
(True, 1)
"""

cimport cython
from cpython.exc cimport PyErr_CheckSignals, PyErr_SetFromErrno
from cpython.object cimport PyObject_AsFileDescriptor
from libc.errno cimport EAGAIN, EINTR, ENOBUFS, errno
from libc.stdint cimport uint32_t
from libc.string cimport memset
from posix.uio cimport iovec

from zbuf._buf cimport ByteBuf
from zbuf._calls cimport getsockopt, msghdr, recvmsg, sendmsg, setsockopt, socklen_t
from zbuf._guard cimport guard
from zbuf._native cimport zb_add, zb_count
from zbuf._number cimport size_of
from zbuf._spans cimport gather_spans
from zbuf._sys cimport MOST_BYTES, MOST_PARTS, plain_descriptor

import os
import select
import time

from zbuf.errors import ReleasedError

__all__ = ["ZeroCopySender", "abandoned_bytes"]

cdef extern from *:
    """
    #include <errno.h>
    #include <string.h>
    #include <sys/socket.h>
    #include <netinet/in.h>
    #include <time.h>
    #include <linux/errqueue.h>

    #ifndef SO_ZEROCOPY
    #define SO_ZEROCOPY 60
    #endif
    #ifndef MSG_ZEROCOPY
    #define MSG_ZEROCOPY 0x4000000
    #endif

    /* Room for one message of the error queue. */
    struct zb_notice {
        struct msghdr message;
        union { char room[512]; struct cmsghdr align; } control;
    };
    static void zb_empty_notice(struct zb_notice *n) {
        memset(&n->message, 0, sizeof(n->message));
        n->message.msg_control = &n->control;
        n->message.msg_controllen = sizeof(n->control);
    }

    /* Whether it tells the end of the calls first..last. */
    static int zb_tells(struct zb_notice *n, uint32_t *first, uint32_t *last, int *copied) {
        struct sock_extended_err error;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&n->message); c != NULL; c = CMSG_NXTHDR(&n->message, c)) {
            if (!((c->cmsg_level == SOL_IP && c->cmsg_type == IP_RECVERR)
                  || (c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_RECVERR)))
                continue;
            memcpy(&error, CMSG_DATA(c), sizeof(error));
            if (error.ee_errno != 0 || error.ee_origin != SO_EE_ORIGIN_ZEROCOPY)
                continue;
            *first = error.ee_info;
            *last = error.ee_data;
            *copied = (error.ee_code & SO_EE_CODE_ZEROCOPY_COPIED) != 0;
            return 1;
        }
        return 0;
    }
    """
    struct zb_notice:
        msghdr message
    void zb_empty_notice(zb_notice *notice)
    bint zb_tells(zb_notice *notice, uint32_t *first, uint32_t *last, int *copied)
    int MSG_DONTWAIT
    int MSG_ERRQUEUE
    int MSG_NOSIGNAL
    int MSG_ZEROCOPY
    int SO_ZEROCOPY
    int SOL_SOCKET


@cython.final
cdef class Call:
    pass


@cython.final
cdef class ZeroCopySender:
    """ZeroCopySender(sock, /, *, least=32768)\n--\n\nSends buffers from a TCP socket without copying them to the kernel, and holds their memory meanwhile.

    >>> with socket.create_server(("127.0.0.1", 0)) as listener:
    ...     ours = socket.create_connection(listener.getsockname())
    ...     theirs = listener.accept()[0]
    >>> with ours, theirs, zbuf.zerocopy.ZeroCopySender(ours) as sender:
    ...     sender.send(zbuf.copied(bytes(40_000)))
    ...     sender.drain(10), sender.copied, sender.active      # to a local peer, all is copied
    40000
    (True, 40000, False)

    The memory of a send belongs to the kernel until the peer has acknowledged
    all of it: releasing the buffer is legal, and its block goes back only then.
    Overwriting it is not: the peer may get either.

    Pinning memory pays for large sends through a network card; below `least`
    bytes, sends are plain ones. Where the kernel tells that it had to copy
    after all (a peer on the same machine, a card that cannot gather), or has no
    room to pin more (ENOBUFS), the sender switches itself off: `active` is
    False, and all later sends are plain.

    One sender for one socket: the kernel counts its calls, and only one can
    know them. poll and epoll report an error (POLLERR) on the socket while
    notifications wait: call drain(0) before taking it for one. The socket stays
    the caller's; close the sender first.

    Raises: OSError for a socket that has none of it (EOPNOTSUPP, a Unix
            socket), ValueError for one that is set up for it already.
    Source: Documentation/networking/msg_zerocopy.rst of Linux.
    """

    def __init__(self, sock, /, *, least=32 << 10):
        global made
        if self._sock is not None:
            raise TypeError("this sender is made already")
        self._least = size_of(least)
        switch_on(plain_descriptor(sock))
        made += 1
        self._number = made
        self._calls = {}
        self._sock, self._active = sock, True

    def __dealloc__(self):
        zb_add(&abandoned, self._pending)

    cdef int _live(self) except -1:
        if self._sock is None:
            raise ReleasedError("this sender was closed")
        if self._sending:
            raise RuntimeError("a send of this sender is under way")
        return 0

    # -- sending

    def send(self, ByteBuf buf not None, /):
        """Send a buffer's readable bytes, until all have gone or the socket is full.

        >>> with socket.create_server(("127.0.0.1", 0)) as listener:
        ...     ours = socket.create_connection(listener.getsockname())
        ...     theirs = listener.accept()[0]
        >>> with ours, theirs, zbuf.zerocopy.ZeroCopySender(ours) as sender:
        ...     sender.send(zbuf.wrap(b"head", b"body")), theirs.recv(100)
        (8, b'headbody')

        Composites go as they are, up to 1,024 parts a call. A blocking socket
        blocks until all has gone. The buffer's reader does not move.
        Returns: how many bytes the kernel took: fewer than there are only from
                 a non-blocking socket that is full.
        Raises:  OSError (BrokenPipeError, ConnectionResetError ...), what a
                 signal's handler raises: `sent` counts what went before.
                 ReleasedError; ValueError for a closed socket; RuntimeError
                 while another send is under way.
        Source:  sendmsg(2).
        """
        self._live()
        buf._live()
        cdef ByteBuf part = buf._part(buf._r, buf._w - buf._r)
        self._sending = True
        try:
            return self._send_all(part)
        finally:
            self._sending = False

    cdef Py_ssize_t _send_all(self, ByteBuf part) except -1:
        cdef Py_ssize_t done = 0
        cdef Py_ssize_t n
        self._collect()
        while done < part._w:
            n = self._send_some(PyObject_AsFileDescriptor(self._sock), part, done)
            if n >= 0:
                done += n
                self._sent += n
            elif n == -EAGAIN:
                break
            elif n != -EINTR:
                raise OSError(-n, f"{os.strerror(-n)}: {done} of {part._w} bytes were sent")
            PyErr_CheckSignals()
        return done

    cdef Py_ssize_t _send_some(self, int fd, ByteBuf part, Py_ssize_t done) except *:
        # How many bytes went, or -errno.
        cdef Py_ssize_t n
        if self._active and part._w - done >= self._least:
            n = self._send_held(fd, part, done)
            if n != -ENOBUFS:
                return n
            self._active = False
        return send_message(fd, part, done, 0)

    cdef Py_ssize_t _send_held(self, int fd, ByteBuf part, Py_ssize_t done) except *:
        # Held before it is sent: nothing may fail afterwards.
        cdef Call call = Call.__new__(Call)
        cdef Py_ssize_t n
        call.part = part
        under_way[self._number] = self._calls
        self._calls[self._next] = call
        n = send_message(fd, part, done, MSG_ZEROCOPY)
        if n > 0:
            call.size = n
            self._pending += n
            self._next += 1
        else:
            del self._calls[self._next]
            self._settle()
        return n

    # -- notifications

    def drain(self, timeout=None, /):
        """Wait until the kernel is done with all that was sent; 0 does not wait.

        >>> with socket.create_server(("127.0.0.1", 0)) as listener:
        ...     ours = socket.create_connection(listener.getsockname())
        ...     theirs = listener.accept()[0]
        >>> with ours, theirs, zbuf.zerocopy.ZeroCopySender(ours) as sender:
        ...     sender.drain(0)
        True

        Takes what is in the socket's error queue, and blocks go back to their
        pools. `timeout` is in seconds, None for no limit.
        Returns: whether nothing is pending.
        Raises:  OSError; ValueError for a closed socket; ReleasedError;
                 RuntimeError while a send is under way.
        Source:  recvmsg(2), MSG_ERRQUEUE.
        """
        self._live()
        cdef double end = time.monotonic() + timeout if timeout is not None else 0
        poll = select.poll()
        poll.register(self._sock, 0)      # POLLERR is always waited for
        self._collect()
        while self._pending:
            left = None if timeout is None else max(end - time.monotonic(), 0) * 1000
            if left == 0:
                return False
            if poll.poll(left) and not self._collect():
                time.sleep(0.01)          # a socket that was hung up wakes us for nothing
            self._live()
        return True

    cdef bint _collect(self) except -1:
        # True if there was something.
        cdef uint32_t first, last
        cdef int copied, code
        cdef bint found = False
        while self._pending:
            code = next_notice(PyObject_AsFileDescriptor(self._sock), &first, &last, &copied)
            if code == -EAGAIN:
                break
            if code < 0:
                raise OSError(-code, os.strerror(-code))
            if code:
                self._end_calls(first, last, copied)
            found = True
        return found

    cdef int _end_calls(self, uint32_t first, uint32_t last, bint copied) except -1:
        # A buffer goes last: its owner's code may come back here.
        cdef uint32_t number = first
        cdef list gone = []
        cdef Call call
        while True:
            call = <Call>self._calls.pop(number, None)
            if call is not None:
                self._account(call.size, copied)
                gone.append(call)
            if number == last:
                break
            number += 1
        self._settle()
        return 0

    cdef void _account(self, Py_ssize_t n, bint copied) noexcept:
        self._pending -= n
        if copied:
            self._copied += n
            self._active = False
        else:
            self._uncopied += n

    cdef int _settle(self) except -1:
        if not self._calls:
            under_way.pop(self._number, None)
        return 0

    # -- what became of it

    @property
    def sent(self):
        """How many bytes the kernel took."""
        return self._sent

    @property
    def pending(self):
        """How many bytes of them it still reads where they lie."""
        return self._pending

    @property
    def copied(self):
        """How many bytes it told to have copied after all."""
        return self._copied

    @property
    def uncopied(self):
        """How many bytes it told to have sent from where they lay."""
        return self._uncopied

    @property
    def active(self):
        """Whether large sends still go without a copy."""
        return self._active

    # -- the end

    @property
    def closed(self):
        """Whether close() was called; never raises."""
        return self._sock is None

    def close(self, timeout=10.0, /):
        """Drain, and let go of the socket, which stays the caller's to close: after this.

        >>> with socket.create_server(("127.0.0.1", 0)) as listener:
        ...     ours = socket.create_connection(listener.getsockname())
        >>> sender = zbuf.zerocopy.ZeroCopySender(ours)
        >>> sender.close(), sender.closed, ours.close()
        (True, True, None)

        Closing twice does nothing. Memory that the kernel is not done with in
        time, or of a sender that was dropped or whose socket was closed, is
        never used again, for the peer would get to see it: abandoned_bytes().
        Returns: whether nothing was abandoned.
        Raises:  RuntimeError while a send is under way.
        """
        if self._sock is None:
            return True
        self._live()
        try:
            self.drain(timeout)
        except (OSError, ValueError):     # no socket any more to hear from
            pass
        self._sock, self._active = None, False
        done = self._pending == 0
        zb_add(&abandoned, self._pending)
        self._pending = 0
        return done

    def __enter__(self):
        self._live()
        return self

    def __exit__(self, kind, error, trace):
        self.close()

    def __repr__(self):
        state = "closed" if self._sock is None else "active" if self._active else "switched off"
        return f"<zbuf.zerocopy.ZeroCopySender {state}, {self._sent} bytes sent, {self._pending} pending>"


cdef int switch_on(int fd) except -1:
    cdef int on = 0
    cdef socklen_t size = sizeof(on)
    if getsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &on, &size) < 0:
        PyErr_SetFromErrno(OSError)
    if on:
        raise ValueError("SO_ZEROCOPY is set on this socket: the sends of another could not be told from ours")
    on = 1
    if setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &on, size) < 0:
        PyErr_SetFromErrno(OSError)
    return 0


cdef int next_notice(int fd, uint32_t *first, uint32_t *last, int *copied) noexcept:
    # One message of the error queue: 1 if it tells the end of the calls
    # first..last, 0 if it tells something else, -errno if there is none.
    cdef zb_notice notice
    zb_empty_notice(&notice)
    if recvmsg(fd, &notice.message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0:
        return -errno
    return zb_tells(&notice, first, last, copied)


cdef Py_ssize_t send_message(int fd, ByteBuf part, Py_ssize_t done, int flags) noexcept:
    # What of a handle's bytes one call takes from index `done` on, or -errno.
    cdef iovec parts[MOST_PARTS]
    cdef msghdr message
    cdef Py_ssize_t n
    cdef int code
    memset(&message, 0, sizeof(message))
    message.msg_iov = parts
    message.msg_iovlen = gather_spans(part, done, MOST_BYTES, parts, MOST_PARTS)
    with nogil:
        n = sendmsg(fd, &message, flags | MSG_NOSIGNAL)
        code = errno
    return n if n >= 0 else -code


# -- memory that outlives its sender

# The calls of each sender that has some, by its number. A sender that is
# dropped leaves them here: nobody will hear when the kernel is done with them.
cdef dict under_way = {}
cdef Py_ssize_t abandoned = 0
cdef long long made = 0


def abandoned_bytes():
    """Count the bytes that senders have left behind, with the kernel perhaps still reading them.

    >>> zbuf.zerocopy.abandoned_bytes()
    0

    Their memory is held until the process ends. More than 0 means that senders
    were dropped, or sockets closed, before drain() had said True.
    """
    return zb_count(&abandoned)


guard(globals())
