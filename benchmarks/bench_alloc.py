"""C1, C2: what does it cost to take a buffer and to drop it?"""

import importlib
from typing import Any

import pytest

import zbuf
from benchmarks._loop import Loop
from benchmarks._netty import both
from benchmarks._pytest import bench, name
from benchmarks._row import Row, Target, contests

KIB = 1024


def made(module: str, attribute: str) -> dict[str, Any]:
    return {"make": getattr(importlib.import_module(module), attribute)}


def zbuf_makes(n: int, contestant: str = "zbuf") -> Loop:
    return Loop(contestant, f"make({n})", lambda: {"make": zbuf.buffer}, check=f"make({n}).capacity")


def row(n: int, size: str, targets: dict[str, Target]) -> Row:
    return Row(
        "C1",
        f"allocate and drop {size}",
        [
            zbuf_makes(n),
            Loop(
                "zbuf, then release()",
                f"make({n}).release()",
                lambda: {"make": zbuf.buffer},
                check=f"make({n}).capacity",
            ),
            Loop("bytearray(n)", f"make({n})", lambda: {"make": bytearray}, check=f"len(make({n}))"),
            Loop(
                "numpy.empty",
                f"make({n}, 'B')",
                lambda: made("numpy", "empty"),
                check=f"len(make({n}, 'B'))",
                needs="numpy",
            ),
            Loop(
                "pyarrow.allocate_buffer",
                f"make({n})",
                lambda: made("pyarrow", "allocate_buffer"),
                check=f"make({n}).size",
                needs="pyarrow",
            ),
            *both("allocate", n),
        ],
        {"Netty, adaptive": 1.1, **targets},
    )


def large(n: int, size: str) -> Row:
    return Row(
        "C2",
        f"allocate and drop {size}",
        [
            zbuf_makes(n),
            Loop("zbuf, 1 KiB", f"make({KIB})", lambda: {"make": zbuf.buffer}, check=str(n)),
            Loop("bytearray(n)", f"make({n})", lambda: {"make": bytearray}, check=f"len(make({n}))", times=10),
            *both("allocate", n),
        ],
        {"zbuf, 1 KiB": 1.3},
    )


ROWS = [
    row(64, "64 B", {}),
    row(KIB, "1 KiB", {"bytearray(n)": 0.45}),
    row(4 * KIB, "4 KiB", {}),
    row(64 * KIB, "64 KiB", {"bytearray(n)": 0.06}),
    large(256 * KIB, "256 KiB"),
    large(KIB * KIB, "1 MiB"),
]


@pytest.mark.parametrize(("row", "loop"), contests(ROWS), ids=name)
def test_allocate(benchmark, row, loop):
    bench(benchmark, row, loop)
