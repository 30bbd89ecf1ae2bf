"""The soak in short: see __main__.py."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import zbuf


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_short_soak_leaves_nothing_behind(loop):
    environment = os.environ | {"PYTHONPATH": str(Path(zbuf.__file__).parent.parent)}
    done = subprocess.run(
        [sys.executable, "-m", "soak", "--seconds", "1", "--connections", "50", "--loop", loop],
        cwd=Path(__file__).parent.parent, env=environment, capture_output=True, text=True, timeout=100,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("live blocks at the end: 0; all well\n")
