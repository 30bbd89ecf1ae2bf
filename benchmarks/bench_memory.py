"""C17: how much memory does a handle take, beside the bytes it shows?"""

import subprocess
import sys
import tracemalloc
from collections.abc import Callable

import zbuf
from benchmarks._row import Figure, Row

COUNT = 10_000

RESIDENT = """
import os, sys
{setup}
kept = [None] * 200_000
def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
before = resident()
for k in range(len(kept)):
    kept[k] = {make}
print((resident() - before) / len(kept))
"""


def per_object(make: Callable[[], object]) -> float:
    """Bytes that Python's allocator gives for one more object, all it owns included."""
    kept: list[object] = [None] * COUNT
    at_rest = [make() for _ in range(COUNT)]    # what was kept for reuse is taken, and stays
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for k in range(COUNT):
        kept[k] = make()
    del k    # the last number is an object, too
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    del at_rest
    return (after - before) / COUNT


def resident(setup: str, make: str) -> float:
    """Bytes by which a fresh process grows for one more live buffer, the bytes in it written."""
    program = RESIDENT.format(setup=setup, make=make)
    return float(subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout)


BUF = zbuf.copied(bytes(4096))
VIEW = memoryview(bytes(4096))

ROWS = [
    Row(
        "C17",
        "Python memory per buffer of 64 B",
        [
            Figure("zbuf", lambda: per_object(lambda: zbuf.buffer(64))),
            Figure("bytearray(64)", lambda: per_object(lambda: bytearray(64))),
        ],
        limit=104,
        unit="B",
        samples=1,
    ),
    Row(
        "C17",
        "Python memory per slice of 64 B",
        [
            Figure("zbuf", lambda: per_object(lambda: BUF[:64])),
            Figure("memoryview slice", lambda: per_object(lambda: VIEW[:64])),
        ],
        limit=104,
        unit="B",
        samples=1,
    ),
    Row(
        "C17",
        "resident memory per live 64 B",
        [
            Figure("zbuf", lambda: resident("import zbuf", "zbuf.copied(bytes(64))")),
            Figure("bytearray(64)", lambda: resident("", "bytearray(64)")),
            Figure("bytes(64)", lambda: resident("", "bytes(64)")),
        ],
        unit="B",
        samples=1,
    ),
]
