"""What is written: all of it, in order, whoever is cancelled; and an end that says what happened."""

import errno
import os
import random
import socket
import ssl
import threading

import pytest
import trio
import trio.testing
from ends import tcp_pair
from trio_ends import PLAIN, cancelled_after, pair, receive, reset, stream_of

import zbuf
from zbuf import _records
from zbuf.trio import _tls, _wire

DATA = random.Random(22).randbytes(3 << 20)


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "file.bin"
    file.write_bytes(DATA)
    return file


def everything(path):
    """One of each kind, and the bytes they stand for."""
    composite = zbuf.CompositeByteBuf(zbuf.copied(DATA[:9000]), b"small", bytearray(DATA[:3000]))
    composite.skip(5)
    return [
        (b"", b""),
        (b"bytes", b"bytes"),
        (bytearray(DATA[:5000]), DATA[:5000]),
        (memoryview(DATA)[5:20_000], DATA[5:20_000]),
        (zbuf.copied(DATA[:700]), DATA[:700]),
        (composite, (DATA[:9000] + b"small" + DATA[:3000])[5:]),
        (zbuf.FileRegion.open(path), DATA),
        (zbuf.FileRegion.open(path)[500_000:500_001], DATA[500_000:500_001]),
        (zbuf.copied(DATA), DATA),
    ]


@pytest.mark.parametrize("server_side", [False, True])
def test_everything_in_order(run, kind, path, server_side):
    async def main():
        sent = everything(path) * 2
        random.Random(9).shuffle(sent)
        expected = b"".join(data for _, data in sent)

        async def write():
            for part, _ in sent[:10]:
                await stream.write(part)
            stream.write_nowait(*[part for part, _ in sent[10:12]])
            await stream.write(*[part for part, _ in sent[12:]])
            assert stream.pending_bytes == 0

        async with pair(kind, server_side=server_side) as (stream, peer), trio.open_nursery() as nursery:
            nursery.start_soon(write)
            assert await receive(peer, len(expected)) == expected

    run(main)


def test_a_write_has_gone_when_it_returns(run):
    async def main():
        async with pair(PLAIN) as (stream, peer):
            await stream.write(b"abc", b"def")
            assert peer.socket.fileno() >= 0
            assert os.read(peer.socket.fileno(), 100) == b"abcdef"

    run(main)


def test_write_waits_for_a_peer_that_takes_nothing(run, kind):
    async def main():
        async with pair(kind, send_room=4096, receive_room=4096) as (stream, peer), trio.open_nursery() as nursery:
            buf = zbuf.copied(DATA)
            before = buf.refcnt
            nursery.start_soon(stream.write, buf)
            await trio.testing.wait_all_tasks_blocked()
            assert 0 < stream.pending_bytes <= len(DATA) + 100_000
            assert await receive(peer, len(DATA)) == DATA
            await trio.testing.wait_all_tasks_blocked()
            assert (stream.pending_bytes, buf.refcnt) == (0, before)

    run(main)


@pytest.mark.parametrize("seed", range(5))
def test_a_cancelled_write_takes_nothing_back(run, kind, path, seed):
    """Cancelled before, between and after its awaits: all goes, once and in order."""

    async def main():
        chance = random.Random(seed)
        sent = bytearray()

        async def write():
            cuts = 0
            with zbuf.FileRegion.open(path) as file:
                for _ in range(100):
                    at, size = chance.randrange(1 << 20), chance.choice([1, 100, 5000, 70_000])
                    part = chance.choice([DATA[at : at + size], file[at : at + size]])
                    sent.extend(DATA[at : at + size])
                    cuts += await cancelled_after(chance.randrange(6), stream.write, part)
            assert cuts > 10
            await stream.drain()
            assert stream.pending_bytes == 0
            await stream.aclose()

        async with pair(kind, send_room=4096, receive_room=4096) as (stream, peer), trio.open_nursery() as nursery:
            nursery.start_soon(write)
            got = bytearray()
            while piece := await peer.receive_some(10_000):
                got += piece
        assert got == sent

    run(main)


