"""ZeroCopySender: memory stays the kernel's until it says so, and copies that happen anyway switch it off."""

import contextlib
import errno
import os
import random
import signal
import socket
import ssl
import subprocess
import sys
import textwrap
import threading

import pytest
from ends import tcp_pair
from wire import PATIENCE, receive

import zbuf
from zbuf.zerocopy import ZeroCopySender, abandoned_bytes

MIB = 1 << 20
DATA = random.Random(1).randbytes(MIB)
RESET = b"\1\0\0\0\0\0\0\0"


@pytest.fixture
def pair(connect_tcp):
    return connect_tcp()


@pytest.fixture
def stuck(connect_tcp):
    """A pair whose peer's window is full, while the kernel takes more on our side; and what fills it."""
    ours, theirs = connect_tcp(send_room=4 * MIB, receive_room=4096)
    theirs.settimeout(PATIENCE)
    ours.setblocking(False)
    return ours, theirs, DATA[: ours.send(DATA[:500_000])]


def reset(theirs):
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    theirs.close()


# -- what is sent


def everything():
    part = zbuf.copied(DATA[:100_000])
    half_read = zbuf.copied(DATA)
    half_read.skip(900_000)
    composite = zbuf.CompositeByteBuf(zbuf.copied(DATA[:70_000]), b"small", zbuf.wrap(DATA[5:90_000]))
    composite.skip(3)
    many = zbuf.CompositeByteBuf(*[zbuf.copied(DATA[k : k + 50]) for k in range(2500)], coalesce=0)
    return [
        (part, DATA[:100_000]),
        (half_read, DATA[900_000:]),
        (composite, (DATA[:70_000] + b"small" + DATA[5:90_000])[3:]),
        (many, b"".join(DATA[k : k + 50] for k in range(2500))),
        (zbuf.wrap(DATA), DATA),
        (zbuf.copied(b"short"), b"short"),
        (zbuf.EMPTY, b""),
    ]


def test_everything_arrives_in_order(pair):
    ours, theirs = pair
    expected = b"".join(stands_for for _, stands_for in everything())
    got = []
    reader = threading.Thread(target=lambda: got.append(receive(theirs, len(expected))))
    reader.start()
    with ZeroCopySender(ours) as sender:
        for buf, stands_for in everything():
            before = buf.reader_index
            assert sender.send(buf) == len(stands_for)
            assert buf.reader_index == before
        assert sender.sent == len(expected)
        reader.join(PATIENCE)
        assert sender.drain(PATIENCE) and sender.pending == 0
    assert got == [expected]


def test_a_full_socket_takes_a_part(connect_tcp):
    ours, theirs = connect_tcp(send_room=100_000)
    ours.setblocking(False)
    got = b""
    with zbuf.copied(DATA) as buf, ZeroCopySender(ours) as sender:
        sent = sender.send(buf)
        assert 0 < sent < MIB
        while buf:
            buf.skip(sent)
            got += receive(theirs, sent)
            sent = sender.send(buf)
        assert sender.drain(PATIENCE)
    assert got == DATA


def test_a_descriptor_does_for_a_socket(pair):
    ours, theirs = pair
    with ZeroCopySender(ours.fileno(), least=0) as sender, zbuf.copied(b"abc") as buf:
        assert (sender.send(buf), sender.pending) == (3, 3)
        assert receive(theirs, 3) == b"abc"
        assert sender.drain(PATIENCE)


# -- what is held


def test_memory_is_held_until_the_kernel_is_done(stuck):
    ours, theirs, filler = stuck
    allocator = zbuf.PooledAllocator()
    sender = ZeroCopySender(ours)
    buf = allocator.buffer(100_000)
    buf.write_bytes(DATA[:100_000])
    assert sender.send(buf) == 100_000
    assert (sender.pending, buf.refcnt) == (100_000, 2)
    buf.release()
    assert not sender.drain(0) and not sender.drain(0.01)
    assert [(block.requested, block.refs) for block in allocator.live()] == [(100_000, 1)]
    with allocator.buffer(100_000) as other:          # not the same memory
        other.write_zeros(100_000)
    assert receive(theirs, len(filler)) == filler
    assert receive(theirs, 100_000) == DATA[:100_000]
    assert sender.drain(PATIENCE) and sender.pending == 0
    assert allocator.live() == []
    assert sender.close()


def test_what_never_left_is_told_not_to_have_been_copied(stuck):
    # The peer's window is full: the calls end untouched when it resets.
    ours, theirs, _ = stuck
    sender = ZeroCopySender(ours)
    with zbuf.copied(DATA[:100_000]) as buf:
        for _ in range(3):
            assert sender.send(buf) == 100_000
        assert (sender.pending, buf.refcnt) == (300_000, 4)
        reset(theirs)
        assert sender.drain(PATIENCE)
        assert (sender.uncopied, sender.copied, sender.active, buf.refcnt) == (300_000, 0, True, 1)
        with pytest.raises((ConnectionResetError, BrokenPipeError), match=r": 0 of 100000 bytes were sent"):
            sender.send(buf)
        assert (sender.sent, sender.pending, buf.refcnt) == (300_000, 0, 1)
    assert sender.close()


