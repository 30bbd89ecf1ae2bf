"""Cost against size, parts and message length, beside the rivals: rows of their own, drawn as SVG.

    python -m benchmarks --plots [--only slice,find]           measure and draw
    python -m benchmarks.plots benchmarks/results/plots.json   draw what was measured, beside it
"""

import importlib.util
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks import bench_alloc, bench_codec, bench_composite, bench_cython, bench_find, bench_slice, bench_write
from benchmarks._results import read
from benchmarks._row import Row


@dataclass(frozen=True)
class Plot:
    name: str    # of its file, and of its rows
    title: str
    across: str
    points: Sequence[int]
    row: Callable[[int], Row]

    def rows(self) -> list[Row]:
        """A row a point, which its `work` tells."""
        return [replace(self.row(n), id=self.name, work=str(n), targets={}) for n in self.points]


PLOTS = [
    Plot("allocate", "A buffer, taken and dropped", "bytes", [64 << 2 * k for k in range(8)], lambda n: bench_alloc.row(n, "", {})),
    Plot("slice", "A slice, made and dropped", "bytes", [16 << 2 * k for k in range(6)], bench_slice.sliced),
    Plot("write_bytes", "write_bytes", "bytes", [16 << 2 * k for k in range(6)], lambda n: bench_write.bytes_row(n, "", None)),
    Plot("find", "find: one byte at the very end", "bytes", [64 << 2 * k for k in range(8)], lambda n: bench_find.row(10, n, "", None)),
    Plot("composite-build", "A composite of parts of 64 bytes, in one call", "parts", [2 << k for k in range(10)], bench_composite.built),
    Plot("composite-read", "read_u32 over parts of 64 bytes", "parts", [1 << k for k in range(8)], bench_composite.read),
    Plot("composite-cython", "Cython: a composite built of parts of 64 bytes, and all of it read", "parts", [1 << k for k in range(8)], bench_cython.composite),
    Plot(
        "frames", "A frame, split off a block of 64 KiB", "bytes of a message", [16 << 2 * k for k in range(6)],
        lambda n: bench_codec.split("", n, n, 0.0, 0.0),
    ),
]


if importlib.util.find_spec("Cython") is None:
    PLOTS = [plot for plot in PLOTS if plot.name != "composite-cython"]


def rows(only: str | None) -> list[Row]:
    """Of all plots, or of those named in "slice,find"."""
    wanted = only.split(",") if only else None
    return [row for plot in PLOTS if wanted is None or plot.name in wanted for row in plot.rows()]


def draw(records: Iterable[dict[str, Any]], folder: Path) -> None:
    """A file for each plot of which there are records; of the same figures the same file."""
    import matplotlib

    kept = list(records)
    with matplotlib.rc_context({"svg.hashsalt": "zbuf", "svg.fonttype": "none"}):
        for plot in PLOTS:
            curves = lines(record for record in kept if record["row"] == plot.name)
            if curves:
                figure(plot, curves).savefig(folder / f"{plot.name}.svg", metadata={"Date": None, "Creator": None})


def lines(records: Iterable[dict[str, Any]]) -> dict[str, list[tuple[int, float]]]:
    """Points (n, ns) by contestant; of those that ran."""
    made: dict[str, list[tuple[int, float]]] = {}
    for record in records:
        for each in record["contestants"]:
            if each["median"] is not None and each["median"] > 0:
                made.setdefault(each["name"], []).append((int(record["work"]), each["median"]))
    return made


def figure(plot: Plot, curves: dict[str, list[tuple[int, float]]]) -> Any:
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter

    made = Figure(figsize=(8, 5), layout="constrained")
    axes = made.subplots()
    for name, points in curves.items():
        ours = name.startswith("zbuf")
        axes.plot(*zip(*points), label=name, marker="o" if ours else ".", linewidth=2.2 if ours else 1.2)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_ylim(*decades([ns for points in curves.values() for _, ns in points]))
    axes.xaxis.set_major_formatter(lambda n, _: short(n))
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(lambda ns, _: f"{ns:,.10g}")
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set(title=plot.title, xlabel=plot.across, ylabel="nanoseconds")
    axes.grid(True, which="major", alpha=0.3)
    axes.legend(fontsize="small")
    return made


def decades(values: list[float]) -> tuple[float, float]:
    """Whole ones: what hardly differs looks like it."""
    return 10.0 ** math.floor(math.log10(min(values))), 10.0 ** (math.floor(math.log10(max(values))) + 1)


def short(n: float) -> str:
    """64, 4 Ki, 1 Mi."""
    for unit, name in ((1 << 20, " Mi"), (1 << 10, " Ki")):
        if n >= unit:
            return f"{n / unit:g}{name}"
    return f"{n:g}"


if __name__ == "__main__":
    draw(read(sys.argv[1])[1], Path(sys.argv[1]).parent)
