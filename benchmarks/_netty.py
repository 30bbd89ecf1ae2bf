"""Netty as a contestant: a Java process of its own, sampled in turn with the others."""

import json
import subprocess
from typing import Any

from benchmarks import _java, _sink
from benchmarks._cpus import CPUS, pin
from benchmarks._peer import LONGER

ASKED = False    # by --netty
WARM = 12.0      # seconds of processor time before the first sample

Argument = int | str | bytes | list[int] | list[bytes]


class Netty:
    """A process of `bench.Samples` that does one work: netty/src/bench says which there are.

    Memory is of Netty's default allocator, or of "adaptive" or "pooled". Where
    the others of a row give a list of as many equal results, `times` is how
    many; it gives the one.
    """

    def __init__(self, work: str, *arguments: Argument, allocator: str = "", times: int = 0) -> None:
        self.name = f"Netty, {allocator}" if allocator else "Netty"
        self._work, self._arguments = work, list(arguments)
        self._allocator, self._times = allocator, times

    @property
    def wanted(self) -> bool:
        return ASKED

    def present(self) -> bool:
        made = _java.build() if ASKED else None
        return made is not None and self._allocator in ("", *made.allocators)

    def open(self) -> None:
        """Start it and wait until it is warm."""
        made = _java.build()
        assert made is not None
        options = [f"-Dwarm={WARM * 1e9:.0f}"]
        if self._allocator:
            options.append(f"-Dio.netty.allocator.type={self._allocator}")
        self._process = subprocess.Popen(
            made.command("Samples", options=options), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._result = decoded(self._ask(" ".join([self._work, *map(word, self._arguments)]))["result"])

    def close(self) -> None:
        self._process.communicate()    # the end of its input is the end of it

    def result(self) -> Any:
        return [self._result] * self._times if self._times else self._result

    def sample(self, seconds: float) -> float:
        """Nanoseconds of the work once, measured for about so long."""
        return float(self._ask(f"{seconds * 1e9:.0f}")["ns"])

    def _ask(self, line: str) -> Any:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer.startswith("{"):
            raise RuntimeError(f"{self.name}, asked for {line[:40]!r}, says {answer!r}")
        return json.loads(answer)


class NettySender(Netty):
    """Work that sends to a receiver, which checks the `first` bytes."""

    def __init__(self, work: str, *arguments: Argument, first: int, receiver: str) -> None:
        super().__init__(work, *arguments)
        self._first, self._receiver = first, receiver

    def open(self) -> None:
        self._arguments.insert(0, _sink.start(self._first, self._receiver))
        super().open()
        pin(self._process.pid, CPUS[0])

    def sample(self, seconds: float) -> float:
        return super().sample(LONGER * seconds)


def both(work: str, *arguments: Argument) -> list[Netty]:
    """With either of Netty's allocators."""
    return [Netty(work, *arguments, allocator=allocator) for allocator in ("adaptive", "pooled")]


def word(argument: Argument) -> str:
    """As Work.of() and its like read it: numbers, paths, bytes in hexadecimal, lists with commas."""
    if isinstance(argument, list):
        return ",".join(map(word, argument))
    return argument.hex() if isinstance(argument, bytes) else str(argument)


def decoded(value: Any) -> Any:
    """What Answer.java wrote: text is bytes in hexadecimal."""
    if isinstance(value, list):
        return [decoded(each) for each in value]
    return bytes.fromhex(value) if isinstance(value, str) else value
