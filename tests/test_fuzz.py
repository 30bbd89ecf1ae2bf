"""Every input that fuzzing kept goes through its harness again, without atheris."""

import sys
from pathlib import Path

import pytest

import zbuf
from kinds import SYSTEM

ROOT = Path(__file__).parent.parent
sys.path.append(str(ROOT))    # last, so that it does not hide an installed zbuf

from fuzz import HARNESSES
from fuzz.driver import harness
from fuzz.reader import Reader

ALLOCATORS = {"malloc": SYSTEM, "pool": zbuf.default_allocator()}


@pytest.fixture(params=ALLOCATORS)
def default(request):
    before = zbuf.set_default_allocator(ALLOCATORS[request.param])
    yield
    zbuf.set_default_allocator(before)


def corpus(name):
    return [path.read_bytes() for path in sorted((ROOT / "fuzz" / "corpus" / name).iterdir())]


@pytest.mark.parametrize("name", HARNESSES)
def test_what_fuzzing_kept_finds_nothing(name, default):
    one = harness(name)
    inputs = corpus(name)
    assert len(inputs) > 50
    for data in inputs:
        one(data)


def test_an_input_that_ends_early_goes_on_with_first_choices():
    data = Reader(b"\x03")
    assert [data.below(10), data.left, data.below(10), data.bytes(5), data.choice("ab"), data.flag()] == [3, 0, 0, b"", "a", False]


def test_a_block_that_stays_behind_is_a_finding(monkeypatch):
    import fuzz.composites

    kept = []
    monkeypatch.setattr(fuzz.composites, "run", lambda data: kept.append(zbuf.copied(data.rest())))
    with pytest.raises(AssertionError, match="^1 blocks stayed behind$"):
        harness("composites")(b"abc")
    kept.clear()
