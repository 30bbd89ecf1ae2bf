"""Files as memory: what a map shows and keeps, and that truncation is an exception and never the end."""

import ctypes
import errno
import gc
import hashlib
import mmap
import os
import platform
import random
import signal
import struct
import subprocess
import sys
import textwrap
import threading

import pytest
from wire import flush_all, receive

import zbuf

PAGE = mmap.PAGESIZE
SIZE = 5 * PAGE + 77


@pytest.fixture
def data():
    return random.Random(1).randbytes(SIZE)


@pytest.fixture
def path(tmp_path, data):
    file = tmp_path / "file.bin"
    file.write_bytes(data)
    return file


def descriptors():
    gc.collect()   # what earlier tests left in cycles
    return set(os.listdir("/proc/self/fd"))


def mapped(path):
    """How many pieces of the process's memory are this file's."""
    with open("/proc/self/maps") as maps:
        return sum(str(path) in line for line in maps)


# -- what a map is


@pytest.mark.parametrize(("offset", "count"), [(0, None), (0, 1), (1, 10), (PAGE, PAGE), (PAGE - 1, 2), (PAGE + 1, None), (SIZE - 1, 1)])
def test_a_map_shows_the_regions_bytes(path, data, offset, count):
    with zbuf.FileRegion.open(path, offset, count).map() as buf:
        expected = data[offset:] if count is None else data[offset : offset + count]
        assert bytes(buf) == expected
        assert (buf.reader_index, buf.writer_index, buf.capacity, buf.max_capacity) == (0, *[len(expected)] * 3)
        buf._check()


def test_a_map_of_nothing_is_an_empty_buffer(path):
    buf = zbuf.FileRegion.open(path, 5, 0).map(writable=True)
    assert (len(buf), buf.readonly) == (0, True)


def test_a_map_is_read_only(path, data):
    buf = zbuf.FileRegion.open(path).map()
    for write in (lambda: buf.set_u8(0, 1), lambda: buf.write_u8(1), lambda: buf.__setitem__(0, 1)):
        with pytest.raises(zbuf.ReadOnlyError):
            write()
    assert memoryview(zbuf.FileRegion.open(path).map()).readonly
    assert path.read_bytes() == data


def test_a_map_needs_neither_the_region_nor_its_descriptor(path, data):
    before = descriptors()
    with zbuf.FileRegion.open(path) as region:
        buf = region.map()
        assert (region.refcnt, buf.refcnt) == (1, 1)
    part = buf[PAGE : 2 * PAGE]
    view = memoryview(buf)
    buf.release()
    assert (bytes(part), bytes(view[-5:])) == (data[PAGE : 2 * PAGE], data[-5:])
    assert mapped(path) == 1
    view.release()
    assert part.release() is True
    assert (mapped(path), descriptors()) == (0, before)


def test_many_maps_come_and_go(path, data):
    before = descriptors()
    for count in range(1, 40):
        region = zbuf.FileRegion.open(path)
        bufs = [region[n:].map() for n in range(count)]
        assert [bytes(buf[:3]) for buf in bufs] == [data[n : n + 3] for n in range(count)]
        del bufs, region
    assert (mapped(path), descriptors()) == (0, before)


def test_a_map_that_is_refused_holds_nothing(path):
    before = descriptors()
    region = zbuf.FileRegion.open(path)
    with pytest.raises(PermissionError, match="Permission denied"):
        region.map(writable=True)
    assert bytes(region.map()[:1])
    huge = os.memfd_create("huge")
    os.truncate(huge, 2**62)
    with zbuf.FileRegion(huge, 0, close=True) as too_large, \
            pytest.raises(MemoryError, match=f"^no room for a map of {2**62} bytes at 0$"):
        too_large.map()
    region.release()
    with pytest.raises(zbuf.ReleasedError, match="this region was released"):
        region.map()
    assert (mapped(path), descriptors()) == (0, before)


def test_without_memory_there_is_no_map(path):
    region, before, bufs = zbuf.FileRegion.open(path), descriptors(), []
    for failing, what in [(1, "a new ByteBuf"), (2, "a record of 128 bytes")]:
        for _ in range(1000):   # records of maps that are gone serve new ones, and are no memory that could fail
            with zbuf.testing.fail_after(failing) as fault:
                try:
                    bufs.append(region.map())
                except MemoryError as error:
                    assert str(error) == f"no memory for {what}"
            if fault.fired:
                break
        assert fault.fired
    bufs.clear()
    assert (mapped(path), descriptors()) == (0, before)


