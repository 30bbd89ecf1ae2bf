"""What rests goes back: decay, trim, and the blocks above the classes."""

import pytest

import zbuf
import tools
from tools import ARENA, MIB, SIZES, at_rest, row

SECOND = 1000   # of the pools' clock: what the tests themselves last does not count


@pytest.fixture
def pool(made):
    return made(decay=10 * SECOND)


def wait(pool, seconds):
    tools.wait(pool, seconds * SECOND)


def fill_and_drop(pool, count=200, size=1024):
    bufs = [pool.buffer(size) for _ in range(count)]
    bufs.clear()


def test_after_ten_seconds_of_use_nothing_rests(pool):
    for size in SIZES:
        fill_and_drop(pool, 5, size)
    left = [at_rest(pool)]
    for _ in range(5):
        wait(pool, 2.001)
        pool._check()
        left.append(at_rest(pool))
    assert left == sorted(left, reverse=True)
    assert left[0] > left[3] > left[-1] == 0
    assert pool.stats().committed <= ARENA
    assert pool.stats().resident == 0


def test_one_look_after_ten_seconds_is_enough(pool):
    fill_and_drop(pool)
    wait(pool, 10.01)
    assert at_rest(pool) == 0


def test_what_rests_goes_in_steps_not_at_once(pool):
    fill_and_drop(pool, 400)
    wait(pool, 2.001)
    before = row(pool, 1024).cached
    wait(pool, 2.001)
    assert before * 0.7 < row(pool, 1024).cached < before * 0.8


def test_looks_that_come_late_do_not_make_it_last_longer(pool):
    fill_and_drop(pool)
    for _ in range(7):
        wait(pool, 1.9)
    assert at_rest(pool) == 0


def test_looks_that_come_often_do_not_make_it_go_sooner(pool):
    fill_and_drop(pool)
    wait(pool, 2.001)
    before = at_rest(pool)
    for _ in range(15):
        wait(pool, 0.1)
    assert at_rest(pool) == before > 0


def test_the_clock_going_backwards_harms_nothing(pool):
    fill_and_drop(pool)
    before = at_rest(pool)
    wait(pool, -100)
    assert at_rest(pool) == before
    wait(pool, 200)
    assert at_rest(pool) == 0


def test_warm_memory_that_is_in_use_does_not_decay(pool):
    for _ in range(20):
        fill_and_drop(pool, 100)
        wait(pool, 2.001)
    before = pool.stats()
    fill_and_drop(pool, 100)
    assert pool.stats().misses == before.misses


@pytest.mark.parametrize(("options", "seconds"), [({}, 10), ({"decay": 0.5}, 0.5), ({"decay": 3600}, 3600)])
def test_the_decay_time_is_kept_and_is_ten_seconds_unless_told(made, options, seconds):
    pool = made(**options)
    fill_and_drop(pool)
    tools.wait(pool, seconds + 0.01)
    assert at_rest(pool) == 0


def test_live_buffers_do_not_decay(pool):
    buf = pool.buffer(100)
    buf.write_bytes(b"live")
    fill_and_drop(pool)
    wait(pool, 100)
    assert (bytes(buf), pool.stats().requested, pool.stats().committed) == (b"live", 100, ARENA)


def test_releases_alone_let_time_pass_too(pool):
    pool.buffer(200_000).release()
    zbuf._pool._advance_clock(10.01 * SECOND)
    for _ in range(4096):
        pool.buffer(100).release()
    assert row(pool, 229376).cached == 0


def test_a_free_arena_is_kept_the_others_go(pool):
    bufs = [pool.buffer(MIB) for _ in range(9)]
    assert pool.stats().committed == 5 * ARENA
    bufs.clear()
    wait(pool, 10.01)
    assert pool.stats().committed == ARENA
    pool.trim()
    assert pool.stats().committed == 0


def test_trim_returns_all_that_rests_and_says_how_much(pool):
    for size in [*SIZES, 2 * MIB]:
        fill_and_drop(pool, 3, size)
    before = at_rest(pool)
    assert pool.trim() == before > 2 * MIB
    assert at_rest(pool) == pool.stats().committed == pool.stats().cached == 0
    assert pool.trim() == 0


