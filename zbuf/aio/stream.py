"""Stream: a connection whose bytes and frames are awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from zbuf.aio._inbox import Inbox
from zbuf.aio.receiver import Receiver

if TYPE_CHECKING:
    from zbuf._buf import ByteBuf

F = TypeVar("F")

LIMIT = 64 << 10  # bytes that may wait for a reader before the peer is held back


class Decoder(Protocol[F]):
    """What read_frame() takes: the decoders of zbuf.codec, and others like them.

    feed() takes the next bytes of the stream and gives the frames that are
    whole. An error that it raises with a `frames` attribute is about the stream:
    the bytes were taken, `frames` came before it, and feed(b"") goes on behind it.
    """

    def feed(self, data: Any, /) -> list[F]: ...
    def finish(self) -> list[F]: ...
    @property
    def pending(self) -> int: ...


class Stream(Inbox, Receiver):
    """A connection to read from and write to; open_connection() and start_server() make them.

    >>> async def upper(stream):
    ...     while line := await stream.read():
    ...         stream.write(bytes(line).upper())
    >>> async def main():
    ...     async with await zbuf.aio.start_server(upper, "127.0.0.1", 0) as server:
    ...         async with await zbuf.aio.open_connection(*server.sockets[0].getsockname()) as stream:
    ...             stream.write(b"hello")
    ...             return bytes(await stream.read_exactly(5))
    >>> asyncio.run(main())
    b'HELLO'

    Reading: read(), read_exactly(), read_frame(), read_frames(); one task at a
    time. What they give shares the memory that was received into. To cancel
    them loses nothing: what has come waits for the next read. While `limit`
    bytes wait, the peer is held back.
    Writing: write(), drain(), send_file() and the others of Receiver.
    Raises:  ValueError for a negative limit.
    Source:  asyncio.StreamReader and StreamWriter.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        super().__init__(limit)

    # -- bytes

    async def read(self, n: int | None = None, /) -> ByteBuf:
        """Wait for a byte, and give all that has come, n bytes at the most.

        >>> async def main(ours, theirs):
        ...     with theirs:
        ...         async with await zbuf.aio.open_connection(sock=ours) as stream:
        ...             theirs.send(b"abcdef")
        ...             return bytes(await stream.read(4)), bytes(await stream.read())
        >>> asyncio.run(main(*socket.socketpair()))
        (b'abcd', b'ef')

        Returns: a buffer, a composite if the bytes lie apart; an empty one at the
                 end of the stream.
        Raises:  what ended the connection, once all that came before is read;
                 ValueError for a negative n; RuntimeError if another task reads,
                 or a decoder has bytes or frames that come before.
        Source:  recv(2); not StreamReader.read, which without n waits for the end.
        """
        if n is not None and n < 0:
            raise ValueError(f"read takes 0 bytes or more, not {n}")
        while n != 0 and (waiting := self._until_bytes(1)) is not None:
            await waiting
        return self._take(n)

    async def read_exactly(self, n: int, /) -> ByteBuf:
        """Wait for n bytes, and give them.

        >>> async def main(ours, theirs):
        ...     with theirs:
        ...         async with await zbuf.aio.open_connection(sock=ours) as stream:
        ...             theirs.send(b"abcdef")
        ...             return bytes(await stream.read_exactly(4))
        >>> asyncio.run(main(*socket.socketpair()))
        b'abcd'

        Returns: a buffer, a composite if the bytes lie apart.
        Raises:  asyncio.IncompleteReadError at the end of the stream: `partial` has
                 a copy of what there is, which is still to be read; and as read().
        Source:  StreamReader.readexactly.
        """
        if n < 0:
            raise ValueError(f"read takes 0 bytes or more, not {n}")
        while (waiting := self._until_bytes(n)) is not None:
            await waiting
        return self._take_exactly(n)

    # -- frames

    async def read_frame(self, decoder: Decoder[F], /) -> F | None:
        """Wait for a frame, and give it; None at the end of the stream.

        >>> class Words:
        ...     pending = 0
        ...     def feed(self, data): return bytes(data).split()
        ...     def finish(self): return []
        >>> async def main(ours, theirs):
        ...     with theirs:
        ...         async with await zbuf.aio.open_connection(sock=ours) as stream:
        ...             theirs.send(b"more than one")
        ...             words = Words()
        ...             return await stream.read_frame(words), await stream.read_frame(words)
        >>> asyncio.run(main(*socket.socketpair()))
        (b'more', b'than')

        The decoder is given all that has come; the frames beyond the first are
        kept for the next calls.
        Raises:  what the decoder raises, after the frames that came before it; the
                 next call goes on behind it. What ended the connection, after all
                 frames; RuntimeError if another task reads, or another decoder has
                 bytes or frames that come before.
        Source:  io.netty.handler.codec.ByteToMessageDecoder.
        """
        while (waiting := self._until_frames(decoder)) is not None:
            await waiting
        frame: F | None = self._next_frame()
        return frame

    async def read_frames(self, decoder: Decoder[F], /) -> list[F]:
        """Wait for a frame, and give all that have come; none at the end of the stream.

        >>> class Words:
        ...     pending = 0
        ...     def feed(self, data): return bytes(data).split()
        ...     def finish(self): return []
        >>> async def main(ours, theirs):
        ...     with theirs:
        ...         async with await zbuf.aio.open_connection(sock=ours) as stream:
        ...             theirs.send(b"more than one")
        ...             return await stream.read_frames(Words())
        >>> asyncio.run(main(*socket.socketpair()))
        [b'more', b'than', b'one']

        Much faster than one by one where frames are small. Raises as read_frame().
        """
        while (waiting := self._until_frames(decoder)) is not None:
            await waiting
        return self._all_frames()

    # -- the end

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self.abort()
        try:
            await self.wait_closed()
        finally:
            self._deafen()


