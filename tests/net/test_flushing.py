"""What a flush reports, how it is limited, and what the queue tells of its progress."""

import errno
import os
import random

import pytest
from wire import flush_all, receive, receive_some

import zbuf
from zbuf.testing import Short, syscalls


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "file.bin"
    file.write_bytes(random.Random(1).randbytes(100_000))
    return file


# -- the report


def test_a_flush_tells_copied_bytes_from_those_of_files(connect, path):
    ours, theirs = connect()
    queue = zbuf.OutboundBuffer()
    queue.writelines([b"head", zbuf.FileRegion.open(path, 0, 1000), bytes(5000)])
    done = queue.flush_to(ours)
    assert (done.sent, done.copied, done.referenced, done.ways) == (6004, 5004, 1000, ("sendmsg", "sendfile"))
    assert receive(theirs, 6004) == b"head" + path.read_bytes()[:1000] + bytes(5000)


@pytest.mark.parametrize(("of_a_file", "ways"), [(False, ("sendmsg",)), (True, ("sendfile",))])
def test_a_flush_names_the_ways_that_were_gone(connect, path, of_a_file, ways):
    ours, _ = connect()
    queue = zbuf.OutboundBuffer()
    assert queue.flush_to(ours).ways == ()
    queue.write(zbuf.FileRegion.open(path, 0, 10) if of_a_file else b"x" * 10)
    done = queue.flush_to(ours)
    assert (done.ways, done.copied + done.referenced) == (ways, 10)


# -- limits


def test_no_more_calls_are_made_than_allowed(connect, path):
    ours, theirs = connect()
    ours.setblocking(False)
    parts = [b"a", zbuf.FileRegion.open(path, 0, 3), b"b", zbuf.FileRegion.open(path, 3, 3)]
    for calls in range(5):
        queue = zbuf.OutboundBuffer()
        queue.writelines(parts)
        done = queue.flush_to(ours, max_calls=calls)
        assert (done.calls, done.full, queue.pending_bytes) == (calls, False, [8, 7, 4, 3, 0][calls])
        assert receive(theirs, done.sent) + flush_all(queue, ours, theirs, max_calls=1) == (
            b"a" + path.read_bytes()[:3] + b"b" + path.read_bytes()[3:6]
        )


def test_a_negative_number_of_calls_is_refused_and_nothing_goes(connect):
    ours, _ = connect()
    queue = zbuf.OutboundBuffer()
    queue.write(b"abc")
    with pytest.raises(ValueError, match="-1"):
        queue.flush_to(ours, max_calls=-1)
    assert queue.pending_bytes == 3


def test_less_is_gathered_for_a_socket_that_takes_little(connect):
    ours, theirs = connect()
    ours.setblocking(False)
    queue = zbuf.OutboundBuffer()
    queue.writelines([bytes(64 << 10)] * 64)
    # After calls that took a byte each, a call is given 64 KiB, and then twice as much each time.
    with syscalls([Short(1)] * 10):
        assert queue.flush_to(ours, max_calls=10).sent == 10
    sizes = [queue.flush_to(ours, max_calls=1).sent for _ in range(1)]
    assert sizes == [64 << 10]
    receive(theirs, 10 + sizes[0])
    assert queue.flush_to(ours, max_calls=1).sent == 128 << 10


# -- what is copied


def shares(queue, size):
    """Whether a queue keeps the very memory of a piece."""
    buf = zbuf.copied(b"x" * size)
    queue.write(buf)
    return buf.refcnt == 2


@pytest.mark.parametrize("coalesce", [0, 1, 100, 2048, 100_000])
def test_pieces_shorter_than_coalesce_are_copied(connect, coalesce):
    ours, theirs = connect()
    ours.setblocking(False)
    queue = zbuf.OutboundBuffer(coalesce=coalesce)
    sizes = [size for size in (1, coalesce - 1, coalesce, coalesce + 1) if size > 0]
    for size in sizes:
        assert shares(queue, size) == (size >= coalesce)
    assert flush_all(queue, ours, theirs) == b"x" * sum(sizes)


