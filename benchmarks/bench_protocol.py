"""C9, C11: what do Python's own protocols cost: len, [i], memoryview?"""

import pytest

import zbuf
from benchmarks._loop import Loop
from benchmarks._pytest import bench, name
from benchmarks._row import Row, contests

DATA = bytes(range(100))

ROWS = [
    Row(
        "C9",
        "len(buf)",
        [
            Loop("zbuf", "len(buf)", lambda: {"buf": zbuf.copied(DATA)}),
            Loop("bytes", "len(data)", lambda: {"data": DATA}),
        ],
        {"bytes": 1.3},
    ),
    Row(
        "C9",
        "buf[i]",
        [
            Loop("zbuf", "buf[{k}]", lambda: {"buf": zbuf.copied(DATA)}),
            Loop("bytes", "data[{k}]", lambda: {"data": DATA}),
        ],
        {"bytes": 1.3},
    ),
    Row(
        "C11",
        "memoryview(buf)",
        [
            Loop(
                "zbuf",
                "view(buf)",
                lambda: {"view": memoryview, "buf": zbuf.copied(DATA)},
                check="bytes(view(buf))",
            ),
            Loop(
                "memoryview(bytearray)",
                "view(data)",
                lambda: {"view": memoryview, "data": bytearray(DATA)},
                check="bytes(view(data))",
            ),
        ],
        {"memoryview(bytearray)": 1.0},
    ),
]


@pytest.mark.parametrize(("row", "loop"), contests(ROWS), ids=name)
def test_protocol(benchmark, row, loop):
    bench(benchmark, row, loop)
