"""C20: what does a length in front of a body cost, written and read?"""

import struct
from typing import Any

import pytest

import zbuf
from benchmarks._loop import Loop
from benchmarks._pytest import bench, name
from benchmarks._row import Row, contests

COUNT = 20


def loop(name: str, stmt: str, size: int, **lengths: dict[str, int]) -> Loop:
    """Bodies of this size into a buffer; `lengths` are kept objects, with their options."""

    def setup() -> dict[str, Any]:
        buf = zbuf.buffer(COUNT * (size + 10))
        kept = {kind: buf.length_prefixed(kind, **options) for kind, options in lengths.items()}
        return {"buf": buf, "body": bytes(size), **kept}

    return Loop(name, stmt, setup, before="buf.clear()", times=COUNT, check="bytes(buf)")


def python(size: int) -> Loop:
    return Loop(
        "bytearray, pack_into",
        "at = len(acc); acc += four; acc += body; pack_into(acc, at, len(acc) - at - 4)",
        lambda: {"four": bytes(4), "body": bytes(size), "pack_into": struct.Struct(">I").pack_into},
        before="acc = bytearray()",
        times=COUNT,
        check="bytes(acc)",
    )


def write(size: int, shown: str) -> Row:
    return Row(
        "C20",
        f"u32 before {shown}",
        [
            loop("zbuf", 'with buf.length_prefixed("u32"): buf.write_bytes(body)', size),
            loop("zbuf, the object kept", "with u32: buf.write_bytes(body)", size, u32={}),
            loop(
                "zbuf, by hand",
                "at = buf.writer_index; buf.write_u32(0); buf.write_bytes(body); buf.set_u32(at, buf.writer_index - at - 4)",
                size,
            ),
            python(size),
        ],
    )


def varint(size: int, shown: str) -> Row:
    return Row(
        "C20",
        f"varint before {shown}",
        [
            loop("zbuf, its width told", "with varint: buf.write_bytes(body)", size, varint={"max_length": size}),
            loop("zbuf, the body moves", "with varint: buf.write_bytes(body)", size, varint={}),
            loop("zbuf, length known before", "buf.write_varint(len(body)); buf.write_bytes(body)", size),
        ],
    )


def read() -> Row:
    content = (b"\0\0\0\x40" + bytes(64)) * COUNT

    def of(name: str, stmt: str) -> Loop:
        return Loop(name, stmt, lambda: {"buf": zbuf.copied(content)}, before="buf.reader_index = 0", times=COUNT)

    return Row(
        "C20",
        "frame of 64 B behind a u32",
        [
            of("zbuf", 'buf.read_prefixed("u32")'),
            of("zbuf, read_slice(read_u32())", "buf.read_slice(buf.read_u32())"),
        ],
    )


SIZES = [(100, "100 B"), (16 << 10, "16 KiB")]
ROWS = [*(write(*size) for size in SIZES), *(varint(*size) for size in SIZES), read()]


@pytest.mark.parametrize(("row", "loop"), contests(ROWS), ids=name)
def test_prefixed(benchmark, row, loop):
    bench(benchmark, row, loop)
