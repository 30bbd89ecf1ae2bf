"""What a DebugAllocator catches, and that it says so."""

import ctypes
import os
import subprocess
import sys
import textwrap

import pytest

import zbuf

# Without what changes zbuf or Python; but what a sanitizer needs stays.
CLEAN = {
    name: value for name, value in os.environ.items()
    if name == "PYTHONMALLOC" or not name.startswith(("ZBUF_", "PYTHON"))
}

QUARANTINE = 1 << 20


@pytest.fixture
def debug():
    with zbuf.DebugAllocator(quarantine=QUARANTINE) as allocator:
        yield allocator


def address(buf):
    """Where the buffer's first byte lies."""
    return ctypes.addressof(ctypes.c_char.from_buffer(buf.writable_view(max(buf.writable_bytes(), 1))))


def overwrite(at, byte=0x41, n=1):
    ctypes.memset(at, byte, n)


def made(allocator, n):
    buf = allocator.buffer(n)
    return buf, address(buf)


def notes_of(error):
    return [note.splitlines()[0] for note in error.__notes__]


def test_fresh_memory_and_memory_given_back_look_like_nothing_else(debug):
    buf, at = made(debug, 100)
    buf.writer_index = 100
    assert bytes(buf) == b"\xa5" * 100
    buf.release()
    assert ctypes.string_at(at, 100) == b"\xde" * 100


@pytest.mark.parametrize("n", [0, 1, 5, 64, 1000, 3 << 20])
@pytest.mark.parametrize(("where", "offset"), [("before its start", -1), ("before its start", -64),
                                               ("behind its end", 0), ("behind its end", 63)])
def test_a_write_outside_of_a_buffer_is_caught_when_it_goes(debug, capfd, n, where, offset):
    buf, at = made(debug, max(n, 1))
    buf.capacity = max(n, 1)
    offset = offset if offset < 0 else max(n, 1) + offset
    overwrite(at + offset)
    buf.release()
    size = max(n, 1)
    told = f"a buffer of {size} bytes was overwritten {where}"
    assert capfd.readouterr().err == f"zbuf: {told}, at byte {offset}; the next call of its allocator tells where it is from\n"
    with pytest.raises(zbuf.CorruptMemoryError, match=f"(?m)^{told}: byte {offset} is 0x41$") as caught:
        debug.buffer()
    error = caught.value
    assert (error.what, error.size, error.at, error.byte) == (f"overwritten {where}", size, offset, 0x41)
    assert notes_of(error) == ["allocated, innermost call first:", "given back, innermost call first:"]
    assert f"{__file__}:" in error.__notes__[0] and "in made" in error.__notes__[0]
    assert "in test_a_write_outside_of_a_buffer_is_caught_when_it_goes" in error.__notes__[1]
    debug.buffer().release()    # told once
    debug._check()


def test_no_call_moves_anything_while_a_fault_is_to_be_told(debug):
    buf = debug.buffer(10)
    gone, at = made(debug, 10)
    overwrite(at + 10)
    gone.release()
    with pytest.raises(zbuf.CorruptMemoryError):
        buf.write_bytes(bytes(100))
    assert (len(buf), buf.capacity) == (0, 10)
    buf.write_bytes(bytes(100))
    assert len(buf) == 100


