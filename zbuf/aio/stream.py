"""Stream: a connection whose bytes and frames are awaited."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from zbuf._composite import CompositeByteBuf
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


class Stream(Receiver):
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
    Source:  asyncio.StreamReader and StreamWriter.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._in = CompositeByteBuf()  # what has come and was not read
        self._wanted = 0  # bytes that the reader waits for
        self._waiter: asyncio.Future[None] | None = None
        self._ended = False  # nothing more will come
        self._held = False  # the peer is held back
        self._decoder: Decoder[Any] | None = None
        self._frames: deque[Any] = deque()  # decoded and not read
        self._flaw: Exception | None = None  # what the decoder found behind them
        self._finished = False  # it was told of the end
        self._again = False  # it has not looked at all that it has

    # -- what the transport tells

    def received(self, buf: ByteBuf) -> None:
        """Called by the loop."""
        self._in.append(buf)
        have = len(self._in)
        if have >= self._wanted:
            self._wake()
            if have >= self._limit and not self._held:
                self._held = True
                self.transport.pause_reading()

    def ended(self) -> bool:
        """Called by the loop."""
        self._ended = True
        self._wake()
        return True

    def lost(self, error: BaseException | None) -> None:
        """Called by the loop."""
        self._ended = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # -- bytes

    async def _until(self, size: int) -> None:
        """Wait until so many bytes have come, or nothing more will."""
        while len(self._in) < size and not self._ended:
            if self._waiter is not None:
                raise RuntimeError("another task reads this stream")
            self._wanted = size
            self._waiter = asyncio.get_running_loop().create_future()
            self._let_come()
            self._flush()
            try:
                await self._waiter
            finally:
                self._waiter = None
                self._wanted = 0

    def _let_come(self) -> None:
        if self._held:
            self._held = False
            self.transport.resume_reading()

    def _take(self, size: int) -> ByteBuf:
        got = self._in.read_slice(size)
        if self._in:
            self._in.discard_read_parts()
        else:
            self._in = CompositeByteBuf()  # so that an idle stream holds no memory
        if len(self._in) < self._limit:
            self._let_come()
        return got

    def _bytes_are_next(self) -> None:
        decoder = self._decoder
        if decoder is None:
            return
        if self._frames or self._flaw or decoder.pending:
            raise RuntimeError(
                f"{len(self._frames)} frames and {decoder.pending} bytes of its decoder come before the next byte"
            )
        self._decoder = None

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
        self._bytes_are_next()
        await self._until(1 if n != 0 else 0)
        if not self._in and self.error is not None:
            raise self.error
        return self._take(len(self._in) if n is None else min(n, len(self._in)))

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
        self._bytes_are_next()
        await self._until(n)
        if len(self._in) < n:
            raise self.error or asyncio.IncompleteReadError(bytes(self._in), n)
        return self._take(n)

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
        await self._until_frames(decoder)
        return self._frames.popleft() if self._frames else None

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
        await self._until_frames(decoder)
        frames = list(self._frames)
        self._frames.clear()
        return frames

    async def _until_frames(self, decoder: Decoder[Any]) -> None:
        if decoder is not self._decoder:
            self._bytes_are_next()
            self._decoder = decoder
        while not self._frames:
            if self._flaw is not None:
                flaw, self._flaw = self._flaw, None
                raise flaw
            if self._in or self._again:
                self._feed(decoder)
            elif not self._ended:
                await self._until(1)
            elif self.error is not None:
                raise self.error
            elif self._finished:
                return
            else:
                self._finished = True
                self._decode(decoder.finish)
                self._again = False

    def _feed(self, decoder: Decoder[Any]) -> None:
        self._decode(lambda: decoder.feed(self._in))
        self._in = CompositeByteBuf()
        self._let_come()

    def _decode(self, step: Callable[[], list[Any]]) -> None:
        try:
            self._frames.extend(step())
            self._again = False
        except Exception as error:
            frames = getattr(error, "frames", None)
            if frames is None:
                raise  # not about the stream, and nothing was taken
            self._frames.extend(frames)
            self._flaw = error
            self._again = True

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
        await self.wait_closed()


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
            self.abort()
            asyncio.get_running_loop().call_exception_handler(
                {"message": "unhandled exception in the handler of a connection", "exception": error,
                 "protocol": self, "transport": self.transport}
            )
        except BaseException:
            self.abort()
            raise
        else:
            self.close()


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

    Raises: what loop.create_connection raises.
    Source: asyncio.open_connection.
    """
    loop: Any = asyncio.get_running_loop()
    _, stream = await loop.create_connection(lambda: Stream(limit), host, port, **options)
    assert isinstance(stream, Stream)
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

    When the handler returns, the stream is closed in order; when it raises, the
    stream is aborted and the loop's exception handler told. The options are
    those of loop.create_server, ssl= among them.
    Returns: the loop's server.
    Source:  asyncio.start_server.
    """
    loop: Any = asyncio.get_running_loop()
    server: asyncio.Server = await loop.create_server(lambda: _Served(handler, limit), host, port, **options)
    return server