class _Opened(Stream):
    """A client's end of a connection, which may be given up while it is made."""

    _unwanted = False

    def connected(self) -> None:
        if self._unwanted:
            self.abort()

    def give_up(self) -> None:
        # asyncio goes on with a handshake although who waited for it was cancelled.
        self._unwanted = True
        if self.transport is not None:
            self.abort()


class _Served(Stream):
    """A server's end of a connection: a task of the handler lives as long."""

    def __init__(self, handler: Handler, limit: int) -> None:
        super().__init__(limit)
        self._handler = handler

    def connected(self) -> None:
        task = asyncio.get_running_loop().create_task(self._serve())
        _serving.add(task)
        task.add_done_callback(_serving.discard)

    async def _serve(self) -> None:
        try:
            await self._handler(self)
        except Exception as error:
            if error is not self.error:  # the end of the connection is no news
                asyncio.get_running_loop().call_exception_handler(
                    {"message": "unhandled exception in the handler of a connection", "exception": error,
                     "protocol": self, "transport": self.transport}
                )
            self.abort()
        except BaseException:
            self.abort()
            raise
        else:
            self.close()
        finally:
            self._deafen()


Handler = Callable[[Stream], Awaitable[object]]

_serving: set[asyncio.Task[None]] = set()  # a loop holds its tasks weakly


async def open_connection(
    host: str | None = None, port: int | str | None = None, /, *, limit: int = LIMIT, **options: Any
) -> Stream:
    """Connect, and give the stream; the options are those of loop.create_connection.

    >>> async def main(ours, theirs):
    ...     with theirs:
    ...         async with await zbuf.aio.open_connection(sock=ours) as stream:
    ...             stream.write(b"hello")
    ...             await stream.drain()
    ...             return theirs.recv(5)
    >>> asyncio.run(main(*socket.socketpair()))
    b'hello'

    Raises: ValueError for a negative limit; what loop.create_connection raises.
    Source: asyncio.open_connection.
    """
    loop: Any = asyncio.get_running_loop()
    stream = _Opened(limit)
    try:
        await loop.create_connection(lambda: stream, host, port, **options)
    except BaseException:
        stream.give_up()
        raise
    return stream


async def start_server(
    handler: Handler, host: str | None = None, port: int | str | None = None, /, *, limit: int = LIMIT, **options: Any
) -> asyncio.Server:
    """Serve connections, each by a task of `handler(stream)`.

    >>> async def hello(stream):
    ...     stream.write(b"hello")
    >>> async def main():
    ...     async with await zbuf.aio.start_server(hello, "127.0.0.1", 0) as server:
    ...         async with await zbuf.aio.open_connection(*server.sockets[0].getsockname()) as stream:
    ...             return bytes(await stream.read_exactly(5))
    >>> asyncio.run(main())
    b'hello'

    When the handler returns, the stream is closed in order. When it raises, the
    stream is aborted, and the loop's exception handler told unless it was the
    end of the connection that was raised. The options are those of
    loop.create_server, ssl= among them.
    Returns: the loop's server.
    Raises:  ValueError for a negative limit; what loop.create_server raises.
    Source:  asyncio.start_server.
    """
    Stream(limit)  # what is wrong with it shows here, not in every connection
    loop: Any = asyncio.get_running_loop()
    server: asyncio.Server = await loop.create_server(lambda: _Served(handler, limit), host, port, **options)
    return server
