"""Programs in processes of their own."""

import subprocess
import sys
import textwrap


def run(program, *args):
    """Runs a program in a process of its own; what it printed."""
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-W", "error", "-c", textwrap.dedent(program), *args],
        capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout
