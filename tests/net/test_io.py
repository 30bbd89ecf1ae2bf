"""zbuf.io: all of it goes, or the exception says how much; what comes lands in the buffer."""

import contextlib
import os
import random
import socket
import ssl
import threading

import pytest
from ends import tls_contexts
from wire import PATIENCE, receive

import zbuf
from zbuf._sys import encrypts

DATA = random.Random(12).randbytes(3 << 20)


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "file.bin"
    file.write_bytes(DATA)
    return file


@pytest.fixture(scope="module")
def contexts():
    return tls_contexts()


@contextlib.contextmanager
def in_thread(work, *arguments):
    """Do something meanwhile; its result is what the block's target is called for."""
    results = []
    thread = threading.Thread(target=lambda: results.append(work(*arguments)))
    thread.start()
    try:
        yield results
    finally:
        thread.join(PATIENCE)
        assert not thread.is_alive()


@pytest.fixture
def connect_encrypted(connect_tcp, contexts):
    """A function that connects (ours, theirs) by TLS."""
    with contextlib.ExitStack() as stack:

        def pair():
            ours, theirs = connect_tcp()
            ours.settimeout(PATIENCE)
            server, client = contexts
            with in_thread(lambda: server.wrap_socket(theirs, server_side=True)) as wrapped:
                ours = stack.enter_context(client.wrap_socket(ours, server_hostname="localhost"))
            return ours, stack.enter_context(wrapped[0])

        yield pair


# -- send


def parts(path):
    """One of each kind, and the bytes of them all."""
    composite = zbuf.CompositeByteBuf(zbuf.copied(DATA[:9000]), b"small", bytearray(DATA[:3000]))
    things = [b"bytes", bytearray(DATA[:5000]), zbuf.copied(DATA[:700]), composite, b"",
              zbuf.FileRegion.open(path), memoryview(DATA)[5:60_000], zbuf.EMPTY]
    return things, b"bytes" + DATA[:5000] + DATA[:700] + bytes(composite) + DATA + DATA[5:60_000]


@pytest.mark.parametrize("timeout", [None, PATIENCE])
def test_all_of_it_goes(connect, path, timeout):
    ours, theirs = connect(send_room=8192)
    ours.settimeout(timeout)
    things, expected = parts(path)
    with in_thread(receive, theirs, len(expected)) as got:
        assert zbuf.io.send(ours, *things) == len(expected)
    assert got == [expected]


def test_all_of_it_goes_by_tls(connect_encrypted, path):
    ours, theirs = connect_encrypted()
    things, expected = parts(path)
    with in_thread(receive, theirs, len(expected)) as got:
        assert zbuf.io.send(ours, *things) == len(expected)
    assert got == [expected]


def test_tls_is_never_gone_around(connect_tcp, contexts):
    """What the descriptor would send unencrypted never gets there."""
    ours, theirs = connect_tcp()
    server, client = contexts

    def answer():
        with server.wrap_socket(theirs.dup(), server_side=True) as there:
            there.settimeout(PATIENCE)
            return receive(there, 6)

    with in_thread(answer) as got:
        with client.wrap_socket(ours, server_hostname="localhost") as wrapped:
            assert zbuf.io.send(wrapped, b"secret") == 6
    assert got == [b"secret"]


@pytest.fixture
def connect_offloaded(connect_encrypted, contexts):
    """The same, with the wish that the kernel encrypts."""
    before = [context.options for context in contexts]
    for context in contexts:
        context.options |= 8   # ssl.OP_ENABLE_KTLS, which has its name since Python 3.12
    yield connect_encrypted
    for context, options in zip(contexts, before):
        context.options = options


def test_all_of_it_goes_whoever_encrypts(connect_offloaded, path):
    """By the descriptor if the kernel does it, by records if not: this machine's kernel decides which is tried."""
    ours, theirs = connect_offloaded()
    offloaded = encrypts(ours.fileno())
    things, expected = parts(path)
    with in_thread(receive, theirs, len(expected) + 4) as got:
        assert zbuf.io.send(ours, *things) == len(expected)
        ours.sendall(b"tail")
    assert got == [expected + b"tail"]
    assert [part.path_used for part in things if isinstance(part, zbuf.FileRegion)] == ["sendfile" if offloaded else None]


@pytest.mark.parametrize("offloaded", [False, True])
def test_the_descriptor_is_used_where_the_kernel_says_that_it_encrypts(connect_encrypted, path, monkeypatch, offloaded):
    """It is made to say so: then what it should have encrypted arrives as it is."""
    asked = []
    monkeypatch.setattr(zbuf.io, "encrypts", lambda fd: asked.append(fd) or offloaded)
    ours, theirs = connect_encrypted()
    with zbuf.FileRegion.open(path, 0, 1000) as region:
        assert zbuf.io.send(ours, b"secret", region) == 1006
        assert region.path_used == ("sendfile" if offloaded else None)
    assert asked == [ours.fileno()]
    expected = b"secret" + DATA[:1000]
    if not offloaded:
        assert receive(theirs, 1006) == expected
    else:
        with socket.socket(fileno=os.dup(theirs.fileno())) as wire:
            assert receive(wire, 1006) == expected


