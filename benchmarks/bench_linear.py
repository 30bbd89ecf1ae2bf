"""C15: does the cost of appending and draining stay linear in the number of parts?"""

import math
from time import thread_time_ns

import pytest

import zbuf
from benchmarks._row import Figure, Row

PART = bytes(600)    # above what a composite copies
COUNTS = (1_250, 2_500, 5_000, 10_000, 20_000)


def composite_drain(count: int) -> int:
    composite = zbuf.CompositeByteBuf()
    for _ in range(count):
        composite.append(PART)
    drained = 0
    while composite:
        drained += len(composite.read_bytes(len(PART)))
        composite.discard_read_parts()
    return drained


def bytearray_drain(count: int) -> int:
    acc = bytearray()
    for _ in range(count):
        acc += PART
    drained = 0
    while acc:
        drained += len(bytes(memoryview(acc)[: len(PART)]))
        del acc[: len(PART)]
    return drained


def exponent(work) -> float:
    """The slope of log(time) over log(count), fitted by least squares."""
    points = []
    for count in COUNTS:
        best = min(timed(work, count) for _ in range(3))
        points.append((math.log(count), math.log(best)))
    x, y = (sum(axis) / len(points) for axis in zip(*points))
    return sum((a - x) * (b - y) for a, b in points) / sum((a - x) ** 2 for a, _ in points)


def timed(work, count: int) -> int:
    start = thread_time_ns()
    work(count)
    return thread_time_ns() - start


ROWS = [
    Row(
        "C15",
        "append up to 20,000 x 600 B, drain",
        [
            Figure("zbuf", lambda: exponent(composite_drain), result=lambda: composite_drain(100)),
            Figure("bytearray += and del", lambda: exponent(bytearray_drain), result=lambda: bytearray_drain(100)),
        ],
        limit=1.1,
        unit="exponent",
        samples=3,
    )
]


@pytest.mark.benchmark(group="C15 append and drain 10,000 parts of 600 B")
@pytest.mark.parametrize("work", [composite_drain, bytearray_drain])
def test_drain(benchmark, work):
    assert benchmark(work, 10_000) == 10_000 * len(PART)
