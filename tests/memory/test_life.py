"""Allocators that are closed, dropped, replaced, or were never made."""

import gc
import time
import weakref

import pytest

import zbuf
from tools import ARENA, MIB, counters

CLOSED = "^this allocator was closed$"
NEVER = "^this allocator was never made: use PooledAllocator or SystemAllocator$"


def test_a_closed_allocator_makes_nothing(made, any_kind):
    allocator = made(any_kind)
    assert not allocator.closed
    allocator.buffer(100).release()
    allocator.close()
    allocator.close()
    assert allocator.closed
    for make in (allocator.buffer, lambda: allocator.buffer(3 * MIB), lambda: allocator.buffer(5, 10, headroom=3),
                 allocator.composite):
        with pytest.raises(zbuf.ReleasedError, match=CLOSED):
            make()
    assert (allocator.stats().committed, allocator.stats().live_blocks, allocator.trim()) == (0, 0, 0)


@pytest.mark.parametrize("size", [1, 1000, 65_600, MIB, 3 * MIB])
def test_live_buffers_outlive_close_and_then_the_memory_goes(made, any_kind, size):
    allocator = made(any_kind)
    buf, twin = allocator.buffer(size), allocator.buffer(size)
    buf.write_bytes(b"a" * size)
    twin.write_bytes(b"b" * size)
    allocator.close()
    allocator._check()
    assert (bytes(buf), bytes(twin)) == (b"a" * size, b"b" * size)
    assert allocator.stats().live_blocks == 2
    assert buf.release()
    assert bytes(twin) == b"b" * size
    assert twin.release()
    assert allocator.stats().committed == 0


def test_after_close_growth_in_place_works_and_growth_that_moves_changes_nothing(made):
    pool = made()
    buf = pool.buffer(600)
    buf.write_bytes(b"x" * 600)
    pool.close()
    buf.write_bytes(b"y" * 40)
    before = counters(pool)
    with pytest.raises(zbuf.ReleasedError, match=CLOSED):
        buf.write_u8(1)
    with pytest.raises(zbuf.ReleasedError, match=CLOSED):
        buf.copy(0, 5)
    assert counters(pool) == before
    assert (bytes(buf), buf.capacity) == (b"x" * 600 + b"y" * 40, 640)


def test_with_closes(any_kind):
    with any_kind() as allocator:
        buf = allocator.buffer(5)
    assert allocator.closed
    buf.write_bytes(b"12345")
    assert buf.release()


def test_an_error_inside_with_goes_on_after_the_close(any_kind):
    with pytest.raises(KeyError, match="mine"):
        with any_kind() as allocator:
            raise KeyError("mine")
    assert allocator.closed


@pytest.mark.parametrize("size", [100, 65_600, 3 * MIB])
def test_buffers_outlive_an_allocator_that_was_dropped(any_kind, size):
    allocator = any_kind()
    bufs = [allocator.buffer(size) for _ in range(20)]
    del allocator
    for k, buf in enumerate(bufs):
        buf.write_bytes(bytes([k]) * size)
    assert [bytes(buf)[-1] for buf in bufs] == list(range(20))
    with pytest.raises(zbuf.ReleasedError, match=CLOSED):
        bufs[0].write_bytes(b"z" * 100_000 if size < 3 * MIB else b"z" * MIB)
    view = bufs[5].view()
    assert all([buf.release() for buf in bufs[:5] + bufs[6:]])
    assert not bufs[5].release()
    assert view[0] == 5


def test_many_buffers_of_a_dropped_allocator_are_released_in_linear_time(any_kind):
    allocator = any_kind()
    bufs = [allocator.buffer(100) for _ in range(40_000)]
    del allocator
    start = time.process_time()
    bufs.clear()
    assert time.process_time() - start < 2   # 12 s where each one counted the others


