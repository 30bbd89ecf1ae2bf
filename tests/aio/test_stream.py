"""Stream: bytes and frames as they were sent, whatever the peer and whoever cancels."""

import asyncio
import random
import socket

import pytest
from peers import Lengths, bare_peer, peer_of, reset, until

import zbuf

DATA = random.Random(3).randbytes(3 << 20)


# -- bytes


def test_all_bytes_come_in_order(run, wire):
    async def main():
        async with peer_of(wire) as (stream, _, writer):
            writer.write(DATA)
            got = bytearray()
            while len(got) < len(DATA):
                got += bytes(await stream.read())
            assert got == DATA

    run(main())


def test_read_gives_no_more_than_asked(run, wire):
    async def main():
        async with peer_of(wire) as (stream, _, writer):
            writer.write(b"abcdef")
            first = await stream.read_exactly(1)
            rest = await stream.read(2)
            assert (bytes(first), len(rest) <= 2) == (b"a", True)
            assert bytes(await stream.read(0)) == b""

    run(main())


def test_exact_reads_of_all_sizes(run, wire):
    async def main():
        async with peer_of(wire) as (stream, _, writer):
            writer.write(DATA)
            sizes = random.Random(4)
            at = 0
            while at < len(DATA):
                size = min(sizes.choice((0, 1, 7, 500, 70_000, 600_000)), len(DATA) - at)
                assert bytes(await stream.read_exactly(size)) == DATA[at : at + size]
                at += size

    run(main())


def test_one_byte_at_a_time(run):
    async def main():
        async with bare_peer() as (stream, theirs):
            theirs.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            reading = asyncio.create_task(stream.read_exactly(300))
            for k in range(300):
                theirs.send(bytes([k & 255]))
                await asyncio.sleep(0)
            assert bytes(await reading) == bytes(k & 255 for k in range(300))

    run(main())


def test_the_end_of_the_stream(run, wire):
    async def main():
        async with peer_of(wire) as (stream, _, writer):
            writer.write(b"abc")
            writer.close()
            with pytest.raises(asyncio.IncompleteReadError, match="3 bytes read on a total of 4") as caught:
                await stream.read_exactly(4)
            assert (caught.value.partial, caught.value.expected) == (b"abc", 4)
            assert bytes(await stream.read()) == b"abc", "nothing is lost"
            assert bytes(await stream.read()) == b""
            assert bytes(await stream.read(5)) == b""

    run(main())


def test_a_reset_comes_after_the_bytes_before_it(run):
    async def main():
        async with bare_peer() as (stream, theirs):
            theirs.send(b"abc")
            assert bytes(await stream.read_exactly(1)) == b"a"
            reset(theirs)
            await stream.wait_closed()
            assert isinstance(stream.error, ConnectionResetError)
            with pytest.raises(ConnectionResetError):
                await stream.read_exactly(3)
            assert bytes(await stream.read()) == b"bc"
            with pytest.raises(ConnectionResetError):
                await stream.read()
            with pytest.raises(ConnectionResetError):
                await stream.read_frame(Lengths())
            with pytest.raises(ConnectionResetError):
                stream.write(b"x")
            with pytest.raises(ConnectionResetError):
                await stream.drain()

    run(main())


def test_a_reset_wakes_who_reads(run):
    async def main():
        async with bare_peer() as (stream, theirs):
            reading = asyncio.create_task(stream.read())
            await asyncio.sleep(0)
            reset(theirs)
            with pytest.raises(ConnectionResetError):
                await reading

    run(main())


def test_wrong_numbers_are_refused(run):
    async def main():
        async with bare_peer() as (stream, theirs):
            theirs.send(b"abc")
            with pytest.raises(ValueError, match="read takes 0 bytes or more, not -1"):
                await stream.read(-1)
            with pytest.raises(ValueError, match="read takes 0 bytes or more, not -2"):
                await stream.read_exactly(-2)
            assert bytes(await stream.read_exactly(3)) == b"abc"
            assert bytes(await stream.read_exactly(0)) == b""

    run(main())


def test_one_task_reads_at_a_time(run):
    async def main():
        async with bare_peer() as (stream, theirs):
            reading = asyncio.create_task(stream.read())
            await asyncio.sleep(0)
            for second in (stream.read(), stream.read_exactly(1), stream.read_frame(Lengths())):
                with pytest.raises(RuntimeError, match="another task reads this stream"):
                    await second
            theirs.send(b"abc")
            assert bytes(await reading) == b"abc"

    run(main())


