"""The same contestants under pytest-benchmark: one test a contestant, one group a row."""

from typing import Any

from benchmarks._loop import Loop
from benchmarks._row import Row

ROUNDS = 20


def bench(benchmark: Any, row: Row, loop: Loop) -> None:
    """Time twenty rounds of the loop, the loop itself included."""
    row.open()
    benchmark.group = f"{row.id} {row.work}, {ROUNDS * loop.count} times"
    benchmark(loop.run, ROUNDS)


def name(value: Row | Loop) -> str:
    return f"{value.id} {value.work}" if isinstance(value, Row) else value.name
