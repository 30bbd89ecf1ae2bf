"""Until when keys are there."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heapify, heappop, heappush
from math import inf

SLACK = 64  # entries that may be out of date before the heap is made anew


class Deadlines(dict[bytes, float]):
    """Times by key; they are set by put()."""

    first = inf  # no key's time comes before it

    def __init__(self) -> None:
        self._heap: list[tuple[float, bytes]] = []  # some of its entries are out of date

    def put(self, key: bytes, at: float) -> None:
        self[key] = at
        heappush(self._heap, (at, key))
        if len(self._heap) > 2 * len(self) + SLACK:
            self._heap = [(at, key) for key, at in self.items()]
            heapify(self._heap)
        self.first = self._heap[0][0]

    def passed(self, now: float) -> Iterator[bytes]:
        """Take the keys whose time has come."""
        while self._heap and self._heap[0][0] <= now:
            at, key = heappop(self._heap)
            if self.get(key) == at:
                del self[key]
                yield key
        self.first = self._heap[0][0] if self._heap else inf