def test_what_several_tasks_write_stays_together(run, kind):
    async def main():
        async def write(k):
            for _ in range(20):
                await stream.write(bytes([k]) * 700, bytes([k]) * 5000, bytes([k]) * 300)

        async with pair(kind, send_room=4096, receive_room=4096) as (stream, peer), trio.open_nursery() as nursery:
            for k in range(5):
                nursery.start_soon(write, k)
            for _ in range(100):
                message = await receive(peer, 6000)
                assert message == message[:1] * 6000

    run(main)


def test_a_writer_goes_on_when_the_one_before_is_cancelled(run, kind):
    async def main():
        async with pair(kind, send_room=4096, receive_room=4096) as (stream, peer), trio.open_nursery() as nursery:
            with trio.CancelScope() as scope:
                async with trio.open_nursery() as first:
                    first.start_soon(stream.write, DATA)
                    await trio.testing.wait_all_tasks_blocked()
                    nursery.start_soon(stream.write, b"late")
                    await trio.testing.wait_all_tasks_blocked()
                    scope.cancel()
            assert scope.cancelled_caught
            assert await receive(peer, len(DATA) + 4) == DATA + b"late"

    run(main)


def test_both_ways_at_once(run, kind):
    """A reader that waits does not hold a writer up, nor the other way round."""

    async def main():
        async with pair(kind, send_room=4096, receive_room=4096) as (stream, peer), trio.open_nursery() as nursery:
            nursery.start_soon(stream.write, DATA)
            nursery.start_soon(peer.send_all, DATA)
            assert bytes(await stream.read_exactly(len(DATA))) == DATA
            assert await receive(peer, len(DATA)) == DATA

    run(main)


def test_every_write_is_a_checkpoint(run, kind, path):
    async def main():
        async with pair(kind) as (stream, peer):
            with zbuf.FileRegion.open(path, 0, 10) as region:
                for call, arguments in [(stream.write, (b"abc",)), (stream.write, ()), (stream.drain, ()),
                                        (stream.send_file, (region,))]:
                    with trio.testing.assert_checkpoints():
                        await call(*arguments)
            if kind is PLAIN:
                with trio.testing.assert_checkpoints():
                    await stream.send_eof()
            for _ in range(2):
                with trio.testing.assert_checkpoints():
                    await stream.aclose()

    run(main)


def test_a_writer_that_never_waits_lets_others_run(run, monkeypatch):
    monkeypatch.setattr(_wire, "TURN", 100)

    async def main():
        turns = 0

        async def count():
            nonlocal turns
            while True:
                await trio.lowlevel.checkpoint()
                turns += 1

        async with pair(PLAIN) as (stream, peer), trio.open_nursery() as nursery:
            nursery.start_soon(count)
            await stream.write(DATA[:10_000])
            assert turns >= 90
            nursery.cancel_scope.cancel()

    run(main)


def test_what_cannot_be_written(run, kind):
    async def main():
        async with pair(kind) as (stream, peer):
            released = zbuf.copied(b"abc")
            released.release()
            for wrong, parts in [(TypeError, ("text",)), (TypeError, (b"abc", 5)), (zbuf.ReleasedError, (b"abc", released))]:
                with pytest.raises(wrong):
                    await stream.write(*parts)
            assert stream.pending_bytes == 0
            await stream.write(b"end")
            assert await receive(peer, 3) == b"end"

    run(main)


# -- files


def test_a_file_goes_by_sendfile(run, tmp_path):
    """Not read: what is overwritten before the peer looks is what the peer gets."""
    file = tmp_path / "file"
    file.write_bytes(b"before" * 500)

    async def main():
        async with pair(PLAIN) as (stream, peer):
            with zbuf.FileRegion.open(file) as region:
                await stream.send_file(region)
                assert region.path_used == "sendfile"
            with file.open("r+b") as other:
                other.write(b"behind" * 500)
            assert await receive(peer, 3000) == b"behind" * 500

    run(main)


