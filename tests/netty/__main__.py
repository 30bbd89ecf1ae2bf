"""Replay what Netty did against zbuf: python -m tests.netty [DIR ...] [--json]

Prints, for every file and every operation, how many steps were replayed, how
many came out as recorded, how many a rule covers, and how many failed.
"""

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path

from .recordings import files, folder
from .replay import replay_files
from .totals import Count, Totals


def table(heading: str, counts: Iterable[tuple[str, Count]]) -> str:
    rows = [f"{heading:<42} {'steps':>8} {'equal':>8} {'':>7} {'covered':>8} {'failed':>7}  by which rules"]
    for name, count in counts:
        rules = ", ".join(f"{rule} {n}" for rule, n in count.covered.most_common())
        rows.append(f"{name:<42} {count.steps:>8,} {count.equal:>8,} {count.share:>7.1%} {count.covered.total():>8,} "
                    f"{count.failed:>7,}  {rules}")
    return "\n".join(rows)


def as_text(totals: Totals) -> str:
    return "\n\n".join([
        table("operation", sorted(totals.by_op.items())),
        table("file", [*totals.by_file.items(), ("all", totals.whole)]),
        *totals.failures,
    ])


def as_json(totals: Totals) -> str:
    return json.dumps({
        "all": totals.whole.as_dict(),
        "files": {name: count.as_dict() for name, count in totals.by_file.items()},
        "operations": {name: count.as_dict() for name, count in sorted(totals.by_op.items())},
        "failures": totals.failures,
    }, indent=1)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.netty", description=__doc__.partition("\n")[0])
    parser.add_argument("dirs", nargs="*", type=Path, metavar="DIR", help="folders of recordings, instead of those at hand")
    parser.add_argument("--json", action="store_true", help="write JSON")
    options = parser.parse_args(arguments)
    totals = replay_files(files(*(options.dirs or [folder()])))
    print(as_json(totals) if options.json else as_text(totals))
    return 1 if totals.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