def test_a_foreign_owner_may_come_back_when_it_is_let_go(stuck):
    ours, theirs, _ = stuck
    sender = ZeroCopySender(ours)
    seen = []

    class Owner(bytearray):
        def __del__(self):
            seen.append((sender.pending, sender.uncopied, sender.drain(0)))

    for _ in range(2):
        with zbuf.wrap(Owner(40_000)) as buf:
            sender.send(buf)
    reset(theirs)
    assert sender.drain(PATIENCE)
    assert len(seen) == 2 and seen[-1] == (0, 80_000, True)
    assert sender.close()


# -- switching off


def test_on_one_machine_it_switches_itself_off(pair):
    ours, theirs = pair
    with ZeroCopySender(ours) as sender, zbuf.copied(DATA[:100_000]) as buf:
        assert (sender.send(buf), sender.active) == (100_000, True)
        assert receive(theirs, 100_000) == DATA[:100_000]
        assert sender.drain(PATIENCE)
        assert (sender.active, sender.copied, sender.uncopied) == (False, 100_000, 0)
        assert (sender.send(buf), sender.pending, buf.refcnt) == (100_000, 0, 1)      # a plain one
        assert receive(theirs, 100_000) == DATA[:100_000]
        assert repr(sender) == "<zbuf.zerocopy.ZeroCopySender switched off, 200000 bytes sent, 0 pending>"


def test_short_sends_are_plain_ones(pair):
    ours, theirs = pair
    with ZeroCopySender(ours, least=1000) as sender, zbuf.copied(DATA[:999]) as buf:
        assert (sender.send(buf), sender.pending, sender.active) == (999, 0, True)
        buf.write_u8(7)
        assert (sender.send(buf), sender.pending) == (1000, 1000)
        assert receive(theirs, 1999) == DATA[:999] * 2 + b"\7"
        assert sender.drain(PATIENCE)
    with pytest.raises(ValueError, match="-1"):
        ZeroCopySender(ours, least=-1)


def test_where_no_more_can_be_pinned_it_switches_itself_off():
    # As an ordinary user, whose pinned memory is limited.
    program = """
        import os, resource, socket
        import zbuf.zerocopy

        with socket.create_server(("127.0.0.1", 0)) as listener:
            ours = socket.create_connection(listener.getsockname())
            theirs = listener.accept()[0]
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (64 << 10, 64 << 10))
        if os.getuid() == 0:
            os.setuid(54321)
        sender = zbuf.zerocopy.ZeroCopySender(ours)
        data = bytes(range(250)) * 4000
        with zbuf.copied(data) as buf:
            print(sender.send(buf), sender.active, sender.pending < len(data))
        print(theirs.recv(len(data), socket.MSG_WAITALL) == data, sender.close())
    """
    done = run(program)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "1000000 False True\nTrue True\n")


def run(program):
    return subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=60,
                          env=dict(os.environ, PYTHONPATH=os.pathsep.join(p for p in sys.path if p)))


# -- what is refused


def test_a_unix_socket_has_none_of_it():
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(OSError, match="not supported") as raised:
        ZeroCopySender(ours)
    assert raised.value.errno == errno.EOPNOTSUPP


def test_a_socket_has_one_sender(pair):
    ours, _ = pair
    with ZeroCopySender(ours) as sender:
        with pytest.raises(TypeError, match="this sender is made already"):
            sender.__init__(ours)
    with pytest.raises(ValueError, match="SO_ZEROCOPY is set on this socket: the sends of another"):
        ZeroCopySender(ours)


def test_what_is_no_socket_is_refused(tmp_path):
    with open(tmp_path / "file", "wb") as file, pytest.raises(OSError, match="Socket operation on non-socket"):
        ZeroCopySender(file)
    with pytest.raises(TypeError, match="argument must be an int, or have a fileno"):
        ZeroCopySender("text")


def test_tls_is_refused(pair):
    context = ssl.create_default_context()
    context.check_hostname = False
    with context.wrap_socket(pair[0], do_handshake_on_connect=False) as secure:
        with pytest.raises(TypeError, match="an SSLSocket's descriptor has only encrypted bytes"):
            ZeroCopySender(secure)


def test_what_is_no_buffer_is_refused(pair):
    with ZeroCopySender(pair[0]) as sender:
        for data in (b"bytes", None):
            with pytest.raises(TypeError, match="ByteBuf|None"):
                sender.send(data)
        released = zbuf.copied(b"abc")
        released.release()
        with pytest.raises(zbuf.ReleasedError, match="this handle was released"):
            sender.send(released)
        assert sender.sent == 0


