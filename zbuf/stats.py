"""What an allocator reports: counters, a row for each size class, live blocks."""

from typing import NamedTuple

__all__ = ["ClassStats", "LiveBlock", "PoolStats"]


class LiveBlock(NamedTuple):
    """A block that has references.

    >>> with zbuf.PooledAllocator() as allocator:
    ...     buf = allocator.buffer(100)
    ...     allocator.live()
    [LiveBlock(requested=100, granted=128, refs=1, age=None, place=None)]

    age    seconds since it was taken,
    place  and where: both None unless zbuf.leak watches it
    """

    requested: int
    granted: int
    refs: int
    age: float | None = None
    place: str | None = None


class ClassStats(NamedTuple):
    """One size class: block size in bytes, and how many blocks and spans there are.

    >>> zbuf.stats.ClassStats(64, 2, 1, 1, 256, 5, 3).fill
    0.0078125
    """

    size: int
    live: int
    cached: int
    spans: int
    places: int
    hits: int
    misses: int

    @property
    def fill(self) -> float:
        """The share of the spans' places that live blocks take, 0 .. 1.

        >>> zbuf.stats.ClassStats(64, 128, 0, 1, 256, 0, 128).fill
        0.5
        """
        return self.live / self.places if self.places else 0.0


class PoolStats(NamedTuple):
    """What an allocator holds, in bytes; str() makes a table of it.

    >>> with zbuf.PooledAllocator() as allocator:
    ...     buf = allocator.buffer(100)
    ...     stats = allocator.stats()
    >>> stats.requested, stats.granted, stats.active, stats.committed
    (100, 128, 8192, 2097152)

    requested  what live buffers asked for
    granted    the blocks that they got
    active     pages that hold a live or a cached block
    committed  what is mapped
    resident   what of that is in memory now
    cached     blocks at rest

    The first four include one another in this order.
    """

    requested: int
    granted: int
    active: int
    committed: int
    resident: int
    cached: int
    live_blocks: int
    hits: int
    misses: int
    classes: tuple[ClassStats, ...]

    def __str__(self) -> str:
        counters = ("requested", "granted", "active", "committed", "resident", "cached")
        lines = [f"{name:>10} {getattr(self, name):>14,}" for name in counters]
        lines.append(f"{'blocks':>10} {self.live_blocks:>14,}   {self.hits:,} hits, {self.misses:,} misses")
        used = [row for row in self.classes if row.hits or row.misses or row.spans]
        if used:
            lines.append(f"\n{'size':>10} {'live':>9} {'cached':>9} {'spans':>7} {'fill':>6} {'hits':>12} {'misses':>10}")
        lines += [
            f"{row.size:>10,} {row.live:>9,} {row.cached:>9,} {row.spans:>7,} {row.fill:>6.0%}"
            f" {row.hits:>12,} {row.misses:>10,}"
            for row in used
        ]
        return "\n".join(lines)