def test_half_as_many_bytes_objects_are_shared(connect):
    ours, theirs = connect()
    queue = zbuf.OutboundBuffer(coalesce=100)
    before = zbuf._foreign.live_foreign_blocks()
    queue.writelines([b"x" * 149, b"y" * 150])
    assert zbuf._foreign.live_foreign_blocks() == before + 1
    queue.flush_to(ours)
    assert receive(theirs, 299) == b"x" * 149 + b"y" * 150


@pytest.mark.parametrize("coalesce", [-1, (1 << 20) + 1])
def test_a_coalesce_out_of_range_is_refused(coalesce):
    with pytest.raises(ValueError, match=f"coalesce is a number of bytes from 0 to 1048576, not {coalesce}"):
        zbuf.OutboundBuffer(coalesce=coalesce)


# -- watermarks that tell


def test_a_producer_is_told_when_to_stop_and_when_to_go_on(connect):
    ours, theirs = connect()
    told = []
    queue = zbuf.OutboundBuffer(high=4, low=2, on_writable=told.append)
    queue.write(b"abcd")
    assert told == []
    queue.writelines([b"e", b"f"])
    assert told == [False]
    queue.flush_to(ours, max_bytes=4)
    assert told == [False]
    queue.flush_to(ours, max_bytes=1)
    assert told == [False, True]


def test_a_producer_that_is_told_may_write_and_flush(connect):
    ours, theirs = connect()
    told = []

    def turn(writable):
        told.append(writable)
        if not writable:
            queue.flush_to(ours)
        elif len(told) < 5:
            queue.write(b"abcde")

    queue = zbuf.OutboundBuffer(high=4, low=2, on_writable=turn)
    queue.write(b"abcde")
    assert told == [False, True, False, True, False, True]
    assert receive(theirs, 15) == b"abcde" * 3


def test_what_a_told_producer_raises_comes_after_the_work(connect):
    ours, theirs = connect()

    def turn(writable):
        raise LookupError(writable)

    queue = zbuf.OutboundBuffer(high=4, low=2, on_writable=turn)
    with pytest.raises(LookupError, match="False"):
        queue.write(b"abcde")
    assert queue.pending_bytes == 5
    with pytest.raises(LookupError, match="True"):
        queue.flush_to(ours)
    assert receive(theirs, 5) == b"abcde" and not queue
    queue.write(b"abc")


def test_a_flush_that_raised_leaves_the_telling_to_the_next(connect):
    ours, _ = connect()
    told = []
    queue = zbuf.OutboundBuffer(high=4, low=2, on_writable=told.append)
    queue.write(b"abcde")
    with syscalls([Short(4), 5]), pytest.raises(OSError):
        queue.flush_to(ours)
    assert (queue.pending_bytes, told) == (1, [False])
    queue.flush_to(ours)
    assert told == [False, True]


def test_what_cannot_be_called_is_refused():
    with pytest.raises(TypeError, match="on_writable must be callable, not 'int'"):
        zbuf.OutboundBuffer(on_writable=5)


# -- progress and cancelling


def test_positions_tell_how_far_a_write_has_gone(connect, path):
    ours, theirs = connect()
    queue = zbuf.OutboundBuffer()
    ends = []
    for data in (b"abc", zbuf.FileRegion.open(path, 0, 10), b"d"):
        queue.write(data)
        ends.append(queue.sent_bytes + queue.pending_bytes)
    assert ends == [3, 13, 14]
    queue.flush_to(ours, max_bytes=5)
    assert [queue.sent_bytes >= end for end in ends] == [True, False, False]
    queue.close()
    assert queue.sent_bytes == 5


def test_cancel_gives_everything_back_and_the_queue_goes_on(connect, path):
    ours, theirs = connect()
    told = []
    buf, region = zbuf.copied(bytes(5000)), zbuf.FileRegion.open(path)
    queue = zbuf.OutboundBuffer(high=10, low=5, on_writable=told.append)
    queue.writelines([b"abc", buf, region, b"tail"])
    queue.flush_to(ours, max_bytes=2)
    assert queue.cancel() == 1 + 5000 + 100_000 + 4
    assert (buf.refcnt, region.refcnt, queue.pending_bytes, told) == (1, 1, 0, [False, True])
    assert queue.cancel() == 0
    queue.write(b"new")
    queue.flush_to(ours)
    assert receive(theirs, 5) == b"abnew"


