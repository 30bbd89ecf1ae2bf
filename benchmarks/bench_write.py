"""C5, C8: how fast are numbers and bytes written?"""

import io
import struct

import pytest

import zbuf
from benchmarks._loop import Loop
from benchmarks._netty import Netty
from benchmarks._pytest import bench, name
from benchmarks._rivals import aioquic_buffer
from benchmarks._row import Row, contests

COUNT = 100
NUMBERS = b"".join((7_654_321 * k).to_bytes(4, "big") for k in range(COUNT))


def bytes_row(n: int, size: str, target: float | None) -> Row:
    piece = (bytes(range(256)) * (n // 256 + 1))[:n]
    return Row(
        "C8",
        f"write_bytes {size}",
        [
            Loop(
                "zbuf",
                "buf.write_bytes(piece)",
                lambda: {"buf": zbuf.buffer(COUNT * n), "piece": piece},
                before="buf.clear()",
                check="bytes(buf)",
            ),
            Loop(
                "bytearray +=",
                "acc += piece",
                lambda: {"piece": piece},
                before="acc = bytearray()",
                check="bytes(acc)",
            ),
            Loop(
                "BytesIO.write",
                "out.write(piece)",
                lambda: {"out": io.BytesIO(), "piece": piece},
                before="out.seek(0)",
                check="out.getvalue()",
            ),
            Netty("writeBytes", piece),
        ],
        {} if target is None else {"bytearray +=": target},
    )


ROWS = [
    Row(
        "C5",
        "write_u32",
        [
            Loop(
                "zbuf",
                "buf.write_u32({at})",
                lambda: {"buf": zbuf.buffer(4 * COUNT)},
                before="buf.clear()",
                step=7_654_321,
                check="bytes(buf)",
            ),
            Loop(
                "Struct.pack_into",
                "pack_into(data, 4 * {k}, {at})",
                lambda: {"pack_into": struct.Struct(">I").pack_into, "data": bytearray(4 * COUNT)},
                step=7_654_321,
                check="bytes(data)",
            ),
            Loop(
                "bytearray += 4 bytes",
                "acc += numbers[{k}]",
                lambda: {"numbers": [NUMBERS[i:i + 4] for i in range(0, len(NUMBERS), 4)]},
                before="acc = bytearray()",
                check="bytes(acc)",
            ),
            Loop(
                "aioquic",
                "buf.push_uint32({at})",
                lambda: aioquic_buffer(capacity=4 * COUNT),
                before="buf.seek(0)",
                step=7_654_321,
                check="buf.data",
                needs="aioquic",
            ),
            Netty("writeInt", 7_654_321),
        ],
        {"Struct.pack_into": (0.25, 0.30)},
    ),
    bytes_row(16, "16 B", 0.4),
    bytes_row(1024, "1 KiB", 0.8),
]


@pytest.mark.parametrize(("row", "loop"), contests(ROWS), ids=name)
def test_write(benchmark, row, loop):
    bench(benchmark, row, loop)
