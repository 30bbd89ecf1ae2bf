"""C18: how much memory does the pool hold for what is asked of it, over a life of two phases?"""

import heapq
import random

import zbuf
from benchmarks._row import Figure, Row

ARENA = 2 << 20


class Trace:
    """Log-normal sizes; one buffer in twenty lives thirty times longer than the others.

    Phase 1 asks for 900 bytes in the median, phase 2 for 5,000 at a tenth of
    the rate: it has to live in what phase 1 left behind.
    """

    def __init__(self, allocator: zbuf.PooledAllocator, life: int, seed: int = 18) -> None:
        self.allocator, self.life = allocator, life
        self.draw = random.Random(seed)
        self.live: list[tuple[float, int, zbuf.ByteBuf]] = []
        self.now = 0.0
        self.made = self.requested = 0
        self.most, self.at_most = 0, allocator.stats()

    def run(self) -> None:
        self.phase(60 * self.life, 900, 1)
        self.phase(6 * self.life, 5_000, 10)

    def phase(self, turns: int, median: int, gap: float) -> None:
        for turn in range(turns):
            self.now += gap
            self.expire()
            life = self.life * (30 if self.draw.random() < 0.05 else 1)
            size = max(1, int(self.draw.lognormvariate(0, 1) * median))
            self.made += 1
            self.requested += size
            end = self.now + self.draw.expovariate(1 / life)
            heapq.heappush(self.live, (end, self.made, self.allocator.buffer(size)))
            if turn % 64 == 0 and self.requested > self.most:
                self.most, self.at_most = self.requested, self.allocator.stats()

    def expire(self) -> None:
        while self.live and self.live[0][0] <= self.now:
            buf = heapq.heappop(self.live)[2]
            self.requested -= buf.capacity
            buf.release()

    def drain(self) -> None:
        while self.live:
            self.live.pop()[2].release()


# How long a buffer lives, in buffers made meanwhile, for a peak of so many MiB.
LIVES = {6: 1_640, 35: 9_900}


def peak(mib: int) -> float:
    """Pages held over bytes asked for, when most is asked for."""
    with zbuf.PooledAllocator() as allocator:
        trace = Trace(allocator, LIVES[mib])
        trace.run()
        return trace.at_most.active / trace.at_most.requested


def arenas_left(mib: int) -> float:
    """Arenas that stay after all is released and what rests is returned."""
    with zbuf.PooledAllocator() as allocator:
        trace = Trace(allocator, LIVES[mib])
        trace.run()
        trace.drain()
        allocator.trim()
        return allocator.stats().committed / ARENA


ROWS = [
    Row("C18", "active/requested at 6 MiB", [Figure("zbuf", lambda: peak(6))], limit=1.3, unit="", samples=1),
    Row("C18", "active/requested at 35 MiB", [Figure("zbuf", lambda: peak(35))], limit=1.18, unit="", samples=1),
    Row("C18", "arenas after drain and trim", [Figure("zbuf", lambda: arenas_left(35))], limit=1, unit="", samples=1),
]
