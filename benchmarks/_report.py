"""Markdown tables of a run, or of two of the same rows.

    python -m benchmarks._report plain.json [optimised.json]

Where both figures of a line are the same, or only the first run has a rival,
one stands for both.
"""

import sys
from pathlib import Path
from typing import Any

from benchmarks._results import read
from benchmarks._table import figure

HEAD = "| row | work | unit | zbuf | rival | | ratio | target | met |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |"


def pair(values: list[Any]) -> str:
    shown = ["" if value is None else value for value in values]
    return shown[0] if shown[0] == shown[1] else " / ".join(shown)


def median(contestant: dict[str, Any]) -> str:
    return "not run" if contestant["median"] is None else figure(contestant["median"])


def times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}x"


def met(contestants: list[dict[str, Any]]) -> str:
    return pair([{None: "", True: "yes", False: "**no**"}[each["met"]] for each in contestants])


def lines(plain: dict[str, Any], optimised: dict[str, Any]) -> list[str]:
    """zbuf's line if it has a limit of its own or no rival, and a line for each rival."""
    others = optimised["contestants"]
    both = list(zip(plain["contestants"], others + plain["contestants"][len(others):]))
    ours = pair([median(each) for each in both[0]])
    start = f"| {plain['row']} | {plain['work']} | {plain['unit']} | {ours} |"
    made = []
    limit = both[0][0]["target"]
    if limit is not None or len(both) == 1:
        made.append(f"{start} | | | {'' if limit is None else f'{limit:g}'} | {met(list(both[0]))} |")
    for rival in both[1:]:
        target = pair([each["target"] and f"{each['target']:g}x" for each in rival])
        medians = pair([median(each) for each in rival])
        ratio = pair([times(each["ratio"]) for each in rival])
        lead = start if not made else "| | | | |"
        made.append(f"{lead} {rival[0]['name']} | {medians} | {ratio} | {target} | {met(list(rival))} |")
    return made


def write(results: Path) -> None:
    """A run's own table, beside its results: what it was made on, then all rivals."""
    head, rows = read(results)
    facts = [f"- {name}: {fact(value)}" for name, value in head.items() if value is not None]
    table = [line for row in rows for line in lines(row, row)]
    results.with_suffix(".md").write_text("\n".join([*facts, "", HEAD, *table, ""]))


def fact(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {version}" for name, version in value.items())
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def main(one: str, other: str | None = None) -> None:
    rows = list(zip(read(one)[1], read(other or one)[1], strict=True))
    print("\n".join([HEAD, *(line for each in rows for line in lines(*each))]))


if __name__ == "__main__":
    main(*sys.argv[1:])
