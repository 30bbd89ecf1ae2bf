"""Compiles _strangers.pyx against the zbuf that is imported, and programs in C, into a cache outside the source tree."""

import functools
import hashlib
import importlib.util
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from types import ModuleType

import zbuf

SOURCE = Path(__file__).with_name("_strangers.pyx")


@functools.cache
def strangers() -> ModuleType:
    """The compiled module; made anew when its source, zbuf's pxds or the interpreter change."""
    package = Path(zbuf.__file__).parent
    digest = hashlib.sha256(sys.version.encode())
    for source in [SOURCE, *sorted(package.glob("*.pxd"))]:
        digest.update(source.read_bytes())
    folder = cache() / digest.hexdigest()[:16]
    library = folder / f"_strangers{sysconfig.get_config_var('EXT_SUFFIX')}"
    if not library.exists():
        build(folder, library, package)
    spec = importlib.util.spec_from_file_location("_strangers", library)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def program(source: Path) -> Path:
    """A program of one C file, compiled."""
    made = cache() / f"{source.stem}-{hashlib.sha256(source.read_bytes()).hexdigest()[:16]}"
    if not made.exists():
        made.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cc", "-O2", str(source), "-o", str(made)], check=True)
    return made


def cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "zbuf-benchmarks"


def build(folder: Path, library: Path, package: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    c = folder / "_strangers.c"
    cython = [sys.executable, "-m", "cython", "-3", "-I", str(package.parent), "-o", str(c), str(SOURCE)]
    subprocess.run(cython, check=True)
    include = sysconfig.get_path("include")
    gcc = ["cc", "-O3", "-fwrapv", "-fPIC", "-shared", f"-I{include}", f"-I{package}", str(c), "-o", str(library)]
    subprocess.run(gcc, check=True)
