"""A build of zbuf for fuzzing, outside the tree: counters of libFuzzer, sanitizers of addresses and of what is undefined."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
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
    if not folder.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="building-", dir=CACHE) as made:
            print(f"building for {folder}", flush=True)
            build(Path(made) / "tree")
            (Path(made) / "tree").rename(folder)
    return folder


def build(folder: Path) -> None:
    shutil.copytree(ROOT / "zbuf", folder / "zbuf", ignore=LEFT_BEHIND)
    shutil.copy(ROOT / "setup.py", folder)
    done = subprocess.run(
        [sys.executable, "setup.py", "-q", "build_ext", "--inplace"], cwd=folder, env=os.environ | {"CC": compiler(), "ZBUF_CFLAGS": FLAGS},
        check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"the build failed:\n{done.stderr}")
