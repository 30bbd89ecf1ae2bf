"""find, rfind, index, count, startswith, endswith, in: all as bytes have them."""

import itertools
import random

import pytest

import zbuf
from kinds import check, refused, unchanged

BOUNDS = (0, 1, 3, 5, 6, 7, -1, -4, -6, -9, 2**63, -(2**63), 2**200, -(2**200))
SEARCHES = ("find", "rfind", "count", "startswith", "endswith")


def agree(buf, content, needle, *bounds):
    for name in SEARCHES:
        assert getattr(buf, name)(needle, *bounds) == getattr(content, name)(needle, *bounds), (name, needle, bounds)


def words(letters, lengths):
    return [bytes(word) for n in lengths for word in itertools.product(letters, repeat=n)]


def test_every_small_needle_is_found_in_every_small_haystack_as_in_bytes(make):
    for content in words(b"ab", range(5)):
        buf = make(content)
        with unchanged(buf):
            for needle in words(b"ab", range(4)):
                agree(buf, content, needle)
                assert (needle in buf) == (needle in content)


def test_bounds_mean_what_they_mean_for_bytes(make):
    content = b"abaab\xff"
    buf = make(content)
    for start, end in itertools.product((*BOUNDS, None), (*BOUNDS, None)):
        for needle in (b"", b"a", b"ab", b"b\xff", b"abaab\xff", b"abaab\xff!"):
            agree(buf, content, needle, start, end)
    check(buf)


@pytest.mark.parametrize("kind", [bytearray, memoryview, zbuf.copied, zbuf.wrap,
                                  lambda b: zbuf.CompositeByteBuf(b[:1], b[1:], coalesce=0)],
                         ids=["bytearray", "memoryview", "ByteBuf", "wrapped", "composite"])
def test_a_needle_is_anything_that_has_bytes(make, kind):
    content = b"abaabaaab"
    buf = make(content)
    for needle in (b"", b"aa", b"ab", b"aaab", b"bb", content):
        agree(buf, content, needle)
        for name in SEARCHES:
            assert getattr(buf, name)(kind(needle)) == getattr(content, name)(needle)
        assert (kind(needle) in buf) == (needle in content)


def test_a_buffer_is_found_in_itself(make):
    buf = make(b"abcab")
    assert (buf.find(buf), buf.rfind(buf), buf.count(buf), buf in buf) == (0, 0, 1, True)
    assert buf.startswith(buf) and buf.endswith(buf[3:])
    assert buf.find(buf[3:]) == 0 and buf.rfind(buf[3:]) == 3


def test_a_byte_is_found_by_its_number(make):
    content = b"ab\x00\xffa"
    buf = make(content)

    class Index:
        def __index__(self):
            return 0x61

    for needle in (0x61, 0, 255, 0x62, 0x63, True, Index()):
        assert buf.find(needle) == content.find(needle)
        assert buf.rfind(needle) == content.rfind(needle)
        assert buf.count(needle) == content.count(needle)
        assert (needle in buf) == (needle in content)
        assert buf.find(needle, 1, -1) == content.find(needle, 1, -1)
    for wrong in (256, -1, 2**64, 10**5000):
        for call in (buf.find, buf.rfind, buf.index, buf.count, buf.__contains__):
            with refused(ValueError, r"a byte is 0 \.\. 255, not", buf):
                call(wrong)


def test_index_raises_where_find_finds_nothing(make):
    buf = make(b"abcabc")
    assert (buf.index(b"c"), buf.index(b"ca"), buf.index(b""), buf.index(0x61, 1)) == (2, 2, 0, 3)
    for needle, told in ((b"x", "b'x'"), (0x7A, "122"), (b"y" * 100, r"b'yyyy.* \.\.\.")):
        with refused(ValueError, f"^{told} is not among the 6 readable bytes$", buf):
            buf.index(needle)
    with refused(ValueError, "is not among", buf):
        buf.index(b"a", 4)


