"""What comes, by bytes and by frames, in pooled memory; and that no cancelling loses any of it."""

import random
import socket

import pytest
import trio
import trio.testing
from trio_ends import PLAIN, cancelled_after, pair, reset, stream_of

import zbuf

DATA = random.Random(21).randbytes(1 << 20)


def lines():
    return zbuf.codec.LineDecoder(1000)


def test_bytes_as_they_come(run, kind):
    async def main():
        async with pair(kind) as (stream, peer):
            await peer.send_all(b"abcdef")
            assert bytes(await stream.read(4)) == b"abcd"
            assert stream.waiting_bytes == 2
            assert bytes(await stream.read(0)) == b""
            assert bytes(await stream.read()) == b"ef"
            async with trio.open_nursery() as nursery:
                nursery.start_soon(peer.send_all, DATA)
                assert bytes(await stream.read_exactly(300_001)) == DATA[:300_001]
                assert bytes(await stream.read_exactly(len(DATA) - 300_001)) == DATA[300_001:]
            assert stream.waiting_bytes == 0

    run(main)


def test_the_end_is_an_empty_buffer(run, kind):
    async def main():
        async with pair(kind) as (stream, peer):
            await peer.send_all(b"abc")
            await peer.aclose()
            with pytest.raises(zbuf.UnderflowError, match="wanted 4 bytes at 0, 3 readable"):
                await stream.read_exactly(4)
            assert bytes(await stream.read()) == b"abc"
            assert bytes(await stream.read()) == b""
            assert bytes(await stream.read()) == b""
            assert stream.error is None

    run(main)


def test_a_negative_number_of_bytes(run):
    async def main():
        async with pair(PLAIN) as (stream, peer):
            await peer.send_all(b"abc")
            for read in (stream.read, stream.read_exactly):
                with pytest.raises(ValueError, match="read takes 0 bytes or more, not -1"):
                    await read(-1)
            assert bytes(await stream.read_exactly(3)) == b"abc"

    run(main)


def test_a_reset_comes_after_the_bytes(run):
    async def main():
        async with pair(PLAIN) as (stream, peer):
            await peer.send_all(b"one\ntwo")
            decoder = lines()
            assert bytes(await stream.read_frame(decoder)) == b"one"
            reset(peer)
            for _ in range(2):
                with pytest.raises(trio.BrokenResourceError, match="this stream is broken: .*reset by peer"):
                    await stream.read_frame(decoder)
            assert isinstance(stream.error.__cause__, ConnectionResetError)

    run(main)


def test_a_reset_in_the_middle_of_what_is_wanted(run):
    async def main():
        async with pair(PLAIN) as (stream, peer):
            await peer.send_all(b"abc")
            assert bytes(await stream.read_exactly(1)) == b"a"
            reset(peer)
            with pytest.raises(trio.BrokenResourceError):
                await stream.read_exactly(3)
            assert bytes(await stream.read()) == b"bc"
            with pytest.raises(trio.BrokenResourceError):
                await stream.read()

    run(main)


def test_tls_that_ends_without_saying_so_is_no_end(run, tls):
    """What an attacker has cut off must not look whole."""

    async def main():
        async with pair(tls) as (stream, peer):
            await peer.send_all(b"abc")
            peer.transport_stream.socket.shutdown(socket.SHUT_WR)
            assert bytes(await stream.read()) == b"abc"
            for _ in range(2):
                with pytest.raises(trio.BrokenResourceError, match="EOF"):
                    await stream.read()

    run(main)


def test_frames_one_by_one_and_all_at_once(run, kind):
    async def main():
        async with pair(kind) as (stream, peer):
            decoder = lines()
            await peer.send_all(b"one\ntwo\nthree\nfour\nfi")
            assert bytes(await stream.read_frame(decoder)) == b"one"
            assert [bytes(frame) for frame in await stream.read_frames(decoder)] == [b"two", b"three", b"four"]
            with pytest.raises(RuntimeError, match="0 frames and 2 bytes of its decoder come before the next byte"):
                await stream.read()
            await peer.send_all(b"ve\n")
            assert bytes(await stream.read_frame(decoder)) == b"five"
            await peer.send_all(b"rest")
            assert bytes(await stream.read()) == b"rest"
            await peer.aclose()
            assert await stream.read_frame(decoder) is None
            assert await stream.read_frames(decoder) == []

    run(main)


def test_a_flaw_comes_after_the_frames_before_it(run):
    async def main():
        async with pair(PLAIN) as (stream, peer):
            decoder = zbuf.codec.LineDecoder(5)
            await peer.send_all(b"one\ntoo long\ntwo\n")
            assert bytes(await stream.read_frame(decoder)) == b"one"
            with pytest.raises(zbuf.FrameTooLongError):
                await stream.read_frame(decoder)
            assert bytes(await stream.read_frame(decoder)) == b"two"

    run(main)


