"""What people and programs see of it: progress on stderr, results on stdout."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from zbuf.demo.frames import Plan
from zbuf.demo.race import Progress

MIB = 1 << 20
GIB = 1 << 30

NOTES = """\
MB/s: bodies and headers, until the receiver has checked the last; CPU: of the
sender alone, user and system; calls: read, send, sendmsg and sendfile, counted
by zbuf's flushes and by the wrappers around os.read and socket.send; memory:
what sending added to the sender's resident set at its peak."""


def result(way: str, plan: Plan, measured: dict[str, Any]) -> dict[str, Any]:
    """One row, for people and for programs."""
    size = plan.wire_bytes
    return {
        "way": way,
        "mb_per_second": round(size / 1e6 / measured["seconds"], 1),
        "cpu_seconds_per_gib": round(measured["cpu_seconds"] * GIB / max(size, 1), 4),
        "system_calls": measured["system_calls"],
        "extra_memory": measured["extra_memory"],
        "peak_memory": measured["peak_memory"],
        "seconds": round(measured["seconds"], 4),
        "cpu_seconds": round(measured["cpu_seconds"], 4),
        "verified": True,
    }


def print_json(plan: Plan, rows: list[dict[str, Any]]) -> None:
    print(json.dumps({**totals(plan), "ways": rows}, indent=2))


def totals(plan: Plan) -> dict[str, int]:
    return {
        "files": len(plan.frames),
        "times": plan.times,
        "frames": len(plan.frames) * plan.times,
        "body_bytes": plan.body_bytes,
        "wire_bytes": plan.wire_bytes,
    }


def print_table(plan: Plan, rows: list[dict[str, Any]]) -> None:
    print(f"{len(plan.frames)} files, {plan.times} times over: {plan.wire_bytes / 1e6:,.1f} MB each way\n")
    print(f"{'way':<24}{'MB/s':>9}{'CPU s/GiB':>12}{'calls':>10}{'memory MiB':>13}  verified")
    for row in rows:
        print(
            f"{row['way']:<24}{row['mb_per_second']:>9,.0f}{row['cpu_seconds_per_gib']:>12.3f}"
            f"{row['system_calls']:>10,}{row['extra_memory'] / MIB:>13.1f}  yes"
        )
    print(f"\n{NOTES}")


@contextmanager
def progress_of(way: str, plan: Plan, quiet: bool) -> Iterator[Progress]:
    """How far one way is: a bar of rich where there is one, or a plain line; nothing if quiet."""
    if quiet or not sys.stderr.isatty():
        if not quiet:
            print(f"{way} ...", file=sys.stderr, flush=True)
        yield lambda received: None
        return
    try:
        from rich.console import Console  # type: ignore[import-not-found, unused-ignore]
        from rich.progress import Progress as Bar  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        yield lambda received: plain(way, received, plan.wire_bytes)
        print(file=sys.stderr)
        return
    with Bar(console=Console(stderr=True)) as bar:
        task = bar.add_task(f"{way:<24}", total=plan.wire_bytes)
        yield lambda received: bar.update(task, completed=received)


def plain(way: str, received: int, size: int) -> None:
    print(f"\r{way:<24}{100 * received // max(size, 1):>4} %", end="", file=sys.stderr, flush=True)
