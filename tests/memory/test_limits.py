"""max_live and max_cached: what is refused, what is not kept, and what sizes cannot be."""

import random

import pytest

import zbuf
from tools import MIB, at_rest, counters, row

TOP = 2**63 - 1


def test_a_take_beyond_max_live_raises_with_numbers_and_changes_nothing(made, any_kind):
    allocator = made(any_kind, max_live=1000)
    buf = allocator.buffer(600)
    before = counters(allocator)
    with pytest.raises(zbuf.PoolExhaustedError, match="wanted 401 bytes, 600 of at most 1000 are live") as caught:
        allocator.buffer(401)
    assert (caught.value.wanted, caught.value.live, caught.value.max_live) == (401, 600, 1000)
    assert isinstance(caught.value, MemoryError)
    assert counters(allocator) == before
    assert allocator.buffer(400).release()
    buf.release()
    assert allocator.buffer(1000).release()


def test_a_recycled_block_does_not_get_past_max_live(made):
    pool = made(max_live=1000)
    pool.buffer(640).release()
    buf = pool.buffer(500)
    with pytest.raises(zbuf.PoolExhaustedError, match="wanted 600 bytes, 500 of at most 1000 are live"):
        pool.buffer(600)
    assert buf.release()


def test_growth_in_place_beyond_max_live_raises_and_changes_nothing(made):
    pool = made(max_live=600)
    buf = pool.buffer(600)
    buf.write_bytes(b"x" * 600)
    before = counters(pool)
    with pytest.raises(zbuf.PoolExhaustedError, match="wanted 1 bytes, 600 of at most 600 are live"):
        buf.write_u8(1)
    assert counters(pool) == before
    assert (bytes(buf), buf.capacity, buf.writer_index) == (b"x" * 600, 600, 600)


def test_growth_in_place_counts_what_it_takes(pool):
    buf = pool.buffer(600)
    buf.write_bytes(b"x" * 601)
    assert (pool.stats().requested, pool.stats().granted) == (buf.capacity, 640)
    assert buf.release()
    assert pool.stats().requested == 0


def test_growth_that_moves_beyond_max_live_raises_and_changes_nothing(made, any_kind):
    allocator = made(any_kind, max_live=1280)
    buf = allocator.buffer(640)
    buf.write_bytes(b"y" * 640)
    before = counters(allocator)
    with pytest.raises(zbuf.PoolExhaustedError, match="wanted 641 bytes, 640 of at most 1280 are live"):
        buf.write_u8(1)
    assert counters(allocator) == before
    assert (bytes(buf), buf.capacity) == (b"y" * 640, 640)


def test_growth_takes_what_it_needs_where_it_may_not_have_what_it_wishes(made, any_kind):
    allocator = made(any_kind, max_live=1500)
    buf = allocator.buffer(600)
    buf.write_bytes(bytes(600))
    buf.ensure_writable(200)          # by doubling it would be 1,024, beside the old 600
    assert (buf.capacity, bytes(buf)) == (800, bytes(600))
    assert allocator.stats().requested == 800


def test_a_composite_beyond_max_live_raises_and_changes_nothing(made):
    pool = made(max_live=100)
    composite = pool.composite()
    with pytest.raises(zbuf.PoolExhaustedError, match="of at most 100 are live"):
        composite.write_bytes(b"z" * 200)
    assert (len(composite), pool.stats().live_blocks) == (0, 0)


def test_max_live_of_nothing_gives_buffers_of_nothing(made, any_kind):
    allocator = made(any_kind, max_live=0)
    assert allocator.buffer(0).release()
    with pytest.raises(zbuf.PoolExhaustedError, match="wanted 1 bytes, 0 of at most 0 are live"):
        allocator.buffer(1)