@pytest.mark.parametrize("seed", range(5))
def test_a_cancelled_read_loses_nothing(run, kind, seed):
    """Cancelled before, between and after its awaits: the next one gives what it would have given."""

    async def main():
        chance = random.Random(seed)
        text = b"\n".join(b"%d" % (chance.randrange(10) ** chance.randrange(20)) for _ in range(3000)) + b"\n"

        async def send():
            at = 0
            while at < len(text):
                size = chance.choice([1, 10, 100])
                await peer.send_all(text[at : at + size])
                at += size

        async def take(read, *arguments):
            got.append(await read(*arguments))

        async with pair(kind) as (stream, peer), trio.open_nursery() as nursery:
            nursery.start_soon(send)
            frames, decoder, cuts = [], lines(), 0
            while len(frames) < 3000:
                got = []
                read = chance.choice([stream.read_frame, stream.read_frames])
                cuts += await cancelled_after(chance.randrange(4), take, read, decoder)
                for what in got:
                    frames += [bytes(frame) for frame in (what if isinstance(what, list) else [what])]
            assert b"\n".join(frames) + b"\n" == text
            assert cuts

    run(main)


@pytest.mark.parametrize("seed", range(5))
def test_a_cancelled_read_of_bytes_loses_nothing(run, kind, seed):
    async def main():
        chance = random.Random(seed)
        parts = []

        async def take(read, *arguments):
            parts.append(bytes(await read(*arguments)))

        async with pair(kind) as (stream, peer), trio.open_nursery() as nursery:
            nursery.start_soon(peer.send_all, DATA)
            left = len(DATA)
            while left:
                n = min(left, chance.choice([1, 1000, 20_000, 100_000]))
                before = len(parts)
                await cancelled_after(chance.randrange(4), take, chance.choice([stream.read, stream.read_exactly]), n)
                left -= sum(map(len, parts[before:]))
            assert b"".join(parts) == DATA

    run(main)


def test_every_read_is_a_checkpoint(run, kind):
    async def main():
        async with pair(kind) as (stream, peer):
            await peer.send_all(b"abc\ndef\n")
            decoder = lines()
            for read, arguments in [(stream.read, (0,)), (stream.read_exactly, (0,)), (stream.read, (1,)),
                                    (stream.read_exactly, (1,)), (stream.read_frame, (decoder,)),
                                    (stream.read_frames, (decoder,))]:
                with trio.CancelScope() as scope:
                    scope.cancel()
                    await read(*arguments)
                assert scope.cancelled_caught
                with trio.testing.assert_checkpoints():
                    await read(*arguments)
            assert stream.waiting_bytes == decoder.pending == 0, "all was read, once"

    run(main)


def test_one_reader_at_a_time(run, kind):
    async def main():
        async with pair(kind) as (stream, peer), trio.open_nursery() as nursery:
            nursery.start_soon(stream.read)
            await trio.testing.wait_all_tasks_blocked()
            with pytest.raises(trio.BusyResourceError):
                await stream.read()
            nursery.cancel_scope.cancel()

    run(main)


def test_a_reader_that_never_waits_lets_others_run(run):
    async def main():
        turns = 0

        async def count():
            nonlocal turns
            while True:
                await trio.lowlevel.checkpoint()
                turns += 1

        async with pair(PLAIN) as (stream, peer), trio.open_nursery() as nursery:
            peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
            nursery.start_soon(peer.send_all, DATA)
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(count)
            await stream.read_exactly(len(DATA))
            assert turns >= len(DATA) // (64 << 10) - 1
            nursery.cancel_scope.cancel()

    run(main)


# -- memory


def test_small_receives_of_many_connections_share_a_block(run):
    async def main():
        async with pair(PLAIN) as one, pair(PLAIN) as two:
            kept = []
            for k in range(20):
                for stream, peer in (one, two):
                    await peer.send_all(bytes([k]) * 100)
                    kept.append(await stream.read_exactly(100))
            assert [block.requested for block in zbuf.default_allocator().live()] == [64 << 10]
            assert b"".join(map(bytes, kept)) == b"".join(bytes([k]) * 200 for k in range(20))

    run(main)


def test_who_keeps_nothing_holds_nothing(run, kind):
    async def main():
        async with pair(kind) as (stream, peer), trio.open_nursery() as nursery:
            await peer.send_all(DATA[:100_000])
            await stream.read_exactly(100_000)
            nursery.start_soon(stream.read)
            await trio.testing.wait_all_tasks_blocked()
            assert zbuf.default_allocator().live() == []
            nursery.cancel_scope.cancel()

    run(main)


def test_nothing_is_left_when_all_is_over(run, kind):
    async def main():
        async with pair(kind) as (stream, peer):
            await peer.send_all(DATA[:100_000])
            assert bytes(await stream.read_exactly(50_000)) == DATA[:50_000]
            stream.write_nowait(DATA[:1000], zbuf.copied(DATA[:100_000]))

    run(main)
    assert zbuf.default_allocator().live() == []


def test_no_memory_to_receive_into(run, kind):
    async def main():
        async with pair(kind) as (stream, peer):
            await peer.send_all(b"abc")
            with zbuf.PooledAllocator(max_live=1000) as small:
                before = zbuf.set_default_allocator(small)
                try:
                    with pytest.raises(zbuf.PoolExhaustedError):
                        await stream.read()
                finally:
                    zbuf.set_default_allocator(before)
            assert bytes(await stream.read()) == b"abc"

    run(main)


def test_only_inside_of_trio():
    async def made():
        return stream_of(ours)

    ours, theirs = socket.socketpair()
    with theirs:
        transport = trio.run(made)
        with pytest.raises(RuntimeError, match="must be called from async context"):
            zbuf.trio.Stream(transport)
        trio.run(transport.aclose)
