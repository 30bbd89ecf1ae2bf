"""What is written: all of it, in order, held back when it must be, and an end that says what happened."""

import _thread
import asyncio
import functools
import operator
import os
import random
import resource
import signal
import socket
import ssl
import threading

import pytest
from peers import PLAIN, bare_peer, peer_of, receive, reset, until

import zbuf
from zbuf import _records
from zbuf.aio import _out

DATA = random.Random(8).randbytes(5 << 20)


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "file.bin"
    file.write_bytes(DATA)
    return file


def everything(path):
    """One of each kind, small and large, and the bytes they stand for."""
    composite = zbuf.CompositeByteBuf(zbuf.copied(DATA[:9000]), b"small", bytearray(DATA[:3000]))
    composite.skip(5)
    return [
        (b"", b""),
        (b"bytes", b"bytes"),
        (DATA[:100_000], DATA[:100_000]),
        (bytearray(DATA[:5000]), DATA[:5000]),
        (memoryview(DATA)[5:20_000], DATA[5:20_000]),
        (zbuf.copied(DATA[:700]), DATA[:700]),
        (zbuf.EMPTY, b""),
        (composite, (DATA[:9000] + b"small" + DATA[:3000])[5:]),
        (zbuf.CompositeByteBuf(), b""),
        (zbuf.FileRegion.open(path), DATA),
        (zbuf.FileRegion.open(path)[500_000:500_001], DATA[500_000:500_001]),
        (zbuf.FileRegion.open(path, 7, 0), b""),
        (zbuf.copied(DATA), DATA),
    ]


def test_everything_in_order(run, wire, path):
    async def main():
        async with peer_of(wire) as (stream, reader, _):
            sent = everything(path) * 3
            random.Random(9).shuffle(sent)
            expected = b"".join(data for _, data in sent)
            reading = asyncio.create_task(reader.readexactly(len(expected)))
            for part, _ in sent[:20]:
                stream.write(part)
                await stream.drain()
            stream.writelines(part for part, _ in sent[20:])
            assert await reading == expected
            assert stream.pending_bytes == 0

    run(main())


def test_small_writes_go_together(run, monkeypatch):
    """One system call for a turn of the loop, whoever writes how often."""

    async def main():
        async with bare_peer() as (stream, theirs):
            for k in range(100):
                stream.write(bytes([k]))
            assert stream.pending_bytes == 100, "not before the turn ends"
            with pytest.raises(BlockingIOError):
                theirs.recv(1000)
            await asyncio.sleep(0)
            assert theirs.recv(1000) == bytes(range(100))

    run(main())


def test_a_read_that_waits_sends_first(run):
    async def main():
        async with bare_peer() as (stream, theirs):
            stream.write(b"question")
            reading = stream.read()
            reading.send(None)   # up to where it waits
            assert theirs.recv(100) == b"question"
            reading.close()

    run(main())


def test_drain_waits_while_much_is_pending(run, wire):
    async def main():
        async with peer_of(wire, limit=1000) as (stream, reader, writer):
            reader._transport.pause_reading()
            for _ in range(12):   # 60 MiB, more than all buffers on the way
                stream.write(DATA)
            draining = asyncio.create_task(stream.drain())
            for _ in range(100):
                await asyncio.sleep(0)
            assert not draining.done()
            reader._transport.resume_reading()
            while not draining.done():
                await reader.read(1 << 20)
            await draining
            assert stream.pending_bytes < 32 << 10

    run(main())


def test_drain_does_not_wait_below_the_watermark(run):
    async def main():
        async with bare_peer(send_room=4096, receive_room=4096) as (stream, theirs):
            stream.write(bytes(64 << 10))
            await stream.drain()
            assert 0 < stream.pending_bytes <= 64 << 10

    run(main())


def test_a_peer_that_takes_a_little_at_a_time(run):
    async def main():
        async with bare_peer(send_room=4096, receive_room=4096) as (stream, theirs):
            sending = asyncio.create_task(stream.drain())
            stream.write(DATA[:300_000])
            got = bytearray()
            while len(got) < 2000:
                got += await asyncio.get_running_loop().sock_recv(theirs, 1)
            got += await receive(theirs, 298_000)
            assert got == DATA[:300_000]
            await sending
            assert stream.pending_bytes == 0

    run(main())


