"""Receiver: a connection whose bytes come as calls, in pooled memory."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from zbuf.aio._out import Out, SocketOut
from zbuf.aio._room import room_of
from zbuf.aio._tls import TransportOut
from zbuf.errors import ReleasedError

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from zbuf._buf import ByteBuf
    from zbuf.aio._room import Room
    from zbuf.region import FileRegion


class Receiver(asyncio.BufferedProtocol):
    """A connection: override received() to be given what comes, write() to answer.

    >>> class Echo(zbuf.aio.Receiver):
    ...     def received(self, buf):
    ...         self.write(buf)
    >>> async def main():
    ...     server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0)
    ...     stream = await zbuf.aio.open_connection(*server.sockets[0].getsockname())
    ...     async with server, stream:
    ...         stream.write(b"hello")
    ...         return bytes(await stream.read_exactly(5))
    >>> asyncio.run(main())
    b'hello'

    It is a protocol for the create_server, create_connection and the like of
    any loop, asyncio's or uvloop's, with TLS or without. What a loop calls is
    done here; connected(), received(), ended() and lost() are there to be
    overridden and do nothing, or next to nothing.

    Without TLS, output goes to the socket directly: many buffers in one call,
    files by sendfile. Do not write to `transport` itself then. With TLS, small
    pieces are copied together to fill records, and files are read.
    Source: asyncio.BufferedProtocol; io.netty.channel.ChannelInboundHandler.
    """

    transport: asyncio.Transport
    _out: Out
    _room: Room
    _closed: asyncio.Future[None]

    # -- what there is to override

    def connected(self) -> None:
        """Called when the connection is made: `transport` is there, write() works.

        >>> zbuf.aio.Receiver().connected()
        """

    def received(self, buf: ByteBuf) -> None:
        """Called with what has come, one byte or more.

        >>> zbuf.aio.Receiver().received(zbuf.copied(b"abc"))

        The buffer is the receiver's to keep: it shares the block that was
        received into, up to 64 KiB. copy() what is small and kept for long.
        What is written meanwhile goes out in one system call afterwards.
        """

    def ended(self) -> bool | None:
        """Called when the peer will send nothing more.

        >>> zbuf.aio.Receiver().ended()

        Returns: true to go on writing; else the connection is closed, as soon
                 as all that was written has gone. TLS is closed in any case.
        """
        return None

    def lost(self, error: BaseException | None) -> None:
        """Called at the end of the connection; None if it was closed in order.

        >>> zbuf.aio.Receiver().lost(None)
        """

    # -- what the loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        loop = asyncio.get_running_loop()
        self.transport = cast(asyncio.Transport, transport)
        self._room = room_of(loop)
        self._out = out_of(self.transport)
        self._closed = loop.create_future()
        self.connected()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Called by the loop."""
        try:
            return self._room.offer()
        except BaseException as error:
            self._out.lost(error)  # a loop may forget which error it was
            raise

    def buffer_updated(self, nbytes: int) -> None:
        """Called by the loop."""
        out = self._out
        out.due = True
        try:
            self.received(self._room.take(nbytes))
        finally:
            self._room.settle()
            out.flush()

    def eof_received(self) -> bool:
        """Called by the loop."""
        encrypted = isinstance(self._out, TransportOut)
        stays = self.ended()
        if encrypted:
            self._out.last_call()
        elif not stays:
            self.close()
        return not encrypted

    def pause_writing(self) -> None:
        """Called by the loop."""
        self._out.pause()

    def resume_writing(self) -> None:
        """Called by the loop."""
        self._out.resume()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Called by the loop."""
        self._out.lost(exc)
        del self._room
        if not self._closed.done():
            self._closed.set_result(None)
        self.lost(self._out.error)

    # -- out

    def write(self, data: Buffer | FileRegion, /) -> None:
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
        self._out.write(data)

    def writelines(self, parts: Iterable[Buffer | FileRegion], /) -> None:
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
        self._out.writelines(parts)

    @property
    def pending_bytes(self) -> int:
        """Count the bytes that are still to be sent, those of files included."""
        return self._out.pending_bytes

    async def drain(self) -> None:
        """Send now, and wait while much is pending: above 64 KiB until below 32 KiB.

        >>> async def main(ours, theirs):
        ...     with theirs:
        ...         async with await zbuf.aio.open_connection(sock=ours) as stream:
        ...             stream.write(b"abc")
        ...             await stream.drain()
        ...             return theirs.recv(100), stream.pending_bytes
        >>> asyncio.run(main(*socket.socketpair()))
        (b'abc', 0)

        To cancel it takes nothing back. Raises what ended the connection.
        """
        await self._out.drain()

    async def send_file(self, region: FileRegion, /) -> None:
        """Queue a file region, and wait until all of it has gone.

        >>> async def main(ours, theirs):
        ...     with theirs:
        ...         async with await zbuf.aio.open_connection(sock=ours) as stream:
        ...             with zbuf.FileRegion.open(zbuf.__file__, 1, 3) as region:
        ...                 await stream.send_file(region)
        ...             return len(theirs.recv(100))
        >>> asyncio.run(main(*socket.socketpair()))
        3

        To cancel it takes nothing back: the region is sent all the same.
        Raises: what write() and drain() raise; TruncatedFileError if the file
                became shorter: that ends the connection.
        Source: loop.sendfile; here also on uvloop, and with TLS.
        """
        await self._out.send_file(region)

    def write_eof(self) -> None:
        """Say after the last byte that there will be no more; reading goes on.

        >>> async def main(ours, theirs):
        ...     with theirs:
        ...         async with await zbuf.aio.open_connection(sock=ours) as stream:
        ...             stream.write(b"abc")
        ...             stream.write_eof()
        ...             return theirs.recv(100), theirs.recv(100)
        >>> asyncio.run(main(*socket.socketpair()))
        (b'abc', b'')

        Raises NotImplementedError with TLS, which has no such thing in asyncio.
        """
        if not self.transport.can_write_eof():
            raise NotImplementedError("TLS connections of asyncio cannot be closed in one direction")
        self._out.finish(self.transport.write_eof, BrokenPipeError("write after write_eof"))

    # -- the end

    def close(self) -> None:
        """Close in order: what was written is sent first, nothing more is read.

        >>> async def main(ours, theirs):
        ...     with theirs:
        ...         async with await zbuf.aio.open_connection(sock=ours) as stream:
        ...             stream.write(b"abc")
        ...             stream.close()
        ...             await stream.wait_closed()
        ...             return theirs.recv(100), theirs.recv(100)
        >>> asyncio.run(main(*socket.socketpair()))
        (b'abc', b'')

        A peer that takes nothing holds it up: abort() does not wait. Twice does nothing.
        """
        if not self.transport.is_closing():
            self.transport.pause_reading()
        self._out.finish(self.transport.close, ReleasedError("this connection was closed"))

    async def wait_closed(self) -> None:
        """Wait until the connection is no more, for whatever reason.

        >>> async def main(ours, theirs):
        ...     with theirs:
        ...         async with await zbuf.aio.open_connection(sock=ours) as stream:
        ...             stream.abort()
        ...             return await stream.wait_closed()
        >>> asyncio.run(main(*socket.socketpair()))

        Never raises but for being cancelled.
        """
        await asyncio.shield(self._closed)

    def abort(self) -> None:
        """End the connection now; what is pending is given back unsent.

        >>> async def main(ours, theirs):
        ...     with theirs:
        ...         async with await zbuf.aio.open_connection(sock=ours) as stream:
        ...             stream.write(b"abc")
        ...             stream.abort()
        ...             await stream.wait_closed()
        ...             return theirs.recv(100)
        >>> asyncio.run(main(*socket.socketpair()))
        b''

        Who waits is told by ConnectionAbortedError. Source: transport.abort.
        """
        self._out.fail(ConnectionAbortedError("this connection was aborted"))


def out_of(transport: asyncio.Transport) -> Out:
    """The way out that this transport allows."""
    sock = transport.get_extra_info("socket")
    if sock is None or transport.get_extra_info("sslcontext") is not None:
        return TransportOut(transport)
    return SocketOut(transport, sock.fileno())
