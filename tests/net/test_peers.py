"""Peers as they are: slow, silent, gone; and a system that has no more to give."""

import contextlib
import errno
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import textwrap
import threading

import pytest
from kinds import live_blocks
from scarce import no_more_descriptors
from wire import PATIENCE, receive

import zbuf
from zbuf.direct import DirectFile
from zbuf.relay import Relay
from zbuf.testing import syscalls

DATA = random.Random(1).randbytes(200_000)
RESET = b"\1\0\0\0\0\0\0\0"    # SO_LINGER: closing resets the connection


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "file.bin"
    file.write_bytes(DATA)
    return file


def mixed(path, size):
    """Parts of every kind, and their bytes: about four times `size`."""
    region = zbuf.FileRegion.open(path)
    file = DATA[5 : 5 + size]
    parts = [b"head", region[5 : 5 + size], zbuf.copied(DATA[:size]), zbuf.wrap(DATA[:size], b"small", DATA[7 : 7 + size]), b"tail"]
    return parts, b"".join([b"head", file, DATA[:size], DATA[:size], b"small", DATA[7 : 7 + size], b"tail"])


@contextlib.contextmanager
def thread(work, *args):
    """Another thread for as long as the block; what it raises fails the test."""
    raised = []

    def run():
        try:
            work(*args)
        except BaseException as error:
            raised.append(error)

    other = threading.Thread(target=run)
    other.start()
    try:
        yield
    finally:
        other.join(PATIENCE)
    assert not other.is_alive() and not raised, raised


# -- slow ones


def test_a_queue_to_a_peer_that_takes_one_byte_at_a_time(connect, path):
    ours, theirs = connect(send_room=2048, receive_room=1024)
    ours.setblocking(False)
    parts, expected = mixed(path, 3000)
    queue = zbuf.OutboundBuffer()
    queue.writelines(parts)
    got = bytearray()
    while queue:
        queue.flush_to(ours)
        got += theirs.recv(1)
    assert bytes(got) + receive(theirs, len(expected) - len(got)) == expected


def test_a_blocking_send_to_a_peer_that_takes_one_byte_at_a_time(connect, path):
    ours, theirs = connect(send_room=2048, receive_room=1024)
    parts, expected = mixed(path, 3000)
    got = bytearray()

    def take():
        while len(got) < len(expected):
            got.extend(theirs.recv(1))

    with thread(take):
        assert zbuf.io.send(ours, *parts) == len(expected)
    assert got == expected


def test_a_file_from_a_peer_that_gives_one_byte_at_a_time(connect, tmp_path):
    ours, theirs = connect()
    with open(tmp_path / "in", "w+b") as file:
        file.truncate(3000)
        region = zbuf.FileRegion(file, 0)

        def give():
            for k in range(3000):
                theirs.sendall(DATA[k : k + 1])

        with thread(give):
            assert region.receive_from(ours) == 3000
    assert (tmp_path / "in").read_bytes() == DATA[:3000]


def test_thousands_of_parts_of_every_kind(connect, path):
    numbers = random.Random(5)
    region = zbuf.FileRegion.open(path)
    parts, expected = [], []
    for _ in range(5000):
        start = numbers.randrange(len(DATA) - 300)
        piece = DATA[start : start + numbers.randrange(300)]     # some are empty
        kinds = [piece, zbuf.copied(piece), zbuf.wrap(piece[:9], piece[9:]), bytearray(piece), region[start : start + len(piece)]]
        parts.append(numbers.choices(kinds, [3, 3, 3, 3, 1])[0])
        expected.append(piece)
    expected = b"".join(expected)
    for coalesce in (0, 2048):
        ours, theirs = connect(send_room=4096)
        queue = zbuf.OutboundBuffer(coalesce=coalesce)
        queue.writelines(parts)
        got = []
        with thread(lambda: got.append(receive(theirs, len(expected)))):
            assert queue.flush_to(ours).sent == len(expected)
        assert got == [expected] and not queue


