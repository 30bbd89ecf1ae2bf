"""Bytes from socket to socket, by splice: they pass through a pipe of the kernel, and none is read.

>>> client, inside = socket.socketpair()
>>> outside, server = socket.socketpair()
>>> client.sendall(b"hello")
>>> client.shutdown(socket.SHUT_WR)
>>> zbuf.relay.one_way(inside, outside)
5
>>> server.recv(100), server.recv(100)      # the end is passed on, too
(b'hello', b'')
>>> for sock in (client, inside, outside, server):
...     sock.close()
"""

from cpython.exc cimport PyErr_CheckSignals
from cpython.object cimport PyObject_AsFileDescriptor
from libc.errno cimport EAGAIN, EINTR, EINVAL, ENOSYS, ENOTCONN, ENOTSOCK
from libc.stdint cimport INT64_MAX, int64_t

from zbuf._alloc cimport plain
from zbuf._guard cimport guard
from zbuf._number cimport size_of
from zbuf._refs cimport pool_default
from zbuf._splice cimport CAPACITY, Channel, block_channel, close_resting, half_close, open_channel
from zbuf._sys cimport plain_descriptor

import os
import select

from zbuf.errors import ReleasedError

__all__ = ["Relay", "both_ways", "one_way", "run", "trim"]


cdef class Relay:
    """Relay(source, target, /, *, tap=None, half_close=True)\n--\n\nOne direction of a stream: what comes from a source goes to a target.

    >>> client, inside = socket.socketpair()
    >>> outside, server = socket.socketpair()
    >>> for sock in (inside, outside):
    ...     sock.setblocking(False)
    >>> with client, inside, outside, server, zbuf.relay.Relay(inside, outside) as relay:
    ...     client.sendall(b"hello")
    ...     relay.step(), relay.moved, server.recv(100)      # nothing more is there to be read
    ('read', 5, b'hello')

    Source and target are stream sockets, or other descriptors that splice and
    poll know. The relay holds the objects, and asks them for their descriptor
    at each step; closing them is the caller's. It works in steps, for any event
    loop: step() says what to wait for. run() is the loop for blocking code.

    Bytes go through a pipe of 1 MiB that the relay has only while it holds
    bytes. When the pipe is full nothing more is read: so a slow target holds
    back its source, and a relay never holds more than that. At the source's end
    the target's sending side is shut down, unless half_close=False.

    `tap` gets a copy of every byte before the target may have it: a callable,
    each time with a buffer of its own to keep, or a socket, pipe or file. The
    kernel makes the copy, by tee. A tap that takes nothing holds back all.

    Where splice is refused before the first byte, or no descriptor is left for
    a pipe, bytes are copied through a pooled block: `path_used` says so.

    Raises: TypeError for an SSLSocket, whose descriptor has only what is on the
            wire, and for what has no descriptor.
    Source: splice(2), tee(2); Netty's AbstractEpollStreamChannel.spliceTo.
    """

    def __init__(self, source, target, /, *, tap=None, half_close=True):
        if self._source is not None:
            raise TypeError("this relay is made already")
        plain_descriptor(source)
        plain_descriptor(target)
        if tap is not None and not callable(tap):
            plain_descriptor(tap)
        self._tap, self._half_close = tap, half_close
        self._source, self._target = source, target

    cdef int _idle(self) except -1:
        if self._closed or self._source is None:
            raise ReleasedError("this relay was closed")
        if self._stepping:
            raise RuntimeError("a step of this relay is under way")
        return 0

    # -- steps

    def step(self, max_bytes=4 << 20, /):
        """Move what can be moved now, and say what to wait for.

        >>> source, end = os.pipe()
        >>> with open(os.devnull, "wb") as target, zbuf.relay.Relay(source, target) as relay:
        ...     os.write(end, b"abc"), relay.step(2), os.close(end)
        ...     relay.step(), relay.moved, os.close(source)
        (3, 'more', None)
        ('done', 3, None)

        With non-blocking descriptors it never blocks; with others it may, which
        run() sees to.
        Moves:   no more than about `max_bytes`, for fairness among sockets.
        Returns: "read": call again when the source is readable;
                 "write": when the target is writable; "tap": when the tap is;
                 "more": when others had their turn, there is more to move;
                 "done": all is moved, and the end passed on.
        Raises:  OSError of the target (BrokenPipeError, ConnectionResetError ...)
                 or the tap: the bytes are still held, for another step or for
                 leftover(). OSError of the source, after the last byte of it
                 was moved, and without shutting the target down. What the tap,
                 as a callable, or a signal's handler raises: no byte is lost.
                 ReleasedError; RuntimeError while another step is under way;
                 ValueError for a negative `max_bytes`.
        """
        cdef int64_t most = size_of(max_bytes)
        self._idle()
        self._stepping = True
        try:
            return self._step(most)
        finally:
            self._stepping = False
            if self._closed:
                self._let_go()

    cdef str _step(self, int64_t most):
        # What is held goes first: a source that blocks may have no more for long.
        cdef bint changed
        cdef int64_t stop = self._moved + min(most, INT64_MAX - self._moved)
        while not self._done:
            changed = self._tap is not None and self._show()
            changed |= self._drain(stop - self._moved)
            if self._moved < stop and not self._ended:
                changed |= self._fill()
            if self._closed:
                raise ReleasedError(f"this relay was closed during a step; {self._moved} bytes were moved")
            PyErr_CheckSignals()
            if self._ended and self._channel is None and self._copy is None:
                return self._finish()
            if self._moved >= stop:
                return "more"
            if not changed:
                return self._wants()
        return "done"

    cdef str _wants(self):
        # Only what must happen before anything else can: a full pipe would
        # make a source that is readable wake us again and again.
        if self._channel is None:
            return "tap" if self._copy is not None else "read"
        return "write" if self._shown or self._tap is None else "tap"

    cdef str _finish(self):
        cdef int code
        if self._failed:
            raise failure(self._failed, f"the source failed after {self._taken} bytes, {self._moved} were moved")
        if self._half_close:
            code = half_close(PyObject_AsFileDescriptor(self._target))
            if code not in (0, ENOTSOCK, ENOTCONN):   # what is gone has ended, too
                raise failure(code, f"the target's end, after {self._moved} bytes")
        self._done = True
        return "done"

    cdef bint _fill(self) except -1:
        # True if something has changed.
        cdef int fd = PyObject_AsFileDescriptor(self._source)
        cdef Py_ssize_t n
        if self._channel is None:
            self._channel = block_channel(None) if self._copying else open_channel()
            self._room = self._channel.room
        n = self._channel.fill(fd)
        if n > 0:
            self._taken += n
            self._ways |= SPLICED if self._channel.piped else COPIED
        self._empty()
        if n == -EAGAIN:
            return False
        if n == -EINTR:
            PyErr_CheckSignals()
        elif no_splice(n) and self._taken == 0 and not self._copying:
            self._copying = True
        elif n <= 0:
            self._ended, self._failed = True, <int>-n
        return True

    cdef bint _drain(self, int64_t most) except -1:
        cdef int fd = PyObject_AsFileDescriptor(self._target)
        cdef Py_ssize_t n
        if self._channel is None:
            return False
        most = min(most, self._channel.held if self._tap is None else self._shown)
        if most == 0:
            return False
        n = self._channel.drain(fd, most)
        if n > 0:
            self._moved += n
            self._shown = max(self._shown - n, 0)
            self._empty()
            return True
        if n == 0 or n == -EAGAIN:
            return False
        if n == -EINTR:
            PyErr_CheckSignals()
            return True
        if no_splice(n) and self._moved == 0 and self._channel.piped:
            return self._copy_instead()
        raise failure(-n, f"the target failed after {self._moved} bytes, {self._channel.held} more are held")

    cdef bint _copy_instead(self) except -1:
        self._channel = block_channel(self._channel)
        self._copying = True
        self._ways = COPIED
        return True

    cdef int _empty(self) except -1:
        # A channel that holds nothing is for others.
        cdef Channel channel = self._channel
        if channel is not None and channel.held == 0:
            self._channel = None
            channel.rest()
        return 0

    # -- the tap

    cdef bint _show(self) except -1:
        if self._copy is None and not self._tee():
            return False
        cdef Channel copy = self._copy
        if callable(self._tap):
            buf = copy.leftover()
            self._copy = None
            copy.rest()
            self._tap(buf)
            return True
        cdef Py_ssize_t n = copy.drain(PyObject_AsFileDescriptor(self._tap), copy.held)
        if n > 0 and copy.held == 0:
            self._copy = None
            copy.rest()
        elif n == -EINTR:
            PyErr_CheckSignals()
        elif no_splice(n) and copy.piped:    # a file that is open for appending, say
            self._copy = block_channel(copy)
        elif n < 0 and n != -EAGAIN:
            raise failure(-n, f"the tap failed, {copy.held} bytes of its copy are held; {self._moved} bytes were moved")
        return n != -EAGAIN

    cdef bint _tee(self) except -1:
        # A copy always begins with the first byte held: so the target has to
        # get what was copied before more can be.
        if self._channel is None or self._shown:
            return False
        cdef Channel copy = self._channel.tee()
        if copy is None:
            self._channel = block_channel(self._channel)
            copy = self._channel.tee()
        self._copy, self._shown = copy, copy.held
        return True

    def untap(self):
        """Go on without the tap; what it has not got of its copy is dropped.

        >>> source, target = socket.socketpair()
        >>> with source, target, zbuf.relay.Relay(source, target, tap=print) as relay:
        ...     relay.untap()

        The way on after a tap has failed. Raises RuntimeError inside a step,
        ReleasedError.
        """
        self._idle()
        self._tap = self._copy = None
        self._shown = 0

    # -- what was moved, and what was not

    @property
    def taken(self):
        """How many bytes came from the source."""
        return self._taken

    @property
    def moved(self):
        """How many bytes the target has got."""
        return self._moved

    @property
    def held(self):
        """How many bytes were taken and wait for the target."""
        return 0 if self._channel is None else self._channel.held

    @property
    def done(self):
        """Whether the source has ended, and all of it was moved."""
        return self._done

    @property
    def path_used(self):
        """How the bytes went so far: "splice", "copy", "splice+copy", or None before the first."""
        return (None, "splice", "copy", "splice+copy")[self._ways]

    @property
    def pipe_size(self):
        """How many bytes the channel last used has room for: 1 MiB, or what the system's limits on pipes allow."""
        return self._room or None

    def leftover(self):
        """Take what is held out of the relay: bytes that the source has sent and the target not got.

        >>> client, inside = socket.socketpair()
        >>> outside, server = socket.socketpair()
        >>> server.close()
        >>> with client, inside, outside, zbuf.relay.Relay(inside, outside) as relay:
        ...     client.sendall(b"hello")
        ...     try:
        ...         relay.step()
        ...     except BrokenPipeError:
        ...         bytes(relay.leftover())
        b'hello'

        Returns: a buffer of the caller's own, empty if nothing is held.
        Raises:  MemoryError, PoolExhaustedError: nothing has changed;
                 RuntimeError inside a step, ReleasedError.
        """
        self._idle()
        cdef Channel channel = self._channel
        if channel is None:
            return plain(pool_default(), 0)
        buf = channel.leftover()
        self._shown = 0
        self._empty()
        return buf

    # -- the end

    @property
    def closed(self):
        """Whether close() was called; never raises."""
        return self._closed

    def close(self):
        """Let go of the pipe, and of what it still holds; the sockets stay the caller's.

        >>> source, target = socket.socketpair()
        >>> relay = zbuf.relay.Relay(source, target)
        >>> relay.close(), relay.closed, source.close(), target.close()
        (None, True, None, None)

        Closing twice does nothing. A step that is under way in another thread
        ends with ReleasedError after its system call.
        """
        self._closed = True
        if not self._stepping:
            self._let_go()

    cdef void _let_go(self) noexcept:
        self._channel = self._copy = None
        self._source = self._target = self._tap = None

    def __enter__(self):
        self._idle()
        return self

    def __exit__(self, kind, error, trace):
        self.close()

    def __repr__(self):
        state = "closed" if self._closed else "done" if self._done else f"{self.held} held"
        return f"<zbuf.relay.Relay {self._moved} bytes moved, {state}>"


