"""Receiver: what comes is handed over in pooled memory that costs nothing at rest."""

import asyncio
import gc
import random
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
from peers import PLAIN, Lengths, bare_peer, receive, reset, until

import zbuf

DATA = random.Random(11).randbytes(3 << 20)


class Recorder(zbuf.aio.Receiver):
    """Notes all that it is told."""

    stays = False

    def __init__(self):
        self.events = []
        self.kept = []

    def connected(self):
        self.events.append("connected")

    def received(self, buf):
        self.kept.append(buf)

    def ended(self):
        self.events.append("ended")
        return self.stays

    def lost(self, error):
        self.events.append(("lost", type(error)))

    @property
    def data(self):
        return b"".join(map(bytes, self.kept))


async def server_of(wire, receivers, kind=Recorder):
    def make():
        receivers.append(kind())
        return receivers[-1]

    return await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0, **wire.server)


async def client_of(wire, server):
    return await asyncio.open_connection(*server.sockets[0].getsockname(), **wire.client)


def test_what_comes_is_kept_as_it_came(run, wire):
    receivers = []

    async def main():
        async with await server_of(wire, receivers) as server:
            reader, writer = await client_of(wire, server)
            for k in range(0, len(DATA), 60_000):
                writer.write(DATA[k : k + 60_000])
                await writer.drain()
            writer.close()
            await writer.wait_closed()
            await until(lambda: receivers and receivers[0].events[-1:] == [("lost", type(None))])

    run(main())
    assert receivers[0].data == DATA
    assert receivers[0].events == ["connected", "ended", ("lost", type(None))]
    receivers[0].kept.clear()


def test_small_receives_share_a_block(run):
    receivers = []

    async def main():
        async with await server_of(PLAIN, receivers) as server:
            clients = [await client_of(PLAIN, server) for _ in range(5)]
            await until(lambda: len(receivers) == 5)
            for k in range(20):
                for _, writer in clients:
                    writer.write(bytes([k]) * 100)
                await until(lambda: all(len(receiver.data) == 100 * (k + 1) for receiver in receivers))
            live = zbuf.default_allocator().live()
            assert [block.requested for block in live] == [64 << 10], "100 receives of 100 bytes"
            for receiver in receivers:
                assert receiver.data == b"".join(bytes([k]) * 100 for k in range(20))
                receiver.kept.clear()
            for _, writer in clients:
                writer.write(b"x")
            await until(lambda: all(receiver.data == b"x" for receiver in receivers))
            for receiver in receivers:
                receiver.kept.clear()
            for _, writer in clients:
                writer.close()
                await writer.wait_closed()
            await until(lambda: all(receiver.events[-1:] == [("lost", type(None))] for receiver in receivers))

    run(main())
    assert zbuf.default_allocator().live() == []


def test_who_keeps_nothing_holds_nothing(run, wire):
    class Forgetful(zbuf.aio.Receiver):
        count = 0

        def received(self, buf):
            self.count += len(buf)

    receivers = []

    async def main():
        async with await server_of(wire, receivers, Forgetful) as server:
            reader, writer = await client_of(wire, server)
            for _ in range(10):
                writer.write(DATA[:100_000])
                await writer.drain()
            await until(lambda: receivers and receivers[0].count == 1_000_000)
            live = zbuf.default_allocator().live()
            writer.close()
            await writer.wait_closed()
            await asyncio.sleep(0.01)
            return live

    live = run(main())
    # uvloop asks for memory once more after a full receive, and may find nothing.
    assert sum(block.requested for block in live) <= (64 << 10 if run.is_uvloop else 0)


def test_an_answer_is_one_system_call(run):
    class Chatty(zbuf.aio.Receiver):
        def received(self, buf):
            for _ in range(50):
                self.write(b"ab")
            self.writelines([b"c", buf])
            self.before = self.pending_bytes

    async def main():
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        theirs.setblocking(False)
        with theirs:
            _, receiver = await asyncio.get_running_loop().create_connection(Chatty, sock=ours)
            theirs.send(b"xyz")
            assert await asyncio.get_running_loop().sock_recv(theirs, 1000) == b"ab" * 50 + b"cxyz"
            assert receiver.before == 104
            receiver.abort()
            await receiver.wait_closed()

    run(main())


def test_an_error_in_received_ends_the_connection(run):
    """What was written before it goes out; the loop says what happened."""

    class Clumsy(Recorder):
        def received(self, buf):
            self.write(b"so far")
            raise LookupError("oops")

    async def main():
        told = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context["exception"]))
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        with theirs:
            _, receiver = await asyncio.get_running_loop().create_connection(Clumsy, sock=ours)
            theirs.send(b"x")
            assert await receive(theirs, 100) == b"so far"
            await receiver.wait_closed()
            assert receiver.events == ["connected", ("lost", LookupError)]
            assert [repr(error) for error in told] == ["LookupError('oops')"]

    run(main())


