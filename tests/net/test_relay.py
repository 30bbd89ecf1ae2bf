"""Relay: every byte arrives once, in order, by splice; none is lost when an end fails."""

import contextlib
import fcntl
import hashlib
import os
import random
import resource
import select
import signal
import socket
import ssl
import subprocess
import sys
import textwrap
import threading

import pytest
from ends import tcp_pair
from scarce import no_more_descriptors
from wire import PATIENCE, receive, receive_some, unix_pair

import zbuf
from zbuf.relay import Relay, both_ways, one_way, run

MIB = 1 << 20
DATA = random.Random(1).randbytes(3_000_000)
RESET = b"\1\0\0\0\0\0\0\0"    # SO_LINGER: closing resets the connection


def descriptors():
    return set(os.listdir("/proc/self/fd"))


@pytest.fixture(autouse=True)
def no_descriptor_stays_behind():
    zbuf.relay.trim()
    before = descriptors()
    yield
    zbuf.relay.trim()
    assert descriptors() == before


@contextlib.contextmanager
def lines(pair):
    """A function that makes (client, inside, outside, server); the relay stands between inside and outside."""
    with contextlib.ExitStack() as stack:

        def make(**rooms):
            socks = [*pair(**rooms), *pair(**rooms)]
            for sock in socks:
                stack.enter_context(sock)
            socks[1].setblocking(False)
            socks[2].setblocking(False)
            for sock in (socks[0], socks[3]):
                sock.settimeout(PATIENCE)
            return socks

        yield make


@pytest.fixture(params=[tcp_pair, unix_pair], ids=["tcp", "unix"])
def line(request):
    with lines(request.param) as make:
        yield make


@pytest.fixture
def unix_line():
    """One whose sockets stay full when they are full."""
    with lines(unix_pair) as make:
        yield make


@contextlib.contextmanager
def thread(work, *args):
    """Run a function beside the block; what it returns is in the list after it."""
    result = []
    other = threading.Thread(target=lambda: result.append(work(*args)))
    other.start()
    yield result
    other.join(PATIENCE)
    assert not other.is_alive() and result, "the other side did not finish"


def send_all(sock, data):
    sock.sendall(data)
    sock.shutdown(socket.SHUT_WR)
    return len(data)


def receive_all(sock):
    """Receive up to the end."""
    got = bytearray()
    while piece := sock.recv(1 << 16):
        got += piece
    return bytes(got)