def test_a_map_is_sent_as_memory(connect, path, data):
    ours, theirs = connect()
    ours.setblocking(False)
    queue = zbuf.OutboundBuffer()
    buf = zbuf.FileRegion.open(path).map()
    queue.writelines([buf, buf[5:10], zbuf.CompositeByteBuf(b"x", buf)])
    buf.release()
    assert flush_all(queue, ours, theirs) == data + data[5:10] + b"x" + data


# -- what is set


@pytest.fixture
def both(path):
    """A region that may be written."""
    with open(path, "r+b") as file:
        yield zbuf.FileRegion(file, 10)


def test_what_is_set_in_a_writable_map_is_in_the_file(both, path, data):
    with both.map(writable=True) as buf:
        buf.set_u32(0, 0x01020304)
        buf[PAGE : PAGE + 3] = b"abc"
        with memoryview(buf) as view:
            view[-1] = 0
        assert bytes(both.map()[:4]) == bytes([1, 2, 3, 4])
        with pytest.raises(zbuf.CapacityError):
            buf.write_u8(1)
    expected = bytearray(data)
    expected[10:14], expected[10 + PAGE : 13 + PAGE], expected[-1:] = bytes([1, 2, 3, 4]), b"abc", b"\0"
    assert path.read_bytes() == expected


@pytest.mark.parametrize("bounds", [(), (0,), (5, 9), (PAGE, 2 * PAGE), (-3, None), (9, 5), (10**9,)])
def test_flush_takes_the_bounds_of_a_slice(both, bounds, path):
    before = descriptors()
    buf = both.map(writable=True)
    buf.set_u8(7, 99)
    assert both.flush(*bounds) is None
    assert path.read_bytes()[17] == 99
    buf.release()
    assert (mapped(path), descriptors()) == (0, before)


def test_a_released_region_cannot_be_flushed(both):
    both.release()
    with pytest.raises(zbuf.ReleasedError, match="this region was released"):
        both.flush()


# -- what is truncated away


@pytest.fixture
def cut(path):
    """A map whose file has lost all but its first two pages."""
    buf = zbuf.FileRegion.open(path, 3).map()
    os.truncate(path, 2 * PAGE)
    return buf


GONE = 3 * PAGE
TOLD = f"expected {SIZE - 3} bytes of the file, found {2 * PAGE - 3}, its size is {2 * PAGE}"


def skipped(buf):
    buf.skip(GONE)
    return buf


def item(buf):
    return buf[GONE]


def iterate(buf):
    for _ in buf:
        pass


TOUCHES = {
    "get": lambda buf: buf.get_u32(GONE),
    "get_bytes": lambda buf: buf.get_bytes(0, SIZE - 3),
    "read": lambda buf: skipped(buf).read_u64(),
    "read_bytes": lambda buf: buf.read_bytes(SIZE - 3),
    "read_into": lambda buf: buf.read_into(bytearray(SIZE - 3)),
    "peek": lambda buf: buf.peek_u16(GONE),
    "varint": lambda buf: skipped(buf).read_varint(),
    "item": item,
    "iterate": iterate,
    "list": list,
    "in": lambda buf: b"no such bytes" in buf,
    "==": lambda buf: buf[GONE:] == bytes(SIZE - 3 - GONE),
    "!= of buffers": lambda buf: zbuf.copied(bytes(SIZE - 3 - GONE)) != buf[GONE:],
    "find": lambda buf: buf.find(b"no such bytes"),
    "rfind": lambda buf: buf.rfind(b"no such bytes"),
    "count": lambda buf: buf.count(b"no such bytes"),
    "bytes": bytes,
    "copy": lambda buf: buf.copy(),
    "copied": zbuf.copied,
    "write_bytes": lambda buf: zbuf.buffer().write_bytes(buf),
    "join": lambda buf: b"".join([buf]),
    "a slice": lambda buf: bytes(buf[GONE:]),
    "a composite": lambda buf: bytes(zbuf.CompositeByteBuf(b"x", buf)),
    "a composite's copy of few": lambda buf: zbuf.CompositeByteBuf(b"x").append(buf[GONE : GONE + 10]),
    "a layout": lambda buf: zbuf.Layout(">IIII").get(buf, GONE),
    "a searcher": lambda buf: zbuf.Searcher(b"no such bytes").find(buf),
    "a decoder": lambda buf: zbuf.codec.DelimiterDecoder(10**6, b"no such bytes").feed(buf),
    "hexdump": lambda buf: buf[GONE:].hexdump(),
    "a memoryview": lambda buf: bytes(memoryview(buf)),
    "struct": lambda buf: struct.unpack_from(">I", memoryview(buf), GONE),
}


