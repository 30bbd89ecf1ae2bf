"""I12: how many commands a second does a Redis in Python answer to redis-benchmark?

Each has one processor, redis-benchmark the other: 50 connections, one command at a
time on each, or 32. Latencies are of 32 commands together where they come together.
"""

import csv
import shutil
import socket
import subprocess
import sys

from benchmarks._cpus import CPUS, pin
from benchmarks._row import Row
from benchmarks._server import CONNECTIONS, Program, processor_time

SMALL, LARGE = 64, 1 << 20    # bytes of a value
UNITS = {"a second": "k", "processor time": "us", "p50": "ms", "p99": "ms"}


class RespServer(Program):
    """Thousands of replies a second, microseconds of the server's processor time for one, or milliseconds until they come."""

    _a_second = 0.0    # until it is known

    def __init__(self, name: str, test: str, size: int, depth: int, figure: str, *, needs: str = "zbuf") -> None:
        super().__init__(name, figure == "a second", needs)
        self._test, self._size, self._depth, self._figure = test, size, depth, figure

    def present(self) -> bool:
        return shutil.which("redis-benchmark") is not None and super().present()

    def warm(self) -> None:
        self._ask("set", 0)    # what is got is there
        for seconds in (0, 0.1, 1):
            self._ask(self._test, seconds)

    def result(self) -> bytes:
        with socket.create_connection(("127.0.0.1", self._port)) as sock:
            sock.sendall(b"*2\r\n$3\r\nGET\r\n$16\r\nkey:__rand_int__\r\n")
            return sock.recv(len(f"${self._size}\r\n\r\n") + self._size, socket.MSG_WAITALL)

    def sample(self, seconds: float) -> float:
        before = processor_time(self._process.pid)
        count, told = self._ask(self._test, 200 * seconds)
        if self._figure == "processor time":
            return (processor_time(self._process.pid) - before) / count / self.scale
        return float(told[f"{self._figure}_latency_ms"]) if self._figure in ("p50", "p99") else self._a_second / self.scale

    def _ask(self, test: str, seconds: float) -> tuple[int, dict[str, str]]:
        """How many commands, and what redis-benchmark tells of them."""
        count = max(round(self._a_second * seconds), CONNECTIONS * self._depth)
        load = subprocess.Popen(
            ["redis-benchmark", "-p", str(self._port), "-t", test, "-c", str(CONNECTIONS), "-P", str(self._depth), "-d", str(self._size),
             "-n", str(count), "--csv"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )
        pin(load.pid, CPUS[-1])
        (told,) = csv.DictReader(load.communicate()[0].splitlines())
        self._a_second = float(told["rps"])
        return count, told


class Example(RespServer):
    def arguments(self) -> list[str]:
        loop = ["--uvloop"] if self._needs == "uvloop" else []
        return [sys.executable, "-m", "examples.resp_server", "--port", str(self._port), *loop]


class Rival(RespServer):
    """uvloop and bytes; what parses is hiredis, or Python."""

    def arguments(self) -> list[str]:
        return [sys.executable, "-m", "benchmarks.load.resp", "hiredis" if self._needs == "hiredis" else "python", str(self._port)]

    def present(self) -> bool:
        return super().present() and Example("", "", 0, 0, "", needs="uvloop").present()


class Redis(RespServer):
    def present(self) -> bool:
        return super().present() and shutil.which("redis-server") is not None

    def arguments(self) -> list[str]:
        return ["redis-server", "--port", str(self._port), "--save", "", "--appendonly", "no"]


def row(test: str, size: int, depth: int, figure: str) -> Row:
    asked = (test, size, depth, figure)
    return Row(
        "I12",
        f"{depth} x {test} {'64 B' if size == SMALL else '1 MiB'}, Redis, {figure}",
        [
            Example("zbuf, uvloop", *asked, needs="uvloop"),
            Example("zbuf, asyncio", *asked),
            Rival("hiredis and bytes, uvloop", *asked, needs="hiredis"),
            Rival("bytes, uvloop", *asked, needs="uvloop"),
            Redis("redis-server", *asked),
        ],
        unit=UNITS[figure],
        rate=figure == "a second",
        samples=5,
    )


SHAPES = [(SMALL, 1), (SMALL, 32), (LARGE, 1)]
ROWS = [row(test, *shape, figure) for shape in SHAPES for test in ("get", "set") for figure in UNITS]