def test_cancel_is_refused_under_a_flush_and_on_a_closed_queue(connect):
    ours, theirs = connect()
    queue = zbuf.OutboundBuffer()
    refused = []

    class Owner(bytearray):
        def __del__(self):
            try:
                queue.cancel()
            except RuntimeError as error:
                refused.append((str(error), queue.pending_bytes))

    queue.writelines([Owner(5000), b"tail"])
    with syscalls([Short(5000)]):
        queue.flush_to(ours, max_bytes=5001)
    assert refused == [("a flush or cancel of this queue is under way", 4)]
    queue.close()
    with pytest.raises(zbuf.ReleasedError, match="this queue was closed"):
        queue.cancel()


def test_an_owner_that_writes_while_it_is_cancelled_is_queued():
    queue = zbuf.OutboundBuffer()

    class Owner(bytearray):
        def __del__(self):
            queue.write(b"last words")

    queue.writelines([Owner(5000), b"tail"])
    assert queue.cancel() == 5004
    assert queue.pending_bytes == 10
    queue.close()    # the class knows of it, and without the GIL classes live for ever


# -- files that are on the disk alone


def test_a_flush_stops_in_front_of_what_is_cold(connect, path):
    ours, theirs = connect()
    queue = zbuf.OutboundBuffer()
    queue.writelines([b"head", zbuf.FileRegion.open(path, 5, 1000), b"tail"])
    with syscalls([None, errno.EAGAIN]):
        done = queue.flush_to(ours, cold="stop")
    assert (done.sent, done.full, done.cold, done.calls, queue.pending_bytes) == (4, False, True, 1, 1004)
    assert queue.warm() == 1000
    done = queue.flush_to(ours, cold="stop")
    assert (done.sent, done.cold, queue.pending_bytes) == (1004, False, 0)
    assert receive(theirs, 1008) == b"head" + path.read_bytes()[5:1005] + b"tail"


@pytest.mark.parametrize("offset", [0, 50_000])
def test_bytes_that_were_dropped_from_memory_come_after_warming(connect, path, offset):
    # Whether they are cold is the file system's to say, and to look may be what warms them.
    ours, theirs = connect()
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    queue = zbuf.OutboundBuffer()
    queue.write(zbuf.FileRegion.open(path, offset, 1000))
    while queue.flush_to(ours, cold="stop").cold:
        assert queue.warm() == 1000
    assert receive(theirs, 1000) == path.read_bytes()[offset : offset + 1000]


def test_a_careful_flush_goes_on_over_many_windows(connect, tmp_path):
    ours, theirs = connect()
    ours.setblocking(False)
    data = random.Random(5).randbytes(700_000)
    (tmp_path / "large").write_bytes(data)
    queue = zbuf.OutboundBuffer()
    queue.writelines([zbuf.FileRegion.open(tmp_path / "large"), b"tail"])
    got = b""
    while queue:
        if queue.flush_to(ours, cold="stop").cold:
            queue.warm()
        got += receive_some(theirs)
    assert got + receive(theirs, len(data) + 4 - len(got)) == data + b"tail"


def test_only_files_are_warmed(path):
    queue = zbuf.OutboundBuffer()
    assert queue.warm() == 0
    queue.writelines([b"abc", zbuf.FileRegion.open(path)])
    assert (queue.warm(), queue.pending_bytes) == (0, 100_003)
    queue.cancel()
    region = zbuf.FileRegion.open(path)
    queue.write(region)
    assert (queue.warm(10), queue.warm(), queue.warm(10**6), region.refcnt) == (10, 100_000, 100_000, 2)
    os.truncate(path, 7)
    assert queue.warm() == 7
    with pytest.raises(ValueError, match="-1"):
        queue.warm(-1)
    queue.close()
    with pytest.raises(zbuf.ReleasedError, match="this queue was closed"):
        queue.warm()


@pytest.mark.parametrize("cold", ["error", None, True])
def test_another_way_with_the_cold_is_refused_and_nothing_goes(connect, cold):
    ours, _ = connect()
    queue = zbuf.OutboundBuffer()
    queue.write(b"abc")
    with pytest.raises(ValueError, match=f"cold is 'block' or 'stop', not {cold!r}"):
        queue.flush_to(ours, cold=cold)
    assert queue.pending_bytes == 3
