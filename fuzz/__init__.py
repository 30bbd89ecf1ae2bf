"""Fuzzing with atheris: `python -m fuzz HARNESS --seconds N`; see README.md.

A harness is a module with a function `run(data: Reader)` that raises for a
finding. It needs no atheris, so that the suite replays the corpus.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HARNESSES = ("frames", "layouts", "varints", "texts", "exports", "composites")
TESTS = [str(ROOT / "tests" / folder) for folder in ("", "codec", "model")]

# What the tests know of a right answer is asked here too. Behind all else: they hide nothing.
sys.path += [folder for folder in TESTS if folder not in sys.path]