def test_a_file_that_became_shorter(run, kind, path):
    async def main():
        async with pair(kind) as (stream, peer):
            with zbuf.FileRegion.open(path) as region:
                os.truncate(path, 1000)
                for send in (lambda: stream.send_file(region), stream.drain):
                    with pytest.raises(zbuf.TruncatedFileError):
                        await send()
            with pytest.raises(zbuf.TruncatedFileError):
                await stream.aclose()
            assert await receive(peer, 1001) == DATA[:1000] if kind is PLAIN else True

    run(main)


def test_a_file_that_changed(run, path):
    async def main():
        async with pair(PLAIN) as (stream, peer):
            with zbuf.FileRegion.open(path, stable="stat") as region:
                os.truncate(path, 1000)
                with pytest.raises(zbuf.FileChangedError):
                    await stream.send_file(region)
            assert stream.error is None

    run(main)


def test_a_file_that_is_only_on_the_disk_is_read_ahead_in_a_thread(run, path, monkeypatch):
    """While the disk is waited for, the loop turns."""

    async def main():
        asked, given = threading.Event(), threading.Event()
        real = trio.to_thread.run_sync

        async def run_sync(warm, **options):
            def slow():
                asked.set()
                assert given.wait(30)
                return warm()

            return await real(slow, **options)

        monkeypatch.setattr(trio.to_thread, "run_sync", run_sync)
        with path.open("rb") as file:   # and where a file system cannot say so, the script does
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        async with pair(PLAIN) as (stream, peer), trio.open_nursery() as nursery:
            with zbuf.FileRegion.open(path) as region, zbuf.testing.syscalls([None, errno.EAGAIN]):
                nursery.start_soon(stream.write, b"head", region)
                while not asked.is_set():
                    await trio.lowlevel.checkpoint()
                assert await receive(peer, 4) == b"head"   # the loop is not held up
                assert stream.pending_bytes == len(DATA)
                given.set()
                assert await receive(peer, len(DATA)) == DATA

    run(main)


def test_what_was_read_goes_even_if_the_page_cache_has_lost_it_again(run, path, monkeypatch):
    """Three regions, each cold whenever it is asked: read ahead once each, and sent."""

    async def main():
        real = trio.to_thread.run_sync
        jobs = 0

        async def run_sync(warm, **options):
            nonlocal jobs
            jobs += 1
            return await real(warm, **options)

        monkeypatch.setattr(trio.to_thread, "run_sync", run_sync)
        async with pair(PLAIN) as (stream, peer):
            with zbuf.FileRegion.open(path, 0, 4096) as region, zbuf.testing.syscalls([errno.EAGAIN] * 3, only=["preadv2"]) as script:
                await stream.write(*[region] * 3)
                assert (jobs, script.left) == (3, 0)
            assert await receive(peer, 3 * 4096) == DATA[:4096] * 3

    run(main)


def test_no_thread_for_what_is_in_memory(run, path, monkeypatch):
    monkeypatch.setattr(trio.to_thread, "run_sync", None)
    path.read_bytes()

    async def main():
        async with pair(PLAIN) as (stream, peer), trio.open_nursery() as nursery:
            nursery.start_soon(stream.send_file, zbuf.FileRegion.open(path))
            assert await receive(peer, len(DATA)) == DATA

    run(main)


def test_who_waits_for_the_disk_can_be_cancelled(run, path, monkeypatch):
    async def main():
        real = trio.to_thread.run_sync
        given = threading.Event()
        threads = []

        async def run_sync(warm, **options):
            def slow():
                threads.append(threading.current_thread())
                assert given.wait(30)
                return warm()

            return await real(slow, **options)

        monkeypatch.setattr(trio.to_thread, "run_sync", run_sync)
        async with pair(PLAIN) as (stream, peer):
            with zbuf.FileRegion.open(path) as region, zbuf.testing.syscalls([errno.EAGAIN]):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(stream.write, region)
                    while not threads:
                        await trio.lowlevel.checkpoint()
                    nursery.cancel_scope.cancel()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(stream.drain)
                assert await receive(peer, len(DATA)) == DATA
            given.set()
            await wait_for_threads()

    async def wait_for_threads():
        while trio.to_thread.current_default_thread_limiter().borrowed_tokens:
            await trio.lowlevel.checkpoint()

    run(main)


