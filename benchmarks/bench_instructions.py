"""N1 to N14: how many instructions does a call take? Counted by valgrind, so a busy machine does not matter.

A fresh interpreter does the work n times and its empty loop 2n times, another
one the work 2n times and the empty loop n times. What the two differ by is n
times the work: starting, warming up and the loop itself are in both. Addresses
and hashes are not random, and what the kernel does is not counted.
"""

import functools
import os
import re
import shutil
import subprocess
import sys

from benchmarks._row import Figure, Row
from benchmarks.instructions import WORKS

ROUNDS = 100
VALGRIND = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
PROGRAM = "from benchmarks.instructions import main; main({}, {}, {})"


def count(work: int) -> float:
    """Instructions of one statement."""
    loop = WORKS[work]
    loop.open()
    statements = ROUNDS * loop.count
    loop.close()
    return (instructions(work, 2 * ROUNDS, ROUNDS) - instructions(work, ROUNDS, 2 * ROUNDS)) / statements


def instructions(work: int, full: int, empty: int) -> int:
    """Of an interpreter as a whole that does so many rounds of each."""
    program = [sys.executable, "-S", "-c", PROGRAM.format(work, full, empty)]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "0"}
    subprocess.run(program, env=environment, check=True)    # compiles what has to be
    done = subprocess.run([*in_place(), *VALGRIND, *program], env=environment, capture_output=True, text=True)
    told = re.search(r"I +refs: +([\d,]+)", done.stderr)
    if done.returncode or told is None:
        raise RuntimeError(f"{WORKS[work].name}: valgrind says {done.stderr[-500:]!r}")
    return int(told[1].replace(",", ""))


@functools.cache
def in_place() -> list[str]:
    """Keeps addresses the same, where a sandbox allows it."""
    command = ["setarch", "-R"]
    allowed = shutil.which("setarch") and subprocess.run([*command, "true"], stderr=subprocess.DEVNULL).returncode == 0
    return command if allowed else []


class Count(Figure):
    wanted = True

    def present(self) -> bool:
        return shutil.which("valgrind") is not None


def row(work: int) -> Row:
    return Row(f"N{work + 1}", WORKS[work].name, [Count("zbuf", lambda: count(work))], unit="instructions", samples=1)


ROWS = [row(work) for work in range(len(WORKS))]
