"""The examples are typed as strictly as zbuf is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from serving import EXAMPLES

import zbuf

HOME = Path(zbuf.__file__).parents[1]


@pytest.mark.parametrize(("example", "count"), [("file_server", 12), ("resp_server", 15)])
def test_mypy_accepts_an_example(example, count, tmp_path):
    # An installed zbuf is found without help, and mypy refuses to be told of it.
    environment = os.environ if "site-packages" in HOME.parts else os.environ | {"MYPYPATH": str(HOME)}
    done = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", str(tmp_path), "-p", example],
                          cwd=EXAMPLES, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"Success: no issues found in {count} source files\n")