def test_with_tls_a_file_that_is_only_on_the_disk_is_read_in_a_thread(run, tls, path, monkeypatch):
    threads = set()

    def read(part, flags=0):
        threads.add(threading.get_ident())
        return real(part, flags)

    real = _records.read
    monkeypatch.setattr(_records, "read_cached", lambda part: None)
    monkeypatch.setattr(_tls, "read", read)

    async def main():
        async with pair(tls) as (stream, peer), trio.open_nursery() as nursery:
            with zbuf.FileRegion.open(path) as region:
                nursery.start_soon(stream.write, b"head", region, b"tail")
                assert await receive(peer, len(DATA) + 8) == b"head" + DATA + b"tail"

    run(main)
    assert threads and threading.get_ident() not in threads


def test_a_stream_that_is_closed_while_its_file_is_read(run, tls, path, monkeypatch):
    given = threading.Event()

    def read(part, flags=0):
        assert given.wait(30)
        return real(part, flags)

    real = _records.read
    monkeypatch.setattr(_records, "read_cached", lambda part: None)
    monkeypatch.setattr(_tls, "read", read)

    async def main():
        async with pair(tls) as (stream, peer):
            async def write():
                with pytest.raises(trio.ClosedResourceError, match="this stream was closed"):
                    await stream.send_file(zbuf.FileRegion.open(path))

            async with trio.open_nursery() as nursery:
                nursery.start_soon(write)
                await trio.testing.wait_all_tasks_blocked()
                stream.abort()
                given.set()

    run(main)


# -- the end


def test_half_closed(run):
    async def main():
        async with pair(PLAIN) as (stream, peer):
            stream.write_nowait(b"abc")
            await stream.send_eof()
            await stream.send_eof()
            assert await receive(peer, 100) == b"abc"
            for write in (stream.write, stream.send_file):
                with pytest.raises(trio.ClosedResourceError, match="write after send_eof"):
                    await write(b"more")
            await peer.send_all(b"still")
            assert bytes(await stream.read_exactly(5)) == b"still"

    run(main)


def test_no_half_closing_of_tls(run, tls):
    async def main():
        async with pair(tls) as (stream, peer):
            with pytest.raises(NotImplementedError, match="TLS connections cannot be closed in one direction"):
                await stream.send_eof()
            await stream.write(b"on")
            assert await receive(peer, 2) == b"on"

    run(main)


def test_half_closing_what_is_gone(run):
    async def main():
        async with pair(PLAIN) as (stream, peer):
            reset(peer)
            await trio.lowlevel.wait_readable(stream.transport.socket)
            with pytest.raises(trio.BrokenResourceError):
                await stream.read()
            with pytest.raises(trio.BrokenResourceError, match="this stream is broken: "):
                await stream.send_eof()

    run(main)


def test_aclose_sends_what_was_written(run, kind):
    async def main():
        async with pair(kind) as (stream, peer), trio.open_nursery() as nursery:
            stream.write_nowait(DATA)
            nursery.start_soon(stream.aclose)
            assert await receive(peer, len(DATA) + 1) == DATA, "and with TLS, that it was all"
            await trio.testing.wait_all_tasks_blocked()
            await stream.aclose()
            assert stream.error is None and stream.pending_bytes == 0
            with pytest.raises(trio.ClosedResourceError, match="this stream was closed"):
                stream.write_nowait(b"x")
            for call in (lambda: stream.write(b"x"), stream.drain, stream.read, stream.send_eof) if kind is PLAIN else (
                         lambda: stream.write(b"x"), stream.drain, stream.read):
                with pytest.raises(trio.ClosedResourceError, match="this stream was closed"):
                    await call()

    run(main)


