"""The frame decoders: any bytes, cut anywhere, give the frames and errors that the naive decoders give."""

from itertools import pairwise

import zbuf
from fuzz.reader import Reader
from kinds import KINDS
from naive import Delimited, Fixed, LengthField, Lines, Varint, decoded, expected, fed, until_quiet

SHAPES = (bytes, bytearray, memoryview, *KINDS)
GROWABLE = [kind for kind in KINDS if kind.growable]
LONG = 70_000    # bytes of a stream, about; beyond what a decoder keeps in one piece
SHORT = 3_000    # where they are looked at one by one, or each may be a part of a composite
MANY = 1_000     # events, of which each is a buffer


def run(data: Reader) -> None:
    form = a_form(data)
    pieces, stream = cut(data, SHORT if isinstance(form, Delimited) else LONG)
    shape = data.choice(SHAPES if len(stream) <= SHORT else SHAPES[:3])
    wanted, pending = expected(form, stream)
    if len(wanted) > MANY:
        return
    assert fed(form.make(), [stream]) == (wanted, pending)
    assert fed(form.make(), [shape(piece) for piece in pieces]) == (wanted, pending)

    decoder = form.make()
    with data.choice(GROWABLE)() as buf:
        events, left = decoded(decoder, pieces, buf)
    events += until_quiet(decoder.finish)
    assert (events, left) == (wanted[: len(wanted) - bool(pending)], pending)


def a_form(data: Reader) -> LengthField | Varint | Fixed | Lines | Delimited:
    limit = 1 + data.choice((data.below(40), data.below(2000), data.below(1 << 17)))
    kind = data.below(5)
    if kind == 0:
        width = data.choice((1, 2, 3, 4, 8))
        offset = data.below(6)
        return LengthField(
            max(limit, offset + width), offset, width, an_adjustment(data), data.below(12),
            data.choice(("big", "little")), data.flag())
    if kind == 1:
        return Varint(limit)
    if kind == 2:
        return Fixed(limit)
    if kind == 3:
        return Lines(limit, strip=data.flag(), fail_fast=data.flag())
    delimiters = tuple(data.bytes(4) or b"\n" for _ in range(1 + data.below(4)))
    return Delimited(limit, delimiters, data.flag(), data.flag())


def an_adjustment(data: Reader) -> int:
    return data.between(-12, 12) if data.below(8) else min(max(data.integer(), -(2**62)), 2**62)


def cut(data: Reader, most: int) -> tuple[list[bytes], bytes]:
    """A stream in pieces. Some bytes of it are repeated, so that few bytes make a long one."""
    places = [data.below(256) for _ in range(data.below(8))]
    times = data.choice((1, 1, 1, 40, 3000))
    stream = b""
    while data.left and len(stream) < most:
        stream += data.take(1 + data.below(16)) * (times if data.below(4) == 3 else 1)
    stream = stream[:most]
    marks = sorted(place * len(stream) // 255 for place in places)
    return [stream[a:b] for a, b in pairwise([0, *marks, len(stream)])], stream