@pytest.mark.parametrize(("find"), [
    lambda debug: debug.verify(),
    lambda debug: debug.trim(),
    lambda debug: debug.close(),
    lambda debug: [debug.buffer(QUARANTINE // 8).release() for _ in range(9)],    # pushed out of quarantine
], ids=["verify", "trim", "close", "use"])
def test_a_write_after_release_is_caught(debug, capfd, find):
    buf, at = made(debug, 1000)
    buf.release()
    overwrite(at + 7)
    with pytest.raises(zbuf.CorruptMemoryError, match="(?m)^a buffer of 1000 bytes was overwritten after its release: byte 7 is 0x41$") as caught:
        find(debug)
    assert notes_of(caught.value) == ["allocated, innermost call first:", "given back, innermost call first:"]
    assert capfd.readouterr().err.count("overwritten after its release, at byte 7") == 1
    debug._check()


def test_a_write_before_the_start_of_what_was_released_is_caught(debug):
    buf, at = made(debug, 1000)
    buf.release()
    overwrite(at - 3)
    with pytest.raises(zbuf.CorruptMemoryError, match="before its start: byte -3"):
        debug.verify()


def test_verify_finds_what_is_live_still_and_tells_it_once(debug):
    buf, at = made(debug, 10)
    overwrite(at + 10, n=64)
    with pytest.raises(zbuf.CorruptMemoryError, match="(?m)^a buffer of 10 bytes was overwritten behind its end: byte 10 is 0x41$") as caught:
        debug.verify()
    assert notes_of(caught.value) == ["allocated, innermost call first:"]
    debug.verify()
    buf.write_bytes(b"still good")
    buf.release()
    debug.verify()


def test_each_fault_is_raised_by_a_call_of_its_own(debug):
    bufs = [made(debug, n) for n in (10, 20, 30)]
    for buf, at in bufs:
        overwrite(at - 1)
        buf.release()
    sizes = set()
    for _ in bufs:
        with pytest.raises(zbuf.CorruptMemoryError) as caught:
            debug.verify()
        sizes.add(caught.value.size)
    debug.verify()
    assert sizes == {10, 20, 30}


def test_what_is_written_through_handles_is_no_fault(debug):
    buf = debug.buffer(100)
    buf.write_bytes(b"x" * 100)
    part = buf[10:]
    part[0:5] = b"abcde"
    with debug.composite() as whole:
        whole.append(buf)
        whole.write_bytes(b"y" * 5000)
    with memoryview(buf) as view:
        buf.release()
        view[99] = 1
    part.release()
    debug.verify()


def test_quarantine_is_bounded_by_bytes_and_by_blocks(debug):
    for _ in range(100):
        debug.buffer(100_000).release()
        assert debug.stats().cached <= QUARANTINE
    assert debug.stats().cached > QUARANTINE - 100_000
    for _ in range(10_000):
        debug.buffer(1).release()
    assert debug.stats().cached == 4096
    assert debug.trim() == 4096
    debug._check()


def test_the_oldest_leaves_quarantine_first(debug):
    first, at = made(debug, 1000)
    first.release()
    overwrite(at)
    for _ in range(4095):
        debug.buffer(10).release()
    with pytest.raises(zbuf.CorruptMemoryError, match="of 1000 bytes"):
        for _ in range(2):
            debug.buffer(10).release()


def test_a_buffer_too_large_for_quarantine_goes_at_once(debug):
    debug.buffer(QUARANTINE + 1).release()
    assert debug.stats().cached == 0


def test_options_are_checked():
    for options in ({"quarantine": -1}, {"max_live": -1}):
        with pytest.raises(ValueError, match="-1"):
            zbuf.DebugAllocator(**options)
    with pytest.raises(zbuf.PoolExhaustedError, match="^wanted 11 bytes, 0 of at most 10 are live$"):
        zbuf.DebugAllocator(max_live=10).buffer(11)
    with pytest.raises(MemoryError, match=f"^no memory for a block of {sys.maxsize - 100} bytes, 0 are live$"):
        zbuf.DebugAllocator().buffer(sys.maxsize - 100)


def test_buffers_outlive_it_and_are_looked_at_still(capfd):
    allocator = zbuf.DebugAllocator()
    buf, at = made(allocator, 10)
    del allocator
    overwrite(at + 10)
    buf.release()
    assert "overwritten behind its end" in capfd.readouterr().err


def test_a_debug_allocator_that_was_never_made_has_nothing_to_verify():
    with pytest.raises(zbuf.ReleasedError, match="never made"):
        zbuf.Allocator.__new__(zbuf.Allocator).trim()


def run(program, **environment):
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=50,
                          env={**CLEAN, "PYTHONPATH": ":".join(sys.path), **environment})
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def test_the_environment_makes_one_the_default():
    program = "import zbuf; print(type(zbuf.default_allocator()).__name__)"
    for value, name in (("1", "DebugAllocator"), ("yes", "DebugAllocator"), ("0", "PooledAllocator"), ("", "PooledAllocator")):
        assert run(program, ZBUF_DEBUG=value) == (f"{name}\n", "")


def test_what_no_call_has_told_is_told_at_exit():
    program = """
        import ctypes, zbuf
        for n in (10, 20):
            buf = zbuf.buffer(n)
            at = ctypes.addressof(ctypes.c_char.from_buffer(buf.writable_view(n)))
            buf.release()
            ctypes.memset(at + 2, 0, 1)
    """
    told = run(program, ZBUF_DEBUG="1")[1]
    for n in (10, 20):    # each of them
        assert f"CorruptMemoryError: a buffer of {n} bytes was overwritten after its release: byte 2 is 0x00" in told


TRAPPED = """
    import threading, zbuf
    class Index:
        # Asked for in the middle of the call of one thread, it lets another thread call.
        def __init__(self, call):
            self.call = call
        def __index__(self):
            thread = threading.Thread(target=self.other, name="second")
            thread.start()
            thread.join()
            return 7
        def other(self):
            try:
                self.call()
            except zbuf.ConcurrentUseError as error:
                print(error)
    """


@pytest.mark.parametrize(("make", "kind"), [("zbuf.copied(b'abc')", "ByteBuf"), ("zbuf.CompositeByteBuf(zbuf.copied(b'abc'))", "CompositeByteBuf")])
def test_two_threads_in_one_buffer_are_caught(make, kind):
    program = TRAPPED + f"""
    buf = {make}
    buf.set_u8(0, Index(lambda: buf.skip(2)))
    print(buf.reader_index, bytes(buf), buf.slice(0, 1).get_u8(0))
    """
    told = f"thread 'second' calls skip of a {kind} while thread 'MainThread' is in its set_u8\n0 b'\\x07bc' 7\n"
    assert run(program, ZBUF_DEBUG="1") == (told, "")


def test_one_thread_may_come_back_into_its_buffer_and_others_into_its_views():
    program = TRAPPED + """
    buf = zbuf.copied(b"abc")
    view = buf.slice()
    class Mine:
        def __index__(self):
            return buf.skip(1) or 9
    buf.set_u8(0, Mine())
    buf.set_u8(1, Index(lambda: view.skip(2)))
    print(buf.reader_index, view.reader_index, buf.get_bytes(0, 3))
    """
    assert run(program, ZBUF_DEBUG="1") == ("1 2 b'\\t\\x07c'\n", "")


def test_unguarded_use_is_caught_sooner_or_later():
    program = """
    import threading, zbuf
    buf = zbuf.copied(b"abc")
    caught = threading.Event()
    def use():
        while not caught.is_set():
            try:
                buf.get_u8(0)
            except zbuf.ConcurrentUseError:
                caught.set()
    threads = [threading.Thread(target=use) for _ in range(2)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    print(caught.is_set())
    """
    assert run(program, ZBUF_DEBUG="1") == ("True\n", "")


def test_without_the_variable_there_is_no_trap():
    assert run("import sys, zbuf; print('zbuf._trap' in sys.modules)") == ("False\n", "")
