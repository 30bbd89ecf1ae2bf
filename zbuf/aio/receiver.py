"""Receiver: a connection whose bytes come as calls, in pooled memory."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from zbuf.aio._link import Link
from zbuf.errors import ReleasedError

if TYPE_CHECKING:
    from zbuf._buf import ByteBuf
    from zbuf.region import FileRegion


class Receiver(Link, asyncio.BufferedProtocol):
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
    pieces are copied together to fill records, and files are read. Bytes of a
    file that are only on the disk are read by a thread of the loop's executor.
    Source: asyncio.BufferedProtocol; io.netty.channel.ChannelInboundHandler.
    """

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

    # -- out

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
        waiting = self._until_drained()
        if waiting is not None:
            await waiting

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
        self.write(region)
        waiting = self._until_gone()
        if waiting is not None:
            await waiting

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

        Raises NotImplementedError with TLS, nothing sent: the transports of asyncio
        and uvloop close TLS in both directions or not at all. The peer's end of
        TLS closes the connection likewise, once what is written has gone.
        """
        if not self.transport.can_write_eof():
            raise NotImplementedError("TLS connections of asyncio cannot be closed in one direction")
        self._finish(self.transport.write_eof, BrokenPipeError("write after write_eof"))

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
        self._finish(self.transport.close, ReleasedError("this connection was closed"))

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
        self._fail(ConnectionAbortedError("this connection was aborted"))
