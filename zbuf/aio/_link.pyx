"""Link: what a loop calls of a connection, between a Room and a way Out."""

from zbuf._guard cimport guard
from zbuf._room cimport Room, room_of
from zbuf.aio._out cimport Out, SocketOut
from zbuf.aio._tls cimport TransportOut

import asyncio


cdef class Link:
    """What a loop calls of a connection; Receiver is made of it."""

    def connection_made(self, transport, /):
        """Called by the loop."""
        loop = asyncio.get_running_loop()
        self.transport = transport
        self._room = room_of(loop)
        self._out = out_of(transport)
        self._closed = loop.create_future()
        self.connected()

    def get_buffer(self, sizehint, /):
        """Called by the loop."""
        cdef Room room = self._place()
        try:
            return room.offer()
        except BaseException as error:
            self._out.lose(error)   # a loop may forget which error it was
            raise

    def buffer_updated(self, nbytes, /):
        """Called by the loop."""
        cdef Room room = self._place()
        cdef Out out = self._out
        out.due = True
        try:
            self.received(room.take(nbytes))
        finally:
            room.settle()
            out.flush()

    def eof_received(self):
        """Called by the loop."""
        cdef Out out = self._way()
        stays = self.ended()
        if isinstance(out, TransportOut):
            out.last_call()
            return False    # TLS knows no half of a connection: the loop closes it
        if not stays:
            self.close()
        return True

    def pause_writing(self):
        """Called by the loop."""
        self._way().pause()

    def resume_writing(self):
        """Called by the loop."""
        self._way().resume()

    def connection_lost(self, error, /):
        """Called by the loop."""
        self._way().lose(error)
        self._room = None
        if not self._closed.done():
            self._closed.set_result(None)
        self.lost(self._out.error)

    # -- for those who write

    cdef Room _place(self):
        if self._room is None:
            raise RuntimeError("there is no connection to receive from")
        return self._room

    cdef Out _way(self):
        if self._out is None:
            raise RuntimeError("there is no connection yet")
        return self._out

    def write(self, data, /):
        """Queue a buffer's readable bytes, a bytes-like or a file region.

        >>> async def main(ours, theirs):
        ...     with theirs:
        ...         async with await zbuf.aio.open_connection(sock=ours) as stream:
        ...             stream.write(b"abc")
        ...             await stream.drain()
        ...             return theirs.recv(100)
        >>> asyncio.run(main(*socket.socketpair()))
        b'abc'

        It goes out when received() returns, at the next drain(), when a read
        has to wait, or at the end of this turn of the loop, together with all
        else that was written. The caller's handle stays the caller's; what
        memory it shares must not be overwritten before it has gone.
        Raises, nothing queued: what OutboundBuffer.write raises; ReleasedError
                 after close(), BrokenPipeError after write_eof(), and what
                 ended the connection, if it is lost.
        """
        self._way().write(data)

    def writelines(self, parts, /):
        """Queue every one of an iterable's buffers, bytes-likes and regions, or none.

        >>> async def main(ours, theirs):
        ...     with theirs:
        ...         async with await zbuf.aio.open_connection(sock=ours) as stream:
        ...             stream.writelines([b"abc", zbuf.copied(b"def")])
        ...             await stream.drain()
        ...             return theirs.recv(100)
        >>> asyncio.run(main(*socket.socketpair()))
        b'abcdef'

        Cheaper than a write() each. Raises as write(), nothing queued.
        """
        self._way().write_all(parts)

    @property
    def pending_bytes(self):
        """Count the bytes that are still to be sent, those of files included."""
        return 0 if self._way()._over else self._out._pending()

    @property
    def error(self):
        """What ended the connection; None while it lasts, and if it was closed in order."""
        return self._way().error

    def _flush(self):
        """Send what can be sent now."""
        self._way().flush()

    def _until_drained(self):
        """Send now; None, or a future to wait for if much is pending."""
        return self._way().until_drained()

    def _until_gone(self):
        """Send now; None, or a future to wait for until all of it has gone."""
        return self._way().until_gone()

    def _finish(self, step, refusal, /):
        """Let nothing more be written, and do `step` after the last byte."""
        self._way().finish(step, refusal)

    def _fail(self, error, /):
        """End the connection now."""
        self._way().fail(error)


cdef Out out_of(object transport):
    # The way out that this transport allows.
    sock = transport.get_extra_info("socket")
    if sock is None or transport.get_extra_info("sslcontext") is not None:
        return TransportOut(transport)
    return SocketOut(transport, sock.fileno())


guard(globals())