@pytest.mark.parametrize("kind", ["write", "drain", "send_file"])
def test_a_cancelled_sender_takes_nothing_back(run, wire, path, kind):
    async def main():
        async with peer_of(wire) as (stream, reader, _):
            reader._transport.pause_reading()
            with zbuf.FileRegion.open(path) as region:
                for _ in range(4):   # more than the kernel takes
                    stream.write(region)
                    stream.write(b"between")
                sending = asyncio.create_task(stream.send_file(region) if kind == "send_file" else stream.drain())
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                assert not sending.done()
                sending.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await sending
            stream.write(b"end")
            reader._transport.resume_reading()
            expected = (DATA + b"between") * 4 + (DATA if kind == "send_file" else b"") + b"end"
            assert await reader.readexactly(len(expected)) == expected

    run(main())


# -- files


def test_a_file_goes_byte_for_byte(run, wire, tmp_path):
    file = tmp_path / "large"
    block = random.Random(10).randbytes(1 << 20)
    file.write_bytes(b"".join(bytes([k]) + block[1:] for k in range(64)))

    async def main():
        async with peer_of(wire) as (stream, reader, _):
            async def send():
                with zbuf.FileRegion.open(file) as region:
                    await stream.send_file(region)
                assert stream.pending_bytes == 0

            sending = asyncio.create_task(send())
            for k in range(64):
                assert await reader.readexactly(1 << 20) == bytes([k]) + block[1:]
            await sending

    run(main())


def test_a_file_goes_by_sendfile(run, tmp_path):
    """Not read: what is overwritten before the peer looks is what the peer gets."""
    file = tmp_path / "file"
    file.write_bytes(b"before" * 500)

    async def main():
        async with bare_peer() as (stream, theirs):
            with zbuf.FileRegion.open(file) as region:
                await stream.send_file(region)
            with file.open("r+b") as other:
                other.write(b"behind" * 500)
            assert await receive(theirs, 3000) == b"behind" * 500

    run(main())


def test_a_file_that_became_shorter(run, wire, tmp_path):
    file = tmp_path / "short"
    file.write_bytes(bytes(1000))

    async def main():
        async with peer_of(wire) as (stream, reader, _):
            with zbuf.FileRegion.open(file) as region:
                os.truncate(file, 400)
                with pytest.raises(zbuf.TruncatedFileError, match="expected 1000 bytes of the file, sent 400, its size is 400"):
                    await stream.send_file(region)
            await stream.wait_closed()
            assert isinstance(stream.error, zbuf.TruncatedFileError)
            with pytest.raises(zbuf.TruncatedFileError):
                stream.write(b"x")

    run(main())


def test_a_file_that_is_not_in_memory_is_read_in_a_thread(run, tls, path, monkeypatch):
    threads = set()

    def read(part, flags=0):
        threads.add(threading.get_ident())
        return real(part, flags)

    real = _records.read
    monkeypatch.setattr(_records, "read_cached", lambda part: None)
    monkeypatch.setattr("zbuf.aio._tls.read", read)

    async def main():
        async with peer_of(tls) as (stream, reader, _):
            with zbuf.FileRegion.open(path) as region:
                stream.write(b"head")
                sending = asyncio.create_task(stream.send_file(region))
                await until(lambda: threads)
                stream.write(b"tail")
                assert await reader.readexactly(8 + len(DATA)) == b"head" + DATA + b"tail"
                await sending

    run(main())
    assert threads and threading.get_ident() not in threads


# -- the end


def test_a_peer_that_ends_tls_is_told_all_that_was_written(run, tls):
    """After its close_notify the loop closes the connection: what is pending goes before."""

    class Late(zbuf.aio.Receiver):
        def ended(self):
            self.writelines([DATA, b"end"])

    async def main():
        server = await asyncio.get_running_loop().create_server(Late, "127.0.0.1", 0, **tls.server)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            came, goes = ssl.MemoryBIO(), ssl.MemoryBIO()
            session = tls.client["ssl"].wrap_bio(came, goes, server_hostname="localhost")

            async def step(do, *arguments):
                while True:
                    try:
                        return do(*arguments)
                    except ssl.SSLWantReadError:
                        writer.write(goes.read())
                        came.write(await reader.read(1 << 16))

            await step(session.do_handshake)
            with pytest.raises(ssl.SSLWantReadError):
                session.unwrap()
            writer.write(goes.read())
            got = bytearray()
            while len(got) < len(DATA) + 3:
                got += await step(session.read, 1 << 16)
            assert got == DATA + b"end"
            writer.close()
            await writer.wait_closed()

    run(main())


