"""C10: how fast is a byte, or a line's end, found?"""

import pytest

import zbuf
from benchmarks._loop import Loop
from benchmarks._netty import Netty
from benchmarks._pytest import bench, name
from benchmarks._row import Row, contests

KIB = 1024


def at_work(data: bytes) -> zbuf.ByteBuf:
    """As in a pool that is at work, what lies behind has been used before: to read up to a page that is not there costs 80 ns."""
    buf = zbuf.copied(data + bytes(4 * KIB))
    return buf[: len(data)]


def row(needle: bytes | int, n: int, what: str, target: float | None, filler: bytes = b"x" * 64) -> Row:
    """The needle stands at the very end."""
    end = bytes([needle]) if isinstance(needle, int) else needle
    data = (filler * (n // 64))[: n - len(end)] + end
    times = 100 if n <= 16 * KIB else 10
    return Row(
        "C10",
        f"find {what}",
        [
            Loop("zbuf", "buf.find(needle)", lambda: {"buf": at_work(data), "needle": needle}, times=times),
            Loop("bytes.find", "data.find(needle)", lambda: {"data": data, "needle": needle}, times=times),
            Netty("indexOf", data, end, times=times),
        ],
        {} if target is None else {"bytes.find": target},
    )


ROWS = [
    row(10, 64, "one byte in 64 B", 0.4),
    row(10, 4 * KIB, "one byte in 4 KiB", 1.0),
    row(10, KIB * KIB, "one byte in 1 MiB", 1.0),
    row(b"\r\n", 64, r"\r\n in 64 B", 0.3),
    row(b"\r\n", 16 * KIB, r"\r\n in 16 KiB", 0.04),
    # What slows a search that stops at every first byte.
    row(b"\r\n", 16 * KIB, r"\r\n in 16 KiB, \r each 64 B", None, b"\r".ljust(64, b"x")),
]


@pytest.mark.parametrize(("row", "loop"), contests(ROWS), ids=name)
def test_find(benchmark, row, loop):
    bench(benchmark, row, loop)