def test_a_composite_outlives_its_allocator(any_kind):
    for end in (lambda allocator: allocator.close(), lambda allocator: None):
        allocator = any_kind()
        composite, empty = allocator.composite(), allocator.composite()
        composite.write_bytes(b"a" * 1000)
        composite.append(b"b" * 1000)
        end(allocator)
        del allocator
        with pytest.raises(zbuf.ReleasedError, match=CLOSED):
            composite.write_bytes(b"c" * 100_000)
        with pytest.raises(zbuf.ReleasedError, match=CLOSED):
            empty.write_u8(1)
        assert bytes(composite) == b"a" * 1000 + b"b" * 1000
        assert len(empty) == 0
        empty.release()
        composite.release()


def test_a_composite_writes_into_blocks_of_its_allocator(made, any_kind):
    allocator = made(any_kind)
    composite = allocator.composite()
    composite.write_bytes(b"a" * 100_000)
    assert allocator.stats().requested >= 100_000
    composite.release()
    assert allocator.live() == []


def test_an_allocator_that_was_never_made_says_so():
    for never in (zbuf.Allocator.__new__(zbuf.Allocator), zbuf.Allocator()):
        for use in (never.buffer, never.composite, never.stats, never.live, never.trim, never.close, never._check,
                    never.__enter__, lambda: never.__exit__(None, None, None),
                    lambda: zbuf.set_default_allocator(never)):
            with pytest.raises(zbuf.ReleasedError, match=NEVER):
                use()
        assert never.closed
        assert repr(never) == "<zbuf.Allocator never made>"


def test_the_default_allocator_is_replaced_and_handed_back(made, any_kind):
    mine = made(any_kind)
    before = zbuf.set_default_allocator(mine)
    assert zbuf.default_allocator() is mine
    bufs = zbuf.buffer(100), zbuf.copied(b"abc"), zbuf.wrap(b"x").copy(0, 1)
    assert mine.stats().live_blocks == 3
    assert zbuf.set_default_allocator(before) is mine
    kept = zbuf.buffer(10)
    assert mine.stats().live_blocks == 3
    assert all(buf.release() for buf in (*bufs, kept))


def test_the_default_allocator_is_held_and_its_buffers_stay_when_it_goes():
    before = zbuf.set_default_allocator(zbuf.PooledAllocator())
    gc.collect()
    buf = zbuf.copied(b"abc")
    zbuf.set_default_allocator(before)
    assert bytes(buf) == b"abc"
    with pytest.raises(zbuf.ReleasedError, match=CLOSED):
        buf.write_bytes(b"d" * 1000)


@pytest.mark.parametrize("wrong", [None, 5, zbuf.PooledAllocator, "zbuf"])
def test_what_is_no_allocator_does_not_become_the_default(wrong):
    before = zbuf.default_allocator()
    with pytest.raises(TypeError, match=f"^an Allocator is required, not {type(wrong).__name__!r}$"):
        zbuf.set_default_allocator(wrong)
    assert zbuf.default_allocator() is before


def test_a_closed_allocator_does_not_become_the_default(made, any_kind):
    allocator, before = made(any_kind), zbuf.default_allocator()
    allocator.close()
    with pytest.raises(zbuf.ReleasedError, match=CLOSED):
        zbuf.set_default_allocator(allocator)
    assert zbuf.default_allocator() is before


def test_a_default_allocator_that_is_closed_makes_nothing(made):
    mine = made()
    zbuf.set_default_allocator(mine)
    mine.close()
    for make in (zbuf.buffer, lambda: zbuf.copied(b"abc")):
        with pytest.raises(zbuf.ReleasedError, match=CLOSED):
            make()


def test_a_subclass_is_an_allocator_too():
    class Mine(zbuf.PooledAllocator):
        pass

    allocator = Mine(max_live=100)
    dropped = weakref.ref(allocator)
    buf = allocator.buffer(100)
    assert repr(allocator) == "<zbuf.Mine 1 live blocks, 100 bytes requested, 0 at rest>"
    del allocator
    gc.collect()
    assert dropped() is None
    assert buf.release()


def test_many_allocators_come_and_go():
    for _ in range(300):
        allocator = zbuf.PooledAllocator()
        buf = allocator.buffer(5000)
        assert allocator.stats().committed == ARENA
        del allocator
        buf.release()


def test_repr_tells_what_is_live_and_at_rest(made):
    pool = made()
    pool.buffer(64).release()
    buf = pool.buffer(1000)
    assert repr(pool) == "<zbuf.PooledAllocator 1 live blocks, 1000 bytes requested, 64 at rest>"
    pool.close()
    assert repr(pool) == "<zbuf.PooledAllocator closed, 1 live blocks, 1000 bytes requested, 0 at rest>"
    buf.release()


@pytest.mark.parametrize(("options", "error", "message"), [
    ({"decay": 0}, ValueError, r"decay is a number of seconds above 0, not 0\.0"),
    ({"decay": -1.5}, ValueError, r"decay is a number of seconds above 0, not -1\.5"),
    ({"decay": float("nan")}, ValueError, "decay is a number of seconds above 0, not nan"),
    ({"decay": float("inf")}, ValueError, "decay is a number of seconds above 0, not inf"),
    ({"decay": "1"}, TypeError, "must be real number, not str"),
    ({"max_cached": -1}, ValueError, "size -1 is negative"),
    ({"max_cached": 1.5}, TypeError, "'float' object cannot be interpreted as an integer"),
    ({"max_cached": None}, TypeError, "'NoneType' object cannot be interpreted as an integer"),
    ({"max_live": -1}, ValueError, "size -1 is negative"),
    ({"max_live": "1"}, TypeError, "'str' object cannot be interpreted as an integer"),
    ({"max_size": 1}, TypeError, "max_size"),
])
def test_wrong_options_are_refused_with_a_reason(options, error, message):
    with pytest.raises(error, match=message):
        zbuf.PooledAllocator(**options)
    if "max_live" in options:
        with pytest.raises(error, match=message):
            zbuf.SystemAllocator(**options)


def test_options_are_named():
    for kind in (zbuf.PooledAllocator, zbuf.SystemAllocator):
        with pytest.raises(TypeError, match="positional"):
            kind(1000)
    with pytest.raises(TypeError, match="max_cached"):
        zbuf.SystemAllocator(max_cached=1)


@pytest.mark.parametrize(("arguments", "headroom", "error", "message"), [
    ((-1,), 0, ValueError, "size -1 is negative"),
    ((10, 9), 0, ValueError, "max_capacity 9 is below the capacity of 10"),
    ((10, -1), 0, ValueError, "size -1 is negative"),
    ((10,), -1, ValueError, "size -1 is negative"),
    (("10",), 0, TypeError, "'str' object cannot be interpreted as an integer"),
    ((1.0,), 0, TypeError, "'float' object cannot be interpreted as an integer"),
    ((10, "x"), 0, TypeError, "'str' object cannot be interpreted as an integer"),
    ((10,), None, TypeError, "'NoneType' object cannot be interpreted as an integer"),
    ((1, 2, 3), 0, TypeError, "positional"),
])
def test_wrong_sizes_are_refused_and_nothing_is_taken(made, any_kind, arguments, headroom, error, message):
    allocator = made(any_kind)
    for make in (allocator.buffer, zbuf.buffer):
        with pytest.raises(error, match=message):
            make(*arguments, headroom=headroom)
    assert allocator.stats().live_blocks == 0


def test_a_headroom_lies_before_the_reader_and_counts_in_the_limit(made, any_kind):
    buf = made(any_kind).buffer(100, 200, headroom=16)
    assert (buf.reader_index, buf.writer_index, buf.capacity, buf.max_capacity) == (16, 16, 116, 216)
    buf.prepend_u64(1)
    assert buf.read_u64() == 1