def test_a_kernel_that_encrypts_has_a_timeout_for_all(connect_encrypted, monkeypatch):
    monkeypatch.setattr(zbuf.io, "encrypts", lambda fd: True)
    ours, theirs = connect_encrypted()
    ours.settimeout(0.05)
    with pytest.raises(TimeoutError) as caught:
        zbuf.io.send(ours, bytes(64 << 20))
    assert 0 < caught.value.bytes_sent < 64 << 20


def test_who_does_not_encrypt(connect, connect_encrypted):
    assert not encrypts(connect()[0].fileno())
    assert not encrypts(-1)
    ours, theirs = connect_encrypted()
    assert not encrypts(ours.fileno()), "nobody asked for it"


def test_a_queue_does_not_go_around_tls(connect_encrypted):
    ours, theirs = connect_encrypted()
    with zbuf.OutboundBuffer() as queue:
        queue.write(b"secret")
        with pytest.raises(TypeError, match="the descriptor of an SSLSocket would send everything unencrypted"):
            queue.flush_to(ours)
        assert queue.pending_bytes == 6
    ours.sendall(b"end")
    assert receive(theirs, 3) == b"end"


def test_nothing_to_send(connect):
    ours, _ = connect()
    assert zbuf.io.send(ours) == zbuf.io.send(ours, b"", zbuf.EMPTY) == 0


def test_a_timeout_says_how_much_went(connect):
    ours, theirs = connect(send_room=8192)
    ours.settimeout(0.01)
    with pytest.raises(TimeoutError, match="timed out") as caught:
        zbuf.io.send(ours, b"x" * (50 << 20))
    assert 0 < caught.value.bytes_sent < 50 << 20
    assert len(receive(theirs, caught.value.bytes_sent)) == caught.value.bytes_sent
    theirs.setblocking(False)
    with pytest.raises(BlockingIOError):
        theirs.recv(1)


def test_a_timeout_of_tls_says_how_much_went(connect_encrypted):
    ours, theirs = connect_encrypted()
    ours.settimeout(0.05)
    with pytest.raises(TimeoutError) as caught:
        zbuf.io.send(ours, b"x" * (50 << 20))
    assert 0 < caught.value.bytes_sent < 50 << 20


def test_a_socket_that_does_not_block(connect):
    ours, theirs = connect(send_room=8192)
    ours.setblocking(False)
    assert zbuf.io.send(ours, b"abc") == 3
    with pytest.raises(BlockingIOError, match="temporarily unavailable") as caught:
        zbuf.io.send(ours, b"x" * (50 << 20))
    assert 0 < caught.value.bytes_sent < 50 << 20
    assert len(receive(theirs, 3 + caught.value.bytes_sent)) == 3 + caught.value.bytes_sent


def test_a_peer_that_is_gone(connect):
    ours, theirs = connect()
    theirs.close()
    with pytest.raises(ConnectionError) as caught:
        for _ in range(100):
            zbuf.io.send(ours, b"x" * 100_000)
    assert caught.value.bytes_sent == 0


@pytest.mark.parametrize("kind", ["connect_tcp", "connect_encrypted"])
def test_a_file_that_became_shorter(request, kind, tmp_path):
    ours, theirs = request.getfixturevalue(kind)()
    file = tmp_path / "short"
    file.write_bytes(b"y" * 1000)
    with zbuf.FileRegion.open(file) as region:
        os.truncate(file, 400)
        with pytest.raises(zbuf.TruncatedFileError, match="expected 1000 bytes of the file, sent 400, its size is 400") as caught:
            zbuf.io.send(ours, b"head", region)
    assert (caught.value.sent, caught.value.bytes_sent) == (400, 404)
    assert receive(theirs, 404) == b"head" + b"y" * 400


@pytest.mark.parametrize("kind", ["connect_tcp", "connect_encrypted"])
def test_what_cannot_be_sent_comes_before_the_first_byte(request, kind):
    ours, theirs = request.getfixturevalue(kind)()
    released = zbuf.copied(b"abc")
    released.release()
    with pytest.raises(TypeError):
        zbuf.io.send(ours, b"abc", "text")
    with pytest.raises(zbuf.ReleasedError):
        zbuf.io.send(ours, b"abc", released)
    theirs.setblocking(False)
    with pytest.raises((BlockingIOError, ssl.SSLWantReadError)):
        theirs.recv(1)


# -- receive


def test_receive_up_to_n(connect):
    ours, theirs = connect()
    theirs.sendall(b"abcdef")
    buf = zbuf.copied(b">")
    assert zbuf.io.recv_into(ours, buf, 4) == 4
    assert bytes(buf) == b">abcd"
    assert zbuf.io.recv_into(ours, buf) == 2
    theirs.shutdown(socket.SHUT_WR)
    assert zbuf.io.recv_into(ours, buf) == 0
    assert bytes(buf) == b">abcdef"


