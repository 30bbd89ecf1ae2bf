"""Numbers of every width and byte order: read, try_read, peek, get, set, write, prepend."""

import math
import struct
from dataclasses import dataclass

import pytest

import zbuf
from kinds import JUNK, check, refused, unchanged


@dataclass(frozen=True)
class Number:
    name: str
    size: int
    order: str
    kind: str     # "u", "i", "f" or "bool"

    def encode(self, value):
        if self.kind == "f":
            return struct.pack((">" if self.order == "big" else "<") + {4: "f", 8: "d"}[self.size], value)
        if self.kind == "bool":
            return bytes([bool(value)])
        return value.to_bytes(self.size, self.order, signed=self.kind == "i")

    @property
    def low(self):
        return -(1 << 8 * self.size - 1) if self.kind == "i" else 0

    @property
    def high(self):
        return (1 << 8 * self.size - (self.kind == "i")) - 1

    @property
    def values(self):
        if self.kind == "bool":
            return [False, True]
        if self.kind == "f":
            tiny, huge = (2.0**-149, 3.4028234663852886e38) if self.size == 4 else (5e-324, 1.7976931348623157e308)
            return [0.0, -0.0, 1.5, -0.25, tiny, -tiny, huge, -huge, math.inf, -math.inf]
        pattern = int.from_bytes(bytes(range(0x81, 0x81 + self.size)), self.order, signed=self.kind == "i")
        edges = {0, 1, -1, 127, 128, -128, 255, self.low, self.high, self.low + 1, self.high - 1, pattern}
        return sorted(v for v in edges if self.low <= v <= self.high)


def all_numbers():
    yield Number("bool", 1, "big", "bool")
    for kind, sizes in (("u", (1, 2, 3, 4, 8)), ("i", (1, 2, 3, 4, 8)), ("f", (4, 8))):
        for size in sizes:
            yield Number(f"{kind}{8 * size}", size, "big", kind)
            if size > 1:
                yield Number(f"{kind}{8 * size}_le", size, "little", kind)


NUMBERS = list(all_numbers())
INTEGERS = [number for number in NUMBERS if number.kind in "ui"]
FLOATS = [number for number in NUMBERS if number.kind == "f"]


def call(buf, family, number, *args):
    return getattr(buf, f"{family}_{number.name}")(*args)


def same(a, b):
    return a == b and type(a) is type(b) and math.copysign(1, a) == math.copysign(1, b)


def test_every_number_has_every_family():
    families = ("read", "try_read", "peek", "get", "set", "write", "prepend")
    named = {f"{family}_{number.name}" for family in families for number in NUMBERS}
    assert len(named) == 23 * 7
    assert named <= set(dir(zbuf.ByteBuf))


def test_a_number_is_read_as_it_was_encoded(make):
    for number in NUMBERS:
        content = b"".join(map(number.encode, number.values))
        buf, tried, looked = make(content), make(content), make(content)
        for k, value in enumerate(number.values):
            at = buf.reader_index
            assert same(call(buf, "peek", number), value)
            assert same(call(buf, "get", number, at), value)
            assert buf.reader_index == at
            assert same(call(buf, "read", number), value)
            assert same(call(tried, "try_read", number), value)
            assert same(call(looked, "peek", number, k * number.size), value)
            assert buf.reader_index == tried.reader_index == at + number.size
            check(buf, tried, looked)
        assert len(buf) == len(tried) == 0


def test_a_short_number_moves_nothing(make):
    for number in NUMBERS:
        for short in range(number.size):
            buf = make(b"\x01\x02\x03\x04\x05\x06\x07"[:short])
            at = buf.reader_index
            with refused(zbuf.UnderflowError, f"^wanted {number.size} bytes at {at}, {short} readable$", buf) as caught:
                call(buf, "read", number)
            assert (caught.value.wanted, caught.value.readable, caught.value.at) == (number.size, short, at)
            with refused(zbuf.UnderflowError, f"^wanted {number.size} bytes at {at}, {short} readable$", buf):
                call(buf, "peek", number)
            with unchanged(buf):
                assert call(buf, "try_read", number) is None


