"""Cancelled at every await that there is: what came is still to be read, what was written still goes."""

import asyncio
import contextlib
import itertools
import os
import random
import socket
import types

import pytest
import zbuf
from kinds import live_blocks
from peers import Lengths, peer_of, until

DATA = random.Random(1).randbytes(200_000)


@types.coroutine
def cancelled_at(number, made):
    """Await a coroutine, and cancel it as a task would when it waits for the n-th time: (it was cancelled, its result)."""
    steps = made.__await__()
    for k in itertools.count():
        try:
            waiting = steps.send(None)
        except StopIteration as done:
            return False, done.value
        if k == number:
            if waiting is not None:
                waiting.cancel()
            try:
                steps.throw(asyncio.CancelledError)
            except asyncio.CancelledError:
                return True, None
            raise AssertionError("it waits although it was cancelled")
        try:
            yield waiting
        except BaseException as error:     # of the future: for the coroutine to see
            steps.throw(error)
            raise AssertionError("it goes on after an error") from error


async def at_every_step(step):
    """Do step(n) for every n until it says that it was not cancelled; how often it was."""
    for number in itertools.count():
        if not await step(number):
            return number


def descriptors():
    zbuf.relay.trim()
    return len(os.listdir("/proc/self/fd"))


# -- reading

PIECES = [b"ab", b"cdefg", b"h", b"ij", b"\x07fra", b"me 0\x07frame 1", b"\x07frame 2\x07", b"frame 3", b"\x07frame 4\x07frame 5"]


class Reading:
    """Reads all there is, in every way; may be called again where it stopped."""

    def __init__(self, stream):
        self.stream, self.decoder = stream, Lengths()
        self.raw, self.frames = b"", []

    async def run(self):
        stream, decoder = self.stream, self.decoder
        while len(self.raw) < 4:
            self.raw += bytes(await stream.read_exactly(4))
        while len(self.raw) < 7:
            self.raw += bytes(await stream.read(7 - len(self.raw)))
        while len(self.raw) < 10:
            self.raw += bytes(await stream.read_exactly(3))
        while len(self.frames) < 2:
            self.frames.append(await stream.read_frame(decoder))
        while len(self.frames) < 6:
            self.frames += await stream.read_frames(decoder)
        assert await stream.read_frame(decoder) is None

    def check(self):
        assert (self.raw, self.frames) == (b"abcdefghij", [b"frame %d" % k for k in range(6)])


def test_reads_lose_nothing_whichever_is_cancelled(run, wire):
    async def attempt(number):
        blocks = live_blocks()
        async with peer_of(wire) as (stream, _, writer):

            async def feed():     # now and then, so that there is something to wait for
                for piece in PIECES:
                    writer.write(piece)
                    for _ in range(5):
                        await asyncio.sleep(0)
                writer.close() if wire.encrypted else writer.write_eof()

            reading = Reading(stream)
            async with asyncio.TaskGroup() as group:
                group.create_task(feed())
                cancelled, _ = await cancelled_at(number, reading.run())
                if cancelled:
                    await reading.run()
            reading.check()
        del stream, reading
        assert live_blocks() == blocks
        return cancelled

    assert run(at_every_step(attempt)) >= 3


# -- writing


class Writing:
    """Writes in every way; may be called again where it stopped, with what was written on its way."""

    def __init__(self, stream, region):
        self.stream, self.region = stream, region
        self.todo = [self.write, self.send_file, self.write_lines, self.send_file, self.write]

    EXPECTED = DATA + DATA[5:] + b"head" + DATA + DATA[5:] + DATA

    async def run(self):
        while self.todo:
            await self.todo.pop(0)()

    async def write(self):
        self.stream.write(DATA)
        await self.stream.drain()

    async def send_file(self):
        await self.stream.send_file(self.region)

    async def write_lines(self):
        self.stream.writelines([b"head", zbuf.copied(DATA)])
        await self.stream.drain()


@contextlib.asynccontextmanager
async def slow_peer(wire):
    """A stream of ours, and the reader at the other end, which is held back and has little room."""
    ends = asyncio.get_running_loop().create_future()

    async def serve(reader, writer):
        writer.transport.pause_reading()
        ends.set_result((reader, writer))

    listener, ours = socket.socket(), socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    listener.bind(("127.0.0.1", 0))
    async with await asyncio.start_server(serve, sock=listener, limit=4096, **wire.server):
        ours.connect(listener.getsockname())
        stream = await zbuf.aio.open_connection(sock=ours, **wire.client)
        reader, writer = await ends
        try:
            yield stream, reader
        finally:
            stream.abort()
            await stream.wait_closed()
            writer.transport.abort()


