"""Results as a table for people and as JSON for programs."""

from collections.abc import Iterator
from typing import Any

from benchmarks._row import Result

HEAD = ("row", "work", "contestant", "median", "quartiles", "ratio", "target", "met")


def figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}" if value < 10 else f"{value:.1f}"


def lines(result: Result, optimised: bool) -> Iterator[tuple[str, ...]]:
    """A line a contestant, zbuf first; a rival's ratio is zbuf's median over its."""
    for k, name in enumerate(result.names()):
        row = (result.row.id, result.row.work) if k == 0 else ("", "")
        if not result.ran(name):
            yield *row, name, "not run", "", "", "", ""
            continue
        low, high = result.quartiles(name)
        ratio = result.ratio(name) if k else None
        target, met = result.target(name, optimised), result.met(name, optimised)
        yield (
            *row,
            name,
            f"{figure(result.median(name))} {result.row.unit}".strip(),
            f"{figure(low)} .. {figure(high)}",
            "" if ratio is None else f"{ratio:.2f}x",
            "" if target is None else f"{target:g}x" if k else f"{target:g} {result.row.unit}".strip(),
            "" if met is None else "yes" if met else "NO",
        )


WIDTHS = (5, 34, 26, 12, 18, 7, 8, 3)


def text(cells: tuple[str, ...]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS)).rstrip()


def record(result: Result, optimised: bool) -> dict[str, Any]:
    """One row for a program: medians and quartiles in `unit`, null of what did not run."""
    contestants = [
        {
            "name": name,
            "median": result.median(name) if result.ran(name) else None,
            "quartiles": result.quartiles(name) if result.ran(name) else None,
            "ratio": result.ratio(name) if k and result.ran(name) else None,
            "target": result.target(name, optimised),
            "met": result.met(name, optimised),
        }
        for k, name in enumerate(result.names())
    ]
    row = result.row
    return {"row": row.id, "work": row.work, "unit": row.unit, "rate": row.rate, "contestants": contestants}
