"""C3: what does a slice cost, made and dropped?"""

import pytest

import zbuf
from benchmarks._loop import Loop
from benchmarks._netty import both
from benchmarks._pytest import bench, name
from benchmarks._row import Row, contests

def memoryview_slice(n: int, data: bytes) -> Loop:
    return Loop(
        "memoryview slice",
        f"data[{{at}}:{{at}} + {n}]",
        lambda: {"data": memoryview(data)},
        step=n,
        check=f"bytes(data[0:{n}])",
    )


def bytes_slice(n: int, data: bytes) -> Loop:
    return Loop("bytes slice (copies)", f"data[{{at}}:{{at}} + {n}]", lambda: {"data": data}, step=n, check=f"data[0:{n}]")


def content(n: int) -> bytes:
    """A hundred slices."""
    return (bytes(range(256)) * (100 * n // 256 + 1))[: 100 * n]


def sliced(n: int) -> Row:
    data = content(n)
    return Row(
        "C3",
        f"buf[a:b] of {n} B",
        [
            Loop(
                "zbuf",
                f"buf[{{at}}:{{at}} + {n}]",
                lambda: {"buf": zbuf.copied(data)},
                step=n,
                check=f"bytes(buf[0:{n}])",
            ),
            memoryview_slice(n, data),
            bytes_slice(n, data),
            *both("retainedSlice", data, n),
        ],
        {"memoryview slice": (0.60, 0.72)},
    )


def read(n: int) -> Row:
    data = content(n)
    return Row(
        "C3",
        f"read_slice({n})",
        [
            Loop(
                "zbuf",
                f"buf.read_slice({n})",
                lambda: {"buf": zbuf.copied(data)},
                before="buf.reader_index = 0",
                check=f"bytes(buf.slice(0, {n}))",
            ),
            memoryview_slice(n, data),
            bytes_slice(n, data),
            *both("readRetainedSlice", data, n),
        ],
        {"memoryview slice": (0.43, 0.55)},
    )


ROWS = [sliced(64), read(64)]


@pytest.mark.parametrize(("row", "loop"), contests(ROWS), ids=name)
def test_slice(benchmark, row, loop):
    bench(benchmark, row, loop)
