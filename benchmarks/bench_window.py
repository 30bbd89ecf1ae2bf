"""C16: what does a buffer of random size cost while many others live?"""

import random

import pytest

import zbuf
from benchmarks._loop import Loop
from benchmarks._netty import both
from benchmarks._pytest import bench, name
from benchmarks._row import Figure, Row, contests

SMALLEST, LARGEST = 6, 16    # powers of two: 64 B to 64 KiB


def script(live: int, turns: int = 10_000) -> list[tuple[int, int]]:
    """Which of the live buffers is replaced, and by what size; sizes even over the powers of two."""
    draw = random.Random(16)
    return [(draw.randrange(live), int(2 ** draw.uniform(SMALLEST, LARGEST))) for _ in range(turns)]


def replacing(contestant: str, make, size: str, live: int) -> Loop:
    return Loop(
        contestant,
        "window[k] = make(n)",
        lambda: {"make": make, "script": script(live), "window": [make(64) for _ in range(live)]},
        over="k, n in script",
        base="window[k]; n",
        check=f"sum({size} for b in window)",
    )


def row(live: int) -> Row:
    return Row(
        "C16",
        f"replace one of {live:,}, 64 B..64 KiB",
        [
            replacing("zbuf", zbuf.buffer, "b.capacity", live),
            replacing("zbuf, SystemAllocator", zbuf.SystemAllocator().buffer, "b.capacity", live),
            replacing("bytearray(n)", bytearray, "len(b)", live),
            *both("window", live, [number for turn in script(live) for number in turn]),
        ],
        {"Netty, adaptive": 0.5},
    )


def held_over_live(live: int) -> float:
    """Active memory over requested memory, after many turns."""
    with zbuf.PooledAllocator() as allocator:
        window = [allocator.buffer(64) for _ in range(live)]
        for k, n in script(live, 200_000):
            window[k] = allocator.buffer(n)
        stats = allocator.stats()
        return stats.active / stats.requested


def steady(live: int) -> Row:
    return Row(
        "C16",
        f"held/live with {live:,} live",
        [Figure("zbuf", lambda: held_over_live(live))],
        limit=1.4,
        unit="",
        samples=1,
    )


ROWS = [row(256), row(4096), steady(256), steady(4096)]


@pytest.mark.parametrize(("row", "loop"), contests(ROWS), ids=name)
def test_window(benchmark, row, loop):
    bench(benchmark, row, loop)
