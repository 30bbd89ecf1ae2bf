"""The rows there are: those of all bench_*.py beside this file."""

import importlib
import pkgutil

import benchmarks
from benchmarks._row import Row


def rows(only: str | None) -> list[Row]:
    """In order; all, or those of "C1,C4", or of a letter: "N"."""
    wanted = only.split(",") if only else None
    return sorted((row for row in every() if wanted is None or row.id in wanted or row.id[0] in wanted), key=order)


def every() -> list[Row]:
    names = [module.name for module in pkgutil.iter_modules(benchmarks.__path__) if module.name.startswith("bench_")]
    return [row for name in names for row in importlib.import_module(f"benchmarks.{name}").ROWS]


def order(row: Row) -> tuple[str, int, str]:
    digits = "".join(filter(str.isdigit, row.id))
    return row.id[0], int(digits), row.id
