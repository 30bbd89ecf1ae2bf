"""A row: one question, zbuf's answer first, its rivals after it, and what to reach."""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks._loop import Loop
from benchmarks._netty import Netty

# As a multiple of a rival: for an interpreter as `./configure` makes it, and
# for one built with optimisations, whose own types are faster.
Target = float | tuple[float, float]


class Figure:
    """A contestant that measures itself: memory, exponents, other processes."""

    wanted = False

    def __init__(self, name: str, measure: Callable[[], float], *, result: Callable[[], Any] = lambda: None) -> None:
        self.name, self._measure, self.result = name, measure, result

    def present(self) -> bool:
        return True

    def open(self) -> None:
        pass

    def close(self) -> None:
        pass

    def sample(self, seconds: float) -> float:
        return self._measure()


# What is not present is left out, or named as not run where it is `wanted`.
Contestant = Loop | Figure | Netty


@dataclass(frozen=True)
class Row:
    id: str
    work: str
    contestants: Sequence[Contestant]
    targets: Mapping[str, Target] = field(default_factory=dict)
    limit: float | None = None    # for zbuf's own figure
    unit: str = "ns"
    rate: bool = False            # more is better: of the rivals' figures, targets are the least
    samples: int | None = None    # at most, where one is expensive or always the same

    def open(self) -> list[Contestant]:
        """The contestants that can run here, ready; all gave the same result."""
        there = [contestant for contestant in self.contestants if contestant.present()]
        for contestant in there:
            contestant.open()
        results = [contestant.result() for contestant in there]
        for contestant, got in zip(there, results):
            assert got == results[0], f"{self.id} {self.work}: {contestant.name} gives {got!r}, not {results[0]!r}"
        return there


@dataclass(frozen=True)
class Result:
    row: Row
    samples: dict[str, list[float]]

    def ran(self, name: str) -> bool:
        return bool(self.samples[name])

    def median(self, name: str) -> float:
        return statistics.median(self.samples[name])

    def quartiles(self, name: str) -> tuple[float, float]:
        values = self.samples[name]
        if len(values) < 2:
            return values[0], values[0]
        low, _, high = statistics.quantiles(values, n=4)
        return low, high

    def names(self) -> list[str]:
        return list(self.samples)

    def ratio(self, rival: str) -> float | None:
        """None of a rival who needs nothing."""
        return self.median(self.names()[0]) / self.median(rival) if self.median(rival) else None

    def target(self, name: str, optimised: bool) -> float | None:
        """The multiple of a rival to reach, or zbuf's own limit."""
        if name == self.names()[0]:
            return self.row.limit
        target = self.row.targets.get(name)
        return target[optimised] if isinstance(target, tuple) else target

    def met(self, name: str, optimised: bool) -> bool | None:
        target = self.target(name, optimised)
        if target is None or not self.ran(name):
            return None
        reached = self.median(name) if name == self.names()[0] else self.ratio(name)
        if reached is None:
            return None
        return reached >= target if self.row.rate else reached <= target


def measure(row: Row, samples: int, seconds: float) -> Result:
    """Samples of all contestants, taken in turns so that they share the weather."""
    contestants = row.open()
    taken: dict[str, list[float]] = {each.name: [] for each in row.contestants if each in contestants or each.wanted}
    for turn in range(min(row.samples or samples, samples)):
        first = turn % max(1, len(contestants))
        for contestant in contestants[first:] + contestants[:first]:
            taken[contestant.name].append(contestant.sample(seconds))
    for contestant in contestants:
        contestant.close()
    return Result(row, taken)


def contests(rows: Iterable[Row]) -> list[tuple[Row, Loop]]:
    """Every row with each of its loops in turn: what pytest is parametrised by."""
    return [(row, loop) for row in rows for loop in row.contestants if isinstance(loop, Loop) and loop.present()]
