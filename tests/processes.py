"""Programs in processes of their own."""

import os
import subprocess
import sys
import textwrap

# For programs with threads that a fork or the end cuts off: LeakSanitizer takes what those held for leaks.
CUT_OFF = {"LSAN_OPTIONS": "detect_leaks=0"}


def run(program, *args, **variables):
    """Runs a program in a process of its own, with these variables of the environment; what it printed."""
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-W", "error", "-c", textwrap.dedent(program), *args],
        capture_output=True, text=True, timeout=50, env={**os.environ, **variables})
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout
