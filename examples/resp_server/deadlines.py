"""Until when keys are there."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heapify, heappop, heappush

SLACK = 64  # entries that may be out of date before the heap is made anew


class Deadlines:
    """Times by key, and the earliest of them; false while there are none."""

    def __init__(self) -> None:
        self._at: dict[bytes, float] = {}
        self._heap: list[tuple[float, bytes]] = []  # some of its entries are out of date

    def __len__(self) -> int:
        return len(self._at)

    def get(self, key: bytes) -> float | None:
        return self._at.get(key)

    def set(self, key: bytes, at: float) -> None:
        self._at[key] = at
        heappush(self._heap, (at, key))
        if len(self._heap) > 2 * len(self._at) + SLACK:
            self._heap = [(at, key) for key, at in self._at.items()]
            heapify(self._heap)

    def drop(self, key: bytes) -> bool:
        return self._at.pop(key, None) is not None

    def clear(self) -> None:
        self._at.clear()
        self._heap.clear()

    def passed(self, now: float) -> Iterator[bytes]:
        """Take the keys whose time has come."""
        while self._heap and self._heap[0][0] <= now:
            at, key = heappop(self._heap)
            if self._at.get(key) == at:
                del self._at[key]
                yield key
