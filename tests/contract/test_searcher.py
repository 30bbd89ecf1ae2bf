"""Searcher: what a naive search finds, in any bytes and over any pieces."""

import random
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

import zbuf
from kinds import KINDS, unchanged
from zbuf import Searcher


def naive(patterns, data):
    """The match that is complete first, and the longest of those; then on from behind it."""
    found, start = [], 0
    for end in range(len(data) + 1):
        ends = [pattern for pattern in patterns if data[start:end].endswith(pattern)]
        if ends:
            longest = max(ends, key=len)
            found.append((end - len(longest), patterns.index(longest)))
            start = end
    return found


SETS = [
    [b"\n"],
    [b"\r\n"],
    [b"\r\n", b"\n"],
    [b"he", b"she", b"his", b"hers"],
    [b"abcd", b"bc"],
    [b"abab", b"b\0", b"ba"],
    [b"a", b"aa", b"aaa"],
    [b"aaab", b"aab", b"b\0"],
    [b"a", b"b", b"a", b"\0"],
    [bytes([k]) for k in range(256)],
    [b"\0a", b"\1a", b"\2a", b"\3a", b"\4a", b"ab", b"ba"],
]
pattern_sets = st.sampled_from(SETS) | st.lists(st.text("ab\0\n", min_size=1, max_size=5).map(str.encode), min_size=1, max_size=6)
texts = st.lists(st.sampled_from([b"a", b"b", b"\0", b"\n", b"\r\n", b"she", b"hers", b"aab", b"-" * 40])).map(b"".join)


@given(pattern_sets, texts, st.sampled_from([bytes, bytearray, memoryview, *KINDS]))
def test_it_finds_what_the_naive_search_finds(patterns, text, kind):
    searcher, wanted = Searcher(*patterns), naive(patterns, text)
    data = kind(text)
    assert searcher.find_all(data) == wanted
    assert searcher.find(data) == (wanted[0] if wanted else None)


@pytest.mark.parametrize("patterns", SETS, ids=lambda patterns: repr(patterns[:3]))
def test_it_finds_what_the_naive_search_finds_in_a_text_of_pieces_of_patterns(patterns):
    number = random.Random(1)
    pieces = [pattern[i:j] for pattern in patterns for i in range(len(pattern)) for j in range(i + 1, len(pattern) + 1)]
    text = b"".join(number.choices([*pieces, b"-"], k=500))
    assert Searcher(*patterns).find_all(text) == naive(patterns, text)


@given(pattern_sets, texts, st.data())
def test_a_scan_over_any_pieces_finds_the_same(patterns, text, data):
    places = data.draw(st.lists(st.integers(0, len(text)), max_size=8))
    scan = Searcher(*patterns).scan()
    found = []
    for a, b in pairwise([0, *sorted(places), len(text)]):
        found += scan.feed(data.draw(st.sampled_from([bytes, *KINDS]))(text[a:b]))
    assert (found, scan.position) == (naive(patterns, text), len(text))


@pytest.mark.parametrize("patterns", SETS, ids=lambda patterns: repr(patterns[:3]))
def test_a_match_at_every_place_of_a_long_text(patterns):
    # Around where the search looks at many bytes side by side.
    searcher = Searcher(*patterns)
    for k in range(100):
        text = b"z" * k + patterns[-1] + b"z" * 40
        assert searcher.find(text) == (naive(patterns, text) or [None])[0]


def test_searching_moves_nothing(make):
    buf = make(b"one, two; three")
    with unchanged(buf):
        assert Searcher(b"; ", b", ").find(buf) == (3, 1)
        assert Searcher(b"; ", b", ").find_all(buf) == [(3, 1), (8, 0)]
        assert Searcher(b"?").find(buf) is None


def test_a_match_may_cover_many_parts():
    buf = zbuf.CompositeByteBuf(*(bytes([k]) for k in b"xx--end--xx"), coalesce=0)
    assert Searcher(b"--end--").find(buf) == (2, 0)


def test_patterns_are_bytes_whatever_they_were():
    searcher = Searcher(bytearray(b"a"), memoryview(b"b"), zbuf.copied(b"c"), zbuf.CompositeByteBuf(b"d", b"e", coalesce=0))
    assert searcher.patterns == (b"a", b"b", b"c", b"de")
    assert searcher.find(b"xde") == (1, 3)


def test_many_patterns():
    patterns = [b"%05d" % k for k in range(5000)]
    assert Searcher(*patterns).find_all(b"".join(patterns)) == [(5 * k, k) for k in range(5000)]


def test_a_long_pattern():
    pattern = b"ab" * 50_000 + b"c"
    assert Searcher(pattern, b"bb").find(b"ab" * 60_000 + b"c") == (20_000, 0)


def test_a_scan_lives_longer_than_the_name_of_its_searcher():
    scan = Searcher(b"ab").scan()
    assert [scan.feed(b"xa"), scan.feed(b"b")] == [[], [(1, 0)]]


@pytest.mark.parametrize(("patterns", "error", "message"), [
    ((), ValueError, "at least one pattern is required"),
    ((b"a", b"", b"b"), ValueError, "pattern 1 is empty"),
    ((b"a", "b"), TypeError, "a bytes-like object is required, not 'str'"),
    ((5,), TypeError, "a bytes-like object is required, not 'int'"),
])
def test_patterns_that_are_none(patterns, error, message):
    with pytest.raises(error) as caught:
        Searcher(*patterns)
    assert str(caught.value) == message


def test_an_automaton_that_would_be_too_large_is_refused():
    with pytest.raises(MemoryError, match="16777217 states of 256 classes of bytes are too many"):
        Searcher(bytes(range(256)) * 65536)


def test_what_cannot_be_searched():
    searcher, scan, gone = Searcher(b"a"), Searcher(b"ab").scan(), zbuf.copied(b"a")
    gone.release()
    scan.feed(b"a")
    for call in (searcher.find, searcher.find_all, scan.feed):
        for data in ("text", None, 5):
            with pytest.raises(TypeError, match=type(data).__name__):
                call(data)
        with pytest.raises(zbuf.ReleasedError):
            call(gone)
    assert (scan.position, scan.feed(b"b")) == (1, [(0, 0)])


def test_scans_are_made_by_searchers():
    with pytest.raises(TypeError, match="Scan is made by Searcher.scan"):
        type(Searcher(b"a").scan())()
