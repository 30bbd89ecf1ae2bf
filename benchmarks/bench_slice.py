"""C3: what does a slice cost, made and dropped?"""

import pytest

import zbuf
from benchmarks._loop import Loop
from benchmarks._netty import both
from benchmarks._pytest import bench, name
from benchmarks._row import Row, contests

N = 64
DATA = bytes(range(256)) * 25    # 100 slices of 64 bytes


def memoryview_slice() -> Loop:
    return Loop(
        "memoryview slice",
        f"data[{{at}}:{{at}} + {N}]",
        lambda: {"data": memoryview(DATA)},
        step=N,
        check=f"bytes(data[0:{N}])",
    )


def bytes_slice() -> Loop:
    return Loop("bytes slice (copies)", f"data[{{at}}:{{at}} + {N}]", lambda: {"data": DATA}, step=N, check=f"data[0:{N}]")


ROWS = [
    Row(
        "C3",
        "buf[a:b] of 64 B",
        [
            Loop(
                "zbuf",
                f"buf[{{at}}:{{at}} + {N}]",
                lambda: {"buf": zbuf.copied(DATA)},
                step=N,
                check=f"bytes(buf[0:{N}])",
            ),
            memoryview_slice(),
            bytes_slice(),
            *both("retainedSlice", DATA, N),
        ],
        {"memoryview slice": (0.60, 0.72)},
    ),
    Row(
        "C3",
        "read_slice(64)",
        [
            Loop(
                "zbuf",
                f"buf.read_slice({N})",
                lambda: {"buf": zbuf.copied(DATA)},
                before="buf.reader_index = 0",
                check=f"bytes(buf.slice(0, {N}))",
            ),
            memoryview_slice(),
            bytes_slice(),
            *both("readRetainedSlice", DATA, N),
        ],
        {"memoryview slice": (0.43, 0.55)},
    ),
]


@pytest.mark.parametrize(("row", "loop"), contests(ROWS), ids=name)
def test_slice(benchmark, row, loop):
    bench(benchmark, row, loop)
