"""However a stream is cut into pieces, and whatever these are: the frames and errors are those of the naive decoder."""

from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

import zbuf
from kinds import KINDS
from naive import Delimited, Fixed, LengthField, Lines, Varint, decoded, expected, fed, until_quiet

FORMS = [
    LengthField(40),
    LengthField(40, width=1, strip=1),
    LengthField(40, offset=1, width=2, strip=3),
    LengthField(40, offset=2, width=3, adjustment=-5, byteorder="little"),
    LengthField(12, width=8, strip=9, fail_fast=False),
    LengthField(12, offset=4, width=4, adjustment=2, strip=2, byteorder="little", fail_fast=False),
    LengthField(40, width=1, adjustment=-3, strip=5),
    LengthField(19, offset=3, width=2, adjustment=10),
    Varint(5),
    Varint(300),
    Fixed(1),
    Fixed(7),
    Lines(6),
    Lines(6, strip=False),
    Lines(1, fail_fast=True),
    Lines(6, strip=False, fail_fast=True),
    Delimited(6),
    Delimited(6, (b"\r\n", b"\n"), fail_fast=False),
    Delimited(6, (b"abc", b"ab\0", b"\0"), strip=False),
    Delimited(4, (b"aab", b"aaab", b"ba", b"\n\n"), fail_fast=False),
    Delimited(3, (b"abab",), strip=False),
    Delimited(3, (b"aa", b"a\na")),
]
ALPHABET = b"\0\0\0\1\2\3\5\x0a\x0d\x0a\x80\xffabab"

forms = st.sampled_from(FORMS)
noise = st.lists(st.sampled_from(ALPHABET), max_size=12).map(bytes)
messages = st.binary(max_size=9) | noise


@st.composite
def streams(draw):
    """A format, and a stream of frames of it with noise between them."""
    form = draw(forms)
    frames = messages.map(form.encoded)
    return form, b"".join(draw(st.lists(frames | frames | noise, max_size=8)))


@st.composite
def cut(draw, data):
    """The data in pieces, empty ones too."""
    places = draw(st.lists(st.integers(0, len(data)), max_size=12))
    return [data[a:b] for a, b in pairwise([0, *sorted(places), len(data)])]


kinds = st.sampled_from([bytes, bytearray, memoryview, *KINDS])


@given(st.data())
def test_any_split_fed_as_anything_gives_the_same(data):
    form, stream = data.draw(streams())
    pieces = data.draw(cut(stream))
    shapes = data.draw(st.lists(kinds, min_size=len(pieces), max_size=len(pieces)))
    assert fed(form.make(), [shape(piece) for shape, piece in zip(shapes, pieces)]) == expected(form, stream)


@given(st.data())
def test_any_split_decoded_out_of_a_buffer_gives_the_same(data):
    form, stream = data.draw(streams())
    pieces = data.draw(cut(stream))
    buf = data.draw(st.sampled_from([kind for kind in KINDS if kind.growable]))()
    decoder = form.make()
    events, left = decoded(decoder, pieces, buf)
    events += until_quiet(decoder.finish)
    wanted, pending = expected(form, stream)
    # What is left is in the buffer: the decoder does not know of it.
    assert (events, left) == (wanted[: len(wanted) - bool(pending)], pending)


def sample(form):
    words = [b"c" * 12, b"", b"one", b"\r", b"a" * 6, b"b" * 30, b"two\r", b"aaa", b"x" * 4]
    return b"".join(map(form.encoded, words)) + b"\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\2no\r"


@pytest.mark.parametrize("form", FORMS, ids=repr)
def test_every_split_in_two_gives_the_same(form):
    stream = sample(form)
    wanted = expected(form, stream)
    assert "frame" in {event[0] for event in wanted[0]}
    for k in range(len(stream) + 1):
        assert fed(form.make(), [stream[:k], zbuf.copied(stream[k:])]) == wanted


@pytest.mark.parametrize("form", FORMS, ids=repr)
def test_one_byte_at_a_time_gives_the_same(form):
    stream = sample(form)
    assert fed(form.make(), [stream[k : k + 1] for k in range(len(stream))]) == expected(form, stream)


@pytest.mark.parametrize("form", FORMS, ids=repr)
def test_a_decoder_begins_anew_after_the_end_of_a_stream(form):
    decoder = form.make()
    for stream in (sample(form), sample(form)[:-3], b"\xff" * 20, sample(form)):
        assert fed(decoder, [stream]) == expected(form, stream)


def test_the_samples_have_what_there_is_to_find():
    kinds = {event[0] for form in FORMS for event in expected(form, sample(form))[0]}
    assert kinds == {"frame", "long", "corrupt"}