def test_a_peer_that_takes_a_little_now_and_then_does_not_outlast_a_timeout(connect, path):
    ours, theirs = connect(send_room=2048, receive_room=1024)
    ours.settimeout(0.2)
    parts, expected = mixed(path, 40_000)
    got, over = bytearray(), threading.Event()

    def take():
        while not over.wait(0.005):
            got.extend(theirs.recv(1))

    with thread(take):
        try:
            with pytest.raises(TimeoutError) as raised:
                zbuf.io.send(ours, *parts)
        finally:
            over.set()
    ours.shutdown(socket.SHUT_WR)
    got += receive(theirs, len(expected))
    assert bytes(got) == expected[: raised.value.bytes_sent]


# -- those that are gone


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_a_peer_that_resets_in_the_middle_of_a_send(connect_tcp, path, kind):
    ours, theirs = connect_tcp(send_room=4096, receive_room=4096)
    ours.setblocking(False)
    blocks = live_blocks()
    queue = zbuf.OutboundBuffer()
    queue.writelines([zbuf.FileRegion.open(path) if kind == "file" else zbuf.copied(DATA), zbuf.copied(DATA)])
    while not queue.flush_to(ours).full:
        pass
    pending = queue.pending_bytes
    assert 0 < pending < 2 * len(DATA)
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    theirs.close()
    with pytest.raises(ConnectionResetError):
        queue.flush_to(ours)
    with pytest.raises(BrokenPipeError):
        queue.flush_to(ours)
    assert queue.pending_bytes == pending
    queue.close()
    assert live_blocks() == blocks


def test_a_peer_that_resets_a_blocking_send(connect_tcp, path):
    ours, theirs = connect_tcp(send_room=4096, receive_room=4096)
    parts, expected = mixed(path, 40_000)
    got = []

    def take():
        got.append(receive(theirs, 10_000))
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        theirs.close()

    with thread(take), pytest.raises(ConnectionError) as raised:
        zbuf.io.send(ours, *parts)
    assert got == [expected[:10_000]] and 10_000 <= raised.value.bytes_sent < len(expected)


def test_a_peer_that_resets_what_a_file_is_received_from(connect_tcp, tmp_path):
    ours, theirs = connect_tcp()
    theirs.sendall(DATA[:50_000])
    with open(tmp_path / "in", "w+b") as file:
        file.truncate(len(DATA))
        region = zbuf.FileRegion(file, 0)
        done = region[:9].receive_from(ours)
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        theirs.close()
        with pytest.raises(ConnectionResetError):
            while got := region[done:].receive_from(ours):
                done += got
    content = (tmp_path / "in").read_bytes()
    assert content.startswith(DATA[:done]) and DATA.startswith(content.rstrip(b"\0"))


def test_a_peer_that_says_no_more_is_still_answered(connect, path):
    ours, theirs = connect()
    parts, expected = mixed(path, 3000)
    theirs.sendall(b"question")
    theirs.shutdown(socket.SHUT_WR)
    with zbuf.buffer() as buf:
        assert zbuf.io.recv_into(ours, buf) == 8 and zbuf.io.recv_into(ours, buf) == 0
    zbuf.io.send(ours, *parts)
    ours.shutdown(socket.SHUT_WR)
    assert (receive(theirs, len(expected)), theirs.recv(1)) == (expected, b"")
    with pytest.raises(BrokenPipeError):
        zbuf.io.send(ours, b"more")


# -- signals, many of them


