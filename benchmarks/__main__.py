"""Run the rows, print what came out and keep it: python -m benchmarks [--help]."""

import argparse
import importlib.util
import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import benchmarks
from benchmarks import _compare, _java, _machine, _netty, _report, _table, growth, plots
from benchmarks._progress import progress
from benchmarks._results import Results, read
from benchmarks._row import Result, Row, measure
from benchmarks._rows import rows


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=benchmarks.__doc__)
    parser.add_argument("--quick", action="store_true", help="few short samples: a look, not a figure")
    parser.add_argument("--only", metavar="C1,C4", help="these rows, or plots, alone; N: all rows that begin with it")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    parser.add_argument(
        "--optimised", action="store_true", help="hold to the targets of an interpreter built with optimisations"
    )
    parser.add_argument("--netty", action="store_true", help="with Netty's column, which needs Java; it takes long to warm")
    parser.add_argument("--results", metavar="NAME", help="keep them as benchmarks/results/NAME.json (default: latest)")
    parser.add_argument("--compare", metavar="OLD.json", help="and what has changed since that run")
    parser.add_argument("--plots", action="store_true", help="instead: cost against size, drawn as benchmarks/results/*.svg")
    parser.add_argument("--growth", action="store_true", help="instead: how cost grows with size, parts, buffers and views")
    options = parser.parse_args()
    if options.plots and importlib.util.find_spec("matplotlib") is None:
        parser.error("--plots needs matplotlib")
    return options


def main() -> None:
    options = arguments()
    if options.netty:
        _netty.ASKED, _netty.WARM = True, 1.0 if options.quick else _netty.WARM
        print(_java.build() or "no Java, or no Netty: not run", file=sys.stderr)
    old = read(options.compare)[1] if options.compare else None    # which this run may be about to replace
    kind = "growth" if options.growth else "plots" if options.plots else "latest"
    results = Results(options.results or kind, _machine.head(options.optimised))
    if options.growth:
        return growth.run(results)
    if options.plots:
        show(measured(plots.rows(options.only), results, options), options)
        plots.draw(read(results.path)[1], results.path.parent)
    else:
        try:
            show(measured(rows(options.only), results, options), options)
        finally:
            _report.write(results.path)
    if old is not None:
        print("\n".join(_compare.report(old, read(results.path)[1])), file=sys.stderr if options.json else sys.stdout)


def measured(chosen: Sequence[Row], results: Results, options: argparse.Namespace) -> Iterator[Result]:
    """One row after the other; each is kept before it is shown."""
    samples, costly, seconds = (3, 1, 0.0005) if options.quick else (25, 25, 0.003)
    with progress(len(chosen), silent=options.json and not sys.stderr.isatty()) as tell:
        for row in chosen:
            tell(f"{row.id} {row.work}")
            start = time.monotonic()
            result = measure(row, costly if row.samples else samples, seconds)
            took = round(time.monotonic() - start, 2)
            results.add({**_table.record(result, options.optimised), "took": took})
            yield result


def show(results: Iterable[Result], options: argparse.Namespace) -> None:
    if options.json:
        return print_json(_table.record(result, options.optimised) for result in results)
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