def test_a_slow_reader_holds_the_peer_back(run, wire):
    async def main():
        async with peer_of(wire, limit=10_000) as (stream, _, writer):
            size = 32 << 20   # more than the buffers of both kernels and of TLS
            writer.write(bytes(size))
            await until(lambda: stream.waiting_bytes >= 10_000)
            for _ in range(50):
                await asyncio.sleep(0)
            assert stream.waiting_bytes < 10_000 + (1 << 20)
            left = size
            while left:
                left -= len(await stream.read())

    run(main())


def test_an_exact_read_beyond_the_limit(run, wire):
    async def main():
        async with peer_of(wire, limit=1000) as (stream, _, writer):
            writer.write(DATA)
            assert bytes(await stream.read_exactly(1)) == DATA[:1]
            await until(lambda: stream.waiting_bytes >= 1000)
            assert bytes(await stream.read_exactly(len(DATA) - 1)) == DATA[1:]

    run(main())


# -- cancelling


def test_a_cancelled_read_loses_nothing(run, wire):
    async def main():
        async with peer_of(wire) as (stream, _, writer):
            got = b""
            numbers = random.Random(5)
            for k in range(200):
                size = numbers.randrange(1, 50)
                reading = asyncio.create_task(stream.read_exactly(size))
                writer.write(DATA[100 * k : 100 * (k + 1)])
                for _ in range(numbers.randrange(4)):
                    await asyncio.sleep(0)
                reading.cancel()
                try:
                    got += bytes(await reading)
                except asyncio.CancelledError:
                    pass
            got += bytes(await stream.read_exactly(100 * 200 - len(got)))
            assert got == DATA[: 100 * 200]

    run(main())


@pytest.mark.parametrize("turns", range(5))
def test_cancelled_just_when_it_comes(run, turns):
    async def main():
        async with bare_peer() as (stream, theirs):
            decoder = Lengths()
            reading = asyncio.create_task(stream.read_frame(decoder))
            await asyncio.sleep(0)
            theirs.send(b"\x03abc")
            for _ in range(turns):
                await asyncio.sleep(0)
            reading.cancel()
            try:
                assert await reading == b"abc"
            except asyncio.CancelledError:
                assert await stream.read_frame(decoder) == b"abc"

    run(main())


def test_a_read_that_times_out(run, wire):
    async def main():
        async with peer_of(wire) as (stream, _, writer):
            writer.write(b"abc")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await stream.read_exactly(4)
            writer.write(b"d")
            assert bytes(await stream.read_exactly(4)) == b"abcd"

    run(main())


# -- frames


def test_frames_one_by_one(run, wire):
    async def main():
        async with peer_of(wire) as (stream, _, writer):
            sent = [bytes([k]) * (k % 200) for k in range(250)]
            for frame in sent:
                writer.write(bytes([len(frame)]) + frame)
            writer.close()
            decoder = Lengths()
            got = []
            while (frame := await stream.read_frame(decoder)) is not None:
                got.append(frame)
            assert got == sent
            assert await stream.read_frame(decoder) is None
            assert decoder.finished == 1

    run(main())


def test_many_frames_a_call(run, wire):
    async def main():
        async with peer_of(wire) as (stream, _, writer):
            sent = [bytes([k]) * (k % 200) for k in range(250)]
            writer.write(b"".join(bytes([len(frame)]) + frame for frame in sent))
            writer.close()
            decoder = Lengths()
            got = []
            while frames := await stream.read_frames(decoder):
                got += frames
            assert got == sent
            assert await stream.read_frames(decoder) == []

    run(main())


def test_a_flaw_comes_behind_the_frames_before_it_and_before_those_after_it(run):
    async def main():
        async with bare_peer() as (stream, theirs):
            decoder = Lengths()
            theirs.send(b"\x01a\x01b\xff\x01c")
            assert await stream.read_frame(decoder) == b"a"
            assert await stream.read_frame(decoder) == b"b"
            with pytest.raises(Lengths.Broken, match="255 is no length"):
                await stream.read_frame(decoder)
            assert await stream.read_frame(decoder) == b"c"
            theirs.send(b"\xff\x01d")
            with pytest.raises(Lengths.Broken):
                await stream.read_frames(decoder)
            assert await stream.read_frames(decoder) == [b"d"]
            theirs.send(b"\x01e\xff")
            assert await stream.read_frames(decoder) == [b"e"]
            theirs.shutdown(socket.SHUT_WR)
            with pytest.raises(Lengths.Broken):
                await stream.read_frames(decoder)
            assert await stream.read_frame(decoder) is None

    run(main())