@pytest.mark.parametrize("touch", TOUCHES.values(), ids=TOUCHES)
def test_who_touches_what_is_gone_is_told_each_time(cut, touch):
    for _ in range(2):
        with cut.duplicate() as buf, pytest.raises(zbuf.TruncatedFileError) as raised:
            touch(buf)
        assert str(raised.value) == TOLD
        assert (raised.value.expected, raised.value.sent, raised.value.size) == (SIZE - 3, 2 * PAGE - 3, 2 * PAGE)


def test_what_is_still_there_is_read_as_before(cut, data):
    for _ in range(2):
        assert bytes(cut[: 2 * PAGE - 3]) == data[3 : 2 * PAGE]
        with pytest.raises(zbuf.TruncatedFileError):
            cut.get_u8(GONE)


def test_a_file_that_has_its_size_again_has_its_bytes(cut, path):
    for size in (GONE, SIZE, 2 * PAGE, SIZE):
        with open(path, "r+b") as file:
            file.truncate(size)
            file.seek(size - 4)
            file.write(b"last")
        if size == 2 * PAGE:
            with pytest.raises(zbuf.TruncatedFileError):
                cut.get_u8(GONE)
        elif size == SIZE:
            assert bytes(cut[-5:]) == b"\0last"


def test_to_be_shown_is_never_an_error(cut):
    assert repr(cut[GONE:]).endswith("00 00 00 00 ...>")
    assert f"{cut[GONE:]!r}" and cut[5] is not None


