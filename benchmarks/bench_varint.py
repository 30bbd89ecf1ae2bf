"""C6: how fast is a varint read?"""

import pytest

import zbuf
from benchmarks._loop import Loop
from benchmarks._pytest import bench, name
from benchmarks._rivals import aioquic_buffer
from benchmarks._row import Row, contests

COUNT = 100


def python_varint(data: bytes, at: int) -> int:
    """What one writes: the number at `at`; a reader would also want where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value
        shift += 7


def leb(value: int) -> bytes:
    groups = []
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*groups, value])


def row(width: int, value: int, target: float) -> Row:
    data = leb(value) * COUNT
    return Row(
        "C6",
        f"read_varint, {width} byte" + "s" * (width > 1),
        [
            Loop("zbuf", "buf.read_varint()", lambda: {"buf": zbuf.copied(data)}, before="buf.reader_index = 0"),
            Loop("Python loop", "read(data, {at})", lambda: {"read": python_varint, "data": data}, step=width),
        ],
        {"Python loop": target},
    )


def quic() -> Row:
    data = (0x4000 | 300).to_bytes(2, "big") * COUNT
    return Row(
        "C6",
        "read_quic_varint, 2 bytes",
        [
            Loop("zbuf", "buf.read_quic_varint()", lambda: {"buf": zbuf.copied(data)}, before="buf.reader_index = 0"),
            Loop("aioquic", "buf.pull_uint_var()", lambda: aioquic_buffer(data), before="buf.seek(0)", needs="aioquic"),
        ],
        {"aioquic": 0.35},
    )


ROWS = [row(1, 100, 0.12), row(5, 2**34 + 5, 0.07), quic()]


@pytest.mark.parametrize(("row", "loop"), contests(ROWS), ids=name)
def test_varint(benchmark, row, loop):
    bench(benchmark, row, loop)