def test_an_end_inside_a_frame(run):
    async def main():
        async with bare_peer() as (stream, theirs):
            decoder = Lengths()
            theirs.send(b"\x01a\x05b")
            theirs.shutdown(socket.SHUT_WR)
            assert await stream.read_frame(decoder) == b"a"
            with pytest.raises(Lengths.Broken):
                await stream.read_frame(decoder)
            assert await stream.read_frame(decoder) is None
            assert await stream.read_frames(decoder) == []

    run(main())


def test_an_error_that_is_not_about_the_stream_takes_nothing(run):
    class Moody(Lengths):
        moody = True

        def feed(self, data):
            if self.moody:
                raise MemoryError("no memory now")
            return super().feed(data)

    async def main():
        async with bare_peer() as (stream, theirs):
            decoder = Moody()
            theirs.send(b"\x01a")
            with pytest.raises(MemoryError, match="no memory now"):
                await stream.read_frame(decoder)
            decoder.moody = False
            assert await stream.read_frame(decoder) == b"a"

    run(main())


def test_bytes_after_frames_and_frames_after_bytes(run):
    async def main():
        async with bare_peer() as (stream, theirs):
            decoder = Lengths()
            theirs.send(b"\x01a\x01b\x02c")
            assert await stream.read_frame(decoder) == b"a"
            for read in (stream.read, stream.read_exactly, lambda n: stream.read_frame(Lengths())):
                with pytest.raises(RuntimeError, match="1 frames and 2 bytes of its decoder come before the next byte"):
                    await read(1)
            assert await stream.read_frame(decoder) == b"b"
            with pytest.raises(RuntimeError, match="0 frames and 2 bytes"):
                await stream.read()
            theirs.send(b"d")
            assert await stream.read_frame(decoder) == b"cd"
            theirs.send(b"raw\x01e")
            assert bytes(await stream.read_exactly(3)) == b"raw"
            assert await stream.read_frame(Lengths()) == b"e"

    run(main())


# -- memory


def test_what_was_read_is_kept_by_its_handles_alone(run, wire):
    async def main():
        async with peer_of(wire) as (stream, _, writer):
            writer.write(DATA)
            kept = [await stream.read_exactly(1 << 20) for _ in range(3)]
            return b"".join(map(bytes, kept)), kept

    data, kept = run(main())
    assert data == DATA
    assert b"".join(map(bytes, kept)) == DATA, "also when connection and loop are gone"


def test_the_handle_can_be_released_while_the_stream_goes_on(run):
    async def main():
        async with bare_peer() as (stream, theirs):
            for k in range(20):
                theirs.send(bytes([k]) * 2000)
                with await stream.read_exactly(2000) as got:
                    assert bytes(got) == bytes([k]) * 2000
                assert got.released

    run(main())


async def echo(stream):
    while piece := await stream.read():
        stream.write(piece)
        await stream.drain()


def test_an_echo_of_much(run, wire):
    async def main():
        async with await zbuf.aio.start_server(echo, "127.0.0.1", 0, **wire.server) as server:
            async with await zbuf.aio.open_connection(*server.sockets[0].getsockname(), **wire.client) as stream:
                size = 64 << 20
                block = random.Random(6).randbytes(1 << 20)

                async def send():
                    for _ in range(size >> 20):
                        stream.write(block)
                        await stream.drain()

                sending = asyncio.create_task(send())
                for _ in range(size >> 20):
                    assert await stream.read_exactly(1 << 20) == block
                await sending

    run(main())


def test_a_peer_at_its_own_pace(run):
    """The wire in pieces of every size: what comes is what went."""

    async def main():
        async with bare_peer() as (stream, theirs):
            numbers = random.Random(7)
            sent = 0
            got = []
            while sent < 200_000:
                size = numbers.choice((1, 3, 100, 600, 5000))
                sent += theirs.send(DATA[sent : sent + size])
                if numbers.random() < 0.3:
                    got.append(await stream.read(numbers.choice((1, 50, 3000, 100_000))))
            done = sum(map(len, got))
            got.append(await stream.read_exactly(sent - done))
            assert b"".join(map(bytes, got)) == DATA[:sent]

    run(main())