def test_half_closed(run):
    async def main():
        async with peer_of(PLAIN) as (stream, reader, writer):
            stream.write(DATA)
            stream.write_eof()
            with pytest.raises(BrokenPipeError, match="write after write_eof"):
                stream.write(b"more")
            with pytest.raises(BrokenPipeError, match="write after write_eof"):
                stream.writelines([b"more"])
            assert await reader.read(-1) == DATA
            writer.write(b"still")
            assert bytes(await stream.read_exactly(5)) == b"still"
            writer.close()
            assert bytes(await stream.read()) == b""

    run(main())


def test_no_half_closing_of_tls(run, tls):
    async def main():
        async with peer_of(tls) as (stream, reader, _):
            with pytest.raises(NotImplementedError, match="TLS connections of asyncio cannot be closed in one direction"):
                stream.write_eof()
            stream.write(b"on")
            assert await reader.readexactly(2) == b"on"

    run(main())


def test_a_peer_that_half_closes_is_still_answered(run):
    async def main():
        async with bare_peer() as (stream, theirs):
            theirs.send(b"request")
            theirs.shutdown(socket.SHUT_WR)
            assert bytes(await stream.read_exactly(7)) == b"request"
            assert bytes(await stream.read()) == b""
            stream.write(DATA)
            stream.close()
            assert await receive(theirs, len(DATA) + 1) == DATA

    run(main())


def test_close_sends_what_was_written(run, wire):
    async def main():
        async with peer_of(wire) as (stream, reader, _):
            stream.write(DATA)
            stream.close()
            stream.close()
            for write in (lambda: stream.write(b"x"), lambda: stream.writelines([b"x"])):
                with pytest.raises(zbuf.ReleasedError, match="this connection was closed"):
                    write()
            assert await reader.read(-1) == DATA
            await stream.wait_closed()
            assert stream.error is None
            assert stream.pending_bytes == 0
            with pytest.raises(zbuf.ReleasedError, match="this connection was closed"):
                await stream.drain()
            stream.close()
            stream.abort()

    run(main())


def test_leaving_the_block_closes(run, wire):
    async def main():
        async with peer_of(wire) as (stream, reader, _):
            async with stream:
                stream.write(DATA[:100_000])
            assert await reader.read(-1) == DATA[:100_000]

    run(main())


def test_leaving_the_block_by_an_error_aborts(run):
    async def main():
        async with bare_peer(send_room=4096) as (stream, theirs):
            with pytest.raises(LookupError):
                async with stream:
                    stream.write(DATA)
                    raise LookupError
            assert isinstance(stream.error, ConnectionAbortedError)
            assert len(await receive(theirs, len(DATA))) < len(DATA)

    run(main())


def test_abort_tells_who_waits(run, wire):
    async def main():
        async with peer_of(wire, limit=1000) as (stream, reader, _):
            reader._transport.pause_reading()
            for _ in range(10):
                stream.write(DATA)
            draining = asyncio.create_task(stream.drain())
            reading = asyncio.create_task(stream.read())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            stream.abort()
            for task in (draining, reading):
                with pytest.raises(ConnectionAbortedError, match="this connection was aborted"):
                    await task
            await stream.wait_closed()
            assert stream.pending_bytes == 0

    run(main())


def test_a_reset_tells_who_sends(run):
    async def main():
        async with bare_peer(send_room=4096, receive_room=4096) as (stream, theirs):
            stream.write(DATA)
            draining = asyncio.create_task(stream.drain())
            await asyncio.sleep(0)
            reset(theirs)
            with pytest.raises(ConnectionError):
                await draining
            await stream.wait_closed()
            assert isinstance(stream.error, ConnectionError)

    run(main())


def test_a_stalled_peer_and_someone_who_gives_up(run):
    async def main():
        async with bare_peer(send_room=4096, receive_room=4096) as (stream, theirs):
            stream.write(DATA)
            stream.close()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await stream.wait_closed()
            stream.abort()
            await stream.wait_closed()

    run(main())


