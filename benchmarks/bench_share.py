"""C22: what does it cost to share bytes instead of copying them?"""

from typing import Any

import pytest

import zbuf
from benchmarks._loop import Loop
from benchmarks._pytest import bench, name
from benchmarks._row import Row, contests

SIZE = 64 << 10
DATA = bytes(range(256)) * (SIZE // 256)


def frame() -> dict[str, Any]:
    """pyzmq's messages: memory and count of references are libzmq's."""
    import zmq

    return {"frame": zmq.Frame, "data": DATA, "kept": zmq.Frame(DATA, copy=True)}


ROWS = [
    Row(
        "C22",
        "wrap 64 KiB of bytes",
        [
            Loop("zbuf", "wrap(data)", lambda: {"wrap": zbuf.wrap, "data": DATA}, check="bytes(wrap(data))"),
            Loop("memoryview", "view(data)", lambda: {"view": memoryview, "data": DATA}, check="bytes(view(data))"),
            Loop(
                "pyzmq Frame", "frame(data, copy=False)", frame, times=20, check="bytes(frame(data, copy=False))",
                needs="zmq",
            ),
        ],
    ),
    Row(
        "C22",
        "share a buffer of 64 KiB as a whole",
        [
            Loop("zbuf", "buf.duplicate()", lambda: {"buf": zbuf.copied(DATA)}, check="bytes(buf.duplicate())"),
            Loop("pyzmq Frame", "kept.__copy__()", frame, check="bytes(kept.__copy__())", needs="zmq"),
            Loop("memoryview slice", "view[:]", lambda: {"view": memoryview(DATA)}, check="bytes(view[:])"),
        ],
    ),
    Row(
        "C22",
        "a buffer of 64 KiB with a copy of bytes",
        [
            Loop("zbuf", "copied(data)", lambda: {"copied": zbuf.copied, "data": DATA}, times=10, check="bytes(copied(data))"),
            Loop("pyzmq Frame", "frame(data, copy=True)", frame, times=10, check="bytes(frame(data, copy=True))", needs="zmq"),
            Loop("bytearray(data)", "make(data)", lambda: {"make": bytearray, "data": DATA}, times=10, check="bytes(make(data))"),
        ],
    ),
]


@pytest.mark.parametrize(("row", "loop"), contests(ROWS), ids=name)
def test_share(benchmark, row, loop):
    bench(benchmark, row, loop)
