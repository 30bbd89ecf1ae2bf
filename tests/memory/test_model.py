"""Random traffic against a model: intervals of addresses and contents."""

import bisect
import random

import pytest

import zbuf
from tools import MIB, SIZES, address


class Model:
    """What is live: where, how long, and which bytes it must hold."""

    def __init__(self, allocator, seed):
        self.allocator, self.random = allocator, random.Random(seed)
        self.live = []     # (address, buffer, length, byte), by address

    def size(self):
        kind = self.random.random()
        if kind < 0.6:
            return int(self.random.lognormvariate(6.5, 1.5)) % MIB
        if kind < 0.98:
            return max(self.random.choice(SIZES[:50]) + self.random.randrange(-1, 2), 0)
        return self.random.randrange(MIB, 3 * MIB)

    def take(self):
        n, byte = self.size(), self.random.randrange(256)
        buf = self.allocator.buffer(n)
        buf.write_bytes(bytes([byte]) * n)
        self.enter(buf, n, byte)

    def enter(self, buf, n, byte):
        if n == 0:
            return
        at = self.where(buf)
        assert at % 64 == 0
        if isinstance(self.allocator, zbuf.PooledAllocator) and n >= 4096 and (n & (n - 1)) == 0 or n > MIB:
            assert at % 4096 == 0 or isinstance(self.allocator, zbuf.SystemAllocator)
        k = bisect.bisect(self.live, at, key=lambda each: each[0])
        assert k == 0 or self.live[k - 1][0] + self.live[k - 1][2] <= at, "two buffers overlap"
        assert k == len(self.live) or at + n <= self.live[k][0], "two buffers overlap"
        self.live.insert(k, (at, buf, n, byte))

    def where(self, buf):
        w, buf.writer_index = buf.writer_index, 0
        at = address(buf)
        buf.writer_index = w
        return at

    def leave(self):
        if self.live:
            _, buf, n, byte = self.live.pop(self.random.randrange(len(self.live)))
            assert bytes(buf) == bytes([byte]) * n
            return buf, n, byte

    def give(self):
        if left := self.leave():
            assert left[0].release()

    def grow(self):
        if left := self.leave():
            buf, n, byte = left
            more = self.random.randrange(1, 2 * n + 2)
            buf.write_bytes(bytes([byte]) * more)
            self.enter(buf, n + more, byte)

    def check(self):
        self.allocator._check()
        assert sum(block.requested for block in self.allocator.live()) == self.allocator.stats().requested
        assert self.allocator.stats().live_blocks >= len(self.live)
        for _, buf, n, byte in self.live:
            assert bytes(buf) == bytes([byte]) * n

    def step(self, target):
        act = self.random.random()
        if act < 0.01:
            self.allocator.trim(self.random.choice([0, 10_000, 1 << 20]))
        elif act < 0.02:
            zbuf._pool._advance_clock(self.random.choice([0.1, 2.5, 11]))
        elif act < 0.1:
            self.grow()
        elif self.random.random() * 2 * target > len(self.live):
            self.take()
        else:
            self.give()


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("options", [
    {}, {"max_cached": 0}, {"max_cached": 200_000}, {"zeroed": True, "sensitive": True}, {"decay": 0.01},
], ids=lambda options: " ".join(options) or "plain")
def test_live_buffers_never_overlap_nor_change_and_all_counters_are_right(made, options, seed):
    model = Model(made(**options), seed)
    for k in range(1500):
        model.step(60 if k % 500 < 350 else 5)
        model.allocator._check()
        if k % 50 == 0:
            model.check()
    model.check()
    model.live.clear()
    assert model.allocator.stats().requested == model.allocator.stats().live_blocks == 0
    assert model.allocator.live() == []


def test_the_system_allocator_keeps_the_same_promises(made):
    model = Model(made(zbuf.SystemAllocator), 4)
    for _ in range(1500):
        model.step(40)
        model.allocator._check()
    model.check()


@pytest.mark.parametrize("size", SIZES)
def test_blocks_of_every_class_are_aligned_and_apart(pool, size):
    bufs = [pool.buffer(size) for _ in range(9)]
    at = sorted(address(buf) for buf in bufs)
    assert all(b - a >= size for a, b in zip(at, at[1:]))
    assert all(a % 64 == 0 for a in at)
    if size >= 4096 and size & (size - 1) == 0:
        assert all(a % 4096 == 0 for a in at)


def test_the_last_byte_of_each_neighbour_is_its_own(pool):
    for size in SIZES:
        bufs = [pool.buffer(size) for _ in range(6)]
        for k, buf in enumerate(bufs):
            buf.write_bytes(bytes([k]) * size)
        assert [bytes(buf) for buf in bufs] == [bytes([k]) * size for k in range(6)]
