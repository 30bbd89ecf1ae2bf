"""I3: what does it cost a sender to send a file that is in the page cache?"""

import functools
import os
import tempfile
from typing import Any

import pytest

import zbuf
from benchmarks import _sink
from benchmarks._netty import NettySender
from benchmarks._peer import ConnectedLoop
from benchmarks._pytest import bench, name
from benchmarks._row import Row, contests

MIB = 1 << 20
SIZE = 16 * MIB


class FileLoop(ConnectedLoop):
    """A file as a whole: nanoseconds of one MiB."""

    def __init__(self, title: str, stmt: str, receiver: str) -> None:
        super().__init__(title, stmt, lambda: opened(receiver), times=1, check="receipt(sock)")

    def open(self) -> None:
        super().open()
        self.count = SIZE // MIB


def opened(receiver: str) -> dict[str, Any]:
    file = content()
    return {
        "sock": _sink.connected(SIZE, receiver),
        "receipt": _sink.receipt,
        "file": file,
        "region": zbuf.FileRegion(file, 0, SIZE),
        "queue": zbuf.OutboundBuffer(),
        "sendfile": sendfile,
        "read_and_send": read_and_send,
    }


@functools.cache
def content() -> Any:
    """One file for all: where its pages lie makes a difference."""
    file = tempfile.NamedTemporaryFile(prefix="zbuf-benchmark-")
    for k in range(SIZE // MIB):
        file.write(bytes([k]) * MIB)
    file.flush()
    return file


def sendfile(sock: Any, file: Any) -> None:
    at = 0
    while at < SIZE:
        at += os.sendfile(sock.fileno(), file.fileno(), at, SIZE - at)


def read_and_send(sock: Any, file: Any) -> None:
    for at in range(0, SIZE, 64 << 10):
        sock.sendall(os.pread(file.fileno(), 64 << 10, at))


class NettyFile(NettySender):
    """All of the file: nanoseconds of one MiB."""

    def __init__(self, receiver: str) -> None:
        super().__init__("sendFile", first=SIZE, receiver=receiver)

    def open(self) -> None:
        self._arguments = [content().name]
        super().open()

    def sample(self, seconds: float) -> float:
        return super().sample(seconds) / (SIZE // MIB)


def row(receiver: str, targets: dict[str, float]) -> Row:
    return Row(
        "I3",
        f"send 1 MiB of a cached file, receiver {receiver}",
        [
            FileLoop("zbuf", "queue.write(region); queue.flush_to(sock)", receiver),
            FileLoop("os.sendfile", "sendfile(sock, file)", receiver),
            FileLoop("read 64 KiB + sendall", "read_and_send(sock, file)", receiver),
            NettyFile(receiver),
        ],
        targets,
        samples=15,
    )


ROWS = [row("sleeps", {"os.sendfile": 1.05}), row("spins", {"os.sendfile": 1.05, "read 64 KiB + sendall": 0.5})]


@pytest.mark.parametrize(("row", "loop"), contests(ROWS), ids=name)
def test_file(benchmark, row, loop):
    bench(benchmark, row, loop)
