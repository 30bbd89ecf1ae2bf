"""The examples are typed as strictly as zbuf is."""

import os
import subprocess
import sys
from pathlib import Path

from serving import EXAMPLES

import zbuf

HOME = Path(zbuf.__file__).parents[1]


def test_mypy_accepts_the_file_server(tmp_path):
    # An installed zbuf is found without help, and mypy refuses to be told of it.
    environment = os.environ if "site-packages" in HOME.parts else os.environ | {"MYPYPATH": str(HOME)}
    done = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", str(tmp_path), "-p", "file_server"],
                          cwd=EXAMPLES, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "Success: no issues found in 8 source files\n")
