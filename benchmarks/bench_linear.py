"""C15: does the cost of appending and draining stay linear in the number of parts?"""

import importlib.util
from time import thread_time_ns

import pytest

import zbuf
from benchmarks import _fit
from benchmarks._rivals import takes_bytes, tornado_buffer
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


def take_bytes_drain(count: int) -> int:
    acc = bytearray()
    for _ in range(count):
        acc += PART
    drained = 0
    while acc:
        drained += len(acc.take_bytes(len(PART)))
    return drained


def tornado_drain(count: int) -> int:
    """What it keeps for a socket that is not ready, and how it sends from it."""
    queue = tornado_buffer()
    for _ in range(count):
        queue.append(PART)
    drained = 0
    while queue:
        with queue.peek(len(PART)) as piece:
            size = len(bytes(piece))
        queue.advance(size)
        drained += size
    return drained


def contestant(name: str, work) -> Figure:
    return Figure(name, lambda: exponent(work), result=lambda: work(100))


def exponent(work) -> float:
    return _fit.exponent([(count, min(timed(work, count) for _ in range(3))) for count in COUNTS])


def timed(work, count: int) -> int:
    start = thread_time_ns()
    work(count)
    return thread_time_ns() - start


WORKS = {"zbuf": composite_drain, "bytearray += and del": bytearray_drain}
if takes_bytes():
    WORKS["bytearray += and take_bytes"] = take_bytes_drain
if importlib.util.find_spec("tornado") is not None:
    WORKS["tornado _StreamBuffer"] = tornado_drain

ROWS = [
    Row(
        "C15",
        "append up to 20,000 x 600 B, drain",
        [contestant(name, work) for name, work in WORKS.items()],
        limit=1.1,
        unit="exponent",
        samples=3,
    ),
]


@pytest.mark.benchmark(group="C15 append and drain 10,000 parts of 600 B")
@pytest.mark.parametrize("work", list(WORKS.values()), ids=list(WORKS))
def test_drain(benchmark, work):
    assert benchmark(work, 10_000) == 10_000 * len(PART)
