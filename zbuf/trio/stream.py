"""Stream: a connection of trio whose bytes and frames are awaited."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import trio

from zbuf._intake import Intake
from zbuf.errors import UnderflowError
from zbuf.trio._tls import Tls
from zbuf.trio._wire import Wire

if TYPE_CHECKING:
    from ssl import SSLContext

    from typing_extensions import Buffer

    from zbuf._buf import ByteBuf
    from zbuf.aio.stream import Decoder
    from zbuf.region import FileRegion

F = TypeVar("F")


class Stream:
    """A connection to read from and write to: a trio.SocketStream, over TCP or a Unix socket.

    >>> async def upper(stream):
    ...     while line := await stream.read():
    ...         await stream.write(bytes(line).upper())
    >>> async def main():
    ...     async with trio.open_nursery() as nursery:
    ...         [listener] = await nursery.start(zbuf.trio.serve, upper, "127.0.0.1", 0)
    ...         async with await zbuf.trio.open_connection(*listener.socket.getsockname()) as stream:
    ...             await stream.write(b"hel", b"lo")
    ...             answer = bytes(await stream.read_exactly(5))
    ...         nursery.cancel_scope.cancel()
    ...     return answer
    >>> trio.run(main)
    b'HELLO'

    Made of a stream that is not used by itself any more, inside trio.run; with
    `ssl`, an ssl.SSLContext, it is encrypted, which begins with the first use.
    Reading: read(), read_exactly(), read_frame(), read_frames(); one task at a
    time. What they give shares the memory that was received into.
    Writing: write(), send_file(), drain(); what several tasks write goes in the
    order in which they called. Without TLS buffers are gathered and files go by
    sendfile; with it, small pieces are copied together to fill records, and files
    are read. Bytes of a file that are only on the disk are read ahead in a thread.

    To cancel loses nothing: what has come waits for the next read, what was
    given to write() waits for the next write() or drain(), which goes on behind
    the last byte that was sent. So it is with TLS too, unlike trio.SSLStream.
    Raises:  trio.BrokenResourceError, from the OSError, when the connection is
             no more; trio.ClosedResourceError after aclose();
             trio.BusyResourceError for a second reader.
    Source:  trio.SocketStream, trio.SSLStream.
    """

    def __init__(
        self,
        transport: trio.SocketStream,
        /,
        *,
        ssl: SSLContext | None = None,
        server_side: bool = False,
        server_hostname: str | None = None,
    ) -> None:
        if not isinstance(transport, trio.SocketStream):
            raise TypeError(f"a trio.SocketStream is required, not {type(transport).__name__!r}; for TLS give ssl=")
        self.transport = transport
        self._wire = Wire(transport)
        self._way = self._wire if ssl is None else Tls(self._wire, ssl, server_side, server_hostname)
        self._came = Intake()

    @property
    def error(self) -> trio.BrokenResourceError | None:
        """What was raised when the connection ended; None while it lasts, and if it was closed in order."""
        return self._wire.error

    # -- bytes

    @property
    def waiting_bytes(self) -> int:
        """Count the bytes that have come and wait to be read, but for what a decoder has."""
        return self._came.waiting_bytes

    async def read(self, n: int | None = None, /) -> ByteBuf:
        """Wait for a byte, and give all that has come, n bytes at the most.

        >>> async def main(ours, theirs):
        ...     with theirs:
        ...         async with zbuf.trio.Stream(trio.SocketStream(trio.socket.from_stdlib_socket(ours))) as stream:
        ...             theirs.send(b"abcdef")
        ...             return bytes(await stream.read(4)), bytes(await stream.read())
        >>> trio.run(main, *socket.socketpair())
        (b'abcd', b'ef')

        Returns: a buffer, a composite if the bytes lie apart; an empty one at the
                 end of the stream.
        Raises:  what ended the connection, once all that came before is read, and
                 so with TLS that ends without saying so; ValueError for a
                 negative n; RuntimeError if a decoder has bytes or frames that
                 come before.
        Source:  recv(2); trio.abc.ReceiveStream.receive_some.
        """
        await self._until_bytes(1 if n is None else min(n, 1))
        return self._came.take(n)

    async def read_exactly(self, n: int, /) -> ByteBuf:
        """Wait for n bytes, and give them.

        >>> async def main(ours, theirs):
        ...     with theirs:
        ...         async with zbuf.trio.Stream(trio.SocketStream(trio.socket.from_stdlib_socket(ours))) as stream:
        ...             theirs.send(b"abcdef")
        ...             return bytes(await stream.read_exactly(4))
        >>> trio.run(main, *socket.socketpair())
        b'abcd'

        Returns: a buffer, a composite if the bytes lie apart.
        Raises:  UnderflowError at the end of the stream: what there is can still be
                 read; and as read().
        Source:  asyncio.StreamReader.readexactly.
        """
        await self._until_bytes(n)
        there = self._came.waiting_bytes
        if there < n:
            raise self._came.error or UnderflowError(n, there, 0)
        return self._came.cut(n)

    async def _until_bytes(self, n: int) -> None:
        if n < 0:
            raise ValueError(f"read takes 0 bytes or more, not {n}")
        self._came.bytes_are_next()
        await self._until(lambda: self._came.waiting_bytes >= n or self._came.over, n)

    async def _until(self, enough: Callable[[], bool], wanted: int) -> None:
        while True:
            await trio.lowlevel.checkpoint()  # more may come meanwhile
            if enough():
                return
            await self._receive(wanted)
            if enough():
                return

    async def _receive(self, wanted: int) -> None:
        try:
            got = await self._way.receive()
        except trio.BrokenResourceError as error:
            self._came.end(error)
            return
        if got:
            self._came.put(got, wanted)
        else:
            self._came.end(None)

    # -- frames

    async def read_frame(self, decoder: Decoder[F], /) -> F | None:
        r"""Wait for a frame, and give it; None at the end of the stream.

        >>> async def main(ours, theirs):
        ...     with theirs:
        ...         async with zbuf.trio.Stream(trio.SocketStream(trio.socket.from_stdlib_socket(ours))) as stream:
        ...             theirs.send(b"one\ntwo\n")
        ...             lines = zbuf.codec.LineDecoder(100)
        ...             return bytes(await stream.read_frame(lines)), bytes(await stream.read_frame(lines))
        >>> trio.run(main, *socket.socketpair())
        (b'one', b'two')

        The decoder is given all that has come; the frames beyond the first are
        kept for the next calls.
        Raises:  what the decoder raises, after the frames that came before it; the
                 next call goes on behind it. What ended the connection, after all
                 frames; RuntimeError if another decoder has bytes or frames that
                 come before.
        Source:  io.netty.handler.codec.ByteToMessageDecoder; zbuf.aio.Stream.read_frame.
        """
        await self._until(lambda: self._came.decode(decoder), 1)
        frame: F | None = self._came.next_frame()
        return frame

    async def read_frames(self, decoder: Decoder[F], /) -> list[F]:
        r"""Wait for a frame, and give all that have come; none at the end of the stream.

        >>> async def main(ours, theirs):
        ...     with theirs:
        ...         async with zbuf.trio.Stream(trio.SocketStream(trio.socket.from_stdlib_socket(ours))) as stream:
        ...             theirs.send(b"one\ntwo\n")
        ...             return [bytes(line) for line in await stream.read_frames(zbuf.codec.LineDecoder(100))]
        >>> trio.run(main, *socket.socketpair())
        [b'one', b'two']

        Much faster than one by one where frames are small. Raises as read_frame().
        """
        await self._until(lambda: self._came.decode(decoder), 1)
        return self._came.all_frames()

    # -- out

    @property
    def pending_bytes(self) -> int:
        """Count the bytes that are still to be sent, those of files included."""
        return self._way.pending_bytes

    def write_nowait(self, /, *parts: Buffer | FileRegion) -> None:
        """Queue buffers, bytes-likes and file regions for the next write() or drain(), all or none.

        >>> async def main(ours, theirs):
        ...     with theirs:
        ...         async with zbuf.trio.Stream(trio.SocketStream(trio.socket.from_stdlib_socket(ours))) as stream:
        ...             stream.write_nowait(b"abc", zbuf.copied(b"def"))
        ...             await stream.drain()
        ...             return theirs.recv(100)
        >>> trio.run(main, *socket.socketpair())
        b'abcdef'

        The caller's handles stay the caller's; what memory they share must not be
        overwritten before it has gone.
        Raises, nothing queued: what OutboundBuffer.write raises;
                 trio.ClosedResourceError after aclose() or send_eof().
        """
        self._way.put(parts)

    async def write(self, /, *parts: Buffer | FileRegion) -> None:
        """Queue buffers, bytes-likes and file regions, all or none, and wait until they have gone.

        >>> async def main(ours, theirs):
        ...     with theirs:
        ...         async with zbuf.trio.Stream(trio.SocketStream(trio.socket.from_stdlib_socket(ours))) as stream:
        ...             await stream.write(b"abc", zbuf.copied(b"def"))
        ...             return theirs.recv(100)
        >>> trio.run(main, *socket.socketpair())
        b'abcdef'

        They have gone when the kernel has them: a peer that takes nothing holds
        this up. What was queued before goes before. To cancel takes nothing back.
        Raises:  as write_nowait(), nothing queued, and as drain().
        Source:  trio.abc.SendStream.send_all, sendmsg(2).
        """
        self.write_nowait(*parts)
        await self.drain()

    async def drain(self) -> None:
        """Wait until all that is queued by now has gone, what a cancelled write() left among it.

        >>> async def main(ours, theirs):
        ...     with theirs:
        ...         async with zbuf.trio.Stream(trio.SocketStream(trio.socket.from_stdlib_socket(ours))) as stream:
        ...             with trio.CancelScope() as scope:
        ...                 scope.cancel()
        ...                 await stream.write(b"abc")
        ...             before = stream.pending_bytes
        ...             await stream.drain()
        ...             return before, theirs.recv(100)
        >>> trio.run(main, *socket.socketpair())
        (3, b'abc')

        Raises:  trio.BrokenResourceError, trio.ClosedResourceError;
                 TruncatedFileError for a file that became shorter, and each time
                 anew: no peer can be told, so leave the block by that error.
        """
        await self._way.send()

    async def send_file(self, region: FileRegion, /) -> None:
        """Queue a file region, and wait until all of it has gone: write() by another name.

        >>> async def main(ours, theirs):
        ...     with theirs:
        ...         async with zbuf.trio.Stream(trio.SocketStream(trio.socket.from_stdlib_socket(ours))) as stream:
        ...             with zbuf.FileRegion.open(zbuf.__file__, 1, 3) as region:
        ...                 await stream.send_file(region)
        ...             return len(theirs.recv(100))
        >>> trio.run(main, *socket.socketpair())
        3

        Source: sendfile(2); asyncio.loop.sendfile, which trio does not have.
        """
        await self.write(region)

    async def send_eof(self) -> None:
        """Send what is queued, and say that there will be no more; reading goes on.

        >>> async def main(ours, theirs):
        ...     with theirs:
        ...         async with zbuf.trio.Stream(trio.SocketStream(trio.socket.from_stdlib_socket(ours))) as stream:
        ...             await stream.write(b"abc")
        ...             await stream.send_eof()
        ...             return theirs.recv(100), theirs.recv(100)
        >>> trio.run(main, *socket.socketpair())
        (b'abc', b'')

        Raises:  as drain(); NotImplementedError with TLS, nothing sent.
        Source:  trio.abc.HalfCloseableStream.send_eof.
        """
        await self._way.send_eof()

    # -- the end

    async def aclose(self) -> None:
        """Send what is queued, and close; a cancelled one closes at once.

        >>> async def main(ours, theirs):
        ...     with theirs:
        ...         stream = zbuf.trio.Stream(trio.SocketStream(trio.socket.from_stdlib_socket(ours)))
        ...         stream.write_nowait(b"abc")
        ...         await stream.aclose()
        ...         return theirs.recv(100), theirs.recv(100)
        >>> trio.run(main, *socket.socketpair())
        (b'abc', b'')

        Closing twice does nothing. Who waits is told by trio.ClosedResourceError.
        Raises:  as drain(), if what is queued cannot be sent; it is closed then too.
        Source:  trio.abc.AsyncResource.aclose.
        """
        if self._wire.closed:
            await trio.lowlevel.checkpoint()
            return
        try:
            await self._way.finish()
        finally:
            self._way.abort()

    def abort(self) -> None:
        """End the connection now; what is pending is given back unsent.

        >>> async def main(ours, theirs):
        ...     with theirs:
        ...         stream = zbuf.trio.Stream(trio.SocketStream(trio.socket.from_stdlib_socket(ours)))
        ...         stream.write_nowait(b"abc")
        ...         stream.abort()
        ...         return theirs.recv(100)
        >>> trio.run(main, *socket.socketpair())
        b''

        Who waits is told by trio.ClosedResourceError. Source: trio.aclose_forcefully.
        """
        self._way.abort()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            await self.aclose()
        else:
            self.abort()


async def open_connection(
    host: str, port: int, /, *, ssl: SSLContext | None = None, server_hostname: str | None = None, **options: Any
) -> Stream:
    """Connect, and give the stream, its TLS agreed upon; the options are those of trio.open_tcp_stream.

    >>> async def main():
    ...     with socket.create_server(("127.0.0.1", 0)) as server:
    ...         async with await zbuf.trio.open_connection(*server.getsockname()) as stream:
    ...             await stream.write(b"hello")
    ...             with server.accept()[0] as peer:
    ...                 return peer.recv(5)
    >>> trio.run(main)
    b'hello'

    `ssl` is a context, and the certificate must be for `server_hostname`, or `host`.
    Raises: OSError, as trio.open_tcp_stream; trio.BrokenResourceError from an
            ssl.SSLError.
    Source: trio.open_tcp_stream, trio.open_ssl_over_tcp_stream.
    """
    stream = Stream(await trio.open_tcp_stream(host, port, **options), ssl=ssl, server_hostname=server_hostname or host)
    try:
        await stream.drain()
    except BaseException:
        stream.abort()
        raise
    return stream


async def serve(
    handler: Callable[[Stream], Awaitable[object]], host: str | None, port: int, /, *, ssl: SSLContext | None = None,
    **options: Any,
) -> None:
    """Serve connections, each by a task of `handler(stream)`, until it is cancelled.

    >>> async def hello(stream):
    ...     await stream.write(b"hello")
    >>> async def main():
    ...     async with trio.open_nursery() as nursery:
    ...         [listener] = await nursery.start(zbuf.trio.serve, hello, "127.0.0.1", 0)
    ...         async with await zbuf.trio.open_connection(*listener.socket.getsockname()) as stream:
    ...             answer = bytes(await stream.read_exactly(5))
    ...         nursery.cancel_scope.cancel()
    ...     return answer
    >>> trio.run(main)
    b'hello'

    When the handler returns, the stream is closed in order. What it raises ends
    this call, as trio has it, unless it is `stream.error`, the end of the
    connection. The options are those of trio.serve_tcp: backlog,
    handler_nursery, task_status.
    Source: trio.serve_tcp, trio.serve_ssl_over_tcp.
    """

    async def handle(transport: trio.SocketStream) -> None:
        stream = Stream(transport, ssl=ssl, server_side=True)
        try:
            async with stream:
                await handler(stream)
        except trio.BrokenResourceError as error:
            if error is not stream.error:
                raise

    await trio.serve_tcp(handle, port, host=host, **options)