@contextlib.contextmanager
def storm(seen):
    """A signal every millisecond; its handler returns."""
    before = signal.signal(signal.SIGALRM, lambda number, frame: seen.append(number))
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("timeout", [None, PATIENCE])
def test_a_storm_of_signals_during_a_send(connect, path, timeout):
    ours, theirs = connect(send_room=2048, receive_room=1024)
    ours.settimeout(timeout)
    parts, expected = mixed(path, 40_000)
    seen, got = [], bytearray()

    def take():
        while len(got) < len(expected):
            while len(seen) < min(len(got) // 1000, 15):     # one after the other
                threading.Event().wait(0.001)
            got.extend(theirs.recv(500 if len(seen) < 50 else 1 << 16))

    with thread(take), storm(seen):
        assert zbuf.io.send(ours, *parts) == len(expected)
    assert got == expected and len(seen) >= 15


def test_a_storm_of_signals_while_a_file_is_received(connect, tmp_path):
    ours, theirs = connect()
    seen = []
    with open(tmp_path / "in", "w+b") as file:
        file.truncate(len(DATA))
        region = zbuf.FileRegion(file, 0)

        def give():
            for k in range(0, len(DATA), 1000):
                while len(seen) < min(k // 4000, 30):     # one after the other
                    threading.Event().wait(0.001)
                theirs.sendall(DATA[k : k + 1000])

        with thread(give), storm(seen):
            assert region.receive_from(ours) == len(DATA)
    assert (tmp_path / "in").read_bytes() == DATA and len(seen) >= 30


# -- nothing left to be had


def test_without_descriptors_each_says_so_and_works_afterwards(connect, path):
    ours, theirs = connect()
    blocks = live_blocks()
    whole = zbuf.FileRegion.open(path)
    needy = [
        lambda: zbuf.FileRegion.open(path),
        lambda: zbuf.FileRegion(whole.fileno(), 0),
        lambda: whole.map(),
        lambda: whole.flush(),
        lambda: DirectFile(path, buffered=True),
    ]
    zbuf.relay.trim()
    before = os.listdir("/proc/self/fd")
    with no_more_descriptors():
        for need in needy:
            with pytest.raises(OSError) as raised:
                need()
            assert raised.value.errno == errno.EMFILE
        assert zbuf.io.send(ours, whole[:1000], b"tail") == 1004
    assert receive(theirs, 1004) == DATA[:1000] + b"tail"
    assert os.listdir("/proc/self/fd") == before and whole.refcnt == 1
    for need in needy:
        made = need()
        if made is not None and not isinstance(made, DirectFile):
            made.release()
    del made
    assert live_blocks() == blocks


def test_without_descriptors_a_file_is_received_and_spliced_the_other_way(connect, path, tmp_path):
    ours, theirs = connect()
    with open(tmp_path / "in", "w+b") as file, zbuf.OutboundBuffer() as queue:
        file.truncate(1000)
        place, source = zbuf.FileRegion(file, 0), zbuf.FileRegion.open(path)
        queue.write(source)
        zbuf.relay.trim()
        with no_more_descriptors():
            with syscalls([errno.EINVAL], only=["sendfile"]):
                assert queue.flush_to(ours, max_bytes=1000).sent == 1000
            assert source.path_used == "pread"
            zbuf.io.send(theirs, receive(theirs, 1000))
            assert place.receive_from(ours) == 1000
    assert (tmp_path / "in").read_bytes() == DATA[:1000]


@contextlib.contextmanager
def no_files_beyond(size):
    """No file may be written behind `size` bytes. Python ignores the signal that says so, too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("mode", ["w+b", "a+b"])
def test_a_file_that_takes_no_more_says_so_and_keeps_what_it_took(connect, tmp_path, mode):
    ours, theirs = connect()
    theirs.sendall(DATA[:20_000])
    with open(tmp_path / "in", mode) as file:
        file.truncate(20_000)
        region = zbuf.FileRegion(file, 0)
        with no_files_beyond(8192), pytest.raises(OSError) as raised:
            region.receive_from(ours)
        assert raised.value.errno == errno.EFBIG
        # Nothing is where it does not belong, and the next bytes find their place.
        content = (tmp_path / "in").read_bytes()
        assert content[:8192] == (DATA[:8192] if mode == "w+b" else bytes(8192)) and not any(content[8192:])
        with contextlib.suppress(BlockingIOError):
            ours.recv(1 << 20, socket.MSG_DONTWAIT)
        theirs.sendall(b"again")
        assert region.receive_from(ours, 5) == 5


def test_a_device_that_takes_no_more_says_how_far_it_came(tmp_path):
    with DirectFile(tmp_path / "file", "w+", buffered=True) as file:
        buf = file.buffer(16_384)
        buf.write_bytes(DATA[:16_384])
        with no_files_beyond(8192), pytest.raises(OSError, match="8192 of 16384 bytes at 0 were written") as raised:
            file.write(buf, 0)
        assert raised.value.errno == errno.EFBIG
        assert (file.size, len(buf), buf.refcnt) == (8192, 16_384, 1)
        assert file.write(buf, 0) == 16_384
        assert bytes(file.read(0, 16_384)) == DATA[:16_384]


def test_a_full_target_leaves_all_to_be_had(connect):
    ours, theirs = connect()
    theirs.sendall(DATA[:5000])
    ours.setblocking(False)
    with open("/dev/full", "wb") as full, Relay(ours, full) as relay:
        for _ in range(2):
            with pytest.raises(OSError, match="the target failed after 0 bytes, 5000 more are held") as raised:
                relay.step()
            assert raised.value.errno == errno.ENOSPC
        assert (relay.moved, bytes(relay.leftover())) == (0, DATA[:5000])


def test_a_full_tap_holds_nothing_up_once_it_is_gone(connect):
    ours, theirs = connect()
    outside, server = connect()
    theirs.sendall(DATA[:5000])
    ours.setblocking(False)
    with open("/dev/full", "wb") as full, Relay(ours, outside, tap=full) as relay:
        with pytest.raises(OSError, match="the tap failed, 5000 bytes of its copy are held") as raised:
            relay.step()
        assert raised.value.errno == errno.ENOSPC
        relay.untap()
        assert relay.step() == "read"
        assert receive(server, 5000) == DATA[:5000]


# -- fork in the middle

FORK = """
    import os, socket, sys, zbuf
    data = os.urandom(300_000)
    with open(sys.argv[2], "wb") as new:
        new.write(data)
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.settimeout(20)
    region = zbuf.FileRegion.open(sys.argv[2])
    queue = zbuf.OutboundBuffer()
    buf = zbuf.copied(data)
    queue.writelines([b"head", buf, region, zbuf.wrap(data[:9000], b"small"), bytes(3000)])
    expected = b"head" + data + data + data[:9000] + b"small" + bytes(3000)
    while not queue.flush_to(ours).full:
        pass
    client, inside = socket.socketpair()
    inside.setblocking(False)
    relay = zbuf.relay.Relay(inside, ours)
    client.sendall(data[:50_000])
    assert relay.step() == "write" and relay.held == 50_000

    def closes():
        queue.close(), relay.close(), buf.release(), region.release(), ours.close(), theirs.close(), inside.close()
        zbuf.buffer(1 << 20).write_bytes(bytes(1 << 20))

    child = os.fork()
    if child == 0:
        {"closes": closes, "cancels": queue.cancel, "exits": int}[sys.argv[1]]()
        os._exit(0) if sys.argv[1] == "exits" else sys.exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    got = b""
    while queue:
        got += theirs.recv(1 << 20)
        queue.flush_to(ours)
    while relay.held:
        got += theirs.recv(1 << 20)
        relay.step()
    ours.shutdown(socket.SHUT_WR)
    while piece := theirs.recv(1 << 20):
        got += piece
    assert got == expected + data[:50_000], "the stream is another"
    queue.close(), relay.close(), region.release(), buf.release()
    assert not zbuf.default_allocator().live()
"""


@pytest.mark.parametrize("child", ["exits", "closes", "cancels"])
def test_a_child_that_was_forked_in_the_middle_changes_nothing(tmp_path, child):
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(FORK), child, tmp_path / "file"], capture_output=True, text=True,
                          timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
