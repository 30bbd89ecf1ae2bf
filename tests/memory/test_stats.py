"""Counters that include one another, the table, and who is live."""

import gc
import random

import pytest

import zbuf
from tools import MIB, row


def test_the_counters_include_one_another_at_all_times(made, any_kind):
    allocator, rng, live = made(any_kind), random.Random(8), []
    for _ in range(600):
        live.append(allocator.buffer(rng.choice([0, 10, 700, 4096, 9000, 40_000, 300_000, 2 * MIB])))
        if len(live) > 30:
            del live[rng.randrange(30)]
        stats = allocator.stats()
        assert stats.requested <= stats.granted <= stats.active <= stats.committed
        assert stats.granted + stats.cached <= stats.active
        assert 0 <= stats.resident <= stats.committed
        assert stats.live_blocks == len(live) == len(allocator.live())
        assert stats.requested == sum(block.requested for block in allocator.live())
        assert stats.granted == sum(block.granted for block in allocator.live())


def test_hits_and_misses_count_every_take(pool):
    for size in (100, 5000, 3 * MIB):
        for _ in range(4):
            pool.buffer(size).release()
    stats = pool.stats()
    assert (stats.hits, stats.misses) == (9, 3)
    assert (row(pool, 128).hits, row(pool, 128).misses) == (3, 1)


def test_a_class_tells_how_full_its_spans_are(pool):
    bufs = [pool.buffer(1024) for _ in range(4)]
    assert row(pool, 1024) == (1024, 4, 0, 1, 8, 0, 4)
    assert row(pool, 1024).fill == 0.5
    assert row(pool, 64).fill == 0.0
    bufs.clear()


def test_live_tells_what_was_asked_and_granted_and_how_often_it_is_held(made, any_kind):
    allocator = made(any_kind)
    buf, other = allocator.buffer(1000), allocator.buffer(2 * MIB)
    twin, views = buf.duplicate(), [buf.view(), buf.slice(0, 0)]
    assert sorted(block.refs for block in allocator.live()) == [1, 4]
    assert sorted(block.requested for block in allocator.live()) == [1000, 2 * MIB]
    del views, twin
    assert sorted(block.refs for block in allocator.live()) == [1, 1]
    other.release()


def test_touched_pages_are_resident_and_purged_ones_are_not(pool):
    bufs = [pool.buffer(64 << 10) for _ in range(16)]
    assert pool.stats().resident == 0
    for buf in bufs:
        buf.write_zeros(64 << 10)
    assert pool.stats().resident == MIB
    del bufs[:8], buf
    assert pool.stats().resident == MIB
    pool.trim()
    assert pool.stats().resident == MIB // 2


def test_all_that_the_system_grants_counts_as_resident(made):
    system = made(zbuf.SystemAllocator)
    sizes = (0, 100, 4096, 8192, 12_288, 65_536, 100_000)
    bufs = [system.buffer(size) for size in sizes]
    for buf in bufs:
        buf.write_zeros(buf.capacity)
    assert system.stats().resident == system.stats().committed == sum(sizes)


def test_the_table_has_the_counters_and_a_row_for_each_class_in_use(pool):
    held = [pool.buffer(1000) for _ in range(4)]
    pool.buffer(70_000).release()
    assert str(pool.stats()).splitlines() == [
        " requested          4,000",
        "   granted          4,096",
        "    active         90,112",
        " committed      2,097,152",
        "  resident              0",
        "    cached         81,920",
        "    blocks              4   0 hits, 5 misses",
        "",
        "      size      live    cached   spans   fill         hits     misses",
        "     1,024         4         0       1    50%            0          4",
        "    81,920         0         1       1     0%            0          1",
    ]
    held.clear()


def test_the_table_of_a_fresh_or_system_allocator_has_no_rows(made, any_kind):
    allocator = made(any_kind)
    assert len(str(allocator.stats()).splitlines()) == 7
    assert "size" not in str(allocator.stats())


@pytest.mark.parametrize("size", [100, 16 << 10, 3 * MIB])
def test_looking_while_the_garbage_collector_frees_what_is_looked_at(made, any_kind, size):
    allocator = made(any_kind, **({"max_cached": 0} if any_kind is zbuf.PooledAllocator else {}))
    thresholds = gc.get_threshold()
    gc.disable()
    try:
        for look in (allocator.live, allocator.stats, allocator._check):
            for _ in range(40):
                cycle = [allocator.buffer(size)]
                cycle.append(cycle)
            del cycle
            used_up = [tuple([k, k, k]) for k in range(3000)]   # or tuples come from a free list
            gc.set_threshold(1)
            gc.enable()
            look()
            gc.disable()
            del used_up
            gc.collect()
            assert allocator.live() == []
            allocator._check()
    finally:
        gc.set_threshold(*thresholds)
        gc.enable()