def test_the_end_closes_after_what_was_written(run):
    class Late(Recorder):
        def ended(self):
            self.write(DATA)
            return super().ended()

    async def main():
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        with theirs:
            _, receiver = await asyncio.get_running_loop().create_connection(Late, sock=ours)
            theirs.shutdown(socket.SHUT_WR)
            assert await receive(theirs, len(DATA) + 1) == DATA
            await receiver.wait_closed()
            assert receiver.events == ["connected", "ended", ("lost", type(None))]

    run(main())


def test_staying_after_the_end(run):
    class Staying(Recorder):
        stays = True

    async def main():
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        with theirs:
            _, receiver = await asyncio.get_running_loop().create_connection(Staying, sock=ours)
            theirs.shutdown(socket.SHUT_WR)
            await until(lambda: "ended" in receiver.events)
            for _ in range(10):
                await asyncio.sleep(0)
            receiver.write(DATA)
            receiver.close()
            assert await receive(theirs, len(DATA) + 1) == DATA
            await receiver.wait_closed()
            assert receiver.events == ["connected", "ended", ("lost", type(None))]

    run(main())


def test_a_reset_is_told(run):
    async def main():
        async with bare_peer() as (stream, theirs):
            reset(theirs)
            await stream.wait_closed()
            assert isinstance(stream.error, ConnectionResetError)

    run(main())


def test_no_memory_to_receive_into(run):
    async def main():
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        with theirs, zbuf.PooledAllocator(max_live=1000) as small:
            before = zbuf.set_default_allocator(small)
            try:
                _, receiver = await asyncio.get_running_loop().create_connection(Recorder, sock=ours)
                theirs.send(b"x")
                await receiver.wait_closed()
            finally:
                zbuf.set_default_allocator(before)
            assert receiver.events == ["connected", ("lost", zbuf.PoolExhaustedError)]

    run(main())


def test_before_there_is_a_connection():
    receiver = zbuf.aio.Receiver()
    for use in (lambda: receiver.write(b"x"), lambda: receiver.writelines([b"x"]), lambda: receiver.pending_bytes,
                lambda: receiver.error, receiver.abort, receiver.eof_received, receiver.pause_writing,
                receiver.resume_writing, lambda: receiver.connection_lost(None)):
        with pytest.raises(RuntimeError, match="there is no connection yet"):
            use()
    for use in (receiver.get_buffer, receiver.buffer_updated):
        with pytest.raises(RuntimeError, match="there is no connection to receive from"):
            use(1)
    stream = zbuf.aio.Stream()
    with pytest.raises(RuntimeError, match="there is no connection yet"):
        stream._until_bytes(1)
    stream.ended()
    with pytest.raises(RuntimeError, match="there is no connection yet"):
        stream._until_frames(Lengths())
    with pytest.raises(TypeError):
        stream.received(None)


def test_a_loop_that_says_more_than_it_was_given(run):
    async def main():
        ours, theirs = socket.socketpair()
        with theirs:
            _, receiver = await asyncio.get_running_loop().create_connection(Recorder, sock=ours)
            with pytest.raises(RuntimeError, match="nothing was offered to receive into"):
                receiver.buffer_updated(1)
            room = receiver.get_buffer(-1)
            assert (len(room), room.readonly, room.format) == (64 << 10, False, "B")
            with pytest.raises(zbuf.CapacityError, match="wanted room for 65537 bytes, 65536 available"):
                receiver.buffer_updated((64 << 10) + 1)
            with pytest.raises(zbuf.CapacityError, match="wanted room for -1 bytes"):
                receiver.buffer_updated(-1)
            assert receiver.kept == []
            receiver.abort()
            await receiver.wait_closed()
            for use in (receiver.get_buffer, receiver.buffer_updated):
                with pytest.raises(RuntimeError, match="there is no connection to receive from"):
                    use(1)

    run(main())


def test_a_view_that_the_loop_keeps(run):
    """Whatever it does with it later: what was handed over stays as it was received."""

    async def main():
        ours, theirs = socket.socketpair()
        with theirs:
            _, receiver = await asyncio.get_running_loop().create_connection(Recorder, sock=ours)
            first = receiver.get_buffer(-1)
            first[:3] = b"abc"
            receiver.buffer_updated(3)
            second = receiver.get_buffer(-1)
            second[:3] = b"def"
            receiver.buffer_updated(3)
            assert receiver.data == b"abcdef"
            assert first[:6].tobytes() == b"abcdef", "one block, one behind the other"
            receiver.abort()
            await receiver.wait_closed()
            assert first[:6].tobytes() == b"abcdef"

    run(main())


# -- many


