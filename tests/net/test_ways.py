"""The ways of a file's bytes to a socket, and from one: which is gone, when, and what it loses."""

import contextlib
import errno
import gc
import os
import random
import socket
import subprocess
import sys
import threading

import pytest
from scarce import no_more_descriptors
from wire import flush_all, receive

import zbuf
from zbuf.testing import Short, syscalls

TO_SPLICE = [errno.EINVAL]
TO_PREAD = [errno.EINVAL, errno.ENOSYS]
WAYS = [("sendfile", []), ("splice", TO_SPLICE), ("pread", TO_PREAD)]


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "file.bin"
    file.write_bytes(random.Random(1).randbytes(300_000))
    return file


@pytest.fixture(params=WAYS, ids=[way for way, _ in WAYS])
def way(request):
    return request.param


def descriptors():
    gc.collect()   # what earlier tests left in cycles
    zbuf.relay.trim()
    return set(os.listdir("/proc/self/fd"))


# -- out


def test_all_ways_bring_the_same_bytes(connect, path, way):
    name, refusals = way
    ours, theirs = connect()
    ours.setblocking(False)
    region = zbuf.FileRegion.open(path, 1000, 250_000)
    queue = zbuf.OutboundBuffer()
    queue.writelines([b"head", region, b"tail"])
    before = descriptors()
    with syscalls([None, *refusals]) as script:
        assert flush_all(queue, ours, theirs) == b"head" + path.read_bytes()[1000:251_000] + b"tail"
    assert (region.path_used, region[5:].path_used, script.left) == (name, name, 0)
    assert descriptors() == before


def test_the_report_names_the_way_and_what_it_copied(connect, path, way):
    name, refusals = way
    ours, _ = connect()
    queue = zbuf.OutboundBuffer()
    queue.write(zbuf.FileRegion.open(path, 0, 1000))
    with syscalls(refusals):
        done = queue.flush_to(ours)
    copied = 1000 if name == "pread" else 0
    assert (done.ways, done.calls, done.copied, done.referenced) == ((name,), 1 + len(refusals), copied, 1000 - copied)


@pytest.mark.parametrize("most", [1, 999, 70_000])
def test_what_a_socket_does_not_take_is_sent_later(connect, path, way, most):
    ours, theirs = connect(send_room=4096)
    ours.setblocking(False)
    queue = zbuf.OutboundBuffer()
    queue.write(zbuf.FileRegion.open(path, 0, 100_000))
    name, refusals = way
    first = [Short(most)] if name == "sendfile" else [Short(most), None]   # in, and out again
    with syscalls([*refusals, *first, errno.EAGAIN, errno.EINTR]):
        assert flush_all(queue, ours, theirs) == path.read_bytes()[:100_000]


def test_no_way_is_left_within_a_region(connect, path):
    ours, theirs = connect()
    queue = zbuf.OutboundBuffer()
    region = zbuf.FileRegion.open(path)
    queue.write(region)
    with syscalls([Short(10), errno.EINVAL]), pytest.raises(OSError, match="Invalid argument"):
        queue.flush_to(ours)
    assert (queue.pending_bytes, region.path_used) == (299_990, "sendfile")
    assert receive(theirs, 10) == path.read_bytes()[:10]


def test_memory_that_is_refused_has_no_other_way(connect):
    ours, _ = connect()
    queue = zbuf.OutboundBuffer()
    queue.write(b"abc")
    with syscalls([errno.EINVAL]), pytest.raises(OSError, match="Invalid argument"):
        queue.flush_to(ours)
    assert queue.pending_bytes == 3


def test_a_truncated_file_is_told_by_all_ways(connect, path, way):
    ours, theirs = connect()
    queue = zbuf.OutboundBuffer()
    queue.write(zbuf.FileRegion.open(path, 0, 200))
    os.truncate(path, 50)
    with syscalls(way[1]), pytest.raises(zbuf.TruncatedFileError, match="expected 200 bytes of the file, sent 50, its size is 50"):
        queue.flush_to(ours)
    assert (receive(theirs, 50), queue.pending_bytes) == (random.Random(1).randbytes(300_000)[:50], 150)


def test_a_pipe_in_which_bytes_stayed_behind_is_not_used_again(connect, path):
    ours, theirs = connect()
    zbuf.relay.trim()
    queue = zbuf.OutboundBuffer()
    queue.write(zbuf.FileRegion.open(path, 0, 5000))
    with syscalls([errno.EINVAL, None, Short(2000), None, errno.EAGAIN]):
        assert queue.flush_to(ours).sent == 2000
    assert zbuf.relay.trim() == 0
    assert queue.flush_to(ours).sent == 3000
    assert zbuf.relay.trim() == 1
    assert receive(theirs, 5000) == path.read_bytes()[:5000]


