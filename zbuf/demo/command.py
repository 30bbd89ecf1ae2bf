"""`python -m zbuf demo`: arguments in, exit status out."""

from __future__ import annotations

import argparse
import os
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

from zbuf.demo.frames import DemoError, Plan, frame_of
from zbuf.demo.race import run
from zbuf.demo.report import print_json, print_table, progress_of, result
from zbuf.demo.ways import WAYS

EPILOG = """\
Without files: the sources of Python's standard library and its largest binary.
Exit status: 0, everything was verified; 1, something went wrong and stderr says
what; 2, wrong arguments; 130, interrupted."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Send files over a real TCP connection in five ways; verify and measure each."
    parser.epilog = EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("files", nargs="*", metavar="FILE", help="what to send, in this order")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parser.add_argument(
        "--megabytes", type=positive, default=512, metavar="N", help="repeat the files up to N MB or more each way (512)"
    )
    parser.add_argument(
        "--timeout", type=positive, default=30, metavar="S", help="give up when nothing moves for S seconds (30)"
    )


def positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not positive")
    return value


def default_files() -> list[str]:
    """Real files that every Python has."""
    sources = sorted(str(path) for path in Path(os.__file__).parent.glob("*.py"))
    shared = Path(sysconfig.get_config_var("LIBDIR") or "", sysconfig.get_config_var("INSTSONAME") or "")
    return [*sources, str(shared if shared.is_file() else Path(sys.executable).resolve())]


def plan_of(files: list[str], megabytes: int, patience: float) -> Plan:
    frames = tuple(map(frame_of, files))
    once = Plan(frames, 1, patience).wire_bytes
    return Plan(frames, max(1, -(-megabytes * 10**6 // once)), patience)


def main(options: argparse.Namespace) -> int:
    """Run the demonstration; the exit status."""
    return status_of("zbuf demo", lambda: race(options))


def race(options: argparse.Namespace) -> None:
    plan = plan_of(options.files or default_files(), options.megabytes, options.timeout)
    rows = []
    for way in WAYS:
        with progress_of(way, plan, quiet=options.json) as progress:
            rows.append(result(way, plan, run(way, plan, progress)))
    (print_json if options.json else print_table)(plan, rows)


def status_of(name: str, work: Callable[[], None]) -> int:
    """The exit status of a command that does this work, and on stderr why it failed."""
    try:
        work()
        sys.stdout.flush()
    except DemoError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nobody reads the results any more
        return 1
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return 130
    return 0