def test_no_descriptor_is_left(run, path):
    async def main():
        counts = []
        for _ in range(5):
            counts.append(len(os.listdir("/proc/self/fd")))
            async with bare_peer(send_room=4096, receive_room=4096) as (stream, theirs):
                stream.write(DATA[:200_000])
                stream.write(zbuf.FileRegion.open(path))
                await asyncio.sleep(0)   # full: a duplicate is watched
                await receive(theirs, 100_000)
        assert counts[1:] == [counts[1]] * 4, "the loop itself opened some the first time"

    run(main())


def test_no_descriptor_to_be_had(run):
    """The duplicate cannot be made: the connection ends and says why."""

    async def main():
        async with bare_peer(send_room=4096, receive_room=4096) as (stream, theirs):
            limits = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
            try:
                stream.write(DATA)
                with pytest.raises(OSError, match="Too many open files"):
                    await stream.drain()
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            await stream.wait_closed()
            assert "Too many open files" in str(stream.error)

    run(main())


def test_what_cannot_be_written(run, wire):
    async def main():
        async with peer_of(wire) as (stream, reader, _):
            released = zbuf.copied(b"abc")
            released.release()
            with pytest.raises(TypeError):
                stream.write("text")
            with pytest.raises(zbuf.ReleasedError):
                stream.write(released)
            with pytest.raises(zbuf.ReleasedError):
                stream.writelines([b"abc", released])
            with pytest.raises(TypeError):
                stream.writelines([b"abc", 5])
            assert stream.pending_bytes == 0
            stream.write(b"end")
            assert await reader.readexactly(3) == b"end"

    run(main())


def test_memory_given_back_once_it_has_gone(run, wire):
    async def main():
        async with peer_of(wire) as (stream, reader, _):
            buf = zbuf.copied(DATA[:100_000])
            stream.write(buf)
            assert buf.refcnt > 1
            await reader.readexactly(100_000)
            assert buf.refcnt == 1

    run(main())


class Stop(RuntimeError):   # as a loop without threads raises, and yet not that
    pass


@pytest.fixture
def stop_signal():
    """A signal whose handler raises Stop."""

    def stop(number, frame):
        raise Stop

    before = signal.signal(signal.SIGUSR1, stop)
    yield functools.partial(_thread.interrupt_main, signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, before)


def test_a_signal_that_raises_loses_nothing(run, stop_signal):
    """In the middle of a flush: what has gone is counted, what has not goes later."""

    async def main():
        async with bare_peer(send_room=4096, receive_room=4096) as (stream, theirs):
            stream.write(DATA[:500_000])
            draining = asyncio.ensure_future(stream.drain())
            with pytest.raises(Stop):
                # In C alone, or the handler would run before the flush.
                list(map(operator.call, [stop_signal, stream._flush]))
            assert 0 < stream.pending_bytes < 500_000
            assert await receive(theirs, 500_000) == DATA[:500_000]
            await draining

    run(main())


def test_a_signal_that_raises_while_one_of_many_is_flushed(run, stop_signal):
    """The others have their turn all the same."""

    async def main():
        async with bare_peer() as (one, its_peer), bare_peer() as (two, other_peer):
            one.write(b"one")
            two.write(b"two")
            with pytest.raises(Stop):
                list(map(operator.call, [stop_signal, turn_of(one)]))
            assert one.pending_bytes + two.pending_bytes == 3, "one of them has gone"
            assert await receive(its_peer, 3) == b"one"
            assert await receive(other_peer, 3) == b"two"

    run(main())


def turn_of(stream):
    """What the loop was told to call for all that was written in this turn."""
    return _out.turns[id(asyncio.get_running_loop())]._run


def test_a_transport_that_has_enough_is_left_in_peace(run, tls):
    """While it waits for the peer, so does the loop: nothing is tried again and again."""

    async def main():
        async with peer_of(tls, limit=1000) as (stream, reader, _):
            reader._transport.pause_reading()
            for _ in range(12):
                stream.write(DATA)
            before = -1
            while stream.pending_bytes != before:   # until no buffer on the way takes more
                before = stream.pending_bytes
                await asyncio.sleep(0.02)
            assert _out.turns[id(asyncio.get_running_loop())].due == 0, "nobody asks for a flush"
            reader._transport.resume_reading()
            expected = 12 * len(DATA)
            while expected:
                expected -= len(await reader.read(1 << 20))

    run(main())
