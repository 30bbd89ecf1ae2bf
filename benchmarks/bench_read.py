"""C4: how fast is one number read?"""

import struct

import pytest

import zbuf
from benchmarks._loop import Loop
from benchmarks._netty import Netty
from benchmarks._pytest import bench, name
from benchmarks._rivals import aioquic_buffer
from benchmarks._row import Row, contests

COUNT = 100
WAYS = {
    2: ("u16", "pull_uint16", ">H", "readUnsignedShort"),
    4: ("u32", "pull_uint32", ">I", "readUnsignedInt"),
    8: ("u64", "pull_uint64", ">Q", "readLong"),
}


def data(width: int) -> bytes:
    """Numbers as protocols have them: sizes and identifiers, below 2**30."""
    top = min(2 ** (8 * width), 2**30)
    return b"".join((k * 7_654_321 % top).to_bytes(width, "big") for k in range(1, COUNT + 1))


def row(width: int) -> Row:
    kind, pull, code, read = WAYS[width]
    given = data(width)
    return Row(
        "C4",
        f"read_{kind}",
        [
            Loop("zbuf", f"buf.read_{kind}()", lambda: {"buf": zbuf.copied(given)}, before="buf.reader_index = 0"),
            Loop(
                "Struct.unpack_from",
                "unpack_from(data, {at})[0]",
                lambda: {"unpack_from": struct.Struct(code).unpack_from, "data": given},
                step=width,
            ),
            Loop(
                "int.from_bytes(b[i:j])",
                f"from_bytes(data[{{at}}:{{at}} + {width}], 'big')",
                lambda: {"from_bytes": int.from_bytes, "data": given},
                step=width,
            ),
            Loop("aioquic", f"buf.{pull}()", lambda: aioquic_buffer(given), before="buf.seek(0)", needs="aioquic"),
            Netty(read, given),
        ],
        {"Struct.unpack_from": (0.36, 0.50), "aioquic": 0.5},
    )


ROWS = [row(width) for width in WAYS]


@pytest.mark.parametrize(("row", "loop"), contests(ROWS), ids=name)
def test_read(benchmark, row, loop):
    bench(benchmark, row, loop)
