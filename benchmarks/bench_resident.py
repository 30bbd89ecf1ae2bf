"""C21: how much memory of the machine is held for what is asked for, by zbuf's pool and by others?

Each in a process of its own, over the life of two phases of _trace.py, with
every byte written. A process that asks for nothing has what the trace itself
takes: it is taken off. What is left are the bytes and the objects around them.
"""

import ctypes
import ctypes.util
import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import zbuf
from benchmarks._resident import resident
from benchmarks._row import Figure, Row
from benchmarks._trace import Trace

JEMALLOC = ctypes.util.find_library("jemalloc")
ALL_ARENAS = 4096    # MALLCTL_ARENAS_ALL

Make = Callable[[int], Any]
Trim = Callable[[], object]


def written(allocator: zbuf.Allocator) -> Make:
    def make(size: int) -> zbuf.ByteBuf:
        buf = allocator.buffer(size)
        buf.write_zeros(size)
        return buf

    return make


def malloc_trim() -> None:
    ctypes.CDLL(None).malloc_trim(0)


def purge() -> None:
    """What jemalloc does by itself after ten seconds."""
    done = ctypes.CDLL(None).mallctl(f"arena.{ALL_ARENAS}.purge".encode(), None, None, None, 0)
    assert done == 0, f"mallctl: {os.strerror(done)}"


def nothing(size: int) -> None:
    """What the trace itself takes."""


def contestant(kind: str) -> tuple[Make, Trim]:
    if kind == "zbuf":
        pool = zbuf.PooledAllocator()
        return written(pool), pool.trim
    if kind == "nothing":
        return nothing, malloc_trim
    if kind == "bytearray":
        return bytearray, malloc_trim
    return written(zbuf.SystemAllocator()), purge if kind == "jemalloc" else malloc_trim


def release(buf: Any) -> None:
    if isinstance(buf, zbuf.ByteBuf):
        buf.release()


def main(kind: str, mib: str) -> None:
    """Bytes resident more than at first: when most is live in phase 2, at its end, when all is released, and trimmed."""
    make, trim = contestant(kind)
    trace = Trace(make, release, resident, int(mib))
    before = resident()
    live, peak = trace.run()[1]
    tail, live_at_end = resident(), trace.requested
    trace.drain()
    drained = resident()
    trim()
    seen = {"peak": peak, "tail": tail, "drained": drained, "trimmed": resident()}
    print(json.dumps({"live": live, "live at end": live_at_end, **{at: size - before for at, size in seen.items()}}))


@functools.cache
def life(kind: str, mib: int) -> dict[str, int]:
    preload = {"LD_PRELOAD": JEMALLOC} if kind == "jemalloc" and JEMALLOC else {}
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **preload}
    command = [sys.executable, "-m", "benchmarks.bench_resident", kind, str(mib)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment)
    lived: dict[str, int] = json.loads(done.stdout)
    return lived


def held(kind: str, mib: int, at: str) -> int:
    return max(0, life(kind, mib)[at] - life("nothing", mib)[at])


class Held(Figure):
    """Of an allocator in a process of its own."""

    wanted = True

    def __init__(self, name: str, kind: str, measure: Callable[[str], float]) -> None:
        super().__init__(name, lambda: measure(kind))
        self._kind = kind

    def present(self) -> bool:
        return self._kind != "jemalloc" or JEMALLOC is not None


KINDS = {"zbuf": "zbuf", "glibc malloc": "malloc", "jemalloc": "jemalloc", "bytearray(n)": "bytearray"}


def row(work: str, unit: str, measure: Callable[[str], float]) -> Row:
    return Row("C21", work, [Held(name, kind, measure) for name, kind in KINDS.items()], unit=unit, samples=1)


def rows(mib: int) -> list[Row]:
    def over_live(at: str, live: str) -> Callable[[str], float]:
        return lambda kind: held(kind, mib, at) / life(kind, mib)[live]

    def left(at: str) -> Callable[[str], float]:
        return lambda kind: held(kind, mib, at) / (1 << 20)

    return [
        row(f"resident/live, peak of phase 2 ({mib} MiB)", "", over_live("peak", "live")),
        row(f"resident/live, its end ({mib} MiB)", "", over_live("tail", "live at end")),
        row(f"resident when drained ({mib} MiB)", "MiB", left("drained")),
        row(f"resident when trimmed ({mib} MiB)", "MiB", left("trimmed")),
    ]


ROWS = [made for mib in (6, 35) for made in rows(mib)]


if __name__ == "__main__":
    main(*sys.argv[1:])