def test_a_number_is_seen_at_every_place(make):
    for number in NUMBERS:
        content = bytes(range(0x21, 0x21 + 20))
        buf = make(content)
        start, written = buf.reader_index, buf.writer_index
        for k in range(len(content) - number.size + 1):
            raw = content[k : k + number.size]
            seen = call(buf, "peek", number, k), call(buf, "get", number, start + k)
            if number.kind == "bool":
                assert seen == (True, True)
            elif number.kind == "f":
                assert [number.encode(value) for value in seen] == [raw, raw]
            else:
                assert seen[0] == seen[1] == int.from_bytes(raw, number.order, signed=number.kind == "i")
        for beyond in range(len(content) - number.size + 1, len(content) + 2):
            with refused(zbuf.UnderflowError, f"wanted {beyond + number.size} bytes at {start}, 20 readable", buf):
                call(buf, "peek", number, beyond)
            with refused(IndexError, f"{number.size} bytes at {start + beyond} are not inside the {written} written", buf):
                call(buf, "get", number, start + beyond)
        for before in (-1, -number.size, -(2**63), -(2**64)):
            with refused(IndexError, "offset -.* is negative", buf):
                call(buf, "peek", number, before)
            with refused(IndexError, "are not inside the", buf):
                call(buf, "get", number, before)
        for huge in (2**63 - 1, 2**63 - number.size, 2**64, 10**5000):
            with refused(zbuf.UnderflowError, "wanted 9223372036854775807 bytes", buf):
                call(buf, "peek", number, huge)
            with refused(IndexError, "are not inside the", buf):
                call(buf, "get", number, huge)


def test_a_number_is_set_where_it_is_told_and_nowhere_else(make_writable):
    for number in NUMBERS:
        for k in range(0, 13 - number.size):
            value = number.values[k % len(number.values)]
            buf = make_writable(b"0123456789ab")
            at, end = buf.reader_index, buf.writer_index
            assert call(buf, "set", number, at + k, value) is None
            raw = number.encode(value)
            assert bytes(buf) == b"0123456789ab"[:k] + raw + b"0123456789ab"[k + number.size :]
            assert (buf.reader_index, buf.writer_index) == (at, end)
            check(buf)


def test_a_number_is_set_up_to_the_capacity_and_not_beyond(make_writable):
    for number in NUMBERS:
        buf = make_writable(b"0123456789ab")
        value, capacity = number.values[-1], buf.capacity
        call(buf, "set", number, capacity - number.size, value)
        for index in (capacity - number.size + 1, capacity, capacity + 1, -1, -number.size, 2**63 - 1, 2**64, -(2**64)):
            shown = max(min(index, 2**63 - 1), -(2**63))
            told = f"{number.size} bytes at {shown} are not inside the capacity of {capacity}"
            with refused(IndexError, told, buf):
                call(buf, "set", number, index, value)
        buf.writer_index = capacity
        assert buf.get_bytes(capacity - number.size, number.size) == number.encode(value)


def test_numbers_are_written_one_after_the_other(make_growable):
    for number in NUMBERS:
        buf = make_growable(b"head")
        expected = b"head"
        for value in number.values * 3:
            before = buf.writer_index
            assert call(buf, "write", number, value) is None
            expected += number.encode(value)
            assert (buf.writer_index, bytes(buf)) == (before + number.size, expected)
            check(buf)


def test_numbers_are_put_in_front(make_writable):
    for number in NUMBERS:
        buf = make_writable(bytes(3 * 8) + b"tail")
        buf.skip(3 * 8)
        expected = b"tail"
        for value in (number.values * 3)[:3]:
            before = buf.reader_index
            assert call(buf, "prepend", number, value) is None
            expected = number.encode(value) + expected
            assert (buf.reader_index, bytes(buf)) == (before - number.size, expected)
            check(buf)


def test_a_number_is_not_put_in_front_of_too_few_bytes(make_writable):
    for number in NUMBERS:
        buf = make_writable(b"0123456789")
        for room in range(number.size):
            buf.reader_index = room
            with refused(zbuf.CapacityError, f"wanted room for {number.size} bytes, {room} available", buf) as caught:
                call(buf, "prepend", number, number.values[0])
            assert (caught.value.wanted, caught.value.available) == (number.size, room)


