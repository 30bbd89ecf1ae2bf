"""Signals around the system calls: Python's handlers run, and SIGPIPE kills nobody."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import textwrap
import threading

import pytest
from wire import PATIENCE, receive, unix_pair

import zbuf

SIZE = 2_000_000


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "file.bin"
    file.write_bytes(random.Random(1).randbytes(SIZE))
    return file


@pytest.fixture(params=["memory", "file"])
def payload(request, path):
    """What is queued, and its bytes."""
    if request.param == "memory":
        return path.read_bytes(), path.read_bytes()
    return zbuf.FileRegion.open(path), path.read_bytes()


@contextlib.contextmanager
def alarms(handler, interval=0.05):
    """Run a handler after 50 ms, and again at every interval; 0 is once."""
    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.05, interval)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class Interruption(Exception):
    pass


def test_a_handler_that_raises_loses_no_byte(connect, payload):
    ours, theirs = connect(send_room=4096)
    data, expected = payload
    queue = zbuf.OutboundBuffer()
    queue.writelines([b"head", data, b"tail"])

    def handler(number, frame):
        raise Interruption

    # Once: a call that was cut short must not be followed by one that blocks.
    with alarms(handler, interval=0), pytest.raises(Interruption):
        queue.flush_to(ours)
    assert 0 < queue.pending_bytes < SIZE + 8
    got = receive(theirs, SIZE + 8 - queue.pending_bytes)
    ours.setblocking(False)
    while queue:
        sent = queue.flush_to(ours).sent
        got += receive(theirs, sent)
    assert got == b"head" + expected + b"tail"


def test_a_handler_that_raises_before_the_first_byte_moves_nothing(payload):
    ours, theirs = unix_pair(send_room=4096)
    ours.setblocking(False)
    filler = zbuf.OutboundBuffer()
    filler.write(bytes(SIZE))
    full = filler.flush_to(ours)
    ours.setblocking(True)
    queue = zbuf.OutboundBuffer()
    queue.write(payload[0])

    def handler(number, frame):
        raise Interruption

    with alarms(handler), pytest.raises(Interruption):
        queue.flush_to(ours)
    assert queue.pending_bytes == SIZE
    assert receive(theirs, full.sent) == bytes(full.sent)
    ours.close()
    theirs.close()


def test_a_handler_that_returns_lets_the_flush_go_on(connect, payload):
    ours, theirs = connect(send_room=4096)
    data, expected = payload
    queue = zbuf.OutboundBuffer()
    queue.write(data)
    runs = []
    got = []
    reader = threading.Thread(target=lambda: got.append(receive(theirs, SIZE)))

    def handler(number, frame):
        runs.append(number)
        if len(runs) == 3:
            reader.start()

    with alarms(handler):
        done = queue.flush_to(ours)
    reader.join(PATIENCE)
    assert (done.sent, got) == (SIZE, [expected])
    assert len(runs) >= 3


def test_a_handler_may_write_and_may_not_flush(connect):
    ours, theirs = connect(send_room=4096)
    queue = zbuf.OutboundBuffer()
    queue.write(bytes(SIZE))
    got = []
    refused = []
    reader = threading.Thread(target=lambda: got.append(receive(theirs, SIZE + 5)))

    def handler(number, frame):
        if refused:
            return
        try:
            queue.flush_to(ours)
        except RuntimeError as error:
            refused.append(str(error))
        queue.write(b"later")
        reader.start()

    with alarms(handler):
        assert queue.flush_to(ours).sent == SIZE + 5
    reader.join(PATIENCE)
    assert got == [bytes(SIZE) + b"later"]
    assert refused == ["a flush or cancel of this queue is under way"]


def test_a_handler_that_closes_the_queue_ends_the_flush(connect, path):
    ours, _ = connect(send_room=4096)
    region = zbuf.FileRegion.open(path)
    queue = zbuf.OutboundBuffer()
    queue.write(region)
    with alarms(lambda number, frame: queue.close()):
        with pytest.raises(zbuf.ReleasedError, match="this queue was closed while it was flushed; [0-9]+ bytes went"):
            queue.flush_to(ours)
    assert region.refcnt == 1


# -- SIGPIPE

SENDER = """
    import os, signal, socket, sys
    import zbuf

    signal.signal(signal.SIGPIPE, {disposition})
    ours, theirs = {pair}
    theirs.close()
    queue = zbuf.OutboundBuffer()
    queue.writelines([{payload}] * 50)
    failed = None
    for _ in range(50):
        try:
            queue.flush_to(ours, max_bytes=100)
        except OSError as error:
            failed = type(error).__name__
    print(failed, signal.SIGPIPE in signal.sigpending(), signal.SIGPIPE in signal.pthread_sigmask(signal.SIG_BLOCK, []))