cdef bint no_splice(Py_ssize_t n) noexcept:
    # Linux says EINVAL for what cannot be spliced; a sandbox may know no splice.
    return n == -EINVAL or n == -ENOSYS


cdef object failure(int code, str what):
    # OSError picks its subclass by the number.
    return OSError(code, f"{os.strerror(code)}: {what}")


# -- loops for blocking code

def one_way(source, target, /, *, tap=None, half_close=True, timeout=None):
    """Move all of a source to a target, and pass the end on.

    >>> source, end = os.pipe()
    >>> os.write(end, b"abc"), os.close(end)
    (3, None)
    >>> with open(os.devnull, "wb") as target:
    ...     zbuf.relay.one_way(source, target), os.close(source)
    (3, None)

    As run() of one Relay. What was taken and not moved is dropped when it
    raises: use a Relay where leftover() matters.
    Returns: how many bytes were moved.
    Raises:  what Relay and run raise.
    """
    with Relay(source, target, tap=tap, half_close=half_close) as relay:
        run(relay, timeout=timeout)
        return relay.moved


def both_ways(one, other, /, *, timeout=None):
    """Connect two sockets until both have ended: what a proxy does.

    >>> client, inside = socket.socketpair()
    >>> outside, server = socket.socketpair()
    >>> client.sendall(b"question"), server.sendall(b"answer!")
    (None, None)
    >>> client.shutdown(socket.SHUT_WR), server.shutdown(socket.SHUT_WR)
    (None, None)
    >>> with client, inside, outside, server:
    ...     zbuf.relay.both_ways(inside, outside), client.recv(100)
    ((8, 7), b'answer!')

    The end of either direction is passed on while the other goes on.
    Returns: how many bytes were moved from `one` to `other`, and back.
    Raises:  what Relay and run raise; close both sockets then.
    """
    with Relay(one, other) as there, Relay(other, one) as back:
        run(there, back, timeout=timeout)
        return there.moved, back.moved