def test_one_of_several_prefixes_or_suffixes_is_enough(make):
    content = b"GET / HTTP"
    buf = make(content)
    for choice in ((), (b"PUT", b"GET"), (b"PUT",), (b"HTTP", b""), (b"", bytearray(b"x"))):
        assert buf.startswith(choice) == content.startswith(choice)
        assert buf.endswith(choice) == content.endswith(choice)
        assert buf.startswith(choice, 1, 3) == content.startswith(choice, 1, 3)
    for wrong in ("GET", 71, None, [b"GET"], ("GET",), (b"x", 71)):
        with refused(TypeError, None, buf):
            buf.startswith(wrong)
        with refused(TypeError, None, buf):
            buf.endswith(wrong)


def test_what_has_no_bytes_is_not_searched_for(make):
    buf = make(b"abc")
    for wrong in ("a", 1.5, None, [1], object()):
        for call in (buf.find, buf.rfind, buf.index, buf.count, buf.__contains__):
            with refused(TypeError, None, buf):
                call(wrong)
    for call in (buf.find, buf.rfind, buf.index, buf.count, buf.startswith, buf.endswith):
        for wrong in ("1", 1.0, b"1"):
            with refused(TypeError, None, buf):
                call(b"a", wrong)
            with refused(TypeError, None, buf):
                call(b"a", 0, wrong)


def test_only_readable_bytes_are_searched(make):
    content = b"needle, needle"
    buf = make(content)
    buf.skip(1)
    buf.writer_index -= 1
    agree(buf, content[1:-1], b"needle")
    agree(buf, content[1:-1], b"e")
    assert buf.find(b"needle") == -1 and buf.count(b"need") == 1


LONG = 150_000   # more than two of the windows that many parts are searched through


def long_layouts(content):
    yield zbuf.copied(content)
    yield zbuf.wrap(content)
    for size in (50_000, 65_536, 4_099, 511):
        yield zbuf.CompositeByteBuf(*(content[i : i + size] for i in range(0, len(content), size)), coalesce=0)
    buf = zbuf.CompositeByteBuf(b"junk", content[:70_001], content[70_001:], coalesce=0)
    buf.skip(4)
    yield buf


@pytest.mark.parametrize("needle", [b"x", b"xy", b"needle", b"0123456789" * 30, b"z" * 40_000 + b"y"],
                         ids=lambda needle: f"{len(needle)} bytes")
def test_a_needle_is_found_across_the_borders_of_parts_and_windows(needle):
    for place in (0, 1, 255, 256, 4_098, 49_999, 65_535, 65_536, 70_000, 100_000, LONG - len(needle)):
        content = bytearray(b"-" * LONG)
        content[place : place + len(needle)] = needle
        content = bytes(content[:LONG])
        for buf in long_layouts(content):
            assert (buf.find(needle), buf.rfind(needle)) == (content.find(needle), content.rfind(needle))
            assert buf.count(needle) == content.count(needle)
            assert buf.find(needle, place + 1) == content.find(needle, place + 1)
            assert buf.rfind(needle, 0, place + len(needle) - 1) == content.rfind(needle, 0, place + len(needle) - 1)


@pytest.mark.parametrize("content, needle", [
    (b"a" * LONG, b"a" * 300 + b"b"),
    (b"a" * LONG, b"b" + b"a" * 300),
    (b"ab" * (LONG // 2), b"ab" * 200 + b"b"),
    (b"a" * LONG + b"b", b"a" * 1000 + b"b"),
    (b"b" + b"a" * LONG, b"b" + b"a" * 1000),
    (b"aab" * (LONG // 3), b"aabaab"),
    (b"a" * 1000, b"aa"),
], ids=range(7))
def test_repeating_bytes_do_not_mislead(content, needle):
    for buf in long_layouts(content):
        agree(buf, content, needle)


def test_random_needles_are_found_as_in_bytes():
    chance = random.Random(7)
    for _ in range(300):
        content = bytes(chance.choices(b"abc", k=chance.randrange(1, 700)))
        at = chance.randrange(len(content))
        needle = content[at : at + chance.randrange(1, 40)] + chance.choice((b"", b"", b"a"))
        cuts = sorted(chance.choices(range(len(content) + 1), k=chance.randrange(6)))
        buf = zbuf.CompositeByteBuf(
            *(content[a:b] for a, b in zip([0, *cuts], [*cuts, len(content)])), coalesce=chance.choice((0, 50, 512))
        )
        agree(buf, content, needle, chance.randrange(-10, len(content)), chance.randrange(-10, len(content)))
        agree(buf, content, needle)
