"""Both ends of sockets, pipes and files: what was written at the one is read at the other."""

import asyncio
import os
import socket
import tempfile
from collections.abc import Awaitable, Callable
from typing import Any, BinaryIO

Loop = Callable[[], asyncio.AbstractEventLoop]


def arrived(send: Callable[[socket.socket], Any]) -> bytes:
    """What comes out of a socket when `send` has been called with its peer."""
    near, far = socket.socketpair()
    with near, far:
        send(near)
        return far.recv(1 << 16)


def filled(content: bytes, receive: Callable[[socket.socket], Any]) -> None:
    """Calls `receive` with a socket that has this content to read."""
    near, far = socket.socketpair()
    with near, far:
        far.sendall(content)
        receive(near)


def through_a_pipe(write: Callable[[int], Any]) -> bytes:
    out, into = os.pipe()
    try:
        write(into)
        return os.read(out, 1 << 16)
    finally:
        os.close(out)
        os.close(into)


def through_a_file(write: Callable[[BinaryIO], Any], buffering: int) -> bytes:
    with tempfile.TemporaryFile(buffering=buffering) as file:
        write(file)
        file.seek(0)
        return file.read()


def loop_of(name: str) -> Loop:
    if name == "uvloop":
        import uvloop
        return uvloop.new_event_loop
    return asyncio.SelectorEventLoop


def run(loop: Loop, main: Awaitable[Any]) -> Any:
    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(main)


def arrived_async(loop: Loop, write: Callable[[asyncio.WriteTransport], Any]) -> bytes:
    """What comes out at the peer of a transport that `write` was called with."""
    async def main(near: socket.socket) -> None:
        transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=near)
        try:
            write(transport)
        finally:
            transport.close()
            await asyncio.sleep(0)
    return filled_async(loop, main)


def filled_async(loop: Loop, send: Callable[[socket.socket], Awaitable[Any]]) -> bytes:
    """What comes out of a socket when `send` has been awaited with its peer."""
    async def main() -> None:
        await send(near)
    near, far = socket.socketpair()
    near.setblocking(False)
    with near, far:
        run(loop, main())
        return far.recv(1 << 16)


class Receiver(asyncio.BufferedProtocol):
    """Has what arrives written into the target, until the peer is done."""

    def __init__(self, target: Any) -> None:
        self.target = target
        self.done = asyncio.get_running_loop().create_future()

    def get_buffer(self, hint: int) -> Any:
        return self.target

    def buffer_updated(self, size: int) -> None:
        pass

    def connection_lost(self, error: Exception | None) -> None:
        self.done.set_result(error)


def received(loop: Loop, content: bytes, target: Any) -> None:
    """A transport of the loop receives this content into the target. Raises what ended the connection otherwise."""
    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)    # it is raised here
        _, receiver = await asyncio.get_running_loop().create_connection(lambda: Receiver(target), sock=near)
        if error := await receiver.done:
            raise error.__cause__ or error
    near, far = socket.socketpair()
    near.setblocking(False)
    with near, far:
        far.sendall(content)
        far.shutdown(socket.SHUT_WR)
        run(loop, main())


class Queued:
    """A transport whose socket takes nothing more, and what was written to it since."""

    def __init__(self, loop: Loop, data: Any) -> None:
        self.near, self.far = socket.socketpair()
        self.near.setblocking(False)
        self.loop = loop()
        self.transport, _ = self.loop.run_until_complete(self.loop.create_connection(asyncio.Protocol, sock=self.near))
        fill(self.near.fileno())
        self.transport.write(data)

    @property
    def size(self) -> int:
        return self.transport.get_write_buffer_size()

    def __del__(self) -> None:
        self.transport.abort()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()
        self.near.close()
        self.far.close()


def fill(fd: int) -> None:
    try:
        while True:
            os.write(fd, bytes(1 << 16))
    except BlockingIOError:
        pass