"""
TCP_PAIR = "(lambda l: (socket.create_connection(l.getsockname()), l.accept()[0]))(socket.create_server(('127.0.0.1', 0)))"


def run(source, **parts):
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source).format(**parts)],
        capture_output=True, text=True, timeout=60, check=False,
    )


@pytest.mark.parametrize("disposition", ["signal.SIG_DFL", "signal.SIG_IGN", "lambda number, frame: print('handler')"])
@pytest.mark.parametrize("pair", ["socket.socketpair()", TCP_PAIR], ids=["unix", "tcp"])
@pytest.mark.parametrize("payload", ["bytes(100)", "bytes(3000)", "zbuf.FileRegion.open(zbuf.__file__, 0, 100)"])
def test_a_broken_pipe_is_an_error_and_not_the_end(disposition, pair, payload):
    done = run(SENDER, disposition=disposition, pair=pair, payload=payload)
    assert (done.returncode, done.stdout, done.stderr) == (0, "BrokenPipeError False False\n", "")


def test_a_sigpipe_that_was_waiting_before_goes_on_waiting():
    done = run(
        """
        import os, signal, socket
        import zbuf

        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGPIPE])
        os.kill(os.getpid(), signal.SIGPIPE)
        ours, theirs = socket.socketpair()
        theirs.close()
        queue = zbuf.OutboundBuffer()
        queue.write(zbuf.FileRegion.open(zbuf.__file__))
        try:
            queue.flush_to(ours)
        except BrokenPipeError:
            print(signal.SIGPIPE in signal.sigpending())
        """
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")


def test_a_signal_from_others_still_ends_the_process():
    done = run(
        """
        import os, signal, socket
        import zbuf

        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        ours, theirs = socket.socketpair()
        queue = zbuf.OutboundBuffer()
        queue.write(zbuf.FileRegion.open(zbuf.__file__))
        queue.flush_to(ours)
        os.kill(os.getpid(), signal.SIGPIPE)
        print("alive")
        """
    )
    assert (done.returncode, done.stdout) == (-signal.SIGPIPE, "")


# -- what the kernel refuses


def test_errors_are_oserrors_by_their_number():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        queue = zbuf.OutboundBuffer()
        queue.write(b"abc")
        ours.shutdown(socket.SHUT_WR)
        with pytest.raises(BrokenPipeError) as raised:
            queue.flush_to(ours)
        assert (raised.value.errno, raised.value.strerror) == (32, os.strerror(32))


def test_a_socket_that_is_not_connected_is_refused():
    with socket.socket() as sock, zbuf.OutboundBuffer() as queue:
        queue.write(b"abc")
        with pytest.raises(OSError, match="Broken pipe|not connected"):
            queue.flush_to(sock)
        assert queue.pending_bytes == 3


def test_a_reset_connection_says_so(connect_tcp):
    ours, theirs = connect_tcp()
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    theirs.close()
    queue = zbuf.OutboundBuffer()
    queue.write(b"abc")
    with pytest.raises(ConnectionResetError):
        queue.flush_to(ours)
    assert queue.pending_bytes == 3
