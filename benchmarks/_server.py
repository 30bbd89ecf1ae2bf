"""A server as a contestant: a process of its own, sampled in turn with the others.

A server has one processor and the load another; each sample is a run of the
load, which compares all that comes with what it should be.
"""

import importlib.util
import json
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from pathlib import Path

from benchmarks import _java, _netty
from benchmarks._compile import program
from benchmarks._cpus import CPUS, pin
from benchmarks._row import Figure

CONNECTIONS = 50
SOURCE = Path(__file__).with_name("load") / "load.c"


class Server(Figure):
    """Millions of answers a second, or nanoseconds of the server's processor time for one."""

    scale = 1    # 1000: thousands, and microseconds

    def __init__(self, name: str, kind: str, depth: int, size: int, answer: int, rate: bool) -> None:
        self.name, self._kind, self._rate = name, kind, rate
        self._load = [str(CONNECTIONS), str(depth), str(size), str(answer)]

    def present(self) -> bool:
        return not self._kind.endswith("/uvloop") or importlib.util.find_spec("uvloop") is not None

    def result(self) -> object:
        """The load compares."""

    def command(self) -> list[str]:
        return [sys.executable, "-m", "benchmarks.load", *self._kind.split()]

    def open(self) -> None:
        self._process = subprocess.Popen(self.command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self._port = json.loads(self._process.stdout.readline())["port"]
        self.warm()
        pin(self._process.pid, CPUS[0])

    def warm(self) -> None:
        self._run(0.1)

    def close(self) -> None:
        self._process.communicate()    # the end of its input is the end of it

    def sample(self, seconds: float) -> float:
        """A sample of milliseconds elsewhere is one of hundreds here."""
        before = processor_time(self._process.pid)
        count, spent = self._run(200 * seconds)
        if self._rate:
            return count / spent / 1e6 * self.scale
        return (processor_time(self._process.pid) - before) / count / self.scale

    def _run(self, seconds: float) -> tuple[int, float]:
        load = subprocess.Popen(
            [program(SOURCE), str(self._port), *self._load, str(seconds)], stdout=subprocess.PIPE
        )
        pin(load.pid, CPUS[-1])
        answer = load.communicate()[0]
        if load.returncode:
            raise RuntimeError(f"{self.name}: the load has failed")
        done = json.loads(answer)
        return done["messages"], done["seconds"]


class Program(Server, ABC):
    """A server that is told its port, and ended by a signal; `needs` is a module without which it is not there."""

    scale = 1000

    def __init__(self, name: str, rate: bool, needs: str) -> None:
        self.name, self._rate, self._needs = name, rate, needs

    def present(self) -> bool:
        return importlib.util.find_spec(self._needs) is not None

    @abstractmethod
    def arguments(self) -> list[str]:
        """The command that serves at `_port`."""

    def open(self) -> None:
        self._port = free_port()
        self._process = subprocess.Popen(self.arguments(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until_it_listens(self._port)
        self.warm()
        pin(self._process.pid, CPUS[0])

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


class NettyServer(Server):
    @property
    def wanted(self) -> bool:  # type: ignore[override]
        return _netty.ASKED

    def present(self) -> bool:
        return _netty.ASKED and _java.build() is not None

    def command(self) -> list[str]:
        made = _java.build()
        assert made is not None
        return made.command("Echo", self._kind)

    def warm(self) -> None:
        while processor_time(self._process.pid) < _netty.WARM * 1e9:
            self._run(0.5)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def until_it_listens(port: int) -> None:
    for _ in range(500):
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
    raise RuntimeError(f"nobody listens at port {port} after 10 seconds")


def processor_time(pid: int) -> int:
    """Nanoseconds of all threads that a process has and had: clock_getcpuclockid(3), as Linux numbers its clocks."""
    return time.clock_gettime_ns(~pid << 3 | 2)


