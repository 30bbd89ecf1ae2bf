"""C7: how fast are several fields read in one call?"""

import struct

import pytest

import zbuf
from benchmarks._loop import Loop
from benchmarks._pytest import bench, name
from benchmarks._row import Row, contests

FORMAT = ">BHIQ"
SIZE = struct.calcsize(FORMAT)
DATA = b"".join(struct.pack(FORMAT, k, 3 * k, 1_000 * k, 10**12 + k) for k in range(100))

ROWS = [
    Row(
        "C7",
        f'Layout("{FORMAT}").read',
        [
            Loop(
                "zbuf",
                "read(buf)",
                lambda: {"read": zbuf.Layout(FORMAT).read, "buf": zbuf.copied(DATA)},
                before="buf.reader_index = 0",
            ),
            Loop(
                "Struct.unpack_from",
                "unpack_from(data, {at})",
                lambda: {"unpack_from": struct.Struct(FORMAT).unpack_from, "data": DATA},
                step=SIZE,
            ),
        ],
        {"Struct.unpack_from": (0.78, 0.88)},
    )
]


@pytest.mark.parametrize(("row", "loop"), contests(ROWS), ids=name)
def test_layout(benchmark, row, loop):
    bench(benchmark, row, loop)
