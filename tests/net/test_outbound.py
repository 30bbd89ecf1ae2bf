"""OutboundBuffer: in order, exactly once, whatever the socket takes."""

import contextlib
import fcntl
import os
import random
import socket
import struct
import termios
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wire import PATIENCE, flush_all, receive, receive_some

import zbuf

SIOCOUTQNSD = 0x894B  # Linux: bytes written to a TCP socket and not sent yet


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "file.bin"
    file.write_bytes(random.Random(1).randbytes(300_000))
    return file


def unsent(sock):
    """Count the bytes the kernel keeps back."""
    return struct.unpack("i", fcntl.ioctl(sock, SIOCOUTQNSD, b"\0\0\0\0"))[0]


def everything(path):
    """One of each kind, small and large, and the bytes they stand for."""
    data = random.Random(2).randbytes(10_000)
    composite = zbuf.CompositeByteBuf(zbuf.copied(data), b"small", bytearray(data[:3000]))
    composite.skip(5)
    half_read = zbuf.copied(data)
    half_read.skip(9_990)
    return [
        (b"", b""),
        (b"bytes", b"bytes"),
        (data, data),
        (bytearray(data), data),
        (memoryview(data)[::-1][::-1], data),
        (memoryview(data)[5:], data[5:]),
        (zbuf.copied(b""), b""),
        (zbuf.copied(data), data),
        (zbuf.copied(data)[100:5000], data[100:5000]),
        (half_read, data[-10:]),
        (zbuf.wrap(data), data),
        (zbuf.EMPTY, b""),
        (composite, (data + b"small" + data[:3000])[5:]),
        (zbuf.CompositeByteBuf(), b""),
        (zbuf.FileRegion.open(path), path.read_bytes()),
        (zbuf.FileRegion.open(path)[5000:5001], path.read_bytes()[5000:5001]),
        (zbuf.FileRegion.open(path, 7, 0), b""),
    ]


# -- everything arrives


def test_everything_arrives_in_order(connect, path):
    ours, theirs = connect()
    ours.setblocking(False)
    queue = zbuf.OutboundBuffer()
    expected = b""
    for data, stands_for in everything(path):
        queue.write(data)
        expected += stands_for
        assert queue.pending_bytes == len(queue) == len(expected)
    assert flush_all(queue, ours, theirs) == expected
    assert not queue and queue.pending_bytes == 0


def test_writelines_takes_many_at_once(connect, path):
    ours, theirs = connect()
    ours.setblocking(False)
    pairs = everything(path)
    queue = zbuf.OutboundBuffer()
    queue.writelines(data for data, _ in pairs)
    assert flush_all(queue, ours, theirs) == b"".join(stands_for for _, stands_for in pairs)


def test_a_descriptor_does_for_a_socket(connect):
    ours, theirs = connect()
    queue = zbuf.OutboundBuffer()
    queue.write(b"abc")
    done = queue.flush_to(ours.fileno())
    assert (done.sent, done.full, done.calls) == (3, False, 1)
    assert repr(done) == "Flushed(sent=3, full=False, calls=1)"
    assert receive(theirs, 3) == b"abc"


def test_what_a_flush_did_is_told_by_flushes_alone():
    for arguments in ((), (1,), (1, True, 1)):
        with pytest.raises(TypeError, match="^Flushed is made by OutboundBuffer.flush_to$"):
            zbuf.Flushed(*arguments)


def test_an_empty_queue_makes_no_call(connect):
    ours, _ = connect()
    done = zbuf.OutboundBuffer().flush_to(ours)
    assert (done.sent, done.full, done.calls) == (0, False, 0)


def test_what_is_empty_completes_at_once(connect, path):
    ours, _ = connect()
    queue = zbuf.OutboundBuffer()
    region = zbuf.FileRegion.open(path, 5, 0)
    queue.writelines([b"", zbuf.copied(b""), region, zbuf.EMPTY, bytearray()])
    assert not queue and region.refcnt == 1
    assert queue.flush_to(ours).calls == 0


def test_a_blocking_socket_takes_all_before_flush_returns(connect, path):
    ours, theirs = connect(send_room=4096)
    queue = zbuf.OutboundBuffer()
    data = random.Random(3).randbytes(3_000_000)
    for part in (data, zbuf.FileRegion.open(path), b"end"):
        queue.write(part)
    got = []
    reader = threading.Thread(target=lambda: got.append(receive(theirs, 3_300_003)))
    reader.start()
    done = queue.flush_to(ours)
    assert (done.sent, done.full) == (3_300_003, False)
    reader.join(PATIENCE)
    assert got == [data + path.read_bytes() + b"end"]


def test_a_socket_with_a_timeout_reports_that_it_is_full(connect):
    ours, _ = connect(send_room=4096)
    ours.settimeout(PATIENCE)
    queue = zbuf.OutboundBuffer()
    queue.write(bytes(50_000_000))
    done = queue.flush_to(ours)
    assert done.full and 0 < done.sent < 50_000_000
    assert queue.pending_bytes == 50_000_000 - done.sent


@pytest.mark.parametrize("limit", [1, 1000, 4096, 65_537])
def test_small_buffers_and_limits_change_nothing_but_the_steps(connect, path, limit):
    ours, theirs = connect(send_room=1, receive_room=1)
    ours.setblocking(False)
    queue = zbuf.OutboundBuffer()
    expected = b""
    for data, stands_for in everything(path):
        if limit == 1 and len(stands_for) > 10_000:
            data, stands_for = stands_for[:100], stands_for[:100]
        queue.write(data)
        expected += stands_for
    if limit == 1:
        expected_steps = len(expected)
        assert queue.flush_to(ours, max_bytes=0).calls == 0
    got = bytearray()
    steps = 0
    while queue:
        done = queue.flush_to(ours, max_bytes=limit)
        assert done.sent <= limit
        assert done.full or done.sent == min(limit, done.sent + queue.pending_bytes)
        steps += done.sent > 0
        if done.full:
            got += receive_some(theirs)
    got += receive(theirs, len(expected) - len(got))
    assert bytes(got) == expected
    if limit == 1:
        assert steps == expected_steps


@pytest.mark.parametrize("count", [1023, 1024, 1025, 5000])
def test_more_parts_than_one_call_may_carry(connect, count):
    ours, theirs = connect()
    ours.setblocking(False)
    parts = [bytes([k % 256]) * 2048 for k in range(count)]
    queue = zbuf.OutboundBuffer()
    queue.writelines(parts)
    assert flush_all(queue, ours, theirs) == b"".join(parts)


def test_small_pieces_become_one_part(connect):
    ours, theirs = connect()
    queue = zbuf.OutboundBuffer()
    for k in range(64):
        queue.write(zbuf.copied(bytes([k]) * 64))
    assert queue.flush_to(ours).calls == 1
    assert receive(theirs, 4096) == b"".join(bytes([k]) * 64 for k in range(64))


def test_one_region_goes_to_many_sockets(connect, path):
    region = zbuf.FileRegion.open(path)
    pairs = [connect(), connect(), connect()]
    queues = [zbuf.OutboundBuffer() for _ in pairs]
    for queue in queues:
        queue.write(region)
    assert region.refcnt == 4
    region.release()
    for (ours, _), queue in zip(pairs, queues, strict=True):
        ours.setblocking(False)
        queue.flush_to(ours, max_bytes=100_000)
    for (ours, theirs), queue in zip(pairs, queues, strict=True):
        already = receive(theirs, 300_000 - queue.pending_bytes)
        assert already + flush_all(queue, ours, theirs) == path.read_bytes()


def test_offsets_and_counts_beyond_4_gib(connect, tmp_path):
    sparse = tmp_path / "sparse"
    with open(sparse, "wb") as file:
        file.truncate(2**33)
        file.seek(2**32 + 5)
        file.write(b"beyond")
    ours, theirs = connect()
    queue = zbuf.OutboundBuffer()
    queue.write(zbuf.FileRegion.open(sparse, 2**32 + 4, 8))
    queue.flush_to(ours)
    assert receive(theirs, 8) == b"\0beyond\0"
    queue.write(zbuf.FileRegion.open(sparse, 2**32 + 5))
    queue.write(zbuf.FileRegion.open(sparse))
    assert queue.pending_bytes == 2**34 - 2**32 - 5
    ours.setblocking(False)
    done = queue.flush_to(ours, max_bytes=4096)
    assert receive(theirs, done.sent) == (b"beyond" + bytes(4096))[: done.sent]
    assert queue.pending_bytes == 2**34 - 2**32 - 5 - done.sent


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), steps=st.integers(1, 60))
def test_any_mix_of_writes_and_flushes(seed, steps):
    rng = random.Random(seed)
    content = rng.randbytes(20_000)
    fd = os.memfd_create("mix")
    os.write(fd, content)
    region = zbuf.FileRegion(fd, 0, close=True)
    ours, theirs = socket.socketpair()
    with ours, theirs, zbuf.OutboundBuffer() as queue:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        ours.setblocking(False)
        expected, got = bytearray(), bytearray()
        for _ in range(steps):
            a, b = sorted(rng.choices(range(20_001 if rng.random() < 0.5 else 100), k=2))
            piece = content[a:b]
            match rng.randrange(8):
                case 0:
                    queue.write(piece)
                case 1:
                    with zbuf.copied(piece) as buf:
                        queue.write(buf)
                case 2:
                    queue.write(region[a:b])
                case 3:
                    queue.writelines([piece[:50], bytearray(piece[50:])])
                case 4:
                    queue.write(zbuf.CompositeByteBuf(zbuf.copied(piece[: b // 2]), piece[b // 2 :]))
                case _:
                    piece = b""
                    queue.flush_to(ours, max_bytes=rng.choice([None, 0, 1, 100, 5000]))
                    got += receive_some(theirs)
            expected += piece
            assert queue.pending_bytes + len(got) <= len(expected)
        got += flush_all(queue, ours, theirs) if queue else b""
        theirs.settimeout(PATIENCE)
        got += receive(theirs, len(expected) - len(got))
        assert got == expected
        assert region.refcnt == 1


# -- references


def test_a_queue_holds_the_memory_and_gives_it_back(connect):
    ours, theirs = connect()
    buf = zbuf.copied(bytes(5000))
    queue = zbuf.OutboundBuffer()
    queue.write(buf)
    queue.write(buf[:2500])
    assert (buf.refcnt, buf.reader_index) == (3, 0)
    queue.flush_to(ours, max_bytes=5001)
    assert buf.refcnt == 2
    queue.flush_to(ours)
    assert buf.refcnt == 1
    assert receive(theirs, 7500) == bytes(7500)


def test_the_caller_may_release_at_once(connect):
    ours, theirs = connect()
    queue = zbuf.OutboundBuffer()
    with zbuf.copied(b"x" * 5000) as buf:
        queue.write(buf)
    assert buf.released
    queue.flush_to(ours)
    assert receive(theirs, 5000) == b"x" * 5000


def test_what_is_written_to_a_buffer_later_is_not_queued(connect):
    ours, theirs = connect()
    buf = zbuf.copied(b"a" * 3000)
    queue = zbuf.OutboundBuffer()
    queue.write(buf)
    buf.write_bytes(b"b" * 3000)
    buf.skip(4000)
    buf.reclaim()
    assert queue.flush_to(ours).sent == 3000
    assert receive(theirs, 3000) == b"a" * 3000


def test_a_foreign_owner_cannot_resize_what_is_queued(connect):
    ours, _ = connect()
    array = bytearray(5000)
    queue = zbuf.OutboundBuffer()
    queue.write(array)
    with pytest.raises(BufferError):
        array.clear()
    queue.flush_to(ours)
    array.clear()


def test_close_gives_everything_back(path):
    buf, region, array = zbuf.copied(bytes(5000)), zbuf.FileRegion.open(path), bytearray(5000)
    before = zbuf._foreign.live_foreign_blocks()
    queue = zbuf.OutboundBuffer()
    queue.writelines([buf, region, array, b"small"])
    queue.close()
    assert (buf.refcnt, region.refcnt, zbuf._foreign.live_foreign_blocks()) == (1, 1, before)
    queue.close()
    assert queue.closed and repr(queue) == "<zbuf.OutboundBuffer closed>"


def test_dropping_a_queue_gives_everything_back(path):
    buf, region = zbuf.copied(bytes(5000)), zbuf.FileRegion.open(path)
    queue = zbuf.OutboundBuffer()
    queue.writelines([buf, region, b"small"])
    del queue
    assert (buf.refcnt, region.refcnt) == (1, 1)


CLOSED = [
    ("write", lambda queue, sock: queue.write(b"")),
    ("writelines", lambda queue, sock: queue.writelines([])),
    ("flush", lambda queue, sock: queue.flush_to(sock)),
    ("pending", lambda queue, sock: queue.pending_bytes),
    ("writable", lambda queue, sock: queue.writable),
    ("len", lambda queue, sock: len(queue)),
    ("bool", lambda queue, sock: bool(queue)),
    ("with", lambda queue, sock: queue.__enter__()),
]


@pytest.mark.parametrize("use", [use for _, use in CLOSED], ids=[name for name, _ in CLOSED])
def test_a_closed_queue_can_do_nothing(connect, use):
    ours, _ = connect()
    queue = zbuf.OutboundBuffer()
    queue.close()
    with pytest.raises(zbuf.ReleasedError, match="this queue was closed"):
        use(queue, ours)


# -- watermarks


def test_watermarks_are_strict(connect):
    ours, _ = connect()
    queue = zbuf.OutboundBuffer(high=100, low=50)
    queue.write(bytes(100))
    assert queue.writable
    queue.write(b"x")
    assert not queue.writable
    queue.flush_to(ours, max_bytes=51)
    assert (queue.pending_bytes, queue.writable) == (50, False)
    queue.flush_to(ours, max_bytes=1)
    assert (queue.pending_bytes, queue.writable) == (49, True)
    queue.write(bytes(51))
    assert (queue.pending_bytes, queue.writable) == (100, True)


def test_the_bytes_of_files_count(path):
    queue = zbuf.OutboundBuffer()
    queue.write(zbuf.FileRegion.open(path))
    assert (queue.pending_bytes, queue.writable) == (300_000, False)
    assert repr(queue) == "<zbuf.OutboundBuffer 300000 bytes pending, over its high watermark>"


def test_the_defaults_are_those_of_netty():
    queue = zbuf.OutboundBuffer()
    queue.write(bytes(64 << 10))
    assert queue.writable
    queue.write(b"x")
    assert not queue.writable


@pytest.mark.parametrize(("high", "low"), [(10, 0), (10, 11), (0, 0), (-1, -2)])
def test_watermarks_that_could_never_turn_are_refused(high, low):
    with pytest.raises(ValueError, match=f"1 <= low <= high, not low {low} and high {high}"):
        zbuf.OutboundBuffer(high=high, low=low)


# -- errors move nothing


class Liar:
    def fileno(self):
        return -1


@pytest.mark.parametrize("data", ["text", None, 5, object(), [b"list"]])
def test_what_is_not_bytes_like_is_refused(data):
    queue = zbuf.OutboundBuffer()
    queue.write(b"before")
    message = f"a buffer, bytes-like or FileRegion is required, not '{type(data).__name__}'"
    with pytest.raises(TypeError, match=message):
        queue.write(data)
    assert queue.pending_bytes == 6


def test_memory_that_is_not_contiguous_is_refused():
    queue = zbuf.OutboundBuffer()
    with pytest.raises(BufferError):
        queue.write(memoryview(bytes(100))[::2])
    assert not queue


def test_a_released_buffer_is_refused():
    buf = zbuf.copied(b"abc")
    buf.release()
    queue = zbuf.OutboundBuffer()
    with pytest.raises(zbuf.ReleasedError, match="this handle was released"):
        queue.write(buf)
    assert not queue


def test_writelines_queues_all_or_nothing(connect, path):
    ours, theirs = connect()
    released = zbuf.copied(b"abc")
    released.release()
    buf, region = zbuf.copied(bytes(5000)), zbuf.FileRegion.open(path)
    queue = zbuf.OutboundBuffer(high=10, low=5)
    queue.write(b"before")
    with pytest.raises(zbuf.ReleasedError):
        queue.writelines([b"small", buf, region, b"small", released])
    assert (queue.pending_bytes, queue.writable, buf.refcnt, region.refcnt) == (6, True, 1, 1)
    with pytest.raises(TypeError):
        queue.writelines([b"small", "text"])
    queue.write(b" after")
    queue.flush_to(ours)
    assert receive(theirs, 12) == b"before after"


def test_without_memory_nothing_is_queued(connect, path):
    ours, theirs = connect()
    pieces = zbuf.CompositeByteBuf(*[zbuf.copied(b"%04d" % k * 450) for k in range(20)])
    large = zbuf.copied(bytes(5000))
    region = zbuf.FileRegion.open(path)
    queue = zbuf.OutboundBuffer()
    queue.write(b"before")
    before = zbuf.default_allocator()
    zbuf.set_default_allocator(zbuf.PooledAllocator(max_live=10_000))
    try:
        with pytest.raises(zbuf.PoolExhaustedError):
            queue.write(pieces)
        with pytest.raises(zbuf.PoolExhaustedError):
            queue.writelines([large, region, *[b"x" * 2900] * 20])
    finally:
        zbuf.set_default_allocator(before)
    assert (queue.pending_bytes, large.refcnt, region.refcnt) == (6, 1, 1)
    queue.write(pieces)
    queue.flush_to(ours)
    assert receive(theirs, 36_006) == b"before" + bytes(pieces)


def test_an_iterable_that_fails_queues_nothing():
    def parts():
        yield b"abc"
        raise KeyError("mine")

    queue = zbuf.OutboundBuffer()
    with pytest.raises(KeyError, match="mine"):
        queue.writelines(parts())
    assert not queue


def test_more_than_63_bits_of_bytes_are_refused(tmp_path):
    fd = os.open(tmp_path / "huge", os.O_RDWR | os.O_CREAT)
    largest = 2**43
    os.truncate(fd, largest)
    region = zbuf.FileRegion(fd, 0, close=True)
    queue = zbuf.OutboundBuffer()
    fit = (2**63 - 1) // largest
    queue.writelines([region] * fit)
    with pytest.raises(OverflowError, match=f"{largest} bytes beyond the {fit * largest} pending"):
        queue.write(region)
    assert queue.pending_bytes == fit * largest
    queue.write(region[: 2**63 - 1 - fit * largest - 100])
    queue.write(b"x" * 60)
    for put in (lambda: queue.write(b"x" * 41), lambda: queue.writelines([b"x" * 30, zbuf.copied(b"x" * 11)])):
        with pytest.raises(OverflowError, match=f"bytes beyond the {2**63 - 1 - 40} pending|bytes beyond the {2**63 - 1 - 10} pending"):
            put()
        assert queue.pending_bytes == 2**63 - 1 - 40
    queue.close()
    assert region.refcnt == 1


@pytest.mark.parametrize(("sock", "error"), [(Liar(), ValueError), (object(), TypeError), (None, TypeError), (-1, ValueError)])
def test_a_flush_to_no_socket_moves_nothing(sock, error):
    queue = zbuf.OutboundBuffer()
    queue.write(b"abc")
    with pytest.raises(error):
        queue.flush_to(sock)
    assert queue.pending_bytes == 3


def test_a_closed_socket_is_refused(connect):
    ours, _ = connect()
    ours.close()
    queue = zbuf.OutboundBuffer()
    queue.write(b"abc")
    with pytest.raises(ValueError, match="file descriptor cannot be a negative integer"):
        queue.flush_to(ours)
    assert queue.pending_bytes == 3


def test_a_negative_limit_is_refused(connect):
    ours, _ = connect()
    queue = zbuf.OutboundBuffer()
    queue.write(b"abc")
    with pytest.raises(ValueError, match="size -5 is negative"):
        queue.flush_to(ours, max_bytes=-5)
    assert queue.pending_bytes == 3


def test_what_is_no_socket_says_so(path):
    queue = zbuf.OutboundBuffer()
    queue.write(b"abc")
    with open(path, "r+b") as file, pytest.raises(OSError, match="Socket operation on non-socket"):
        queue.flush_to(file)
    assert queue.pending_bytes == 3


@pytest.mark.parametrize("data", ["bytes", "many", "region"])
def test_a_peer_that_is_gone_breaks_the_pipe_and_the_queue_stays(connect, path, data):
    ours, theirs = connect()
    theirs.close()
    queue = zbuf.OutboundBuffer()
    queue.writelines({"bytes": [b"abc"], "many": [bytes(5000)] * 3, "region": [zbuf.FileRegion.open(path)]}[data])
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        for _ in range(100):
            size = queue.pending_bytes
            size -= queue.flush_to(ours, max_bytes=1).sent
            assert size == queue.pending_bytes
    assert size == queue.pending_bytes
    queue.close()


# -- files that become shorter


def test_a_truncated_file_says_what_is_missing_and_the_cursor_stands(connect, path):
    ours, theirs = connect()
    region = zbuf.FileRegion.open(path, 1000, 200_000)
    queue = zbuf.OutboundBuffer()
    queue.writelines([b"head", region, b"tail"])
    os.truncate(path, 51_000)
    with pytest.raises(zbuf.TruncatedFileError) as raised:
        queue.flush_to(ours)
    error = raised.value
    assert (error.expected, error.sent, error.size) == (200_000, 50_000, 51_000)
    assert str(error) == "expected 200000 bytes of the file, sent 50000, its size is 51000"
    assert queue.pending_bytes == 150_004
    assert receive(theirs, 50_004) == b"head" + bytes(random.Random(1).randbytes(300_000))[1000:51_000]
    with pytest.raises(zbuf.TruncatedFileError, match="sent 50000"):
        queue.flush_to(ours)
    queue.close()
    assert region.refcnt == 1


def test_a_file_that_grows_back_goes_on(connect, path):
    ours, theirs = connect()
    queue = zbuf.OutboundBuffer()
    queue.write(zbuf.FileRegion.open(path, 0, 20))
    os.truncate(path, 10)
    with pytest.raises(zbuf.TruncatedFileError):
        queue.flush_to(ours)
    os.truncate(path, 20)
    assert queue.flush_to(ours).sent == 10
    assert receive(theirs, 20)[10:] == bytes(10)


# -- no byte is kept back by the kernel


@pytest.mark.parametrize("nodelay", [0, 1])
def test_a_truncated_file_leaves_no_header_behind(connect_tcp, path, nodelay):
    ours, theirs = connect_tcp()
    ours.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, nodelay)
    queue = zbuf.OutboundBuffer()
    queue.writelines([b"head", zbuf.FileRegion.open(path)])
    os.truncate(path, 0)
    with pytest.raises(zbuf.TruncatedFileError):
        queue.flush_to(ours)
    assert unsent(ours) == 0
    assert receive(theirs, 4) == b"head"
    assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_CORK) == 0
    assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == nodelay


@pytest.mark.parametrize("limit", [1, 3, 4])
def test_a_limit_before_the_region_leaves_no_header_behind(connect_tcp, path, limit):
    ours, theirs = connect_tcp()
    ours.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    queue = zbuf.OutboundBuffer()
    queue.writelines([b"head", zbuf.FileRegion.open(path)])
    assert queue.flush_to(ours, max_bytes=limit).sent == limit
    assert unsent(ours) == 0
    assert receive(theirs, limit) == b"head"[:limit]


def test_header_and_file_leave_as_one(connect_tcp, path):
    # Where header and body went in two segments, the first recv would see one.
    ours, theirs = connect_tcp()
    ours.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    queue = zbuf.OutboundBuffer()
    queue.writelines([b"head", zbuf.FileRegion.open(path, 0, 100)])
    done = queue.flush_to(ours)
    assert (done.sent, done.calls, unsent(ours)) == (104, 2, 0)
    assert segments_sent(ours) == 1
    assert receive(theirs, 104) == b"head" + path.read_bytes()[:100]


def test_a_users_own_cork_is_left_on(connect_tcp, path):
    ours, theirs = connect_tcp()
    ours.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    queue = zbuf.OutboundBuffer()
    queue.writelines([b"head", zbuf.FileRegion.open(path)])
    os.truncate(path, 0)
    with pytest.raises(zbuf.TruncatedFileError):
        queue.flush_to(ours)
    assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_CORK) == 1
    ours.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
    assert receive(theirs, 4) == b"head"


def segments_sent(sock):
    """Count the segments with data that left a TCP socket: tcpi_data_segs_out."""
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192)
    return struct.unpack_from("=I", info, 156)[0]


# -- other threads, while a flush is blocked


@contextlib.contextmanager
def blocked_flush(queue, ours):
    """A flush in another thread, inside its system call; yields what it returned or raised."""
    outcome = []

    def run():
        try:
            outcome.append(queue.flush_to(ours))
        except Exception as error:
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    wait_until_full(ours)
    yield outcome
    thread.join(PATIENCE)
    assert not thread.is_alive()


def wait_until_full(sock):
    """Wait until what the sender may buffer no longer changes, that is, until it blocks."""
    before = -1
    while (now := struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, b"\0\0\0\0"))[0]) != before or now == 0:
        before = now
        threading.Event().wait(0.05)


def test_memory_released_under_a_blocked_flush_stays_until_it_is_sent(connect):
    ours, theirs = connect(send_room=4096)
    data = random.Random(4).randbytes(2_000_000)
    buf = zbuf.copied(data)
    queue = zbuf.OutboundBuffer()
    queue.write(buf)
    with blocked_flush(queue, ours):
        assert buf.release() is False
        others = [zbuf.copied(b"\xff" * 2_000_000) for _ in range(3)]
        assert receive(theirs, 2_000_000) == data
    del others


def test_writes_under_a_blocked_flush_go_behind(connect, path):
    ours, theirs = connect(send_room=4096)
    queue = zbuf.OutboundBuffer()
    queue.write(bytes(2_000_000))
    more = [b"x%d," % k for k in range(2000)] + [b"y" * 3000] * 100
    with blocked_flush(queue, ours) as outcome:
        for part in more:
            queue.write(part)
        queue.write(zbuf.FileRegion.open(path))
        got = receive(theirs, 2_000_000 + sum(map(len, more)) + 300_000)
    assert got[2_000_000:] == b"".join(more) + path.read_bytes()
    assert outcome[0].sent == len(got)


def test_a_second_flush_is_refused_while_one_is_under_way(connect):
    ours, theirs = connect(send_room=4096)
    queue = zbuf.OutboundBuffer()
    queue.write(bytes(2_000_000))
    with blocked_flush(queue, ours) as outcome:
        with pytest.raises(RuntimeError, match="a flush or cancel of this queue is under way"):
            queue.flush_to(ours)
        assert receive(theirs, 2_000_000) == bytes(2_000_000)
    assert outcome[0].sent == 2_000_000
    assert queue.flush_to(ours).sent == 0


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_close_under_a_blocked_flush_waits_for_its_call(connect, tmp_path, kind):
    ours, theirs = connect(send_room=4096)
    (tmp_path / "big").write_bytes(bytes(2_000_000))
    held = zbuf.copied(bytes(2_000_000)) if kind == "memory" else zbuf.FileRegion.open(tmp_path / "big")
    queue = zbuf.OutboundBuffer()
    queue.writelines([b"first", held])
    with blocked_flush(queue, ours) as outcome:
        queue.close()
        assert held.refcnt == 2
        with pytest.raises(zbuf.ReleasedError):
            queue.write(b"late")
        ours.shutdown(socket.SHUT_RDWR)
    assert isinstance(outcome[0], (zbuf.ReleasedError, BrokenPipeError))
    assert held.refcnt == 1


def test_an_owner_that_comes_back_finds_the_queue_whole(connect):
    ours, theirs = connect()
    queue = zbuf.OutboundBuffer()

    class Owner(bytearray):
        def __del__(self):
            queue.write(b"again")

    queue.write(Owner(b"z" * 3000))
    queue.write(b"next")
    assert queue.flush_to(ours).sent == 3009
    assert receive(theirs, 3009) == b"z" * 3000 + b"next" + b"again"


def test_a_fileno_that_closes_the_queue_is_noticed(connect):
    ours, _ = connect()
    queue = zbuf.OutboundBuffer()
    queue.write(b"abc")

    class Closer:
        def fileno(self):
            queue.close()
            return ours.fileno()

    with pytest.raises(zbuf.ReleasedError):
        queue.flush_to(Closer())


class Ending(bytearray):
    """Memory that does something as it is let go."""

    act = None

    def __del__(self):
        if self.act is not None:
            self.act()


@pytest.mark.parametrize("again", [lambda queue, ours: queue.flush_to(ours), lambda queue, ours: queue.cancel()],
                         ids=["flush", "cancel"])
def test_an_owner_that_a_cancel_lets_go_sends_and_cancels_nothing_of_the_rest(again):
    refused = []

    def act():
        queue.write(b"anew")
        with pytest.raises(RuntimeError, match="^a flush or cancel of this queue is under way$") as caught:
            again(queue, ours)
        refused.append(caught.type)

    ours, theirs = socket.socketpair()
    with ours, theirs, zbuf.OutboundBuffer() as queue:
        owner = Ending(5000)
        owner.act = act
        queue.writelines([owner, bytes(6000)])
        del owner
        assert queue.cancel() == 11_000
        assert refused == [RuntimeError] and queue.pending_bytes == 4
        queue.flush_to(ours)
        assert theirs.recv(100) == b"anew"


def test_an_owner_that_a_cancel_lets_go_may_close_the_queue():
    with zbuf.OutboundBuffer() as queue:
        owner = Ending(5000)
        owner.act = queue.close
        queue.writelines([owner, bytearray(6000)])
        del owner
        assert queue.cancel() == 11_000
        assert queue.closed