def await_news(sock):
    """Wait until bytes are there, or the end."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    assert poll.poll(PATIENCE * 1000)


def say(client, inside, data):
    """Send a few bytes, and see them arrive before the relay looks."""
    client.sendall(data)
    await_news(inside)
    while len(inside.recv(len(data), socket.MSG_PEEK)) < len(data):
        pass


def fill(sock):
    """Send until the Unix socket is full; what was sent."""
    sent = b""
    with contextlib.suppress(BlockingIOError):
        while True:
            sent += DATA[:sock.send(DATA[: 1 << 16], socket.MSG_DONTWAIT)]
    return sent


# -- one direction


def test_every_byte_arrives_and_the_end_is_passed_on(line):
    client, inside, outside, server = line()
    with thread(send_all, client, DATA), thread(receive_all, server) as got:
        assert one_way(inside, outside) == len(DATA)
    assert got == [DATA]


def test_64_mib_keep_their_digest():
    client, inside = tcp_pair()
    outside, server = tcp_pair()
    piece = DATA[: 1 << 20]

    def send():
        for _ in range(64):
            client.sendall(piece)
        client.shutdown(socket.SHUT_WR)
        return True

    def digest():
        sha, room = hashlib.sha256(), bytearray(1 << 20)
        while n := server.recv_into(room):
            sha.update(memoryview(room)[:n])
        return sha.hexdigest()

    with client, inside, outside, server, Relay(inside, outside) as relay:
        with thread(send), thread(digest) as got:
            run(relay)
        assert (relay.taken, relay.moved, relay.held, relay.done) == (64 * MIB, 64 * MIB, 0, True)
        assert (relay.path_used, relay.pipe_size) == ("splice", MIB)
    assert got == [hashlib.sha256(piece * 64).hexdigest()]


def test_a_step_says_what_it_waits_for(line):
    client, inside, outside, server = line()
    with Relay(inside, outside) as relay:
        assert (relay.step(), relay.taken, relay.path_used, relay.done) == ("read", 0, None, False)
        say(client, inside, b"hello")
        assert (relay.step(), relay.taken, relay.moved, relay.held) == ("read", 5, 5, 0)
        assert receive(server, 5) == b"hello"
        client.shutdown(socket.SHUT_WR)
        await_news(inside)
        assert (relay.step(), relay.done, relay.step()) == ("done", True, "done")
        assert server.recv(100) == b""


def test_a_step_moves_no_more_than_it_may(line):
    client, inside, outside, server = line()
    say(client, inside, b"abcdef")
    with Relay(inside, outside) as relay:
        assert (relay.step(0), relay.moved) == ("more", 0)
        assert (relay.step(4), relay.moved, relay.held) == ("more", 4, 2)
        assert receive(server, 4) == b"abcd"
        assert (relay.step(4), relay.moved, relay.held) == ("read", 6, 0)
        assert receive(server, 2) == b"ef"
        with pytest.raises(ValueError, match="-1"):
            relay.step(-1)


def test_a_target_that_reads_nothing_holds_back_its_source(line):
    client, inside, outside, server = line(send_room=4096)
    with Relay(inside, outside) as relay, thread(send_all, client, DATA):
        state = relay.step()
        while state != "write":
            state = relay.step()
        for _ in range(100):
            relay.step()
        assert relay.held <= relay.pipe_size
        assert relay.moved + relay.held == relay.taken < len(DATA)
        with thread(receive_all, server) as got:
            run(relay)
    assert got == [DATA]


def test_a_peer_that_reads_one_byte_at_a_time_gets_them_all(line):
    client, inside, outside, server = line(send_room=4096)
    client.sendall(DATA[:3000])
    client.shutdown(socket.SHUT_WR)
    got = b""
    with Relay(inside, outside) as relay:
        while not relay.done or len(got) < 3000:
            relay.step(1)
            with contextlib.suppress(BlockingIOError):
                got += server.recv(1, socket.MSG_DONTWAIT)
    assert got == DATA[:3000]


def test_small_pieces_fill_the_pipe_before_its_bytes_do(unix_line):
    client, inside, outside, server = unix_line()
    filler = fill(outside)
    with Relay(inside, outside) as relay:
        sent = 0
        client.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while sent < 2000:
                sent += client.send(DATA[sent : sent + 1])
                assert relay.step() == "write"
        assert relay.moved == 0 and 0 < relay.held <= sent
        client.shutdown(socket.SHUT_WR)
        with thread(receive_all, server) as got:
            run(relay)
    assert got == [filler + DATA[:sent]]


def test_a_source_that_ends_at_once_moves_nothing(line):
    client, inside, outside, server = line()
    client.close()
    await_news(inside)
    with Relay(inside, outside) as relay:
        assert (relay.step(), relay.moved, relay.path_used) == ("done", 0, None)
    assert server.recv(1) == b""


def test_without_half_close_the_target_stays_open(line):
    client, inside, outside, server = line()
    send_all(client, b"abc")
    assert one_way(inside, outside, half_close=False) == 3
    outside.send(b"more")
    assert receive(server, 7) == b"abcmore"


@pytest.mark.parametrize("blocking", [True, False])
def test_the_loops_leave_the_sockets_as_they_were(line, blocking):
    client, inside, outside, server = line()
    outside.setblocking(blocking)
    with thread(send_all, client, DATA), thread(receive_all, server) as got:
        assert one_way(inside, outside) == len(DATA)
    assert got == [DATA]
    assert (os.get_blocking(inside.fileno()), os.get_blocking(outside.fileno())) == (False, blocking)


def test_steps_of_blocking_sockets_wait_for_bytes(line):
    client, inside, outside, server = line()
    inside.setblocking(True)
    outside.setblocking(True)
    with Relay(inside, outside) as relay, thread(receive_all, server) as got, thread(send_all, client, DATA):
        while relay.step() != "done":
            pass
    assert got == [DATA]


# -- both directions


def test_both_ways_carry_questions_and_answers(line):
    client, inside, outside, server = line()

    def answer():
        for size in (1, 1000, 300_000):
            server.sendall(receive(server, size)[::-1])
        return receive_all(server)

    def ask():
        for size in (1, 1000, 300_000):
            client.sendall(DATA[:size])
            assert receive(client, size) == DATA[:size][::-1]
        client.shutdown(socket.SHUT_WR)
        server.shutdown(socket.SHUT_WR)
        return receive_all(client)

    with thread(answer) as last, thread(ask) as rest:
        assert both_ways(inside, outside) == (301_001, 301_001)
    assert (last, rest) == ([b""], [b""])


def test_one_direction_goes_on_after_the_other_has_ended(line):
    client, inside, outside, server = line()

    def serve():
        question = receive_all(server)      # up to the client's half-close
        server.sendall(DATA)
        server.close()
        return question

    send_all(client, b"get")
    with thread(serve) as question, thread(receive_all, client) as answer:
        assert both_ways(inside, outside) == (3, len(DATA))
    assert (question, answer) == ([b"get"], [DATA])


def test_both_ends_may_send_without_reading_first(line):
    client, inside, outside, server = line(send_room=4096)
    with thread(send_all, client, DATA), thread(send_all, server, DATA[::-1]):
        with thread(receive_all, server) as there, thread(receive_all, client) as back:
            assert both_ways(inside, outside) == (len(DATA), len(DATA))
    assert (there, back) == ([DATA], [DATA[::-1]])


def test_many_relays_run_in_one_loop():
    with contextlib.ExitStack() as stack:
        relays, ends = [], []
        for k in range(40):
            client, inside, outside, server = (*unix_pair(), *unix_pair())
            for sock in (client, inside, outside, server):
                stack.enter_context(sock)
            relays.append(stack.enter_context(Relay(inside, outside)))
            send_all(client, DATA[k : k + 1000])
            ends.append(server)
        run(*relays)
        assert [receive_all(server) for server in ends] == [DATA[k : k + 1000] for k in range(40)]


def test_a_peer_that_stalls_is_a_timeout_and_nothing_is_lost(line):
    client, inside, outside, server = line()
    say(client, inside, b"abc")
    with Relay(inside, outside) as relay:
        with pytest.raises(TimeoutError, match=r"nothing could be moved for 0.01 seconds: \[<zbuf.relay.Relay 3 bytes moved, 0 held>\]"):
            run(relay, timeout=0.01)
        send_all(client, b"def")
        run(relay)
    assert receive_all(server) == b"abcdef"


# -- what fails


def test_a_target_that_is_gone_leaves_what_it_did_not_get(line):
    client, inside, outside, server = line()
    say(client, inside, b"hello")
    server.close()
    with Relay(inside, outside) as relay:
        with pytest.raises((BrokenPipeError, ConnectionResetError)) as raised:
            while relay.step() == "read":      # TCP learns of it from the answer to the first bytes
                say(client, inside, b"hello")
        held = relay.taken - relay.moved
        assert str(raised.value).endswith(f": the target failed after {relay.moved} bytes, {held} more are held")
        assert (relay.held, relay.done) == (held, False) and held > 0
        with pytest.raises(BrokenPipeError):
            relay.step()
        with relay.leftover() as rest:
            assert bytes(rest) == (b"hello" * 9)[relay.moved : relay.taken]
        assert (relay.held, len(relay.leftover())) == (0, 0)


def test_what_is_left_over_can_be_sent_to_another(line):
    client, inside, outside, server = line(send_room=4096)
    with Relay(inside, outside) as relay:
        with thread(send_all, client, DATA):
            while relay.step() != "write" or relay.held < 500_000:
                pass
            server.settimeout(PATIENCE)
            got = receive(server, relay.moved)
            with relay.leftover() as rest:
                assert relay.taken == relay.moved + len(rest)
                got += bytes(rest)
            with thread(receive_all, server) as more:
                run(relay)
    assert got + more[0] == DATA


def test_a_source_that_is_reset_is_reported_after_its_last_byte():
    client, inside = tcp_pair()
    outside, server = unix_pair(send_room=4096)
    for sock in (inside, outside):
        sock.setblocking(False)
    filler = fill(outside)
    with inside, outside, server, Relay(inside, outside) as relay:
        say(client, inside, b"hello")
        assert (relay.step(), relay.held) == ("write", 5)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        client.close()
        await_news(inside)
        assert (relay.step(), relay.held) == ("write", 5)
        assert receive(server, len(filler)) == filler
        with pytest.raises(ConnectionResetError, match="the source failed after 5 bytes, 5 were moved"):
            relay.step()
        assert receive(server, 5) == b"hello"
        assert (relay.held, relay.done) == (0, False)
        with pytest.raises(BlockingIOError):       # no end is passed on for what has not ended
            server.recv(1, socket.MSG_DONTWAIT)


def test_a_socket_that_is_not_connected_is_an_error(line):
    client, inside, outside, server = line()
    with socket.socket() as lonely, Relay(lonely, outside) as relay:
        with pytest.raises(OSError, match="not connected: the source failed after 0 bytes, 0 were moved"):
            relay.step()
    say(client, inside, b"abc")
    with socket.socket() as lonely, Relay(inside, lonely) as relay:
        with pytest.raises(OSError, match="the target failed after 0 bytes, 3 more are held"):
            relay.step()
        assert bytes(relay.leftover()) == b"abc"


def test_a_socket_that_was_closed_is_not_asked(line):
    client, inside, outside, server = line()
    with Relay(inside, outside) as relay:
        inside.close()
        with pytest.raises(ValueError, match="-1"):
            relay.step()


def test_an_end_of_the_target_that_fails_is_an_error(line):
    client, inside, outside, server = line()
    fd = os.dup(outside.fileno())
    with Relay(inside, fd) as relay:
        say(client, inside, b"abc")
        relay.step()
        os.close(fd)
        client.shutdown(socket.SHUT_WR)
        await_news(inside)
        with pytest.raises(OSError, match="Bad file descriptor: the target's end, after 3 bytes"):
            relay.step()
        assert not relay.done


# -- without splice


@pytest.fixture
def log(tmp_path):
    """A file that is open for appending, to which splice refuses to write."""
    with open(tmp_path / "log", "ab") as file:
        yield file


def content(file):
    with open(file.name, "rb") as again:
        return again.read()


def test_a_target_that_refuses_splice_is_copied_to(line, log):
    client, inside, outside, server = line()
    with thread(send_all, client, DATA), Relay(inside, log) as relay:
        run(relay)
        assert (relay.path_used, relay.moved) == ("copy", len(DATA))
    assert content(log) == DATA


def test_a_source_that_refuses_splice_is_copied_from(line):
    client, inside, outside, server = line()
    counter = os.eventfd(5, os.EFD_NONBLOCK)
    with Relay(counter, outside) as relay:
        assert (relay.step(), relay.moved, relay.path_used) == ("read", 8, "copy")
        assert receive(server, 8) == (5).to_bytes(8, sys.byteorder)
        os.eventfd_write(counter, 7)
        assert (relay.step(), relay.moved) == ("read", 16)
        assert receive(server, 8) == (7).to_bytes(8, sys.byteorder)
    os.close(counter)


def test_a_refusal_after_the_first_byte_is_an_error(line, log):
    client, inside, outside, server = line()
    fd = os.dup(outside.fileno())
    with Relay(inside, fd) as relay:
        say(client, inside, b"abc")
        assert (relay.step(), relay.path_used) == ("read", "splice")
        os.dup2(log.fileno(), fd)
        say(client, inside, b"def")
        with pytest.raises(OSError, match="Invalid argument: the target failed after 3 bytes, 3 more are held"):
            relay.step()
        assert bytes(relay.leftover()) == b"def"
    os.close(fd)
    assert content(log) == b""


def test_a_relay_needs_no_descriptor_to_go_on(line):
    client, inside, outside, server = line()
    with Relay(inside, outside) as relay:
        with no_more_descriptors():
            say(client, inside, b"abc")
            assert (relay.step(), relay.moved, relay.path_used) == ("read", 3, "copy")
        say(client, inside, b"def")
        assert (relay.step(), relay.moved, relay.path_used) == ("read", 6, "splice+copy")
        assert receive(server, 6) == b"abcdef"


def test_copying_keeps_what_a_full_target_does_not_take(line):
    client, inside, outside, server = line(send_room=4096)
    with Relay(inside, outside) as relay:
        with no_more_descriptors():
            client.send(DATA[:100_000])
            while relay.step() != "write":
                client.send(DATA[relay.taken :][:100_000])
            held = relay.held
            assert held > 0 and relay.path_used == "copy"
            got = receive(server, relay.moved)
        with relay.leftover() as rest:
            assert got + bytes(rest) == DATA[: relay.taken]


# -- the tap


class Reader(threading.Thread):
    """Reads a descriptor up to its end, beside the test."""

    def __init__(self, near, file):
        super().__init__()
        self.near, self.file = near, file
        self.start()

    def run(self):
        self.got = self.file.read()

    def tell(self):
        self.near.close()
        self.join(PATIENCE)
        return self.got


@pytest.fixture(params=["callable", "socket", "pipe", "file", "log"])
def tap(request, tmp_path):
    """What to give as tap, and a function that tells what it got."""
    with contextlib.ExitStack() as stack:
        if request.param == "callable":
            pieces = []
            yield pieces.append, lambda: b"".join(map(bytes, pieces))
            pieces.clear()
        elif request.param in ("file", "log"):
            file = stack.enter_context(open(tmp_path / "tap", "wb" if request.param == "file" else "ab"))
            yield file, lambda: content(file)
        elif request.param == "socket":
            near, far = map(stack.enter_context, socket.socketpair())
            yield near, Reader(near, stack.enter_context(far.makefile("rb"))).tell
        else:
            far, near = os.pipe()
            near = stack.enter_context(os.fdopen(near, "wb"))
            yield near, Reader(near, stack.enter_context(os.fdopen(far, "rb"))).tell


def test_a_tap_gets_every_byte_too(line, tap):
    client, inside, outside, server = line()
    sink, tell = tap
    with thread(send_all, client, DATA), thread(receive_all, server) as got:
        assert one_way(inside, outside, tap=sink) == len(DATA)
    assert got == [DATA]
    assert tell() == DATA


def test_a_tap_sees_bytes_before_the_target_may(unix_line):
    client, inside, outside, server = unix_line()
    filler = fill(outside)
    pieces = []
    say(client, inside, b"hello")
    with Relay(inside, outside, tap=pieces.append) as relay:
        assert (relay.step(), relay.moved, relay.held) == ("write", 0, 5)
        assert [bytes(piece) for piece in pieces] == [b"hello"]
        say(client, inside, b"world")
        assert (relay.step(), [bytes(piece) for piece in pieces]) == ("write", [b"hello"])
        assert receive(server, len(filler)) == filler
        assert relay.step() == "read"
        assert [bytes(piece) for piece in pieces] == [b"hello", b"world"]


def test_what_a_tap_keeps_is_its_own(line):
    client, inside, outside, server = line()
    pieces = []
    with Relay(inside, outside, tap=pieces.append) as relay, no_more_descriptors():
        for word in (b"hello", b"world"):
            say(client, inside, word)
            assert relay.step() == "read"
        assert relay.path_used == "copy"
    assert [bytes(piece) for piece in pieces] == [b"hello", b"world"]
    assert receive(server, 10) == b"helloworld"


def test_a_tap_that_takes_nothing_holds_back_all(line):
    client, inside, outside, server = line()
    near, far = unix_pair(send_room=4096)
    with near, far, Relay(inside, outside, tap=near) as relay:
        near.setblocking(False)
        far.settimeout(PATIENCE)
        filler = fill(near)
        say(client, inside, b"hello")
        assert (relay.step(), relay.moved) == ("tap", 5)       # the copy waits in a pipe of its own
        say(client, inside, b"world")
        assert (relay.step(), relay.moved, relay.held) == ("tap", 5, 5)
        assert receive(far, len(filler)) == filler
        assert (relay.step(), relay.moved, relay.held) == ("read", 10, 0)
        assert receive(far, 10) == receive(server, 10) == b"helloworld"


def test_a_tap_that_fails_can_be_done_without(line):
    client, inside, outside, server = line()
    near, far = unix_pair()
    far.close()
    with near, Relay(inside, outside, tap=near) as relay:
        say(client, inside, b"hello")
        with pytest.raises(BrokenPipeError, match="the tap failed, 5 bytes of its copy are held; 0 bytes were moved"):
            relay.step()
        assert relay.held == 5
        relay.untap()
        assert (relay.step(), relay.moved) == ("read", 5)
        assert receive(server, 5) == b"hello"


def test_a_tap_that_raises_loses_no_byte(line):
    client, inside, outside, server = line()
    pieces = []

    def tap(piece):
        pieces.append(piece)
        raise ZeroDivisionError

    with Relay(inside, outside, tap=tap) as relay:
        say(client, inside, b"hello")
        with pytest.raises(ZeroDivisionError):
            relay.step()
        assert (relay.step(), relay.moved, [bytes(piece) for piece in pieces]) == ("read", 5, [b"hello"])
        assert receive(server, 5) == b"hello"


def test_a_tap_is_not_shown_what_is_taken_out(unix_line):
    client, inside, outside, server = unix_line()
    filler = fill(outside)
    pieces = []
    with Relay(inside, outside, tap=pieces.append) as relay:
        say(client, inside, b"hello")
        assert relay.step() == "write"
        assert bytes(relay.leftover()) == b"hello"
        say(client, inside, b"world")
        assert relay.step() == "write"
        assert [bytes(piece) for piece in pieces] == [b"hello", b"world"]
        assert bytes(relay.leftover()) == b"world"
    assert receive(server, len(filler)) == filler


def test_no_pipe_for_the_copy_is_no_hindrance(unix_line):
    client, inside, outside, server = unix_line()
    filler = fill(outside)
    pieces = []
    with Relay(inside, outside) as first, Relay(inside, outside, tap=pieces.append) as relay:
        say(client, inside, b"hello")
        assert first.step() == "write"                      # has the first pipe
        first.leftover()
        with no_more_descriptors():                         # which is all there is
            say(client, inside, b"world")
            assert relay.step() == "write"
            assert [bytes(piece) for piece in pieces] == [b"world"]
        assert receive(server, len(filler)) == filler
        assert relay.step() == "read"
    assert receive(server, 5) == b"world"


# -- who may do what when


def test_a_tap_may_close_but_not_step(line):
    client, inside, outside, server = line()
    refused = []

    def tap(piece):
        for call in (relay.step, relay.leftover, relay.untap):
            with pytest.raises(RuntimeError, match="a step of this relay is under way") as raised:
                call()
            refused.append(raised.value)
        relay.close()

    relay = Relay(inside, outside, tap=tap)
    say(client, inside, b"abc")
    with pytest.raises(zbuf.ReleasedError, match="this relay was closed during a step; 3 bytes were moved"):
        relay.step()
    assert len(refused) == 3 and relay.closed


def test_a_closed_relay_is_of_no_use(line):
    client, inside, outside, server = line()
    relay = Relay(inside, outside)
    relay.close()
    relay.close()
    for call in (relay.step, relay.leftover, relay.untap, relay.__enter__, lambda: run(relay)):
        with pytest.raises(zbuf.ReleasedError, match="this relay was closed"):
            call()
    assert (relay.closed, relay.held, repr(relay)) == (True, 0, "<zbuf.relay.Relay 0 bytes moved, closed>")


def test_a_relay_is_made_once(line):
    client, inside, outside, server = line()
    with Relay(inside, outside) as relay, pytest.raises(TypeError, match="this relay is made already"):
        relay.__init__(inside, outside)


@pytest.mark.parametrize("ends", [("text", 1), (1, None), (None, 1)])
def test_what_has_no_descriptor_is_no_end(ends):
    with pytest.raises(TypeError, match="argument must be an int, or have a fileno"):
        Relay(*ends)


def test_what_is_no_tap_is_refused(line):
    client, inside, outside, server = line()
    with pytest.raises(TypeError, match="argument must be an int, or have a fileno"):
        Relay(inside, outside, tap="text")


@pytest.mark.parametrize("place", [0, 1, 2])
def test_tls_is_refused(line, place):
    client, inside, outside, server = line()
    context = ssl.create_default_context()
    context.check_hostname = False
    with context.wrap_socket(client, do_handshake_on_connect=False, server_side=False) as secure:
        ends = [inside, outside, inside]
        ends[place] = secure
        with pytest.raises(TypeError, match="an SSLSocket's descriptor has only encrypted bytes"):
            Relay(*ends[:2], tap=ends[2])


# -- signals


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


def raiser(number, frame):
    raise Interruption


@pytest.mark.parametrize("full", ["source", "target"])
def test_a_handler_that_raises_loses_no_byte(line, full):
    client, inside, outside, server = line(send_room=4096)
    inside.setblocking(True)
    outside.setblocking(True)
    size = 100 if full == "source" else 500_000
    with Relay(inside, outside) as relay, thread(lambda: client.sendall(DATA[:size]) or True):
        with alarm(raiser), pytest.raises(Interruption):
            while True:
                relay.step()        # blocks: without bytes, or without room
        got = receive(server, relay.moved)
        for sock in (inside, outside, server):
            sock.setblocking(False)
        while len(got) < size:
            relay.step()
            got += receive_some(server)
        assert relay.taken == relay.moved == size
    assert got == DATA[:size]


def test_a_handler_that_returns_lets_the_loop_go_on(line):
    client, inside, outside, server = line()
    runs = []

    def handler(number, frame):
        runs.append(number)
        if len(runs) == 3:
            send_all(client, b"abc")

    with alarm(handler, interval=0.02):
        assert one_way(inside, outside) == 3
    assert len(runs) >= 3 and receive_all(server) == b"abc"


def test_a_handler_that_returns_lets_a_blocking_step_go_on(connect_tcp):
    client, inside = connect_tcp()
    outside, server = connect_tcp()
    inside.setblocking(True)      # splice from a Unix socket never waits
    runs = []

    def handler(number, frame):
        runs.append(number)
        if len(runs) == 3:
            send_all(client, b"abc")

    with alarm(handler, interval=0.02), Relay(inside, outside) as relay:
        assert relay.step() == "done"
    assert len(runs) >= 3 and receive_all(server) == b"abc"


@pytest.mark.parametrize("disposition", ["signal.SIG_DFL", "signal.SIG_IGN", "lambda number, frame: print('handler')"])
@pytest.mark.parametrize("limit", ["", "resource.setrlimit(resource.RLIMIT_NOFILE, (10, 10)); spare = [os.dup(0) for _ in range(10 - len(os.listdir('/proc/self/fd')) + 1)]"],
                         ids=["splice", "copy"])
def test_a_broken_pipe_is_an_error_and_not_the_end(disposition, limit):
    program = f"""
        import os, resource, signal, socket
        import zbuf.relay

        signal.signal(signal.SIGPIPE, {disposition})
        client, inside = socket.socketpair()
        outside, server = socket.socketpair()
        server.close()
        client.sendall(b"abc")
        {limit}
        with zbuf.relay.Relay(inside, outside) as relay:
            for _ in range(2):
                try:
                    relay.step()
                except OSError as error:
                    print(type(error).__name__, relay.path_used, relay.held)
        print(signal.SIGPIPE in signal.sigpending(), signal.SIGPIPE in signal.pthread_sigmask(signal.SIG_BLOCK, []))
    """
    way = "copy" if limit else "splice"
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"BrokenPipeError {way} 3\n" * 2 + "False False\n"


def test_a_sigpipe_that_was_waiting_before_goes_on_waiting():
    program = """
        import os, signal, socket
        import zbuf.relay

        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGPIPE])
        os.kill(os.getpid(), signal.SIGPIPE)
        client, inside = socket.socketpair()
        outside, server = socket.socketpair()
        server.close()
        client.sendall(b"abc")
        try:
            zbuf.relay.one_way(inside, outside)
        except BrokenPipeError:
            print(signal.SIGPIPE in signal.sigpending())
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")


