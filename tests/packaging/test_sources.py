"""What the Cython sources do without, because of what the compiler makes of it."""

import re
from pathlib import Path

import pytest

from layers import code_of

SOURCES = sorted((Path(__file__).parents[2] / "zbuf").rglob("*.pyx"))
BRACKETS = re.compile(r"[\[({\])}]|\bfor\b")


def list_comprehensions(text):
    """How many there are: a `for` whose innermost bracket is a square one."""
    found, inside = 0, []
    for token in BRACKETS.findall(code_of(text)):
        if token == "for":
            found += inside[-1:] == ["["]
        elif token in "[({":
            inside.append(token)
        elif inside:
            inside.pop()
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_there_is_no_list_comprehension(path):
    # Where the list cannot grow, Cython 3.3 gives the item's reference back
    # twice: memory that others still use is freed.
    assert list_comprehensions(path.read_text()) == 0


@pytest.mark.parametrize(("text", "count"), [
    ("[x for x in y]", 1), ("f([\n    a[0] if b else (c)\n    for a in d\n])", 1), ("[[x for x in y] for z in w]", 2),
    ("(x for x in y)", 0), ("{x: [1] for x in y}", 0), ("for x in [1, 2]: pass", 0), ("x = '[y for z in w]'  # [a for b in c]", 0),
])
def test_a_list_comprehension_is_found(text, count):
    assert list_comprehensions(text) == count