def test_a_closed_sender_is_of_no_use(pair):
    sender = ZeroCopySender(pair[0])
    assert sender.close() and sender.close() and sender.closed
    for call in (lambda: sender.send(zbuf.EMPTY), sender.drain, sender.__enter__):
        with pytest.raises(zbuf.ReleasedError, match="this sender was closed"):
            call()
    assert repr(sender) == "<zbuf.zerocopy.ZeroCopySender closed, 0 bytes sent, 0 pending>"


def test_a_closed_socket_is_not_asked(pair):
    ours, _ = pair
    with ZeroCopySender(ours) as sender, zbuf.copied(b"abc") as buf:
        ours.close()
        with pytest.raises(ValueError, match="-1"):
            sender.send(buf)
        assert (sender.sent, sender.pending, buf.refcnt) == (0, 0, 1)


# -- signals


def test_a_broken_pipe_is_an_error_and_not_the_end():
    program = """
        import signal, socket
        import zbuf.zerocopy

        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            ours = socket.create_connection(listener.getsockname())
            theirs = listener.accept()[0]
        ours.shutdown(socket.SHUT_WR)
        with zbuf.zerocopy.ZeroCopySender(ours, least=0) as sender, zbuf.copied(b"abc") as buf:
            try:
                sender.send(buf)
            except BrokenPipeError as error:
                print(error, sender.pending, buf.refcnt)
    """
    done = run(program)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "[Errno 32] Broken pipe: 0 of 3 bytes were sent 0 1\n")


class Interruption(Exception):
    pass


@contextlib.contextmanager
def alarm(handler, interval=0):
    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.05, interval)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_handler_that_raises_loses_no_byte(connect_tcp):
    ours, theirs = connect_tcp(send_room=100_000)
    refused = []

    def handler(number, frame):
        for call in (lambda: sender.send(zbuf.EMPTY), sender.drain, sender.close):
            with pytest.raises(RuntimeError, match="a send of this sender is under way") as raised:
                call()
            refused.append(raised.value)
        raise Interruption

    sender = ZeroCopySender(ours)
    with zbuf.copied(DATA * 8) as buf:
        with alarm(handler), pytest.raises(Interruption):
            sender.send(buf)
        got = receive(theirs, sender.sent)
        assert 0 < sender.sent < 8 * MIB and got == (DATA * 8)[: sender.sent]
        assert sender.drain(PATIENCE)
        assert buf.refcnt == 1
    assert len(refused) == 3 and sender.close()


def test_a_handler_that_returns_lets_the_send_go_on(connect_tcp):
    ours, theirs = connect_tcp(send_room=100_000)
    runs, got = [], []
    reader = threading.Thread(target=lambda: got.append(receive(theirs, 8 * MIB)))

    def handler(number, frame):
        runs.append(number)
        if len(runs) == 3:
            reader.start()

    with zbuf.copied(DATA * 8) as buf, ZeroCopySender(ours) as sender, alarm(handler, interval=0.02):
        assert sender.send(buf) == 8 * MIB
        reader.join(PATIENCE)
        assert sender.drain(PATIENCE)
    assert got == [DATA * 8] and len(runs) >= 3


# -- what is left behind


@pytest.mark.parametrize("end", ["print(sender.close(0.01))", "ours.close(); print(sender.close())", "del sender; print(False)"])
def test_memory_that_is_left_behind_is_never_used_again(end):
    # In a process of its own, for it holds the memory until its end.
    program = f"""
        import socket
        import zbuf.zerocopy

        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            ours = socket.socket()
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
            ours.connect(listener.getsockname())
            theirs = listener.accept()[0]
        ours.setblocking(False)
        filler = ours.send(bytes(500_000))
        sender = zbuf.zerocopy.ZeroCopySender(ours)
        allocator = zbuf.PooledAllocator()
        buf = allocator.buffer(100_000)
        buf.write_bytes(b"x" * 100_000)
        sender.send(buf)
        buf.release()
        {end}
        print(zbuf.zerocopy.abandoned_bytes(), [block.refs for block in allocator.live()])
        other = allocator.buffer(100_000)
        other.write_bytes(b"secret" * 16_000)
        theirs.recv(filler, socket.MSG_WAITALL)
        print(theirs.recv(100_000, socket.MSG_WAITALL) == b"x" * 100_000)
    """
    done = run(program)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "False\n100000 [1]\nTrue\n")


def test_nothing_is_left_behind_here():
    before = set(os.listdir("/proc/self/fd"))
    for _ in range(200):
        ours, theirs = tcp_pair()
        with ours, theirs, ZeroCopySender(ours) as sender, zbuf.copied(DATA[:40_000]) as buf:
            sender.send(buf)
            receive(theirs, 40_000)
    assert abandoned_bytes() == 0
    assert set(os.listdir("/proc/self/fd")) == before
