"""Every consumer that is here does what the table says, and docs/integration.md says the same."""

import gc
import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

import zbuf
from kinds import refused

from .consumers import CONSUMERS, HERE, installed
from .page import NOT_RUN, row, tried
from .pypi import HEAVY, LIGHT
from .standard import STANDARD
from .trial import FORMS, HANDLE, PINS, WRONG, YES, Consumer, outcome, right, surprises

HOME = Path(__file__).parents[2]
PAGE = (HOME / "docs" / "integration.md").read_text()
ROWS = [line for line in PAGE.splitlines() if line.startswith("| `")]
EXTRAS = tomllib.loads((HOME / "pyproject.toml").read_text())["project"]["optional-dependencies"]
ALWAYS = {package for package, _ in LIGHT}


@pytest.mark.parametrize("consumer", HERE, ids=lambda consumer: consumer.name)
def test_a_consumer_does_what_the_table_says(consumer):
    assert surprises(consumer) == {}


@pytest.mark.parametrize("consumer", [one for one in HERE if one.buf in (YES, PINS, HANDLE)], ids=lambda consumer: consumer.name)
def test_a_consolidated_composite_is_taken_as_a_buffer_is(consumer):
    content = consumer.content if consumer.writes is None else bytes(len(consumer.writes))
    with zbuf.CompositeByteBuf(content[:1], content[1:], coalesce=0) as composite:
        composite.consolidate()
        assert right(consumer, consumer.call(composite), composite)
    gc.collect()


@pytest.mark.parametrize("name", ["socket.send", "os.writev", "hashlib.sha256", "memoryview(x)", "zlib.crc32"])
def test_a_refused_composite_says_what_to_do(name):
    consumer = next(one for one in STANDARD if one.name == name)
    with zbuf.CompositeByteBuf(b"ab", b"cd", coalesce=0) as composite, refused(BufferError, r"views\(\), or consolidate\(\) first", composite):
        consumer.call(composite)


def test_what_is_tried_wherever_the_tests_run():
    assert {consumer for consumer in HERE if not consumer.package} == set(STANDARD)
    assert {consumer.package for consumer in HERE} >= ALWAYS


def test_the_extras_install_what_is_tried():
    named = {extra: {re.match(r"[\w-]+", wanted)[0] for wanted in EXTRAS[extra]} for extra in EXTRAS}
    assert named["test"] >= ALWAYS
    assert named["integration"] == {package for package, _ in HEAVY}


def test_every_consumer_has_a_name_of_its_own():
    assert len({consumer.name for consumer in CONSUMERS}) == len(CONSUMERS)


@pytest.mark.parametrize("consumer", CONSUMERS, ids=lambda consumer: consumer.name)
def test_the_page_says_the_same(consumer):
    assert row(consumer) in ROWS or consumer.package not in ALWAYS | {""} and row(consumer, here=False) in ROWS


def test_the_page_says_nothing_else():
    assert len(ROWS) == len(CONSUMERS)


def test_what_is_not_installed_is_not_run():
    absent = Consumer("nobody", bytes, package="zbuf-is-not-taken-by-this")
    assert installed(absent.package) is None
    assert row(absent, here=False).count(NOT_RUN) == len(FORMS)


# -- the trial notices


class Kept:
    def __init__(self, data):
        self.data = data


LEAK = []


@pytest.mark.parametrize(("call", "said"), [
    (bytes, YES), (memoryview, PINS), (Kept, HANDLE), (lambda data: bytes(data)[1:] if not isinstance(data, bytes) else data, WRONG),
    (lambda data: data + 1, "TypeError"),
], ids=[YES, PINS, HANDLE, WRONG, "error"])
def test_what_a_trial_says(call, said):
    assert outcome(Consumer("a consumer", call, seen=lambda made: bytes(getattr(made, "data", made))), "buf") == said


def test_a_consumer_that_never_lets_go_is_noticed():
    consumer = Consumer("a leak", lambda data: LEAK.append(memoryview(data)))
    with pytest.raises(AssertionError, match="a leak still holds buf after all was dropped"):
        outcome(consumer, "buf")
    LEAK.clear()


def test_a_consumer_that_writes_nothing_is_noticed():
    assert outcome(Consumer("a liar", len, writes=b"abc"), "writable_view") == WRONG


def test_a_refusal_that_has_changed_something_is_noticed():
    def call(data):
        memoryview(data)[0] ^= 1
        raise BufferError

    assert outcome(Consumer("a vandal", call), "buf") == WRONG


def test_a_page_is_not_made_of_what_is_not_so():
    consumer = replace(STANDARD[0], buf="TypeError")
    with pytest.raises(AssertionError, match="socket.send is not as expected: {'buf': 'yes', 'slice': 'yes', 'readonly': 'yes'}"):
        tried([consumer])
