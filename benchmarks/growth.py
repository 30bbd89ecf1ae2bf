"""How the cost of each operation grows: with bytes, parts, live buffers, views, and threads where they run at once.

A curve is fitted by cost ~ n ** exponent, and flagged where its upper half is
steeper than its lower one and than it should be: what is quadratic, or walks a
list, is so only at a size that no other benchmark has.
"""

import statistics
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import thread_time_ns
from typing import Any

import zbuf
from benchmarks._fit import bends_up, exponent, halves
from benchmarks._loop import Loop
from benchmarks._progress import progress
from benchmarks._results import Results

SAMPLES, SECONDS = 5, 0.002
PIECE = bytes(64)


@dataclass(frozen=True)
class Curve:
    work: str
    against: str
    points: Sequence[int]
    cost: Callable[[int], float]    # nanoseconds of one at that point
    expected: float = 0             # exponent: 0 is flat, 1 is linear

    def measured(self) -> dict[str, Any]:
        points = [(n, max(self.cost(n), 0.1)) for n in self.points]    # 0.1: less than the clock can tell
        lower, upper = halves(points)
        return {
            "work": self.work, "against": self.against, "points": points, "expected": self.expected,
            "exponent": exponent(points), "lower": lower, "upper": upper, "bends": bends_up(points, self.expected),
        }


def of(stmt: str, setup: Callable[[int], dict[str, Any]], **options: Any) -> Callable[[int], float]:
    """What a statement costs among the objects made for n."""

    def cost(n: int) -> float:
        loop = Loop(stmt, stmt, lambda: setup(n), **options)
        loop.open()
        median = statistics.median(loop.sample(SECONDS) for _ in range(SAMPLES))
        loop.close()
        return median

    return cost


def per_part(stmt: str, setup: Callable[[int], dict[str, Any]]) -> Callable[[int], float]:
    """What a statement that does something with each of n parts costs for one of them."""
    whole = of(stmt, setup, times=1)
    return lambda n: whole(n) / n


# -- against bytes

BYTES = [64 << 2 * k for k in range(8)]    # to 1 MiB
CACHED = [64 << k for k in range(9)]    # to 16 KiB: beyond, it is caches that bend what is copied
SHARED = [1024 << 2 * k for k in range(6)]    # what a composite does not copy


def sized(n: int) -> dict[str, Any]:
    return {"make": zbuf.buffer, "n": n, "last": n - 4, "buf": zbuf.copied(bytes(n)), "data": bytes(n)}


def appending(n: int) -> dict[str, Any]:
    return {"composite": zbuf.CompositeByteBuf, "part": zbuf.copied(bytes(n))}


BY_BYTES = [
    Curve("allocate and drop", "bytes", BYTES, of("make(n)", sized)),
    Curve("allocate and release", "bytes", BYTES, of("make(n).release()", sized)),
    Curve("slice", "bytes", BYTES, of("buf.slice(0, n)", sized)),
    Curve("read", "bytes", BYTES, of("buf.get_u32(last)", sized)),
    Curve("write", "bytes", BYTES, of("buf.set_u32(last, 1)", sized)),
    Curve("write_bytes", "bytes", CACHED, of("buf.clear(); buf.write_bytes(data)", sized, times=10), expected=1),
    Curve("find", "bytes", BYTES, of("buf.find(1)", sized, times=10), expected=1),
    Curve("append", "bytes", SHARED, of("into.append(part)", appending, before="into = composite()")),
]

# -- against parts

PARTS = [2 << 2 * k for k in range(7)]    # to 8,192


def divided(n: int) -> dict[str, Any]:
    """coalesce=0: as many regions as parts."""
    parts = tuple(zbuf.copied(PIECE) for _ in range(n))
    return {
        "buf": zbuf.CompositeByteBuf(*parts, coalesce=0), "parts": parts, "build": zbuf.CompositeByteBuf,
        "appended": appended, "written": written, "read": read, "drain": drain, "places": range(0, 64 * n - 4, max(1, 64 * n // 101)),
    }


def appended(parts: Sequence[zbuf.ByteBuf]) -> zbuf.CompositeByteBuf:
    into = zbuf.CompositeByteBuf(coalesce=0)
    for part in parts:
        into.append(part)
    return into


def written(parts: Sequence[zbuf.ByteBuf]) -> zbuf.ByteBuf:
    """Into a buffer that begins small."""
    into = zbuf.buffer(len(PIECE))
    for part in parts:
        into.write_bytes(part)
    return into


def read(buf: zbuf.ByteBuf) -> None:
    buf.reader_index = 0
    while buf:
        buf.read_u64()


def drain(parts: Sequence[zbuf.ByteBuf]) -> None:
    """A queue: each part is let go of when it has been read."""
    queue = appended(parts)
    while queue:
        queue.skip(len(PIECE))
        queue.discard_read_parts()


BY_PARTS = [
    Curve("build and drop, per part", "parts", PARTS, per_part("build(*parts)", divided)),
    Curve("append and drop, per part", "parts", PARTS, per_part("appended(parts)", divided)),
    Curve("append and drain, per part", "parts", PARTS, per_part("drain(parts)", divided)),
    Curve("write and grow, per part", "parts", PARTS, per_part("written(parts)", divided)),
    Curve("read in order, per part", "parts", PARTS, per_part("read(buf)", divided)),
    Curve("find, per part", "parts", PARTS, per_part("buf.find(1)", divided)),
    Curve("read anywhere", "parts", PARTS, of("buf.get_u32(place)", divided, over="place in places"), expected=0.1),    # log n
    Curve("slice of two parts", "parts", PARTS, of("buf.slice(32, 64)", divided)),
]

# -- against live buffers

LIVE = [64 << 2 * k for k in range(7)]    # to 262,144


def crowded(n: int) -> dict[str, Any]:
    live = [zbuf.copied(4 * PIECE) for _ in range(n)]
    return {"make": zbuf.buffer, "live": live, "places": [7919 * k % n for k in range(101)]}


BY_LIVE = [
    Curve("allocate and drop", "live buffers", LIVE, of("make(256)", crowded)),
    Curve("allocate and release", "live buffers", LIVE, of("make(256).release()", crowded)),
    Curve("replace one", "live buffers", LIVE, of("live[place] = make(256)", crowded, over="place in places")),
    Curve("slice", "live buffers", LIVE, of("live[place].slice(0, 64)", crowded, over="place in places")),
    Curve("write", "live buffers", LIVE, of("live[place].set_u32(0, 1)", crowded, over="place in places")),
]

# -- against views of one block

VIEWS = [4 << 2 * k for k in range(8)]    # to 65,536


def seen(n: int) -> dict[str, Any]:
    buf = zbuf.copied(bytes(4096))
    return {"buf": buf, "views": [buf.slice(0, 64) for _ in range(n)], "places": [7919 * k % n for k in range(101)]}


BY_VIEWS = [
    Curve("slice", "views", VIEWS, of("buf.slice(0, 64)", seen)),
    Curve("replace one", "views", VIEWS, of("views[place] = buf.slice(0, 64)", seen, over="place in places")),
    Curve("read", "views", VIEWS, of("buf.get_u32(0)", seen)),
    Curve("write", "views", VIEWS, of("buf.set_u32(0, 1)", seen)),
]

# -- against threads

THREADS = [1, 2, 3, 4, 6, 8]
TURNS = 20_000


def at_once(work: Callable[[], object]) -> Callable[[int], float]:
    """Processor time of one call while n threads make as many."""

    def cost(n: int) -> float:
        spent: list[int] = []
        together = threading.Barrier(n)

        def run() -> None:
            together.wait()
            start = thread_time_ns()
            for _ in range(TURNS):
                work()
            spent.append(thread_time_ns() - start)

        threads = [threading.Thread(target=run) for _ in range(n)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(spent) / n / TURNS

    return cost


def by_threads() -> list[Curve]:
    shared = zbuf.copied(PIECE)
    return [
        Curve("allocate and drop", "threads", THREADS, at_once(lambda: zbuf.buffer(256))),
        Curve("slice of the thread's own", "threads", THREADS, at_once(lambda: zbuf.copied(PIECE).slice(0, 32))),
        Curve("slice of a block of all", "threads", THREADS, at_once(lambda: shared.slice(0, 32))),
    ]


def curves() -> list[Curve]:
    at_once = not getattr(sys, "_is_gil_enabled", lambda: True)()
    return [*BY_BYTES, *BY_PARTS, *BY_LIVE, *BY_VIEWS, *(by_threads() if at_once else [])]


HEAD = f"{'work':28}  {'against':12}  {'from':>8}  {'to':>8}  {'ns':>8}  {'ns':>9}  exponent  lower  upper"


def line(record: dict[str, Any]) -> str:
    (least, first), (most, last) = record["points"][0], record["points"][-1]
    shown = f"{record['work']:28}  {record['against']:12}  {least:8,}  {most:8,}  {first:8,.1f}  {last:9,.1f}"
    flag = "  BENDS UP" if record["bends"] else ""
    return f"{shown}  {record['exponent']:8.2f}  {record['lower']:5.2f}  {record['upper']:5.2f}{flag}"


def run(results: Results) -> None:
    zbuf.leak.set_level("disabled")
    chosen = curves()
    print(HEAD)
    with progress(len(chosen), silent=False) as tell:
        for curve in chosen:
            tell(f"{curve.work} against {curve.against}")
            record = curve.measured()
            results.add(record)
            print(line(record), flush=True)
