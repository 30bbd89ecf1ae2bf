"""`python -m zbuf audit`: arguments in, exit status out."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from zbuf.audit.proof import MOST, Sighting, witness
from zbuf.audit.report import fault, print_json, print_table, result
from zbuf.audit.ways import WAYS
from zbuf.audit.zerocopy import Wire
from zbuf.demo.command import positive, status_of
from zbuf.demo.frames import PIECE, DemoError, Frame, Plan, frame_of, reason
from zbuf.demo.race import run
from zbuf.demo.report import MIB, progress_of

LARGEST = 64 << 20  # bytes of the file; more is sent by sending it again

EPILOG = """\
Exit status: 0, every way that claims to copy nothing was seen to copy nothing;
1, one of them copied, or something went wrong, and stderr says what; 2, wrong
arguments; 130, interrupted."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Send a file over a TCP connection in every way; prove what is copied, and measure what it costs."
    parser.epilog = EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parser.add_argument("--size", type=positive, default=512, metavar="MIB", help="send so many MiB each way (512)")
    parser.add_argument(
        "--timeout", type=positive, default=30, metavar="S", help="give up when nothing moves for S seconds (30)"
    )


def main(options: argparse.Namespace) -> int:
    """Run the audit; the exit status."""
    return status_of("zbuf audit", lambda: audit(options))


def audit(options: argparse.Namespace) -> None:
    with planned(options.size * MIB, options.timeout) as plan:
        rows = []
        for name in WAYS:
            with progress_of(name, plan, quiet=options.json) as progress:
                measured = run(name, plan, progress, "zbuf.audit.sender")
            rows.append(result(name, plan, proof_of(name, plan.patience), measured))
    (print_json if options.json else print_table)(plan, rows)
    if faults := [text for text in map(fault, rows) if text]:
        raise DemoError("; ".join(faults))


def proof_of(name: str, patience: float) -> Sighting:
    """What the witness sees of a way, of a file small enough to wait in the connection."""
    with scratch(MOST) as path:
        frame = Frame(path, MOST, 0)
        return witness(lambda sock: WAYS[name].send(Wire(sock, patience), frame), path)


@contextmanager
def planned(size: int, patience: float) -> Iterator[Plan]:
    """Send `size` bytes, or a few less: a file a whole number of times over."""
    times = -(-size // LARGEST)
    with scratch(size // times) as path:
        yield Plan((frame_of(path),), times, patience)


@contextmanager
def scratch(size: int) -> Iterator[str]:
    """A file of random bytes, in the page cache."""
    try:
        with tempfile.NamedTemporaryFile(prefix="zbuf-audit-", buffering=0) as file:
            for at in range(0, size, PIECE):
                file.write(os.urandom(min(PIECE, size - at)))
            yield file.name
    except OSError as error:
        raise DemoError(reason(error)) from error