def test_receives_grow_with_the_buffer(connect):
    ours, theirs = connect()
    buf = zbuf.buffer(64)
    with in_thread(theirs.sendall, DATA):
        sizes = []
        while len(buf) < len(DATA):
            sizes.append(zbuf.io.recv_into(ours, buf))
    assert bytes(buf) == DATA
    assert len(sizes) < len(DATA) / 4096 / 2


def test_no_more_than_the_buffer_may_have(connect):
    ours, theirs = connect()
    theirs.sendall(b"x" * 5000)
    buf = zbuf.buffer(10, 1000)
    assert zbuf.io.recv_into(ours, buf) == 1000
    with pytest.raises(zbuf.CapacityError, match="wanted room for 1 bytes, 0 available"):
        zbuf.io.recv_into(ours, buf)
    with pytest.raises(zbuf.CapacityError, match="wanted room for 7 bytes, 0 available"):
        zbuf.io.recv_into(ours, buf, 7)
    for n in (0, -1):
        with pytest.raises(ValueError, match=f"receive takes 1 byte or more, not {n}"):
            zbuf.io.recv_into(ours, buf, n)
    assert bytes(buf) == b"x" * 1000


def test_nothing_there(connect):
    ours, _ = connect()
    ours.settimeout(0.01)
    buf = zbuf.copied(b"abc")
    with pytest.raises(TimeoutError):
        zbuf.io.recv_into(ours, buf)
    ours.setblocking(False)
    with pytest.raises(BlockingIOError):
        zbuf.io.recv_into(ours, buf)
    with pytest.raises(BlockingIOError):
        zbuf.io.recv_scatter(ours, zbuf.buffer(4), buf)
    assert bytes(buf) == b"abc"
    buf.ensure_writable(100_000)   # no view is left that would keep it from growing


def test_receive_by_tls(connect_encrypted):
    ours, theirs = connect_encrypted()
    theirs.sendall(b"secret")
    with zbuf.buffer() as buf:
        assert zbuf.io.recv_into(ours, buf, 6) == 6
        assert bytes(buf) == b"secret"


def test_receive_into_a_composite(connect):
    ours, theirs = connect()
    theirs.sendall(b"x" * 3000)
    composite = zbuf.CompositeByteBuf(DATA[:1000])
    assert zbuf.io.recv_into(ours, composite) == 3000
    assert bytes(composite) == DATA[:1000] + b"x" * 3000


def test_into_several(connect):
    ours, theirs = connect()
    head, full, body = zbuf.buffer(4), zbuf.copied(b"full"), zbuf.buffer(64)
    full.capacity = 4
    theirs.sendall(b"headbody")
    assert zbuf.io.recv_scatter(ours, head, full, body) == 8
    assert (bytes(head), bytes(full), bytes(body)) == (b"head", b"full", b"body")
    theirs.sendall(b"more")
    assert zbuf.io.recv_scatter(ours, head, body) == 4
    assert (bytes(head), bytes(body)) == (b"head", b"bodymore")
    theirs.shutdown(socket.SHUT_WR)
    assert zbuf.io.recv_scatter(ours, body) == 0


def test_several_that_will_not_do(connect):
    ours, theirs = connect()
    theirs.sendall(b"abc")
    buf, full = zbuf.buffer(4), zbuf.wrap(bytearray(4))
    with pytest.raises(ValueError, match="a buffer is given twice among 3"):
        zbuf.io.recv_scatter(ours, buf, full, buf)
    with pytest.raises(zbuf.CapacityError, match="wanted room for 1 bytes, 0 available"):
        zbuf.io.recv_scatter(ours, full)
    with pytest.raises(zbuf.CapacityError):
        zbuf.io.recv_scatter(ours)
    with pytest.raises(zbuf.ReadOnlyError):
        zbuf.io.recv_scatter(ours, buf, zbuf.copied(b"abc").as_readonly())
    assert zbuf.io.recv_scatter(ours, buf) == 3


# -- files


def test_read_files_of_all_kinds(path):
    for unbuffered in (True, False):
        with open(path, "rb", buffering=0 if unbuffered else -1) as file, zbuf.buffer() as buf:
            assert zbuf.io.read_into(file, buf, 10) == 10
            while zbuf.io.read_into(file, buf):
                pass
            assert bytes(buf) == DATA
            assert file.tell() == len(DATA)
    fd = os.open(path, os.O_RDONLY)
    try:
        with zbuf.buffer() as buf:
            assert zbuf.io.read_into(fd, buf, 10) == 10
            assert bytes(buf) == DATA[:10]
    finally:
        os.close(fd)


def test_a_pipe_with_nothing_in_it():
    there, here = os.pipe()
    os.set_blocking(there, False)
    with open(there, "rb", buffering=0) as file, open(here, "wb", buffering=0), zbuf.buffer() as buf:
        for what in (file, there):
            with pytest.raises(BlockingIOError):
                zbuf.io.read_into(what, buf)
        assert len(buf) == 0
