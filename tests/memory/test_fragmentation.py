"""How much memory is held for what is asked, over time and against an enemy."""

import heapq
import math
import random

import pytest

from tools import ARENA, MIB, SIZES, row, wait


class Trace:
    """Buffers of log-normal sizes, 1 in 20 of which lives 30 times longer."""

    def __init__(self, pool, seed, life):
        self.pool, self.random, self.life = pool, random.Random(seed), life
        self.now = self.made = self.live = 0
        self.queue = []

    def run(self, steps, median, gap):
        """Makes a buffer every `gap` steps of time; the stats at the peak."""
        best, peak = 0, None
        for _ in range(steps):
            self.step(median, gap)
            if self.live > best * 1.002:
                best, peak = self.live, self.pool.stats()
        return peak

    def step(self, median, gap):
        self.now += gap
        while self.queue and self.queue[0][0] <= self.now:
            self.live -= heapq.heappop(self.queue)[2]
        size = int(self.random.lognormvariate(math.log(median), 1))
        end = self.now + self.life * (30 if self.random.random() < 0.05 else 1)
        self.made += 1
        self.live += size
        heapq.heappush(self.queue, (end, self.made, size, self.pool.buffer(size)))


def active_ratio(stats):
    return stats.active / stats.requested


def drain(trace, pool):
    trace.queue.clear()
    pool._check()
    for _ in range(5):
        wait(pool, 2.001)
    assert pool.stats().committed <= ARENA
    assert pool.stats().cached == pool.stats().requested == 0
    pool.trim()
    assert pool.stats().committed == 0


@pytest.mark.parametrize("seed", [1, 2])
def test_a_small_heap_of_mixed_lifetimes_stays_dense(pool, seed):
    trace = Trace(pool, seed, 1730)
    peak = trace.run(130_000, 900, 1)
    assert 5.8 * MIB < peak.requested < 6.6 * MIB
    assert active_ratio(peak) <= 1.30
    for _ in range(6):
        trace.run(2_000, 5000, 10)
        assert active_ratio(pool.stats()) <= 2.3   # short ones are gone, long ones pin their spans
    assert 3 * MIB < pool.stats().requested < 4.2 * MIB
    assert active_ratio(pool.stats()) <= 2.1
    drain(trace, pool)


def test_a_larger_heap_of_mixed_lifetimes_stays_dense(pool):
    trace = Trace(pool, 1, 10_100)
    peak = trace.run(320_000, 900, 1)
    assert 33 * MIB < peak.requested < 37 * MIB
    assert active_ratio(peak) <= 1.18
    for _ in range(4):
        trace.run(6_000, 5000, 10)
        assert active_ratio(pool.stats()) <= 2.1
    drain(trace, pool)


def test_one_survivor_in_each_span_of_every_class_is_bounded_and_named(pool):
    survivors, bound = [], 0
    for size in [each for each in SIZES if each <= 128 << 10]:
        first = pool.buffer(size)
        places = row(pool, size).places
        bufs = [first] + [pool.buffer(size) for _ in range(places * 16 - 1)]
        # Spans fill up one after the other: every places-th buffer is alone in its own.
        survivors += bufs[::places]
        del bufs, first
        pool.trim()
        pool._check()
        bound += row(pool, size).spans * (places * size + 4096)
        assert row(pool, size).spans == row(pool, size).live == 16
    stats = pool.stats()
    assert stats.active <= bound
    assert stats.committed <= bound * 1.1 + ARENA
    culprit = min((each for each in stats.classes if each.spans), key=lambda each: each.fill)
    assert (culprit.size, culprit.places, culprit.fill) == (64, 128 * 16, 1 / 128)
    assert len(survivors) == stats.live_blocks


def test_places_left_by_others_are_filled_before_a_new_span_is_made(pool):
    bufs = [pool.buffer(1024) for _ in range(400)]
    del bufs[::2]
    pool.trim()
    spans = row(pool, 1024).spans
    bufs += [pool.buffer(1024) for _ in range(200)]
    assert row(pool, 1024).spans == spans


@pytest.mark.parametrize(("most", "ratio"), [(4096, 1.5), (65536, 1.25)])
def test_at_constant_live_bytes_memory_does_not_grow(pool, most, ratio):
    rng = random.Random(5)
    live = [pool.buffer(rng.randrange(64, most)) for _ in range(1000)]
    committed, active = [], []
    for _ in range(20):
        for _ in range(8_000):
            live[rng.randrange(1000)] = pool.buffer(rng.randrange(64, most))
        stats = pool.stats()
        committed.append(stats.committed)
        active.append(stats.active / stats.requested)
    assert max(committed[10:]) <= max(committed[:10]) + ARENA
    assert committed[-1] <= committed[10] + ARENA
    assert max(active[10:]) <= ratio
    pool._check()


def test_one_buffer_at_a_time_of_any_size_piles_nothing_up(pool):
    rng = random.Random(6)
    for _ in range(300):
        for _ in range(100):
            pool.buffer(rng.randrange(0, MIB)).release()
        assert pool.stats().committed <= 4 * ARENA
