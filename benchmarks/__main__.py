"""Run the rows and print what came out: python -m benchmarks [--quick] [--only C1,C4] [--netty] [--json]."""

import argparse
import importlib
import json
import pkgutil
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import benchmarks
from benchmarks import _java, _netty, _table
from benchmarks._row import Row, measure


def rows() -> Iterator[Row]:
    """All rows of all bench_*.py beside this file."""
    for module in pkgutil.iter_modules(benchmarks.__path__):
        if module.name.startswith("bench_"):
            yield from importlib.import_module(f"benchmarks.{module.name}").ROWS


def order(row: Row) -> tuple[str, int, str]:
    digits = "".join(filter(str.isdigit, row.id))
    return row.id[0], int(digits), row.id


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=benchmarks.__doc__)
    parser.add_argument("--quick", action="store_true", help="few short samples: a look, not a figure")
    parser.add_argument("--only", metavar="C1,C4", help="these rows alone")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    parser.add_argument(
        "--optimised", action="store_true", help="hold to the targets of an interpreter built with optimisations"
    )
    parser.add_argument("--netty", action="store_true", help="with Netty's column, which needs Java; it takes long to warm")
    options = parser.parse_args()
    if options.netty:
        _netty.ASKED, _netty.WARM = True, 1.0 if options.quick else _netty.WARM
        print(_java.build() or "no Java, or no Netty: not run", file=sys.stderr)
    wanted = options.only.split(",") if options.only else None
    samples, seconds = (3, 0.0005) if options.quick else (25, 0.003)
    results = (
        measure(row, samples, seconds) for row in sorted(rows(), key=order) if wanted is None or row.id in wanted
    )
    if options.json:
        print_json(_table.record(result, options.optimised) for result in results)
    else:
        print(_table.text(_table.HEAD))
        for result in results:
            for cells in _table.lines(result, options.optimised):
                print(_table.text(cells), flush=True)


def print_json(records: Iterable[dict[str, Any]]) -> None:
    """One array, an element as soon as it is there: a run that is cut short has not been for nothing."""
    lead = "["
    for record in records:
        print(lead + json.dumps(record, indent=1), end="", flush=True)
        lead = ",\n"
    print("]" if lead != "[" else "[]")


if __name__ == "__main__":
    main()
