"""python -m fuzz HARNESS [--seconds N] [--pool] [FILE ...]: see README.md."""

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fuzz import HARNESSES, ROOT
from fuzz.build import CACHE, built

KEPT = ROOT / "fuzz" / "corpus"
LONGEST = 400    # bytes of an input


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("harness", choices=HARNESSES)
    parser.add_argument("files", nargs="*", type=Path, help="try just these inputs")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--pool", action="store_true", help="blocks of the pool, not of malloc")
    parser.add_argument("--minimise", action="store_true", help="keep a few inputs in the tree that reach all that the corpus does")
    return parser.parse_args()


def environment(pool: bool) -> dict[str, str]:
    folder = Path(importlib.util.find_spec("atheris").origin).parent.parent
    return os.environ | {
        "LD_PRELOAD": str(folder / "asan_with_fuzzer.so"),
        "PYTHONPATH": f"{built()}{os.pathsep}{ROOT}",
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "PYTHONMALLOC": "pymalloc" if pool else "malloc",
    }


def command(name: str, pool: bool, *more: object) -> list[str]:
    target = [sys.executable, "-P", "-m", "fuzz.target", name, "pool" if pool else "malloc"]
    return [*target, f"-max_len={LONGEST}", "-len_control=0", "-timeout=60", "-rss_limit_mb=4096", *map(str, more)]


def fuzz(name: str, pool: bool, seconds: int) -> int:
    """Runs for a while; prints what libFuzzer counted, and how the input of a finding is tried again."""
    corpus, findings = CACHE / "corpus" / name, CACHE / "findings" / name
    for folder in (corpus, findings, KEPT / name):
        folder.mkdir(parents=True, exist_ok=True)
    log = CACHE / f"{name}.log"
    began = time.monotonic()
    with log.open("w") as file:
        done = subprocess.run(
            command(name, pool, f"-max_total_time={seconds}", "-print_final_stats=1", f"-artifact_prefix={findings}/",
                    corpus, KEPT / name),
            env=environment(pool), stdout=file, stderr=subprocess.STDOUT, check=False)
    report(name, log.read_text(errors="replace"), (time.monotonic() - began) / 60, done.returncode)
    return done.returncode


def report(name: str, said: str, minutes: float, status: int) -> None:
    counts = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)/", said)
    coverage, features, inputs = counts[-1] if counts else ("?", "?", "?")
    ran = re.search(r"number_of_executed_units:\s*(\d+)", said)
    new = re.search(r"new_units_added:\s*(\d+)", said)
    artifact = re.search(r"Test unit written to (\S*/(?:crash|oom|timeout)-\S+)", said)
    told = re.search(r"^input ([0-9a-f]*)$", said, re.MULTILINE)
    print(f"{name}: {minutes:.1f} minutes, {ran[1] if ran else '?'} executions, {new[1] if new else '?'} new paths,"
          f" cov {coverage}, ft {features}, corpus {inputs}, findings {int(bool(artifact or told))}")
    if status:
        print(said[-6000:])
    if artifact:
        print(f"python -m fuzz {name} {artifact[1]}")
    elif told:
        print(f"the input in hexadecimal digits: {told[1]}")


def minimise(name: str, pool: bool) -> int:
    """The tree keeps a few inputs that reach all that the corpora do."""
    for folder in (CACHE / "corpus" / name, KEPT / name):
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        every, few = Path(folder, "every"), Path(folder, "few")
        shutil.copytree(CACHE / "corpus" / name, every)    # which another process may be changing
        few.mkdir()
        done = subprocess.run(
            command(name, pool, "-set_cover_merge=1", few, every, KEPT / name), env=environment(pool), check=False)
        if done.returncode == 0:
            shutil.rmtree(KEPT / name)
            shutil.copytree(few, KEPT / name)
    return done.returncode


def main() -> int:
    given = arguments()
    if given.files:
        return subprocess.run(command(given.harness, given.pool, *given.files), env=environment(given.pool), check=False).returncode
    if given.minimise:
        return minimise(given.harness, given.pool)
    return fuzz(given.harness, given.pool, given.seconds)


if __name__ == "__main__":
    sys.exit(main())