@pytest.mark.parametrize("most", [0, 1, 4096, 100_000, 3 * MIB])
def test_max_cached_is_never_exceeded(made, most):
    pool, rng, live = made(max_cached=most), random.Random(7), []
    for k in range(3000):
        if rng.random() < (0.6 if k % 1000 < 600 else 0.2):
            live.append(pool.buffer(rng.choice([100, 1000, 5000, 30_000, 200_000, 2 * MIB])))
        elif live:
            live.pop(rng.randrange(len(live))).release()
        assert at_rest(pool) <= most
        pool._check()
        del live[80:]
    live.clear()
    assert at_rest(pool) <= most
    if most == 0:
        assert pool.stats().resident == 0


def test_at_max_cached_a_class_without_rest_gets_the_room_of_one_block(made):
    pool = made(max_cached=MIB)
    bufs = [pool.buffer(64 << 10) for _ in range(64)]
    bufs.clear()
    assert pool.stats().cached == at_rest(pool) == MIB
    pool.buffer(100).release()
    assert (row(pool, 64 << 10).cached, row(pool, 128).cached) == (15, 1)


def test_idle_pages_give_way_to_blocks_at_rest(made):
    pool = made(max_cached=3 * MIB)
    bufs = [pool.buffer(64 << 10) for _ in range(64)]
    bufs.clear()
    assert at_rest(pool) == 3 * MIB > pool.stats().cached
    before = pool.stats().cached
    pool.trim(3 * MIB - 1)
    bufs = [pool.buffer(64 << 10) for _ in range(64)]
    bufs.clear()
    assert (at_rest(pool), pool.stats().cached) == (3 * MIB, before)


def test_one_class_that_takes_no_more_does_not_keep_all_the_room(pool):
    bufs = [pool.buffer(2048) for _ in range(1024)]
    bufs.clear()
    assert pool.stats().cached > MIB
    pool.buffer(100_000).release()
    before = pool.stats().hits
    pool.buffer(100_000).release()
    assert pool.stats().hits == before + 1


def test_a_block_that_cannot_rest_drives_nobody_out(pool):
    live = [pool.buffer(MIB) for _ in range(8)]
    small = [pool.buffer(1024) for _ in range(20)]
    small.clear()
    before = pool.stats().cached
    live.pop().release()
    assert pool.stats().cached >= before > 0


@pytest.mark.parametrize("size", [TOP, TOP - 1, TOP - 63, TOP - 64, TOP - 4095, TOP - 8192, 2**62, 2**50])
def test_sizes_that_no_machine_has_are_memory_errors(made, any_kind, size):
    allocator = made(any_kind)
    held = allocator.buffer(10)
    before = counters(allocator)
    with pytest.raises(MemoryError, match=f"^no memory for a block of {size} bytes, 10 are live$") as caught:
        allocator.buffer(size)
    assert not isinstance(caught.value, zbuf.PoolExhaustedError)
    with pytest.raises(MemoryError):
        held.ensure_writable(size)
    assert counters(allocator) == before
    assert held.release()


def test_sizes_beyond_a_machine_word_are_refused_too(made, any_kind):
    with pytest.raises(MemoryError, match="no memory for a block"):
        made(any_kind).buffer(10**30)


def test_capacity_and_headroom_that_overflow_together_are_a_memory_error(pool):
    with pytest.raises(MemoryError, match=f"no memory for {TOP} bytes and a headroom of 1"):
        pool.buffer(TOP, headroom=1)
    assert pool.stats().live_blocks == 0


def test_a_limit_beyond_a_machine_word_is_no_limit(made, any_kind):
    assert made(any_kind, max_live=10**30).buffer(5).release()


def test_a_buffer_above_a_gibibyte_comes_at_once(pool):
    buf = pool.buffer((1 << 30) + 1)
    buf.set_u8(1 << 30, 7)
    buf.writer_index = buf.capacity
    assert buf.get_u8(1 << 30) == 7
    assert buf.slice(20 << 20, 5).get_u32(0) == 0
    assert buf.release()
    assert pool.stats().committed == 0
