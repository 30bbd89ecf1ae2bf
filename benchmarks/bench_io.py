"""I1, I2, I5: what does it cost to send many parts, and to receive into memory of one's own?"""

import socket
from typing import Any

import pytest

import zbuf
from benchmarks import _sink
from benchmarks._loop import Loop
from benchmarks._netty import NettySender
from benchmarks._peer import FEED, ConnectedLoop, connected
from benchmarks._pytest import bench, name
from benchmarks._row import Contestant, Row, contests

BATCH = 16


def sending(size: int, receiver: str) -> dict[str, Any]:
    return {
        "sock": _sink.connected(BATCH * size, receiver), "receipt": _sink.receipt,
        "queue": zbuf.OutboundBuffer(), "join": b"".join, "out": bytearray(),
        "parts": [bytes([k]) * size for k in range(BATCH)], "bufs": [zbuf.copied(bytes([k]) * size) for k in range(BATCH)],
    }


def senders(size: int, times: int, receiver: str) -> list[Contestant]:
    def loop(title: str, stmt: str) -> Loop:
        return ConnectedLoop(title, stmt, lambda: sending(size, receiver), times=times, check="receipt(sock)")

    return [
        loop("zbuf, of buffers", "queue.writelines(bufs); queue.flush_to(sock)"),
        loop("zbuf, of bytes", "queue.writelines(parts); queue.flush_to(sock)"),
        loop("join + sendall", "sock.sendall(join(parts))"),
        loop("sendmsg(list)", "sock.sendmsg(parts)"),
        loop("bytearray += + sendall", "out[:] = b''\n        for part in parts: out += part\n        sock.sendall(out)"),
        NettySender("gather", [size] * BATCH, first=BATCH * size, receiver=receiver),
    ]


def receiving() -> dict[str, Any]:
    sock = connected(FEED)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 64 << 10)    # no call gives less
    return {
        "sock": sock, "recv_into": zbuf.io.recv_into, "buf": zbuf.buffer(64 << 10, 64 << 10),
        "kept": bytearray(),
    }


def receiving_loop(title: str, stmt: str) -> Loop:
    return ConnectedLoop(title, stmt, receiving, times=20, check="None")


ROWS = [
    *(Row("I1", f"send {BATCH} parts of 64 B, receiver {receiver}", senders(64, 20, receiver),
          {"join + sendall": 0.95, "sendmsg(list)": 0.55}, samples=15) for receiver in _sink.RECEIVERS),
    *(Row("I2", f"send {BATCH} parts of 16 KiB, receiver {receiver}", senders(16 << 10, 5, receiver),
          {"join + sendall": 0.95}, samples=15) for receiver in _sink.RECEIVERS),
    Row(
        "I5",
        "receive 64 KiB at a time",
        [
            receiving_loop("zbuf", "recv_into(sock, buf); buf.clear()"),
            receiving_loop("recv(n)", "sock.recv(65536)"),
            receiving_loop("recv + bytearray += + cut", "kept += sock.recv(65536); data = bytes(kept[:65536]); del kept[:65536]"),
        ],
        {"recv(n)": 0.97, "recv + bytearray += + cut": 0.2},
        samples=15,
    ),
]


@pytest.mark.parametrize(("row", "loop"), contests(ROWS), ids=name)
def test_io(benchmark, row, loop):
    bench(benchmark, row, loop)
