"""Where a run was made: what figures are worth nothing without."""

import importlib.metadata
import os
import platform
import subprocess
import sysconfig
import time
from pathlib import Path
from typing import Any

import zbuf
from benchmarks import _java, _netty

RIVALS = (
    "aiohttp", "aioquic", "h11", "httptools", "numpy", "pyarrow", "pyzmq", "starlette", "tornado", "uvicorn", "uvloop",
)


def head(optimised: bool) -> dict[str, Any]:
    return {
        "started": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
        "zbuf": zbuf.__version__,
        "commit": commit(),
        "interpreter": f"{platform.python_implementation()} {platform.python_version()}",
        "optimised": optimised or "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or ""),
        "free-threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        "cpu": cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "load average": round(os.getloadavg()[0], 2),
        "rivals": {name: version for name in RIVALS if (version := installed(name))},
        "Netty": str(_java.build() or "not run") if _netty.ASKED else None,
    }


def commit() -> str | None:
    """Of this tree, if git has it."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        return None
    return done.stdout.strip() or None


def cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def installed(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