def test_no_way_raises_sigpipe(path):
    code = f"""if True:
        import signal, socket, zbuf
        from zbuf.testing import syscalls
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        for refusals in ([], {TO_SPLICE}, {TO_PREAD}):
            ours, theirs = socket.socketpair()
            theirs.close()
            queue = zbuf.OutboundBuffer()
            queue.write(zbuf.FileRegion.open({str(path)!r}))
            try:
                with syscalls(refusals):
                    queue.flush_to(ours)
            except BrokenPipeError:
                print(len(refusals))
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, ["0", "1", "2"], "")


@pytest.mark.parametrize(("value", "way"), [("1", "pread"), ("0", "sendfile"), ("", "sendfile"), (None, "sendfile")])
def test_the_environment_switches_sendfile_off(connect, path, monkeypatch, value, way):
    if value is not None:
        monkeypatch.setenv("ZBUF_NO_SENDFILE", value)
    ours, theirs = connect()
    region = zbuf.FileRegion.open(path, 0, 100)
    queue = zbuf.OutboundBuffer()
    queue.write(region)
    assert queue.flush_to(ours).ways == (way,)
    assert receive(theirs, 100) == path.read_bytes()[:100]


def test_without_memory_for_the_block_nothing_is_sent(connect, path):
    ours, _ = connect()
    queue = zbuf.OutboundBuffer()
    queue.write(zbuf.FileRegion.open(path, 0, 100))
    before = zbuf.set_default_allocator(zbuf.SystemAllocator())
    try:
        with syscalls(TO_PREAD), zbuf.testing.fail_after(2, times=None), pytest.raises(MemoryError):
            queue.flush_to(ours)
    finally:
        zbuf.set_default_allocator(before)
    assert queue.pending_bytes == 100
    assert queue.flush_to(ours).ways == ("pread",)


def test_many_ranges_of_a_file_go_in_one_flush(connect, path):
    ours, theirs = connect()
    region, data = zbuf.FileRegion.open(path), path.read_bytes()
    queue = zbuf.OutboundBuffer()
    expected = b""
    for first, last in [(0, 99), (5, 5), (100_000, 150_000)]:
        boundary = f"\r\n--b\r\nContent-Range: bytes {first}-{last}/{len(region)}\r\n\r\n".encode()
        queue.writelines([boundary, region[first : last + 1]])
        expected += boundary + data[first : last + 1]
    ours.setblocking(False)
    assert flush_all(queue, ours, theirs) == expected


# -- files that must stay as they are


def changed_size(path):
    with open(path, "ab") as file:
        file.write(b"x")


def changed_bytes(path):
    with open(path, "r+b") as file:
        file.write(b"x")
    os.utime(path, ns=(1, 1))


@pytest.mark.parametrize("change", [changed_size, changed_bytes])
def test_a_changed_file_is_told_before_its_first_byte(connect, path, change):
    ours, _ = connect()
    queue = zbuf.OutboundBuffer()
    stable, other = zbuf.FileRegion.open(path, stable="stat"), zbuf.FileRegion.open(path, 0, 5)
    queue.writelines([other, stable[5:10]])
    change(path)
    with pytest.raises(zbuf.FileChangedError, match="the file has changed since its region was made, its size was 300000 and is 30000"):
        queue.flush_to(ours)
    assert queue.pending_bytes == 5


def test_a_file_that_changes_while_it_is_sent_is_told_behind_what_went(connect, path):
    ours, theirs = connect()
    with open(path, "rb") as file:
        region = zbuf.FileRegion(file, 0, 20, stable="stat")
    queue = zbuf.OutboundBuffer()
    queue.write(region)
    queue.flush_to(ours, max_bytes=5)
    changed_size(path)
    for _ in range(2):
        with pytest.raises(zbuf.FileChangedError) as raised:
            queue.flush_to(ours)
    assert (raised.value.was, raised.value.size, queue.pending_bytes) == (300_000, 300_001, 15)
    assert receive(theirs, 5) == path.read_bytes()[:5]


def test_a_change_under_a_blocked_flush_is_told_after_it(connect, path):
    ours, theirs = connect(send_room=4096)
    queue = zbuf.OutboundBuffer()
    queue.write(zbuf.FileRegion.open(path, stable="stat"))
    errors = []

    def flush():
        try:
            queue.flush_to(ours)
        except zbuf.FileChangedError as error:
            errors.append(error)

    thread = threading.Thread(target=flush)
    thread.start()
    first = theirs.recv(1)
    changed_size(path)
    ours.setblocking(True)
    assert len(first + receive(theirs, 299_999)) == 300_000
    thread.join(20)
    assert [error.size for error in errors] == [300_001]
    assert queue.pending_bytes == 0


def test_a_stable_that_is_not_known_is_refused_and_holds_nothing(path):
    before = descriptors()
    with pytest.raises(ValueError, match="stable is None or 'stat', not 'hash'"):
        zbuf.FileRegion.open(path, stable="hash")
    with open(path, "rb") as file, pytest.raises(ValueError, match="not 1"):
        zbuf.FileRegion(file, 0, stable=1)
    assert descriptors() == before


# -- in


@pytest.fixture
def place(tmp_path):
    """A file of 1000 bytes "." that is open for both."""
    with open(tmp_path / "place", "w+b") as file:
        file.write(b"." * 1000)
        file.flush()
        yield file


def content(file):
    return os.pread(file.fileno(), 10**7, 0)


@pytest.mark.parametrize("refusals", [[], [errno.EINVAL]], ids=["splice", "write"])
def test_what_is_received_lies_in_the_regions_place(connect, place, refusals):
    ours, theirs = connect()
    theirs.setblocking(True)
    region = zbuf.FileRegion(place, 10, 20)
    ours.sendall(b"abcdefgh" + b"x" * 30)
    before = descriptors()
    with syscalls(refusals) as script:
        assert region.receive_from(theirs, 8) == 8
        assert region[8:].receive_from(theirs.fileno()) == 12
        assert script.left == 0
    assert content(place) == b"." * 10 + b"abcdefgh" + b"x" * 12 + b"." * 970
    assert theirs.recv(100) == b"x" * 18
    assert descriptors() == before and region.refcnt == 1


@pytest.mark.parametrize("refusals", [[], [errno.EINVAL]], ids=["splice", "write"])
def test_more_than_a_pipe_holds_is_received(connect, tmp_path, refusals):
    ours, theirs = connect()
    theirs.setblocking(True)
    data = random.Random(3).randbytes(1_000_000)
    with open(tmp_path / "large", "w+b") as file:
        file.truncate(len(data) + 5)
        sender = threading.Thread(target=ours.sendall, args=(data,))
        sender.start()
        with syscalls(refusals):
            assert zbuf.FileRegion(file, 5).receive_from(theirs) == len(data)
        sender.join(20)
        assert content(file) == bytes(5) + data


def test_a_peer_that_ends_gives_fewer(connect, place):
    ours, theirs = connect()
    theirs.setblocking(True)
    ours.sendall(b"abc")
    ours.close()
    region = zbuf.FileRegion(place, 0)
    assert (region.receive_from(theirs), region.receive_from(theirs)) == (3, 0)
    assert content(place)[:4] == b"abc."


def test_a_socket_without_bytes_does_not_block(connect, place):
    ours, theirs = connect()
    theirs.setblocking(False)
    region = zbuf.FileRegion(place, 0)
    with pytest.raises(BlockingIOError):
        region.receive_from(theirs)
    ours.sendall(b"abc")
    with syscalls([Short(2), None, errno.EAGAIN]):
        assert region.receive_from(theirs) == 2
    assert content(place)[:3] == b"ab."


@pytest.mark.parametrize("calls", [["recv", "pwrite"], ["splice"]])
def test_what_the_file_refuses_is_never_taken_for_a_socket_that_has_nothing(connect, place, calls):
    # Bytes were taken and are lost: to go on as if they were still to come would misplace what follows.
    ours, theirs = connect()
    ours.sendall(b"abcdef")
    region = zbuf.FileRegion(place, 0)
    zbuf.relay.trim()
    with no_more_descriptors() if calls == ["recv", "pwrite"] else contextlib.nullcontext():
        with syscalls([Short(2), None, Short(2), errno.EAGAIN], only=calls), pytest.raises(BlockingIOError):
            region.receive_from(theirs)
    assert content(place)[:4] == b"ab.."


def test_nothing_is_taken_for_nothing(connect, place):
    ours, theirs = connect()
    theirs.setblocking(True)
    ours.sendall(b"abc")
    region = zbuf.FileRegion(place, 0)
    assert (region.receive_from(theirs, 0), region[:0].receive_from(theirs)) == (0, 0)
    assert theirs.recv(10) == b"abc"
    with pytest.raises(ValueError, match="-1"):
        region.receive_from(theirs, -1)


@pytest.mark.parametrize("refusals", [[], [errno.EINVAL]], ids=["splice", "write"])
def test_a_file_that_cannot_be_written_says_so(connect, path, refusals):
    ours, theirs = connect()
    theirs.setblocking(True)
    ours.sendall(b"abc")
    region = zbuf.FileRegion.open(path)
    before = descriptors()
    with syscalls(refusals), pytest.raises(OSError, match="Bad file descriptor"):
        region.receive_from(theirs)
    assert descriptors() == before


def test_a_file_that_only_grows_at_its_end_is_written_the_other_way(connect, tmp_path):
    # Splice refuses O_APPEND after the socket has given its bytes; pwrite appends.
    ours, theirs = connect()
    theirs.setblocking(True)
    (tmp_path / "log").write_bytes(b"." * 10)
    ours.sendall(b"abc" * 2000)
    with open(tmp_path / "log", "a+b") as file:
        assert zbuf.FileRegion(file, 0).receive_from(theirs) == 10
        assert content(file) == b"." * 10 + (b"abc" * 4)[:10]


def test_a_region_that_was_released_receives_nothing(connect, place):
    ours, theirs = connect()
    theirs.setblocking(True)
    region = zbuf.FileRegion(place, 0)
    region.release()
    with pytest.raises(zbuf.ReleasedError, match="this region was released"):
        region.receive_from(theirs)
    with pytest.raises(zbuf.ReleasedError, match="this region was released"):
        region.path_used
    with pytest.raises(TypeError):
        zbuf.FileRegion(place, 0).receive_from("sock")