def test_a_thread_is_told_of_its_own_touch(cut):
    told = []

    def touch(view):
        try:
            view.get_u8(GONE)
        except zbuf.TruncatedFileError as error:
            told.append(str(error))

    threads = [threading.Thread(target=touch, args=[cut.duplicate()]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == [TOLD] * 8


def test_code_without_the_lock_is_told_by_the_main_thread(cut):
    def digest():
        hashlib.sha256(memoryview(cut))   # long enough for it to let others run
        for _ in range(3):
            pass

    for _ in range(2):
        with pytest.raises(zbuf.TruncatedFileError, match=TOLD):
            digest()


def test_a_write_to_what_is_gone_is_told_and_written_nowhere(path, data):
    with open(path, "r+b") as file:
        buf = zbuf.FileRegion(file, 0).map(writable=True)
    os.truncate(path, PAGE)
    for _ in range(2):
        with pytest.raises(zbuf.TruncatedFileError):
            buf.set_u32(GONE, 1)
        with pytest.raises(zbuf.TruncatedFileError):
            buf[GONE] = 1
    buf.set_u8(0, 1)
    os.truncate(path, SIZE)
    assert path.read_bytes() == b"\1" + data[1:PAGE] + bytes(SIZE - PAGE)


def fault_at(address):
    """What the kernel does where it cannot give a page, of this thread."""
    call = {"x86_64": 297, "aarch64": 240}[platform.machine()]    # rt_tgsigqueueinfo
    what = ctypes.create_string_buffer(struct.pack("iii4xQ", signal.SIGBUS, 0, 2, address), 128)     # BUS_ADRERR
    assert ctypes.PyDLL(None).syscall(call, os.getpid(), threading.get_native_id(), signal.SIGBUS, what) == 0


def test_a_page_that_the_disk_does_not_give_is_no_truncation(path, data):
    with open(path, "r+b") as file:
        buf = zbuf.FileRegion(file, 0).map(writable=True)
    with pytest.raises(OSError, match=f"no room for a page of a mapped file of {SIZE} bytes, or could not read it") as raised:
        fault_at(ctypes.addressof(ctypes.c_char.from_buffer(memoryview(buf)[PAGE:])))
    assert raised.value.errno == errno.EIO and not isinstance(raised.value, zbuf.TruncatedFileError)
    assert bytes(buf) == data


@pytest.mark.parametrize("size", [10, PAGE])
def test_a_send_of_what_is_gone_moves_nothing(connect, cut, path, size):
    ours, theirs = connect()
    queue = zbuf.OutboundBuffer()
    queue.write(cut[GONE : GONE + size])
    for _ in range(2):
        with pytest.raises(zbuf.TruncatedFileError, match=f"expected {size} bytes of the file, sent 0, its size is {2 * PAGE}"):
            queue.flush_to(ours)
        assert queue.pending_bytes == size
    os.truncate(path, SIZE)
    queue.flush_to(ours)
    assert receive(theirs, size) == bytes(size)


def test_a_send_of_other_memory_that_cannot_be_read_says_so(connect, path):
    ours, _ = connect()
    queue = zbuf.OutboundBuffer()
    queue.write(zbuf.FileRegion.open(path).map())
    with zbuf.testing.syscalls([14]), pytest.raises(OSError, match="Bad address"):
        queue.flush_to(ours)
    assert queue.pending_bytes == SIZE


def test_two_maps_are_told_apart(tmp_path, cut):
    (tmp_path / "other").write_bytes(bytes(SIZE))
    other = zbuf.FileRegion.open(tmp_path / "other").map()
    os.truncate(tmp_path / "other", 0)
    with pytest.raises(zbuf.TruncatedFileError, match=f"expected {SIZE} bytes of the file, found 0, its size is 0"):
        other.get_u8(0)
    with pytest.raises(zbuf.TruncatedFileError, match=TOLD):
        cut.get_u8(GONE)


def test_a_map_that_is_gone_by_then_is_told_of_all_the_same(path):
    region = zbuf.FileRegion.open(path, 3)
    bufs = [region.map()]
    os.truncate(path, 2 * PAGE)
    with pytest.raises(zbuf.TruncatedFileError, match=TOLD):
        bytes(bufs.pop())
    assert mapped(path) == 0


# -- others who mind the signal


def run(code, *options):
    code = "import faulthandler, mmap, os, signal, sys, tempfile, zbuf\n" + textwrap.dedent(code)
    return subprocess.run([sys.executable, *options, "-c", code], capture_output=True, text=True, timeout=60)


TRUNCATED = """
def truncated():
    with tempfile.NamedTemporaryFile() as file:
        file.truncate(100_000)
        buf = zbuf.FileRegion(file, 0).map()
        file.truncate(0)
    return buf

def touch(buf):
    try:
        buf.get_u8(0)
    except zbuf.TruncatedFileError as error:
        os.write(1, b"%d\\n" % error.expected)
"""

FOREIGN = """
with tempfile.TemporaryFile() as file:
    file.truncate(100_000)
    foreign = mmap.mmap(file.fileno(), 100_000)
    file.truncate(0)
"""


def test_maps_of_others_end_the_process_as_before():
    done = run(TRUNCATED + FOREIGN + "touch(truncated())\nforeign[0]")
    assert (done.returncode, done.stdout) == (-signal.SIGBUS, "100000\n"), done.stderr


def test_a_handler_that_was_there_before_is_told_of_the_maps_of_others():
    done = run(TRUNCATED + FOREIGN + "touch(truncated())\nforeign[0]", "-X", "faulthandler")
    assert (done.returncode, done.stdout) == (-signal.SIGBUS, "100000\n")
    assert "Fatal Python error: Bus error" in done.stderr


def test_a_handler_that_came_later_does_not_end_the_process():
    done = run(TRUNCATED + "buf = truncated()\nfaulthandler.enable()\ntouch(buf)\ntouch(buf)")
    assert (done.returncode, done.stdout) == (0, "100000\n100000\n")


def test_a_signal_that_was_sent_ends_the_process_as_before():
    done = run(TRUNCATED + "touch(truncated())\nos.kill(os.getpid(), signal.SIGBUS)")
    assert (done.returncode, done.stdout) == (-signal.SIGBUS, "100000\n"), done.stderr


def test_a_child_that_was_forked_is_told_too():
    done = run(TRUNCATED + """
buf = truncated()
child = os.fork()
touch(buf)
if child:
    assert os.waitpid(child, 0)[1] == 0
""")
    assert (done.returncode, done.stdout) == (0, "100000\n100000\n"), done.stderr
