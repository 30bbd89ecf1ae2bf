"""A flush whose system calls say anything at any point: no byte is lost or comes twice."""

import errno
import fcntl
import itertools
import os
import socket
import struct

import pytest

import zbuf
from zbuf.testing import Short, syscalls

REFUSALS = (errno.EPIPE, errno.EIO, errno.ENOBUFS, errno.ECONNRESET)
OUTCOMES = [Short(1), Short(7), Short(100_000), errno.EINTR, errno.EAGAIN, *REFUSALS]
SIOCOUTQNSD = 0x894B  # Linux: bytes written to a TCP socket and not sent yet


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(bytes(range(256)) * 8)
    return file


def mixed(path):
    """Few bytes, in every shape that a queue has: (what to write, the bytes they stand for)."""
    region = zbuf.FileRegion.open(path)
    parts = [b"head", region[5:15], zbuf.copied(b"x" * 2500), zbuf.wrap(b"y" * 2500, b"small", b"z" * 2500), region[:1],
             region, b"tail", bytearray(b"w" * 5000)]
    file = path.read_bytes()
    return parts, b"".join([b"head", file[5:15], b"x" * 2500, b"y" * 2500, b"small", b"z" * 2500, file[:1], file, b"tail",
                            b"w" * 5000])


class Peer:
    """A queue, and all that arrives of it: at every step what has gone is just what is no longer pending."""

    def __init__(self, path):
        self.ours, self.theirs = socket.socketpair()
        self.ours.setblocking(False)
        self.theirs.setblocking(False)
        parts, self.expected = mixed(path)
        self.queue = zbuf.OutboundBuffer()
        self.queue.writelines(parts)
        self.got = b""

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.queue.close()
        self.ours.close()
        self.theirs.close()

    def flush(self):
        """One flush; the number of the error it raised, or None."""
        before, code, done = self.queue.pending_bytes, None, None
        try:
            done = self.queue.flush_to(self.ours)
        except OSError as error:
            code = error.errno
            assert str(error) == f"[Errno {code}] {os.strerror(code)}"
        self.got += self.received()
        assert len(self.got) + self.queue.pending_bytes == len(self.expected)
        assert self.expected.startswith(self.got)
        assert done is None or done.sent == before - self.queue.pending_bytes
        assert done is None or done.full == bool(self.queue)
        return code

    def received(self):
        try:
            return self.theirs.recv(1 << 20)
        except BlockingIOError:
            return b""

    def flush_all(self):
        """Flushes until nothing is pending; the errors on the way."""
        codes = []
        while self.queue:
            codes.append(self.flush())
        return [code for code in codes if code is not None]


def calls_of_a_whole_flush(path):
    with Peer(path) as peer:
        return peer.queue.flush_to(peer.ours).calls


def check(path, outcomes):
    with Peer(path) as peer:
        with syscalls(outcomes) as script:
            codes = peer.flush_all()
        assert codes == [code for code in outcomes[: len(outcomes) - script.left] if code in REFUSALS]
        assert peer.got == peer.expected
        return script.left


def test_every_outcome_at_every_call_loses_nothing(path):
    calls = calls_of_a_whole_flush(path)
    assert calls >= 6
    for at in range(calls):
        for outcome in OUTCOMES:
            assert check(path, [None] * at + [outcome]) == 0


def test_any_outcomes_in_a_row_lose_nothing(path):
    for outcomes in itertools.product(OUTCOMES, repeat=3):
        check(path, outcomes)


@pytest.mark.parametrize("most", [1, 2, 3, 5, 11, 997, 4096])
def test_a_socket_that_always_takes_a_little_takes_all(path, most):
    outcomes = [Short(most), errno.EINTR, errno.EAGAIN] * 300
    check(path, outcomes)


def test_a_region_may_be_cut_at_every_byte(path):
    for most in range(1, 40):
        check(path, [Short(4), Short(min(most, 10)), errno.EIO, Short(most), Short(1), errno.ENOBUFS, *[Short(most)] * 20])


def test_what_went_before_a_failure_is_counted(path):
    with Peer(path) as peer, syscalls([None, Short(4), errno.EPIPE]):
        assert peer.flush() == errno.EPIPE
        assert len(peer.got) == 4 + 4
        with pytest.raises(zbuf.ReleasedError):
            peer.queue.close()
            peer.queue.flush_to(peer.ours)


def unsent(sock):
    return struct.unpack("i", fcntl.ioctl(sock, SIOCOUTQNSD, b"\0\0\0\0"))[0]


@pytest.mark.parametrize("outcome", [errno.EINTR, errno.EAGAIN, *REFUSALS, Short(1)])
@pytest.mark.parametrize("header", [None, Short(2)])
def test_a_header_whose_file_is_refused_does_not_wait_in_the_kernel(path, header, outcome):
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as ours:
        ours.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        theirs, _ = server.accept()
        with theirs, zbuf.OutboundBuffer() as queue:
            queue.writelines([b"head", zbuf.FileRegion.open(path)])
            with syscalls([header, outcome, errno.EAGAIN]):
                try:
                    queue.flush_to(ours)
                except OSError as error:
                    assert error.errno == outcome
            assert unsent(ours) == 0
            theirs.settimeout(20)
            assert b"head".startswith(theirs.recv(2))


def test_no_call_is_made_for_an_outcome_that_is_an_error(path):
    with open(path, "rb") as no_socket, zbuf.OutboundBuffer() as queue:
        queue.writelines([b"head"])
        with syscalls([errno.EAGAIN]):
            done = queue.flush_to(no_socket)
        assert (done.sent, done.full, done.calls, queue.pending_bytes) == (0, True, 1, 4)
        with pytest.raises(OSError, match="Socket operation on non-socket"):
            queue.flush_to(no_socket)
