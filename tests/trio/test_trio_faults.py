"""Without memory, and with system calls that go wrong: nothing is lost without a word."""

import errno
import random

import pytest
import trio
from trio_ends import PLAIN, pair, receive

import zbuf
from zbuf._intake import Intake
from zbuf.testing import Short, fail_after, syscalls

DATA = random.Random(23).randbytes(100_000)


@pytest.fixture
def from_malloc(allocator):
    """Each piece of memory is asked for; `allocator` puts the default one back."""
    zbuf.set_default_allocator(zbuf.SystemAllocator())


def decoder():
    return zbuf.codec.LengthFieldDecoder(1 << 20, width=2, strip=2)


@pytest.mark.usefixtures("from_malloc")
def test_a_read_without_memory(run, kind):
    """At every point: the next read gives all, or the stream says that it is broken; never a part as if it were all."""
    frames = [DATA[k * 100 : k * 100 + 100 + k] for k in range(50)]
    text = b"".join(len(frame).to_bytes(2) + frame for frame in frames)

    async def main(n):
        async with pair(kind) as (stream, peer):
            await peer.send_all(text)
            got, frame, lengths = [], None, decoder()
            with fail_after(n) as fault:
                while len(got) < len(frames) and not fault.fired:
                    try:
                        got += map(bytes, await stream.read_frames(lengths))
                    except (MemoryError, trio.BrokenResourceError) as error:
                        told.add(type(error))
            try:
                while len(got) < len(frames):
                    got += map(bytes, await stream.read_frames(lengths))
            except (MemoryError, trio.BrokenResourceError) as error:
                told.add(type(error))
            else:
                whole.add(n)
            assert got == frames[: len(got)]
            return fault.fired

    told, whole = set(), set()
    n = 1
    while run(main, n):
        n += 1
    assert MemoryError in told
    assert n > 2 and whole >= {1, n}


@pytest.mark.usefixtures("from_malloc")
def test_a_write_without_memory(run, kind):
    """At every point: all parts go, or none and the writer is told, or the stream says that it is broken."""

    async def main(n):
        parts = [b"small", zbuf.copied(DATA[:3000]), bytearray(DATA[:100]), zbuf.copied(DATA)]
        expected = b"".join(map(bytes, parts))
        async with pair(kind, send_room=1 << 18, receive_room=1 << 18) as (stream, peer):
            with fail_after(n) as fault:
                try:
                    await stream.write(*parts)
                except (MemoryError, trio.BrokenResourceError) as error:
                    told.add(type(error))
            try:
                queued = stream.pending_bytes
                if queued:
                    await stream.drain()
                await stream.write(b"end")
                await stream.aclose()
            except trio.BrokenResourceError:
                return fault.fired
            got = await receive(peer, len(expected) + 4)
            assert got in (b"end", expected + b"end")
            assert got != b"end" or fault.fired
            return fault.fired

    told = set()
    n = 1
    while run(main, n):
        n += 1
    assert MemoryError in told and n > 2


def test_a_receive_that_is_interrupted_or_short(run, kind):
    async def main():
        async with pair(kind) as (stream, peer):
            await peer.send_all(b"abc")
            with syscalls([errno.EINTR, Short(1), errno.EAGAIN, Short(1)]) as script:
                assert bytes(await stream.read_exactly(3)) == b"abc"
                assert script.left == 0

    run(main)


def test_a_receive_that_fails(run):
    async def main():
        async with pair(PLAIN) as (stream, peer):
            await peer.send_all(b"abc")
            with syscalls([errno.ETIMEDOUT]):
                with pytest.raises(trio.BrokenResourceError, match="this stream is broken: .*timed out"):
                    await stream.read()
            assert stream.error.__cause__.errno == errno.ETIMEDOUT

    run(main)


def test_a_send_that_is_interrupted_or_short(run, kind):
    async def main():
        async with pair(kind) as (stream, peer):
            with syscalls([errno.EINTR, Short(1), errno.EAGAIN, Short(2)]) as script:
                await stream.write(b"abcdef")
                assert script.left == 0
            assert await receive(peer, 6) == b"abcdef"

    run(main)


def test_what_cannot_be_kept_is_the_end():
    """Bytes behind a gap would be taken for those before it."""
    came = Intake()
    came.put(zbuf.copied(b"abc"), 1)
    more = zbuf.copied(b"def")
    with fail_after(1, times=None), pytest.raises(MemoryError):
        came.put(more, 0)
    assert came.over and isinstance(came.error, MemoryError)
    assert bytes(came.take(None)) == b"abc"
    with pytest.raises(MemoryError):
        came.take(None)
