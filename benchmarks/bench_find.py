"""C10: how fast is a byte, or a line's end, found?"""

import pytest

import zbuf
from benchmarks._loop import Loop
from benchmarks._pytest import bench, name
from benchmarks._row import Row, contests

KIB = 1024


def row(needle: bytes | int, what: str, n: int, size: str, target: float) -> Row:
    """The needle stands at the very end, behind bytes that are not in it."""
    end = bytes([needle]) if isinstance(needle, int) else needle
    # A lone \r here and there, as text with bare returns has: what slows a
    # search that stops at each first byte.
    data = (b"x" * 63 + end[:1] * (len(end) > 1)).ljust(64, b"x") * (n // 64)
    data = data[: n - len(end) - 1] + b"x" + end
    times = 100 if n <= 16 * KIB else 10
    return Row(
        "C10",
        f"find {what} in {size}",
        [
            Loop("zbuf", "buf.find(needle)", lambda: {"buf": zbuf.copied(data), "needle": needle}, times=times),
            Loop("bytes.find", "data.find(needle)", lambda: {"data": data, "needle": needle}, times=times),
        ],
        {"bytes.find": target},
    )


ROWS = [
    row(10, "one byte", 64, "64 B", 0.4),
    row(10, "one byte", 4 * KIB, "4 KiB", 1.0),
    row(10, "one byte", KIB * KIB, "1 MiB", 1.0),
    row(b"\r\n", r"\r\n", 64, "64 B", 0.3),
    row(b"\r\n", r"\r\n", 16 * KIB, "16 KiB", 0.04),
]


@pytest.mark.parametrize(("row", "loop"), contests(ROWS), ids=name)
def test_find(benchmark, row, loop):
    bench(benchmark, row, loop)