# -- pipes


def test_a_thousand_relays_leave_nothing_behind():
    before = descriptors()
    for k in range(1000):
        client, inside, outside, server = (*unix_pair(), *unix_pair())
        with client, inside, outside, server, Relay(inside, outside) as relay:
            inside.setblocking(False)
            say(client, inside, b"abc")
            if k % 3 == 0:
                server.close()
                with pytest.raises(BrokenPipeError):
                    relay.step()
            else:
                assert relay.step() == "read"
    assert zbuf.relay.trim() <= 1
    assert descriptors() == before


def test_a_relay_has_a_pipe_only_while_it_holds_bytes(line):
    client, inside, outside, server = line()
    with contextlib.ExitStack() as stack:
        relays = [stack.enter_context(Relay(inside, outside)) for _ in range(50)]
        before = len(descriptors())
        for relay in relays:
            say(client, inside, b"abc")
            assert relay.step() == "read"
        assert len(descriptors()) == before + 2
    assert zbuf.relay.trim() == 1


def test_a_pipe_that_holds_bytes_is_never_used_again(unix_line):
    client, inside, outside, server = unix_line()
    filler = fill(outside)
    with Relay(inside, outside) as relay:
        say(client, inside, b"abc")
        assert (relay.step(), relay.held) == ("write", 3)
    assert zbuf.relay.trim() == 0
    say(client, inside, b"def")
    assert receive(server, len(filler)) == filler
    with Relay(inside, outside) as relay:
        assert relay.step() == "read"
    assert receive(server, 3) == b"def"


