"""C13, C14: what does a composite cost to build, and its bytes to read?"""

import pytest

import zbuf
from benchmarks._loop import Loop
from benchmarks._netty import Netty, both
from benchmarks._pytest import bench, name
from benchmarks._row import Row, contests

SIZE = 64
PIECE = bytes(range(SIZE))


def append_each(parts):
    composite = zbuf.CompositeByteBuf()
    for part in parts:
        composite.append(part)
    return composite


def list_and_join(parts):
    pieces = []
    for part in parts:
        pieces.append(part)
    return b"".join(pieces)


def bytearray_each(parts):
    acc = bytearray()
    for part in parts:
        acc += part
    return acc


def built(count: int) -> Row:
    return Row(
        "C13",
        f"composite of {count} x {SIZE} B, one call",
        [
            Loop(
                "zbuf",
                "build(*parts)",
                lambda: {"build": zbuf.CompositeByteBuf, "parts": [zbuf.copied(PIECE) for _ in range(count)]},
                check="bytes(build(*parts))",
            ),
            Loop(
                "zbuf, from a tuple",    # a call makes a tuple of the list first
                "build(*parts)",
                lambda: {"build": zbuf.CompositeByteBuf, "parts": tuple(zbuf.copied(PIECE) for _ in range(count))},
                check="bytes(build(*parts))",
            ),
            Loop("b''.join", "join(parts)", lambda: {"join": b"".join, "parts": [PIECE] * count}, check="join(parts)"),
            *both("addComponents", PIECE, count),
        ],
        {"b''.join": 0.7, "Netty, adaptive": 0.5 if count == 8 else 0.25},
    )


def shared(count: int, kib: int) -> Row:
    """What composites are for: parts too large to copy for nothing."""
    piece = bytes(kib * 1024)
    return Row(
        "C13",
        f"composite of {count} x {kib} KiB, one call",
        [
            Loop(
                "zbuf",
                "build(*parts)",
                lambda: {"build": zbuf.CompositeByteBuf, "parts": [zbuf.copied(piece) for _ in range(count)]},
                check="bytes(build(*parts))",
            ),
            Loop("b''.join", "join(parts)", lambda: {"join": b"".join, "parts": [piece] * count}, check="join(parts)"),
            Netty("addComponents", piece, count),
        ],
    )


def appended(count: int) -> Row:
    return Row(
        "C13b",
        f"composite of {count} x {SIZE} B, appends",
        [
            Loop(
                "zbuf",
                "build(parts)",
                lambda: {"build": append_each, "parts": [zbuf.copied(PIECE) for _ in range(count)]},
                check="bytes(build(parts))",
            ),
            Loop(
                "list.append + join",
                "build(parts)",
                lambda: {"build": list_and_join, "parts": [PIECE] * count},
                check="build(parts)",
            ),
            Loop(
                "bytearray +=",
                "build(parts)",
                lambda: {"build": bytearray_each, "parts": [PIECE] * count},
                check="bytes(build(parts))",
            ),
            Netty("addComponent", PIECE, count),
        ],
        {"list.append + join": 0.85},
    )


def read(count: int) -> Row:
    """coalesce=0 keeps the parts apart: as many regions as there are parts."""
    numbers = count * SIZE // 4
    return Row(
        "C14",
        f"read_u32 over {count} parts of {SIZE} B",
        [
            Loop(
                "zbuf",
                "buf.read_u32()",
                lambda: {"buf": zbuf.CompositeByteBuf(*[PIECE] * count, coalesce=0)},
                before="buf.reader_index = 0",
                times=numbers,
            ),
            Loop(
                "zbuf, one region",
                "buf.read_u32()",
                lambda: {"buf": zbuf.copied(PIECE * count)},
                before="buf.reader_index = 0",
                times=numbers,
            ),
            Netty("readComponents", PIECE, count),
        ],
        {"zbuf, one region": 1.3},
    )


ROWS = [row(count) for row in (built, appended, read) for count in (8, 64)] + [shared(8, 4)]


@pytest.mark.parametrize(("row", "loop"), contests(ROWS), ids=name)
def test_composite(benchmark, row, loop):
    bench(benchmark, row, loop)
