"""I1, I2: what does it cost a sender to send many parts at once?"""

from typing import Any

import pytest

import zbuf
from benchmarks import _sink
from benchmarks._loop import Loop
from benchmarks._netty import NettySender
from benchmarks._pytest import bench, name
from benchmarks._row import Row, contests


def sender(title: str, stmt: str, sizes: list[int], make: Any = bytes) -> Loop:
    def setup() -> dict[str, Any]:
        return {
            "sock": _sink.connected(sum(sizes)),
            "receipt": _sink.receipt,
            "parts": [make(bytes([k]) * n) for k, n in enumerate(sizes)],
            "queue": zbuf.OutboundBuffer(),
            "join": b"".join,
        }

    return Loop(title, stmt, setup, times=20, check="receipt(sock)")


def row(id: str, work: str, sizes: list[int], targets: dict[str, float]) -> Row:
    return Row(
        id,
        work,
        [
            sender("zbuf", "queue.writelines(parts); queue.flush_to(sock)", sizes, zbuf.copied),
            sender("join + sendall", "sock.sendall(join(parts))", sizes),
            sender("sendmsg(list)", "sock.sendmsg(parts)", sizes),
            NettySender("gather", sizes, first=sum(sizes)),
        ],
        targets,
    )


ROWS = [
    row("I1", "send 16 parts of 64 B", [64] * 16, {"join + sendall": 0.95, "sendmsg(list)": 0.55}),
    row("I2", "send 16 times 64 B and 16 KiB", [64, 16 << 10] * 16, {"join + sendall": 0.95}),
]


@pytest.mark.parametrize(("row", "loop"), contests(ROWS), ids=name)
def test_gather(benchmark, row, loop):
    bench(benchmark, row, loop)