def test_a_child_does_not_share_pipes_with_its_parent(unix_line):
    client, inside, outside, server = unix_line()
    filler = fill(outside)
    with Relay(inside, outside) as relay:
        say(client, inside, b"abc")
        assert relay.step() == "write"
        other_client, other_inside, other_outside, other_server = (*unix_pair(), *unix_pair())
        other_inside.setblocking(False)
        other_client.sendall(b"def")
        assert Relay(other_inside, other_outside).step() == "read"      # its pipe rests
        child = os.fork()
        if child == 0:
            rested = zbuf.relay.trim()
            rest = bytes(relay.leftover())     # a pipe that was made before the fork
            os._exit(0 if (rested, rest, zbuf.relay.trim()) == (0, b"abc", 0) else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert zbuf.relay.trim() == 1
        assert receive(other_server, 3) == b"def"
        for sock in (other_client, other_inside, other_outside, other_server):
            sock.close()
    assert receive(server, len(filler)) == filler


def test_pipes_that_may_not_be_large_are_used_as_they_are():
    # As an ordinary user, who may have 64 pipes of 1 MiB.
    program = """
        import fcntl, os, socket
        import zbuf.relay

        if os.getuid() == 0:
            os.setuid(54321)
        pipes = []
        for _ in range(200):
            pipes.append(os.pipe())
            try:
                fcntl.fcntl(pipes[-1][1], fcntl.F_SETPIPE_SZ, 1 << 20)
            except PermissionError:
                break
        client, inside = socket.socketpair()
        outside, server = socket.socketpair()
        inside.setblocking(False)
        data = bytes(range(256)) * 400
        client.sendall(data)
        with zbuf.relay.Relay(inside, outside) as relay:
            relay.step()
            got = server.recv(len(data), socket.MSG_WAITALL)
            print(got == data, relay.pipe_size < 1 << 20, relay.path_used, zbuf.relay.trim())
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=60,
                          env=dict(os.environ, PYTHONPATH=os.pathsep.join(p for p in sys.path if p)))
    assert (done.returncode, done.stdout, done.stderr) == (0, "True True splice 0\n", "")


def test_the_default_allocator_may_be_exhausted(unix_line):
    client, inside, outside, server = unix_line()
    say(client, inside, b"hello")
    fill(outside)
    before = zbuf.set_default_allocator(zbuf.PooledAllocator(max_live=4))
    try:
        with Relay(inside, outside) as relay:
            assert relay.step() == "write"
            with pytest.raises(zbuf.PoolExhaustedError, match="wanted 5 bytes, 0 of at most 4 are live"):
                relay.leftover()
            assert relay.held == 5
            zbuf.set_default_allocator(before)
            assert bytes(relay.leftover()) == b"hello"
    finally:
        zbuf.set_default_allocator(before)
