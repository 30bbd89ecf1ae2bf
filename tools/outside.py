"""A copy of the tree outside of it, for builds of another kind; what is built there stays for the next time."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "zbuf"
BUILT = {".so", ".c", ".o", ".pyc"}


def tree(name: str) -> Path:
    """The copy of that name, brought up to date."""
    copy = CACHE / name
    listed = subprocess.check_output(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, text=True)
    wanted = {Path(path) for path in listed.split("\0") if path and (ROOT / path).is_file()}
    made = {path.relative_to(ROOT) for path in ROOT.glob("zbuf/**/*.c")}    # the same for every build: spares minutes
    for path in wanted | made:
        bring(ROOT / path, copy / path)
    for path in copy.rglob("*"):
        if path.is_file() and path.suffix not in BUILT and path.relative_to(copy) not in wanted:
            path.unlink()
    return copy


def bring(source: Path, target: Path) -> None:
    if not target.exists() or target.stat().st_mtime_ns != source.stat().st_mtime_ns:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def build(copy: Path, *python: str, **variables: str) -> None:
    if run(copy, *python, "setup.py", "-q", "build_ext", "--inplace", **variables):
        sys.exit(f"the build in {copy} failed")


def run(copy: Path, *command: str, **variables: str) -> int:
    """Exit status of a command that finds the copy's zbuf."""
    return subprocess.run(command, cwd=copy, env={**os.environ, "PYTHONPATH": str(copy), **variables}, check=False).returncode
