"""DirectFile: aligned bytes between a real device and pooled buffers, and nothing else."""

import contextlib
import ctypes
import errno
import fcntl
import hashlib
import mmap
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading

import pytest
from processes import run

import zbuf
from zbuf.direct import DirectFile, aligned_buffer

MIB = 1 << 20
DATA = random.Random(1).randbytes(1 * MIB)
HERE = os.path.dirname(__file__)


def address(buf):
    """Where the next byte to be written lies."""
    return ctypes.addressof(ctypes.c_char.from_buffer(buf.writable_view(1)))


def refuses_direct(folder):
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        try:
            DirectFile(file.name).close()
        except OSError:
            return True
    return False


@pytest.fixture
def folder(tmp_path):
    """A folder of a file system with direct I/O."""
    if not refuses_direct(tmp_path):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=HERE) as other:
        yield other


@pytest.fixture
def path(folder):
    file = os.path.join(folder, "file.bin")
    with open(file, "wb") as new:
        new.write(DATA)
        os.fsync(new.fileno())
    return file


def content(path):
    with open(path, "rb") as file:
        return file.read()


def filled(file, data):
    buf = file.buffer(len(data))
    buf.write_bytes(data)
    return buf


def cached_pages(path):
    """Count the pages of a file that are in the page cache."""
    size = os.path.getsize(path)
    libc = ctypes.CDLL(None, use_errno=True)
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), size) as mapped:
        pages = (ctypes.c_ubyte * ((size + 4095) // 4096))()
        start = ctypes.addressof(view := ctypes.c_char.from_buffer(mapped))
        assert libc.mincore(ctypes.c_void_p(start), ctypes.c_size_t(size), pages) == 0
        del view
        return sum(page & 1 for page in pages)


# -- what the device wants


def test_alignment_is_what_the_kernel_tells(path):
    with DirectFile(path) as file:
        assert file.path_used == "direct"
        for align in (file.memory_align, file.offset_align):
            assert align >= 4 and align & (align - 1) == 0
        assert fcntl.fcntl(file.fileno(), fcntl.F_GETFL) & os.O_DIRECT
        step = file.offset_align
        unaligned = ctypes.create_string_buffer(3 * step)
        view = memoryview(unaligned)[1 + -ctypes.addressof(unaligned) % step :][:step]
        with pytest.raises(OSError, match="Invalid argument"):     # the kernel means it
            os.preadv(file.fileno(), [view], 1)


def test_what_is_read_and_written_leaves_the_page_cache_alone(folder):
    path = os.path.join(folder, "new.bin")
    with DirectFile(path, "x+") as file:
        file.write(filled(file, DATA), 0)
        assert cached_pages(path) == 0
        assert file.read(0, len(DATA)) == DATA
        assert cached_pages(path) == 0
    assert content(path) == DATA
    assert cached_pages(path) > 0


# -- 64 MiB


def test_64_mib_keep_their_digest(folder):
    path = os.path.join(folder, "large.bin")
    written, seen = hashlib.sha256(), hashlib.sha256()
    with DirectFile(path, "w+") as file, file.buffer(4 * MIB) as buf:
        for k in range(16):
            buf.clear()
            buf.write_bytes((DATA[k * 1000 :] + DATA[: k * 1000]) * 4)
            written.update(buf)
            assert file.write(buf, k * 4 * MIB) == 4 * MIB
        file.sync()
        assert file.size == 64 * MIB
        for k in range(16):
            buf.clear()
            assert file.read_into(buf, k * 4 * MIB) == 4 * MIB
            seen.update(buf)
        assert seen.hexdigest() == written.hexdigest()
        assert file.read(64 * MIB, 4096) == b""
        assert file.read(0, 64 * MIB)[5 * MIB : 5 * MIB + 10] == buf_at(file, 5 * MIB)
    with open(path, "rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == written.hexdigest()


def buf_at(file, offset):
    with file.read(offset, 4096) as page:
        return bytes(page[:10])


def test_a_composite_goes_in_many_pieces(path):
    with DirectFile(path, "r+") as file:
        step = file.offset_align
        with filled(file, DATA) as whole:
            pieces = [whole[k * step : (k + 1) * step] for k in range(len(DATA) // step)][::-1]
            with zbuf.CompositeByteBuf(*pieces, coalesce=0) as composite:
                assert file.write(composite, 0) == len(DATA)
    assert len(pieces) > 1024 or step > 512      # more than one call takes
    assert content(path) == b"".join(DATA[i : i + step] for i in range(0, len(DATA), step)[::-1])


def test_a_buffer_keeps_its_indices_when_it_is_written(path):
    with DirectFile(path, "r+") as file:
        step = file.offset_align
        with filled(file, DATA[: 4 * step]) as buf:
            buf.skip(step)
            assert file.write(buf, step) == 3 * step
            assert (buf.reader_index, buf.writer_index, buf.refcnt) == (step, 4 * step, 1)


# -- the end of a file


def test_a_read_ends_where_the_file_does(folder):
    path = os.path.join(folder, "short.bin")
    with open(path, "wb") as file:
        file.write(DATA[:10_001])
    with DirectFile(path) as file:
        step = file.offset_align
        with file.read(0, 16_384) as buf:
            assert buf == DATA[:10_001]
        with file.read(8192, 4096) as buf:
            assert buf == DATA[8192:10_001]
        assert file.read(12_288, 4096) == b""
        assert file.read(0, 0) == b""
        with file.buffer(16_384) as buf:
            assert file.read_into(buf, 8192) == 1809
            assert (buf, buf.writer_index) == (DATA[8192:10_001], 1809)
            with pytest.raises(ValueError, match=f"memory begins [0-9]+ bytes behind a multiple of {file.memory_align}"):
                file.read_into(buf, 0, step)
            assert buf.writer_index == 1809


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 4097, 10_000])
@pytest.mark.parametrize("before", [0, 100_000])
def test_an_end_of_any_length_is_written(folder, size, before):
    path = os.path.join(folder, "end.bin")
    with open(path, "wb") as file:
        file.write(bytes(before))
    with DirectFile(path, "r+") as file:
        with filled(file, DATA[: max(size, 1)]) as buf:
            with buf[:size] as part:
                assert file.write_end(part, 4096) == size
        assert file.size == 4096 + size
        with file.read(4096, 16_384) as buf:
            assert buf == DATA[:size]
    assert content(path) == bytes(4096) + DATA[:size]


def test_the_end_of_a_composite_is_written(folder):
    path = os.path.join(folder, "end.bin")
    with DirectFile(path, "x+") as file:
        with filled(file, DATA[:4096]) as first, zbuf.CompositeByteBuf(first, b"tail") as whole:
            with pytest.raises(ValueError, match="4100 bytes are not a multiple of"):
                file.write(whole, 0)
            assert file.size == 0
            assert file.write_end(whole, 0) == 4100
    assert content(path) == DATA[:4096] + b"tail"


# -- what is not aligned


@pytest.mark.parametrize("call", ["read", "read_into", "write", "write_end"])
def test_an_offset_that_is_not_aligned_is_refused(path, call):
    with DirectFile(path, "r+") as file, filled(file, DATA[::-1][:8192]) as full, file.buffer(4096) as empty:
        arguments = {"read": (100, 4096), "read_into": (empty, 100, 4096), "write": (full, 100), "write_end": (full, 100)}
        with pytest.raises(ValueError, match=f"offset 100 is not a multiple of {file.offset_align}"):
            getattr(file, call)(*arguments[call])
        negative = tuple(-4096 if argument == 100 else argument for argument in arguments[call])
        with pytest.raises(ValueError, match="offset -4096 is negative"):
            getattr(file, call)(*negative)
        assert (len(empty), full.reader_index) == (0, 0)
    assert content(path) == DATA


def test_a_length_that_is_not_aligned_is_refused(path):
    with DirectFile(path, "r+") as file, file.buffer(4096) as empty, filled(file, DATA[:1000]) as full:
        for call in (lambda: file.read(0, 1000), lambda: file.read_into(empty, 0, 1000), lambda: file.write(full, 0)):
            with pytest.raises(ValueError, match=f"1000 bytes are not a multiple of {file.offset_align}"):
                call()
        with pytest.raises(ValueError, match="-1"):
            file.read(0, -1)
    assert content(path) == DATA


def test_memory_that_is_not_aligned_is_refused(path):
    with DirectFile(path, "r+") as file:
        step = file.offset_align
        with file.buffer(4 * step) as buf, file.buffer(4 * step) as room:
            buf.write_bytes(DATA[1 : 3 * step + 1])
            room.write_bytes(b"x")
            with buf[1 : 1 + step] as part:
                message = f"memory begins 1 bytes behind a multiple of {file.memory_align}: see DirectFile.buffer"
                with pytest.raises(ValueError, match=message):
                    file.write(part, 0)
                with pytest.raises(ValueError, match=message):
                    file.write_end(part, 0)
                with pytest.raises(ValueError, match=message):
                    file.read_into(room, 0, step)
                assert room == b"x"
            with buf[:step] as first, buf[step : 2 * step + 1] as second, buf[2 * step + 1 : 3 * step] as third:
                composite = zbuf.CompositeByteBuf(first, second, third, coalesce=0)
                with pytest.raises(ValueError, match=f"a piece of {step + 1} bytes at {step} is not a multiple of {step}"):
                    file.write(composite, 0)
                composite.release()
    assert content(path) == DATA


def test_a_read_needs_room_that_is_there(path):
    with DirectFile(path) as file, file.buffer(4096) as buf:
        with pytest.raises(zbuf.CapacityError, match="wanted room for 8192 bytes, 4096 available"):
            file.read_into(buf, 0, 8192)
        with zbuf.CompositeByteBuf(b"abc") as composite, pytest.raises(TypeError, match="a composite's memory is in many places"):
            file.read_into(composite, 0, 0)
        with buf.as_readonly() as view, pytest.raises(zbuf.ReadOnlyError, match="read-only"):
            file.read_into(view, 0)
        assert (len(buf), buf.capacity) == (0, 4096)
        for call in (file.read_into, file.write, file.write_end):
            with pytest.raises(TypeError, match="ByteBuf"):
                call(bytearray(4096), 0)
            with pytest.raises(TypeError, match="None|ByteBuf"):
                call(None, 0)


def test_what_does_not_fit_63_bits_is_refused(path):
    with DirectFile(path, "r+") as file, filled(file, DATA[:8192]) as buf:
        last = (1 << 63) - 4096
        for call in (lambda: file.read(last, 8192), lambda: file.write(buf, last)):
            with pytest.raises(OverflowError, match=rf"8192 bytes at {last} reach beyond 2\*\*63 - 1"):
                call()
        with pytest.raises(OverflowError, match=rf"8192 bytes at {last} reach beyond 2\*\*63 - 1"):
            file.write_end(buf, last)
        with pytest.raises(OverflowError, match="does not fit"):
            file.read(1 << 63, 4096)
        with pytest.raises(MemoryError):
            file.read(0, (1 << 62))
    assert content(path) == DATA


def test_without_memory_for_its_record_a_file_is_not_left_open(path):
    before = os.listdir("/proc/self/fd")
    with pytest.raises(MemoryError, match=r"^no memory for a record of \d+ bytes$"), zbuf.testing.fail_after(1):
        DirectFile(path)
    assert os.listdir("/proc/self/fd") == before


# -- aligned memory


@pytest.mark.parametrize("make", [zbuf.PooledAllocator, zbuf.SystemAllocator])
@pytest.mark.parametrize("align", [1, 64, 512, 4096, 65_536, 2 * MIB])
def test_memory_begins_where_it_should(make, align):
    with make() as allocator:
        kept = []
        for size in [1, 100, 511, 512, 513, 1024, 1100, 4096, 4097, 5000, 16_384, 65_536, 65_600, 100_000, MIB, 3 * MIB]:
            for _ in range(3):
                buf = aligned_buffer(size, align, allocator=allocator)
                assert (address(buf) % align, buf.capacity, buf.max_capacity, len(buf)) == (0, size, size, 0)
                buf.write_zeros(size)
                kept.append(buf)
        allocator._check()
        kept.clear()
        del buf
        assert allocator.live() == []


def test_a_pool_takes_no_more_for_whole_pages():
    with zbuf.PooledAllocator() as allocator:
        with aligned_buffer(16_384, allocator=allocator):
            assert [block.requested for block in allocator.live()] == [16_384]


def test_an_aligned_buffer_does_not_grow():
    with aligned_buffer(4096) as buf:
        buf.write_zeros(4096)
        with pytest.raises(zbuf.CapacityError, match="wanted room for 1 bytes, 0 available"):
            buf.write_u8(1)
        with buf[512:] as part:
            assert bytes(part) == bytes(3584)


def test_an_alignment_is_a_power_of_two():
    for align in (0, 3, 4095):
        with pytest.raises(ValueError, match=f"align is a power of two, not {align}"):
            aligned_buffer(10, align)
    with pytest.raises(ValueError, match="-4"):
        aligned_buffer(10, -4)
    with pytest.raises(TypeError, match="an Allocator is required, not 'str'"):
        aligned_buffer(10, allocator="pool")
    closed = zbuf.PooledAllocator()
    closed.close()
    with pytest.raises(zbuf.ReleasedError, match="this allocator was closed"):
        aligned_buffer(10, allocator=closed)
    with pytest.raises(MemoryError, match=f"no memory for {sys.maxsize} bytes at a multiple of 4096"):
        aligned_buffer(sys.maxsize)
    with zbuf.PooledAllocator(max_live=4096) as small:
        with pytest.raises(zbuf.PoolExhaustedError, match="wanted 8192 bytes, 0 of at most 4096 are live"):
            aligned_buffer(5000, allocator=small)


# -- opening


def descriptors():
    return set(os.listdir("/proc/self/fd"))


def test_modes_are_those_of_open(folder):
    path = os.path.join(folder, "new.bin")
    with pytest.raises(FileNotFoundError):
        DirectFile(path)
    with pytest.raises(FileNotFoundError):
        DirectFile(path, "r+")
    with DirectFile(path, "x+") as file:
        file.write(filled(file, DATA[:4096]), 0)
    with pytest.raises(FileExistsError):
        DirectFile(path, "x+")
    with DirectFile(path) as file, filled(file, DATA[:4096]) as buf:
        with pytest.raises(OSError, match="Bad file descriptor: 0 of 4096 bytes at 0 were written"):
            file.write(buf, 0)
    with DirectFile(path, "r+") as file:
        assert file.size == 4096
    with DirectFile(os.fsencode(path), "w+") as file:
        assert file.size == 0
    with pytest.raises(ValueError, match="a mode is one of r, r\\+, w\\+, x\\+, not 'w'"):
        DirectFile(path, "w")


def test_dsync_is_asked_for(path):
    with DirectFile(path, "r+", dsync=True) as file:
        assert fcntl.fcntl(file.fileno(), fcntl.F_GETFL) & os.O_DSYNC
    with DirectFile(path, "r+") as file:
        assert not fcntl.fcntl(file.fileno(), fcntl.F_GETFL) & os.O_DSYNC


@pytest.mark.parametrize("place", ["/dev/shm", "/proc/version"])
def test_what_has_no_direct_io_says_so(place):
    before = descriptors()
    if os.path.isdir(place):
        with tempfile.NamedTemporaryFile(dir=place) as file:
            refused_and_buffered(file.name)
            file.write(DATA[:5000])
            file.flush()
            with DirectFile(file.name, "w+", buffered=True) as direct:     # emptied all the same
                assert direct.size == 0
    else:
        refused_and_buffered(place)
    assert descriptors() == before


def refused_and_buffered(path):
    size = os.path.getsize(path)
    with pytest.raises(OSError, match="no direct I/O on this file; buffered=True does without") as raised:
        DirectFile(path)
    assert (raised.value.errno, raised.value.filename) == (errno.EINVAL, path)
    with DirectFile(path, buffered=True) as file:
        assert (file.path_used, file.memory_align, file.offset_align) == ("buffered", 4096, 4096)
        assert not fcntl.fcntl(file.fileno(), fcntl.F_GETFL) & os.O_DIRECT
        with pytest.raises(ValueError, match="offset 512 is not a multiple of 4096"):
            file.read(512, 4096)
        assert file.read(0, 4096) == content(path)[:4096]
    assert os.path.getsize(path) == size


def test_a_refusal_does_not_empty_the_file():
    with tempfile.NamedTemporaryFile(dir="/dev/shm") as file:
        file.write(b"precious")
        file.flush()
        with pytest.raises(OSError, match="no direct I/O"):
            DirectFile(file.name, "w+")
        assert content(file.name) == b"precious"


def test_buffered_is_only_a_permission(path):
    with DirectFile(path, buffered=True) as file:
        assert file.path_used == "direct"


def test_what_is_no_file_is_refused(folder):
    before = descriptors()
    with pytest.raises(IsADirectoryError, match="a directory, not a file"):
        DirectFile(folder)
    pipe = os.path.join(folder, "pipe")
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="neither a regular file nor a block device"):
        DirectFile(pipe)
    with pytest.raises(OSError, match="neither a regular file nor a block device"):
        DirectFile("/dev/null", buffered=True)
    assert descriptors() == before


# -- the end


def test_a_closed_file_is_of_no_use(path):
    file = DirectFile(path, "r+")
    buf = file.buffer(4096)
    before = descriptors()
    file.close()
    file.close()
    assert (file.closed, repr(file)) == (True, "<zbuf.direct.DirectFile closed>")
    assert len(descriptors()) == len(before) - 1
    for call in (lambda: file.read(0, 4096), lambda: file.read_into(buf, 0), lambda: file.write(buf, 0), file.__enter__,
                 lambda: file.write_end(buf, 0), file.sync, file.fileno, lambda: file.buffer(1), lambda: file.size,
                 lambda: file.memory_align, lambda: file.offset_align, lambda: file.path_used):
        with pytest.raises(zbuf.ReleasedError, match="this file was closed"):
            call()


def test_a_file_is_opened_once(path):
    with DirectFile(path) as file:
        with pytest.raises(TypeError, match="this file is open already"):
            file.__init__(path)
        assert repr(file) == f"<zbuf.direct.DirectFile {path!r}, direct, multiples of {file.offset_align}>"


def test_a_file_that_is_dropped_is_closed(path):
    before = descriptors()
    DirectFile(path)
    assert descriptors() == before


def test_a_released_buffer_is_refused(path):
    with DirectFile(path, "r+") as file:
        buf = filled(file, DATA[:4096])
        buf.release()
        for call in (lambda: file.read_into(buf, 0), lambda: file.write(buf, 0), lambda: file.write_end(buf, 0)):
            with pytest.raises(zbuf.ReleasedError, match="this handle was released"):
                call()


def test_after_a_sync_that_failed_nothing_is_written(path):
    with DirectFile(path, "r+") as file, filled(file, DATA[::-1][:4096]) as buf:
        spare = os.dup(file.fileno())
        reader, writer = os.pipe()
        os.dup2(writer, file.fileno())       # what cannot be synced
        with pytest.raises(OSError, match="Invalid argument") as raised:
            file.sync()
        assert raised.value.filename == path
        os.dup2(spare, file.fileno())
        for call in (file.sync, lambda: file.write(buf, 0), lambda: file.write_end(buf, 0)):
            with pytest.raises(OSError, match="a sync of this file has failed, and what the device has is unknown") as raised:
                call()
            assert raised.value.errno == errno.EIO
        assert file.read(0, 4096) == DATA[:4096]
        for fd in (spare, reader, writer):
            os.close(fd)
    assert content(path) == DATA


def test_errors_of_the_device_say_what_was_done(path):
    with DirectFile(path, "r+") as file, filled(file, DATA[::-1][:8192]) as buf, file.buffer(4096) as room:
        spare = os.dup(file.fileno())
        reader, writer = os.pipe()
        os.dup2(writer, file.fileno())
        for call, message in [
            (lambda: file.write(buf, 4096), "Illegal seek: 0 of 8192 bytes at 4096 were written"),
            (lambda: file.read(4096, 8192), "Illegal seek: 0 of 8192 bytes at 4096 were read"),
            (lambda: file.read_into(room, 4096), "Illegal seek: 0 of 4096 bytes at 4096 were read"),
            (lambda: file.size, "Illegal seek"),
        ]:
            with pytest.raises(OSError, match=message):
                call()
        with buf[:0] as nothing, pytest.raises(OSError, match="Invalid argument"):
            file.write_end(nothing, 0)
        assert (len(room), room.refcnt) == (0, 1)
        room.write_bytes(b"exported no more" * 256)
        os.dup2(spare, file.fileno())
        for fd in (spare, reader, writer):
            os.close(fd)
    assert content(path) == DATA


def test_a_write_that_stops_half_way_says_how_far_it_came(folder):
    path = os.path.join(folder, "limited.bin")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with DirectFile(path, "x+") as file, filled(file, DATA[:16_384]) as buf:
            resource.setrlimit(resource.RLIMIT_FSIZE, (8192, hard))
            with pytest.raises(OSError, match="File too large: 8192 of 16384 bytes at 0 were written"):
                file.write(buf, 0)
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            assert file.size == 8192
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert content(path) == DATA[:8192]


# -- threads


def test_a_handle_may_be_released_while_its_memory_is_in_use(path):
    with DirectFile(path, "r+") as file:
        def work():
            for _ in range(50):
                buf = filled(file, DATA)
                other = threading.Thread(target=buf.release)
                other.start()
                with contextlib.suppress(zbuf.ReleasedError):
                    file.write(buf, 0)
                other.join()

        threads = [threading.Thread(target=work) for _ in range(4)]
        for other in threads:
            other.start()
        for other in threads:
            other.join()
    assert content(path) == DATA


def test_a_buffer_that_changes_while_it_is_read_into_keeps_its_change(path):
    refused = read = 0
    with DirectFile(path) as file:
        for _ in range(200):
            buf = file.buffer(len(DATA))
            other = threading.Thread(target=buf.release)
            other.start()
            try:
                assert file.read_into(buf, 0) == len(DATA)
                read += 1
            except zbuf.ReleasedError:
                refused += 1
            except RuntimeError as error:
                assert str(error) == f"the buffer was changed while {len(DATA)} bytes were read into it"
                refused += 1
            other.join()
            assert buf.released
    assert refused + read == 200


def test_a_file_may_be_closed_while_it_is_read(path):
    before = descriptors()
    for _ in range(50):
        file = DirectFile(path)
        other = threading.Thread(target=file.close)
        other.start()
        with contextlib.suppress(zbuf.ReleasedError):
            with file.read(0, len(DATA)) as buf:
                assert buf == DATA
        other.join()
    assert descriptors() == before


def test_the_example_of_a_page_store_runs_in_a_process_of_its_own(folder):
    program = """
        import zbuf

        PAGE = 16384
        with zbuf.direct.DirectFile("pages", "x+", dsync=True) as file:
            page = file.buffer(PAGE)
            for number in range(4):
                page.clear()
                page.write_u64(number)
                page.write_zeros(page.writable_bytes())
                file.write(page, number * PAGE)
            print([file.read(k * PAGE, PAGE).read_u64() for k in range(4)], file.path_used)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True,
                          cwd=folder, timeout=60, env=dict(os.environ, PYTHONPATH=os.pathsep.join(p for p in sys.path if p)))
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "[0, 1, 2, 3] direct\n")


def test_forks_in_the_middle_of_reads_and_writes_change_no_byte(path):
    # Memory that the device fills while a child shares it: the child's writes, and the parent's, must not part them.
    program = """
        import os, random, sys, threading, warnings, zbuf
        from pathlib import Path
        from zbuf.direct import DirectFile
        warnings.simplefilter("ignore", DeprecationWarning)    # a fork of a process with threads
        data, over, faults = Path(sys.argv[1]).read_bytes(), threading.Event(), []
        def work(seed):
            draw = random.Random(seed)
            with DirectFile(sys.argv[1], "r+") as file:
                while not over.is_set():
                    at = draw.randrange(len(data) // 65536) * 65536
                    with file.read(at, 65536) as buf:
                        if bytes(buf) != data[at : at + 65536]:
                            faults.append(at)
                        file.write(buf, at)
        threads = [threading.Thread(target=work, args=[k]) for k in range(3)]
        for thread in threads: thread.start()
        for _ in range(40):
            child = os.fork()
            if child == 0:
                with zbuf.buffer(65536) as mine:
                    mine.write_bytes(b"child" * 10_000)
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
        over.set()
        for thread in threads: thread.join()
        assert faults == [] and Path(sys.argv[1]).read_bytes() == data
        print("well")
    """
    assert run(program, path) == "well\n"
