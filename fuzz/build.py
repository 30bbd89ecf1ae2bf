"""A build of zbuf for fuzzing, outside the tree: counters of libFuzzer, sanitizers of addresses and of what is undefined."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from fuzz import ROOT

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "zbuf" / "fuzz"
FLAGS = (
    "-O1 -g -fno-omit-frame-pointer -fvisibility=hidden -fwrapv"
    " -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined"
)
LEFT_BEHIND = shutil.ignore_patterns("*.so", "*.c", "__pycache__")


def compiler() -> str:
    for name in ("clang", "clang-19", "clang-16", "clang-14"):
        if shutil.which(name):
            return name
    sys.exit("fuzzing needs clang and its runtime: apt-get install clang libclang-rt-14-dev")


def digest() -> str:
    """Another one for other sources or another way to build them."""
    seen = hashlib.sha256(f"{FLAGS} {sys.version} {compiler()}".encode())
    for path in [ROOT / "setup.py", *sorted((ROOT / "zbuf").rglob("*"))]:
        if path.suffix in (".py", ".pyx", ".pxd", ".h"):
            seen.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return seen.hexdigest()[:12]


def built() -> Path:
    """The folder that holds the package; made if these sources were not built before."""
    folder = CACHE / f"build-{digest()}"
    whole = folder / "whole"
    if not whole.exists():
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(ROOT / "zbuf", folder / "zbuf", ignore=LEFT_BEHIND)
        shutil.copy(ROOT / "setup.py", folder)
        print(f"building in {folder}", flush=True)
        made = subprocess.run(
            [sys.executable, "setup.py", "-q", "build_ext", "--inplace"], cwd=folder,
            env=os.environ | {"CC": compiler(), "ZBUF_CFLAGS": FLAGS}, check=False, capture_output=True, text=True)
        if made.returncode:
            sys.exit(f"the build failed:\n{made.stderr}")
        whole.touch()
    return folder
