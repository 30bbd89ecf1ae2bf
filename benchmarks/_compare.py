"""What has changed between two runs.

    python -m benchmarks._compare old.json new.json    or, of the run just made, python -m benchmarks --compare old.json

A change is marked where it is above 5 %, of an instruction count above 1 %, and
the quartiles of both runs do not overlap: figures of a busy machine move by as
much for no reason, and then their quartiles are far apart.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks._results import read
from benchmarks._table import figure

HEAD = ("row", "work", "contestant", "old", "new", "ratio", "")
WIDTHS = (5, 44, 28, 12, 12, 7, 6)
EXACT = "instructions"


@dataclass(frozen=True)
class Change:
    """A contestant that has run both times."""

    row: dict[str, Any]
    old: dict[str, Any]
    new: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.new["name"])

    @property
    def ratio(self) -> float | None:
        return self.new["median"] / self.old["median"] if self.old["median"] else None

    @property
    def mark(self) -> str:
        least = 0.01 if self.row["unit"] == EXACT else 0.05
        if self.ratio is None or abs(self.ratio - 1) <= least or self.overlaps():
            return ""
        return "better" if (self.ratio > 1) == self.row.get("rate", False) else "WORSE"

    def overlaps(self) -> bool:
        (low, high), (other_low, other_high) = self.old["quartiles"], self.new["quartiles"]
        return bool(low <= other_high and other_low <= high)

    def group(self) -> int:
        """What does not depend on the weather comes first, then zbuf, then what it is held against."""
        if self.row["unit"] == EXACT:
            return 0
        return 1 if self.name.startswith("zbuf") else 2

    def cells(self) -> tuple[str, ...]:
        ratio = "" if self.ratio is None else f"{self.ratio:.3f}x"
        medians = (figure(self.old["median"]), figure(self.new["median"]))
        return (self.row["row"], self.row["work"], self.name, *medians, ratio, self.mark)


def changes(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[Change]:
    before = dict(ran(old))
    return sorted((Change(row, before[key][1], now) for key, (row, now) in ran(new) if key in before), key=Change.group)


def ran(rows: list[dict[str, Any]]) -> Iterator[tuple[tuple[str, ...], tuple[dict[str, Any], dict[str, Any]]]]:
    for row in rows:
        for contestant in row["contestants"]:
            if contestant["median"] is not None:
                yield (row["row"], row["work"], row["unit"], contestant["name"]), (row, contestant)


def report(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[str]:
    found = changes(old, new)
    marked = sum(bool(change.mark) for change in found)
    lines = [text(cells) for cells in [HEAD, *(change.cells() for change in found)]]
    return [*lines, f"{marked} of {len(found)} have changed"]


def text(cells: tuple[str, ...]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS)).rstrip()


def main(old: str | Path, new: str | Path) -> None:
    print("\n".join(report(read(old)[1], read(new)[1])))


if __name__ == "__main__":
    main(*sys.argv[1:])
