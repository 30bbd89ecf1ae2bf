"""A life of two phases, as allocators dislike it: what is asked for, and when it is given back."""

import heapq
import random
from collections.abc import Callable
from typing import Any

# How long a buffer lives, in buffers made meanwhile, for a peak of so many MiB.
LIVES = {6: 1_640, 35: 9_900}


class Trace:
    """Log-normal sizes; one buffer in twenty lives thirty times longer than the others.

    Phase 1 asks for 900 bytes in the median, phase 2 for 5,000 at a tenth of
    the rate: it has to live in what phase 1 left behind. `look` is called
    whenever most has been asked for yet, of what it saw the last is kept.
    """

    def __init__(
        self, make: Callable[[int], Any], release: Callable[[Any], object], look: Callable[[], Any], mib: int, seed: int = 18
    ) -> None:
        self.make, self.release, self.look, self.life = make, release, look, LIVES[mib]
        self.draw = random.Random(seed)
        self.live: list[tuple[float, int, int, Any]] = []
        self.now = 0.0
        self.made = self.requested = 0

    def run(self) -> list[tuple[int, Any]]:
        """Of each phase: the most that was asked for, and what was seen then."""
        return [self.phase(60 * self.life, 900, 1), self.phase(6 * self.life, 5_000, 10)]

    def phase(self, turns: int, median: int, gap: float) -> tuple[int, Any]:
        most, seen = 0, None
        for turn in range(turns):
            self.now += gap
            self.expire()
            life = self.life * (30 if self.draw.random() < 0.05 else 1)
            size = max(1, int(self.draw.lognormvariate(0, 1) * median))
            self.made += 1
            self.requested += size
            end = self.now + self.draw.expovariate(1 / life)
            heapq.heappush(self.live, (end, self.made, size, self.make(size)))
            if turn % 64 == 0 and self.requested > most:
                most, seen = self.requested, self.look()
        return most, seen

    def expire(self) -> None:
        while self.live and self.live[0][0] <= self.now:
            _, _, size, buf = heapq.heappop(self.live)
            self.requested -= size
            self.release(buf)

    def drain(self) -> None:
        while self.live:
            self.release(self.live.pop()[3])