def test_aclose_of_what_cannot_be_sent(run):
    async def main():
        async with pair(PLAIN) as (stream, peer):
            reset(peer)
            stream.write_nowait(b"abc")
            with pytest.raises(trio.BrokenResourceError):
                await stream.aclose()
            with pytest.raises(trio.ClosedResourceError):
                await stream.drain()
            assert stream.transport.socket.fileno() == -1

    run(main)


def test_aclose_when_the_peer_has_gone_and_nothing_is_owed(run, kind):
    async def main():
        async with pair(kind) as (stream, peer):
            reset(peer if kind is PLAIN else peer.transport_stream)
            await stream.aclose()

    run(main)


def test_a_cancelled_aclose_closes_at_once(run, kind):
    async def main():
        async with pair(kind, send_room=4096, receive_room=4096) as (stream, peer):
            stream.write_nowait(DATA)
            await trio.aclose_forcefully(stream)
            assert stream.transport.socket.fileno() == -1
            assert stream.pending_bytes == 0

    run(main)


def test_leaving_the_block_closes(run, kind):
    async def main():
        async with pair(kind) as (stream, peer):
            async with stream:
                stream.write_nowait(DATA[:100_000])
            assert await receive(peer, 100_001) == DATA[:100_000]

    run(main)


def test_leaving_the_block_by_an_error_aborts(run):
    async def main():
        async with pair(PLAIN, send_room=4096, receive_room=4096) as (stream, peer):
            with pytest.raises(LookupError):
                async with stream:
                    stream.write_nowait(DATA)
                    raise LookupError
            assert len(await receive(peer, len(DATA))) == 0

    run(main)


@pytest.mark.parametrize("end", ["abort", "aclose"])
def test_the_end_tells_who_waits(run, kind, end):
    async def main():
        told = []

        async def wait(call, *arguments):
            with pytest.raises(trio.ClosedResourceError):
                await call(*arguments)
            told.append(call)

        async with pair(kind, send_room=4096, receive_room=4096) as (stream, peer):
            async with trio.open_nursery() as nursery:
                for call in [(stream.write, DATA), (stream.write, b"next"), (stream.read,)]:
                    nursery.start_soon(wait, *call)
                    await trio.testing.wait_all_tasks_blocked()
                if end == "abort":
                    stream.abort()
                else:
                    await trio.aclose_forcefully(stream)
        assert len(told) == 3

    run(main)


def test_a_reset_tells_who_sends(run):
    async def main():
        async with pair(PLAIN, send_room=4096, receive_room=4096) as (stream, peer):
            async def write():
                with pytest.raises(trio.BrokenResourceError, match="this stream is broken: "):
                    await stream.write(DATA)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(write)
                await trio.testing.wait_all_tasks_blocked()
                reset(peer)
            assert isinstance(stream.error.__cause__, ConnectionError)

    run(main)


def test_new_keys_in_the_middle_of_a_write_are_not_to_be_had(run, tls):
    class Stubborn:
        def write(self, data):
            raise ssl.SSLWantReadError

    async def main():
        async with pair(tls) as (stream, peer):
            stream._way._session = Stubborn()
            with pytest.raises(trio.BrokenResourceError, match="the peer wants new keys before it takes more"):
                await stream.write(b"abc")

    run(main)


# -- connecting and serving


def address(listeners):
    return listeners[0].socket.getsockname()


def test_a_server(run, kind):
    async def upper(stream):
        while line := await stream.read_frame(decoders.setdefault(stream, zbuf.codec.LineDecoder(100))):
            await stream.write(bytes(line).upper(), b"\n")

    decoders = {}

    async def main():
        async with trio.open_nursery() as nursery:
            def serve(*arguments, task_status):
                return zbuf.trio.serve(*arguments, ssl=kind.server, task_status=task_status)

            listeners = await nursery.start(serve, upper, "127.0.0.1", 0)
            names = {} if kind is PLAIN else {"ssl": kind.client, "server_hostname": "localhost"}
            for _ in range(3):
                async with await zbuf.trio.open_connection(*address(listeners), **names) as stream:
                    await stream.write(b"one\ntwo\n")
                    assert bytes(await stream.read_exactly(8)) == b"ONE\nTWO\n"
            nursery.cancel_scope.cancel()

    run(main)