def test_writes_take_nothing_back_whichever_is_cancelled(run, wire, tmp_path):
    (tmp_path / "file").write_bytes(DATA)

    async def attempt(number):
        blocks = live_blocks()
        async with slow_peer(wire) as (stream, reader):
            got = bytearray()

            async def receiving():
                while len(got) < len(Writing.EXPECTED):
                    await asyncio.sleep(0)
                    reader._transport.resume_reading()
                    got.extend(await reader.read(1 << 20))

            with zbuf.FileRegion.open(tmp_path / "file", 5) as region:
                writing = Writing(stream, region)
                async with asyncio.TaskGroup() as group:
                    group.create_task(receiving())
                    cancelled, _ = await cancelled_at(number, writing.run())
                    if cancelled:
                        await writing.run()
            assert got == Writing.EXPECTED
        del stream, writing
        assert live_blocks() == blocks
        return cancelled

    assert run(at_every_step(attempt)) >= (1 if wire.encrypted else 3)


# -- coming and going


def test_a_connection_that_is_cancelled_while_it_is_made_leaves_nothing(run, wire):
    async def serve(stream):
        with contextlib.suppress(ConnectionError):
            await stream.read()

    async def attempt(number):
        before = descriptors(), live_blocks()
        async with await zbuf.aio.start_server(serve, "127.0.0.1", 0, **wire.server) as server:
            connecting = zbuf.aio.open_connection(*server.sockets[0].getsockname(), **wire.client)
            cancelled, stream = await cancelled_at(number, connecting)
            if stream is not None:
                stream.abort()
                await stream.wait_closed()
        del stream
        await until(lambda: (descriptors(), live_blocks()) == before)
        return cancelled

    async def main():
        async with await zbuf.aio.start_server(serve, "127.0.0.1", 0):
            pass          # libuv keeps a descriptor from the first one on
        return await at_every_step(attempt)

    assert run(main()) >= 1


@pytest.mark.parametrize("leave", ["close", "abort", "with"])
def test_an_end_that_is_not_waited_for_comes_all_the_same(run, wire, leave):
    async def attempt(number):
        blocks = live_blocks()

        async def use(stream):
            if leave == "with":
                async with stream:
                    stream.write(b"last words")
                return
            stream.write(b"last words")
            stream.close() if leave == "close" else stream.abort()
            await stream.wait_closed()

        async with peer_of(wire) as (stream, reader, _):
            cancelled, _ = await cancelled_at(number, use(stream))
            with contextlib.suppress(ConnectionError):
                assert leave == "abort" or await reader.read() == b"last words"
            await stream.wait_closed()
            with pytest.raises((zbuf.ReleasedError, ConnectionError)):
                stream.write(b"more")
        del stream
        assert live_blocks() == blocks
        return cancelled

    assert run(at_every_step(attempt)) >= 1


def test_a_handler_that_is_cancelled_anywhere_ends_its_connection(run, wire, tmp_path):
    (tmp_path / "file").write_bytes(DATA)

    async def attempt(number):
        blocks, was_cancelled = live_blocks(), asyncio.get_running_loop().create_future()

        async def serve(stream):
            cancelled, _ = await cancelled_at(number, answer(stream))
            was_cancelled.set_result(cancelled)
            if cancelled:
                raise asyncio.CancelledError

        async def answer(stream):
            question = bytes(await stream.read_exactly(8))
            stream.write(question + DATA)
            await stream.drain()
            with zbuf.FileRegion.open(tmp_path / "file") as region:
                await stream.send_file(region)
            assert not await stream.read()

        async with await zbuf.aio.start_server(serve, "127.0.0.1", 0, **wire.server) as server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname(), limit=1 << 22, **wire.client)
            writer.write(b"ques")
            await asyncio.sleep(0)
            writer.write(b"tion")
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                got = await reader.readexactly(8 + 2 * len(DATA))
                assert got == b"question" + 2 * DATA
                writer.close() if wire.encrypted else writer.write_eof()
            cancelled = await was_cancelled
            with contextlib.suppress(ConnectionError):
                while await reader.read(1 << 20):      # the connection ends, whatever is on its way
                    pass
            writer.transport.abort()
        await until(lambda: live_blocks() == blocks)
        return cancelled

    assert run(at_every_step(attempt)) >= 2
