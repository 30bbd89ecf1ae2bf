"""N1 to N14: how many instructions does a call take? Counted by valgrind, so a busy machine does not matter.

One process does the work n times and its empty loop 2n times, another one the
work 2n times and the empty loop n times. What the two differ by is n times the
work: starting, warming up and the loop itself are in both. Both are forked off
the same parent, and what that does between is taken off by a third, as the first
again. Addresses and hashes are not random; what the kernel does is not counted.
"""

import functools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable

from benchmarks._row import Figure, Row
from benchmarks.instructions import WORKS

ROUNDS = 100
VALGRIND = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
PROGRAM = "from benchmarks.instructions import main; main({}, {})"
TOLD = re.compile(r"==(\d+)== I +refs: +([\d,]+)")


@functools.cache
def all_counts() -> list[float]:
    return counts(range(len(WORKS)))


def counts(works: Iterable[int]) -> list[float]:
    """Instructions of one statement, of each of these."""
    chosen = list(works)
    told = refs([sys.executable, "-S", "-c", PROGRAM.format(ROUNDS, chosen)])
    return [(more - (first + last) / 2) / statements(work) for work, (first, more, last) in zip(chosen, told)]


def refs(program: list[str]) -> list[list[int]]:
    """Of each line of processes that the program prints, what valgrind says of them."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "0"}
    subprocess.run(program, env=environment, check=True, stdout=subprocess.DEVNULL)    # compiles what has to be
    done = subprocess.run([*in_place(), *VALGRIND, *program], env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"valgrind says {done.stderr[-500:]!r}")
    told = {pid: int(number.replace(",", "")) for pid, number in TOLD.findall(done.stderr)}
    return [[told[pid] for pid in line.split()] for line in done.stdout.splitlines()]


def statements(work: int) -> int:
    """Of so many rounds."""
    loop = WORKS[work]
    loop.open()
    count = ROUNDS * loop.count
    loop.close()
    return count


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
    count = Count("zbuf", lambda: all_counts()[work])
    return Row(f"N{work + 1}", WORKS[work].name, [count], unit="instructions", samples=1)


ROWS = [row(work) for work in range(len(WORKS))]