def test_the_end_of_a_connection_does_not_end_the_server(run):
    async def handle(stream):
        handled.append(stream)
        await stream.read_exactly(10)

    handled = []

    async def main():
        async with trio.open_nursery() as nursery:
            listeners = await nursery.start(zbuf.trio.serve, handle, "127.0.0.1", 0)
            for k in range(2):
                peer = await trio.open_tcp_stream(*address(listeners))
                while len(handled) <= k:
                    await trio.lowlevel.checkpoint()
                reset(peer)
                while handled[k].error is None:
                    await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()

    run(main)


@pytest.mark.parametrize("error", [LookupError, trio.BrokenResourceError], ids=lambda error: error.__name__)
def test_what_else_a_handler_raises_does(run, error):
    async def handle(stream):
        raise error("oops")

    async def main():
        async with trio.open_nursery() as nursery:
            listeners = await nursery.start(zbuf.trio.serve, handle, "127.0.0.1", 0)
            async with await trio.open_tcp_stream(*address(listeners)):
                await trio.sleep_forever()

    with pytest.raises(ExceptionGroup) as caught:
        run(main)
    assert caught.group_contains(error, match="oops")


def test_a_certificate_that_is_not_trusted(run, tls):
    async def refuse(stream):
        await stream.read()

    async def main():
        async with trio.open_nursery() as nursery:
            def serve(*arguments, task_status):
                return zbuf.trio.serve(*arguments, ssl=tls.server, task_status=task_status)

            listeners = await nursery.start(serve, refuse, "127.0.0.1", 0)
            for context, name in [(ssl.create_default_context(), "localhost"), (tls.client, "elsewhere")]:
                before = len(os.listdir("/proc/self/fd"))
                with pytest.raises(trio.BrokenResourceError, match="CERTIFICATE_VERIFY_FAILED") as caught:
                    await zbuf.trio.open_connection(*address(listeners), ssl=context, server_hostname=name)
                assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
                await trio.testing.wait_all_tasks_blocked()
                assert len(os.listdir("/proc/self/fd")) == before
            nursery.cancel_scope.cancel()

    run(main)


def test_a_handshake_that_is_cancelled_goes_on(run, tls):
    async def main():
        ours, theirs = map(stream_of, tcp_pair())
        stream = zbuf.trio.Stream(ours, ssl=tls.client, server_hostname="localhost")
        peer = trio.SSLStream(theirs, tls.server, server_side=True)
        for turns in range(3):
            assert await cancelled_after(turns, stream.write, b"abc")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stream.drain)
            assert await receive(peer, 9) == b"abcabcabc"
        stream.abort()
        await trio.aclose_forcefully(peer)

    run(main)


def test_only_over_a_socket(run, tls):
    """What goes around another stream by its descriptor would go around its TLS."""

    async def main():
        near, far = trio.testing.memory_stream_pair()
        for other in (near, trio.SSLStream(near, tls.client, server_hostname="localhost")):
            with pytest.raises(TypeError, match=f"a trio.SocketStream is required, not '{type(other).__name__}'; for TLS give ssl="):
                zbuf.trio.Stream(other)

    run(main)


def test_over_a_unix_socket(run, path):
    async def main():
        ours, theirs = socket.socketpair()
        with theirs:
            async with zbuf.trio.Stream(stream_of(ours)) as stream:
                with zbuf.FileRegion.open(path, 0, 1000) as region:
                    await stream.write(b"head", region)
                assert theirs.recv(2000) == b"head" + DATA[:1000]

    run(main)


def test_no_descriptor_is_left(run, kind, path):
    async def main():
        counts = []
        for _ in range(4):
            counts.append(len(os.listdir("/proc/self/fd")))
            async with pair(kind) as (stream, peer):
                await stream.write(b"abc")
                stream.write_nowait(zbuf.FileRegion.open(path))
        assert counts[1:] == [counts[1]] * 3

    run(main)
    assert zbuf.default_allocator().live() == []