@pytest.mark.parametrize("target", [1, 4096, 100_000, MIB, 3 * MIB])
def test_trim_to_a_target_leaves_at_most_that(pool, target):
    for size in [*SIZES, 2 * MIB, 5 * MIB]:
        fill_and_drop(pool, 3, size)
    before = at_rest(pool)
    assert pool.trim(target) == before - at_rest(pool)
    assert target - MIB < at_rest(pool) <= target
    pool._check()


def test_trim_to_more_than_rests_does_nothing(pool):
    fill_and_drop(pool)
    before = at_rest(pool)
    assert (pool.trim(10**30), pool.trim(before), at_rest(pool)) == (0, 0, before)


def test_trim_of_a_negative_target_is_refused(pool):
    fill_and_drop(pool)
    before = at_rest(pool)
    with pytest.raises(ValueError, match="size -1 is negative"):
        pool.trim(-1)
    assert at_rest(pool) == before


def test_trim_does_not_touch_live_buffers(pool):
    bufs = [pool.buffer(1000) for _ in range(100)]
    for k, buf in enumerate(bufs):
        buf.write_bytes(bytes([k]) * 1000)
    del bufs[::2]
    pool.trim()
    assert [bytes(buf)[0] for buf in bufs] == list(range(1, 100, 2))
    assert pool.stats().cached == 0


def test_a_large_block_is_kept_and_taken_again(pool):
    pool.buffer(3 * MIB).release()
    assert pool.stats().committed == pool.stats().cached == at_rest(pool) == 3 * MIB
    buf = pool.buffer(3 * MIB - 10_000)
    assert (pool.stats().hits, pool.stats().granted, pool.stats().cached) == (1, 3 * MIB, 0)
    buf.release()


def test_a_large_block_is_not_wasted_on_much_less(pool):
    pool.buffer(4 * MIB).release()
    buf = pool.buffer(2 * MIB)
    assert (pool.stats().hits, pool.stats().granted) == (0, 2 * MIB)
    buf.release()


def test_of_large_blocks_alike_two_are_kept(pool):
    bufs = [pool.buffer(2 * MIB) for _ in range(5)]
    bufs.clear()
    assert pool.stats().cached == 4 * MIB


def test_what_is_above_8_mib_is_not_kept(pool):
    pool.buffer(8 * MIB).release()
    assert pool.stats().cached == 8 * MIB
    pool.trim()
    pool.buffer(8 * MIB + 1).release()
    assert pool.stats().committed == 0


def test_large_blocks_decay(pool):
    pool.buffer(3 * MIB).release()
    for _ in range(5):
        wait(pool, 2.001)
    assert pool.stats().committed == 0


def test_a_large_block_in_use_does_not_decay(pool):
    for _ in range(10):
        pool.buffer(3 * MIB).release()
        wait(pool, 3)
    assert pool.stats().cached == 3 * MIB


def test_a_block_goes_back_to_the_class_it_came_from(pool):
    # By its own size: not by the length in use, nor by what a buffer grew to.
    buf = pool.buffer(600)
    buf.write_bytes(b"x" * 640)
    buf.skip(500)
    buf.reclaim()
    buf.capacity = 10
    assert row(pool, 640).live == 1
    buf.release()
    assert (row(pool, 640).live, row(pool, 640).cached) == (0, 1)
    grown = pool.buffer(64)
    for n in (100, 1000, 70_000, MIB, 3 * MIB):
        grown.write_bytes(b"y" * n)
        pool._check()
    grown.release()
    assert all(each.live == 0 for each in pool.stats().classes)
    assert pool.stats().requested == 0


def test_a_size_one_above_a_class_gets_the_next_one_not_a_huge_one(pool):
    for low, high in zip(SIZES, SIZES[1:]):
        buf = pool.buffer(low + 1)
        assert pool.live()[0].granted == high
        buf.release()


def test_a_block_from_the_cache_is_seen_as_live(pool):
    pool.buffer(100).release()
    buf = pool.buffer(90)
    assert [block[:3] for block in pool.live()] == [(90, 128, 1)]
    assert buf.release()
    assert pool.live() == []