def test_connections_at_rest_hold_no_memory(run, wire):
    """200 of them have talked, and wait."""

    async def echo(stream):
        more = True
        while more:
            with await stream.read() as piece:
                more = stream.write(piece) or bool(piece)

    async def main():
        async with await zbuf.aio.start_server(echo, "127.0.0.1", 0, **wire.server) as server:
            streams = []
            for _ in range(100):
                streams.append(await zbuf.aio.open_connection(*server.sockets[0].getsockname(), **wire.client))
            for size in (1, 100, 3000, 100_000):
                for stream in streams:
                    stream.write(DATA[:size])
                for stream in streams:
                    assert bytes(await stream.read_exactly(size)) == DATA[:size]
            for _ in range(5):
                await asyncio.sleep(0)
            at_rest = sum(block.granted for block in zbuf.default_allocator().live())
            for stream in streams:
                stream.close()
            for stream in streams:
                await stream.wait_closed()
        await asyncio.sleep(0.05)
        return at_rest

    at_rest = run(main())
    gc.collect()
    assert at_rest <= 64 << 10, "one block for all of them: 328 bytes each"
    assert zbuf.default_allocator().live() == []


def test_connections_that_come_and_go(run, wire):
    async def serve(stream):
        decoder_less = await stream.read_exactly(2)
        stream.write(decoder_less)
        stream.write(await stream.read_exactly(20_000))

    async def once(address, k):
        async with await zbuf.aio.open_connection(*address, **wire.client) as stream:
            stream.write(bytes([k, k]))
            stream.write(DATA[k : k + 20_000])
            if k % 5 == 0:
                stream.abort()
                return
            assert bytes(await stream.read_exactly(20_002)) == bytes([k, k]) + DATA[k : k + 20_000]

    async def main():
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)   # those cut short
        async with await zbuf.aio.start_server(serve, "127.0.0.1", 0, **wire.server) as server:
            address = server.sockets[0].getsockname()
            for start in range(0, 200, 50):
                await asyncio.gather(*(once(address, k) for k in range(start, start + 50)))
        await asyncio.sleep(0.05)

    run(main())
    gc.collect()
    assert zbuf.default_allocator().live() == []


def test_loops_in_several_threads(run):
    """Each has memory of its own to receive into."""

    async def main(k):
        data = bytes([k]) * 50_000

        async def echo(stream):
            while piece := await stream.read():
                stream.write(piece)

        async with await zbuf.aio.start_server(echo, "127.0.0.1", 0) as server:
            async with await zbuf.aio.open_connection(*server.sockets[0].getsockname()) as stream:
                for _ in range(50):
                    stream.write(data)
                    assert bytes(await stream.read_exactly(len(data))) == data
        return k

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda k: run(main(k)), range(8))) == list(range(8))


# -- servers


def test_a_handler_that_raises(run):
    async def broken(stream):
        await stream.read_exactly(1)
        raise LookupError("oops")

    async def main():
        told = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context))
        async with await zbuf.aio.start_server(broken, "127.0.0.1", 0) as server:
            async with await zbuf.aio.open_connection(*server.sockets[0].getsockname()) as stream:
                stream.write(b"x")
                assert bytes(await stream.read()) == b""
        assert [(context["message"], repr(context["exception"])) for context in told] == [
            ("unhandled exception in the handler of a connection", "LookupError('oops')")
        ]

    run(main())


def test_a_handler_that_lets_the_end_of_the_connection_through(run):
    async def serve(stream):
        try:
            await stream.read_exactly(10)
        except ConnectionError:
            ended.set_result(stream)
            raise

    async def main():
        nonlocal ended
        ended = asyncio.get_running_loop().create_future()
        async with await zbuf.aio.start_server(serve, "127.0.0.1", 0) as server:
            sock = socket.create_connection(server.sockets[0].getsockname())
            sock.send(b"abc")
            await asyncio.sleep(0)
            reset(sock)
            stream = await ended
            assert isinstance(stream.error, ConnectionResetError)
            await stream.wait_closed()

    ended = None
    run(main())   # which fails if the loop's exception handler is told


def test_a_handler_that_is_cancelled(run):
    handlers = []

    async def waiting(stream):
        handlers.append(asyncio.current_task())
        await stream.read()

    async def main():
        async with await zbuf.aio.start_server(waiting, "127.0.0.1", 0) as server:
            async with await zbuf.aio.open_connection(*server.sockets[0].getsockname()) as stream:
                await until(lambda: handlers)
                handlers[0].cancel()
                assert bytes(await stream.read()) == b""
                assert handlers[0].cancelled()

    run(main())


def test_nobody_listens(run):
    async def main():
        with socket.create_server(("127.0.0.1", 0)) as gone:
            address = gone.getsockname()
        with pytest.raises(ConnectionRefusedError):
            await zbuf.aio.open_connection(*address)

    run(main())