def test_what_does_not_fit_is_refused_and_never_cut(make_writable):
    for number in INTEGERS:
        buf = make_writable(bytes(8) + b"tail")
        buf.skip(8)
        for value in (number.low - 1, number.high + 1, 2**63, 2**64, -(2**63) - 1, -(2**64)):
            if number.low <= value <= number.high:
                continue
            told = rf"^{value} does not fit {number.low} \.\. {number.high}$"
            with refused(OverflowError, told, buf):
                call(buf, "set", number, buf.reader_index, value)
            with refused(OverflowError, told, buf):
                call(buf, "write", number, value)
            with refused(OverflowError, told, buf):
                call(buf, "prepend", number, value)
        for value in (10**5000, -(10**5000)):
            with refused(OverflowError, "an integer of 16610 bits does not fit", buf):
                call(buf, "write", number, value)
            with refused(OverflowError, "an integer of 16610 bits does not fit", buf):
                call(buf, "set", number, buf.reader_index, value)


@pytest.mark.parametrize("name", ["f32", "f32_le"])
def test_a_float_too_large_for_32_bits_is_refused(make_writable, name):
    buf = make_writable(bytes(8) + b"tail")
    buf.skip(8)
    for value in (3.4028235677973366e38, -3.4028235677973366e38, 1.7976931348623157e308):
        for call, args in ((f"write_{name}", (value,)), (f"set_{name}", (8, value)), (f"prepend_{name}", (value,))):
            with refused(OverflowError, "does not fit a 32-bit float", buf):
                getattr(buf, call)(*args)
    nearly = 3.4028235677973362e38
    getattr(buf, f"prepend_{name}")(nearly)
    assert getattr(buf, f"read_{name}")() == 3.4028234663852886e38


def test_floats_take_what_float_takes_and_nan_stays_nan(make_writable):
    for number in FLOATS:
        class Float:
            def __float__(self):
                return 2.5

        class Index:
            def __index__(self):
                return 3

        buf = make_writable(b"01234567tail")
        at = buf.reader_index
        for value, expected in ((Float(), 2.5), (Index(), 3.0), (7, 7.0), (True, 1.0)):
            call(buf, "set", number, at, value)
            assert call(buf, "peek", number) == expected
        call(buf, "set", number, at, math.nan)
        assert math.isnan(call(buf, "read", number))
        for wrong in ("1", None, b"1", 1j):
            with refused(TypeError, None, buf):
                call(buf, "set", number, at, wrong)
        with refused(OverflowError, "int too large to convert to float", buf):
            call(buf, "set", number, at, 10**400)


def test_integers_take_what_has_an_index_and_nothing_else(make_writable):
    for number in INTEGERS:
        class Index:
            def __index__(self):
                return number.high

        buf = make_writable(b"01234567tail")
        at = buf.reader_index
        call(buf, "set", number, at, Index())
        assert call(buf, "peek", number) == number.high
        call(buf, "set", number, at, True)
        assert call(buf, "read", number) == 1
        for wrong in (1.0, "1", None, b"1", []):
            with refused(TypeError, None, buf):
                call(buf, "set", number, at, wrong)
            with refused(TypeError, None, buf):
                call(buf, "write", number, wrong)
            with refused(TypeError, None, buf):
                call(buf, "prepend", number, wrong)


def test_booleans_are_the_truth_of_anything(make_writable):
    buf = make_writable(b"x\x00\x02")
    at = buf.reader_index
    for value in ([], [0], "", "no", 0, 256, None, 2**70):
        buf.set_bool(at, value)
        assert (buf.peek_bool(), buf.peek_u8()) == (bool(value), bool(value))
    assert [buf.read_bool() for _ in range(3)] == [True, False, True]


def test_recycled_memory_is_never_read(make):
    buf = make(b"abc")
    for _ in range(2):
        if buf.capacity > buf.writer_index:
            with refused(IndexError, "are not inside the", buf):
                buf.get_u8(buf.writer_index)
        with refused(zbuf.UnderflowError, "wanted 4 bytes", buf):
            buf.peek_u8(3)
        buf.skip(0)
    assert JUNK not in bytes(buf)