def run(*relays, timeout=None):
    """Step relays until all are done, waiting by poll in between.

    >>> client, inside = socket.socketpair()
    >>> outside, server = socket.socketpair()
    >>> copied = []
    >>> client.sendall(b"hello"), client.close()
    (None, None)
    >>> with inside, outside, server, zbuf.relay.Relay(inside, outside, tap=copied.append) as relay:
    ...     zbuf.relay.run(relay)
    ...     relay, bytes(copied[0])
    (<zbuf.relay.Relay 5 bytes moved, done>, b'hello')

    Descriptors that block are switched to non-blocking meanwhile, and back at
    the end: nobody else should use them.
    Raises: what step() raises, with the relays as they are; TimeoutError if
            for `timeout` seconds nothing could be moved.
    """
    switched = []
    try:
        for relay in relays:
            switch(relay, switched)
        loop(list(relays), timeout)
    finally:
        for fd in switched:
            try:
                os.set_blocking(fd, True)
            except OSError:      # somebody has closed it
                pass


cdef int switch(Relay relay, list switched) except -1:
    relay._idle()
    for end in (relay._source, relay._target, relay._tap):
        if end is None or callable(end):
            continue
        fd = PyObject_AsFileDescriptor(end)
        if os.get_blocking(fd):
            os.set_blocking(fd, False)
            switched.append(fd)
    return 0


cdef int loop(list relays, object timeout) except -1:
    cdef Relay relay
    cdef str state
    cdef bint more
    while True:
        wanted = {}
        more = False
        for relay in relays:
            state = relay.step()
            if state == "more":
                more = True
            elif state != "done":
                want(wanted, relay, state)
        if not (wanted or more):
            return 0
        if not more and not ready(wanted, timeout):
            raise TimeoutError(f"nothing could be moved for {timeout} seconds: {relays}")


cdef int want(dict wanted, Relay relay, str state) except -1:
    end = relay._source if state == "read" else relay._target if state == "write" else relay._tap
    fd = PyObject_AsFileDescriptor(end)
    wanted[fd] = wanted.get(fd, 0) | (select.POLLIN if state == "read" else select.POLLOUT)
    return 0


cdef bint ready(dict wanted, object timeout) except -1:
    poll = select.poll()
    for fd, events in wanted.items():
        poll.register(fd, events)
    return bool(poll.poll(None if timeout is None else timeout * 1000))


def trim():
    """Close the pipes that rest between relays, and between regions that receive, 16 at the most.

    >>> zbuf.relay.trim() >= 0
    True

    Returns: how many there were.
    """
    return close_resting()


guard(globals())
