"""What Python itself asks of a buffer: len, [], iteration, ==, repr, copy, pickle and the rest."""

import array
import collections.abc
import copy
import inspect
import operator
import pickle
import sys

import pytest

import zbuf
from kinds import KINDS, check, refused, unchanged


def test_a_buffer_is_as_long_as_its_readable_bytes(make):
    for content in (b"", b"x", b"0123456789"):
        buf = make(content)
        assert len(buf) == len(content) and bool(buf) == bool(content)
    buf.skip(10)
    assert len(buf) == 0 and not buf


def test_a_subscript_is_a_byte(make):
    buf = make(b"0123456789")
    buf.skip(1)
    for k in range(-9, 9):
        assert buf[k] == b"123456789"[k]
    for k in (9, -10, 2**63 - 1, -(2**63), 2**64, -(10**5000)):
        shown = max(min(k, 2**63 - 1), -(2**63))
        with refused(IndexError, f"^index {shown} is outside the 9 readable bytes$", buf):
            buf[k]
    for wrong in (1.0, "1", None, (1, 2), b"1"):
        with refused(TypeError, None, buf):
            buf[wrong]


def test_a_subscript_with_a_colon_is_a_buffer_on_the_same_bytes(make):
    content = b"0123456789"
    buf = make(content)
    bounds = (None, 0, 1, 5, 9, 10, 11, -1, -5, -10, -11, 2**63, -(2**63), 10**30)
    for start in bounds:
        for stop in bounds:
            part = buf[start:stop]
            assert bytes(part) == content[start:stop]
            check(part)
    assert bytes(buf[2:5:1]) == b"234"
    for step in (2, -1, 2**63, -(2**70)):
        with refused(ValueError, "^a slice of a buffer has step 1, not -?[0-9]+$", buf):
            buf[::step]
    with refused(ValueError, "cannot be zero", buf):
        buf[::0]
    for wrong in (slice("a"), slice(1.0, 2), slice(0, 1, "x")):
        with refused(TypeError, None, buf):
            buf[wrong]


def test_a_byte_is_set_by_its_subscript(make_writable):
    buf, content = make_writable(b"0123456789"), bytearray(b"0123456789")
    for k, value in ((0, 1), (-1, 255), (5, 0), (-10, 7), (True, True)):
        buf[k] = content[k] = value
        assert bytes(buf) == content
    for k in (10, -11, 2**64, -(2**64)):
        with refused(IndexError, "is outside the 10 readable bytes", buf):
            buf[k] = 1
    for value in (256, -1, 2**64):
        with refused(ValueError, rf"^a byte is 0 \.\. 255, not {value}$", buf):
            buf[0] = value
    for wrong in ("a", b"a", 1.0, None):
        with refused(TypeError, None, buf):
            buf[0] = wrong
        with refused(TypeError, None, buf):
            buf["0"] = 1
    check(buf)


def test_bytes_are_set_by_a_slice_of_their_length(make_writable):
    buf, content = make_writable(b"0123456789"), bytearray(b"0123456789")
    for key, value in ((slice(0, 3), b"abc"), (slice(-2, None), b"YZ"), (slice(None), b"9876543210"),
                       (slice(4, 4), b""), (slice(20, 30), b""), (slice(5, 2), b""), (slice(3, 5, 1), bytearray(b"!!"))):
        buf[key] = content[key] = value
        assert bytes(buf) == content
    for key, value in ((slice(0, 3), b"ab"), (slice(None), b""), (slice(4, 4), b"x"), (slice(8, 20), b"abcdefghijkl")):
        told = f"^{len(value)} bytes do not replace {len(content[key])}: a slice of a buffer keeps its length$"
        with refused(ValueError, told, buf):
            buf[key] = value
    with refused(ValueError, "step 1, not 2", buf):
        buf[::2] = b"abcde"
    for wrong in ("abc", 5, None, [1, 2, 3]):
        with refused(TypeError, None, buf):
            buf[0:3] = wrong
    check(buf)


def test_bytes_of_a_readonly_handle_are_not_set(make_readonly):
    buf = make_readonly(b"0123456789")
    with refused(zbuf.ReadOnlyError, "read-only", buf):
        buf[0] = 1
    with refused(zbuf.ReadOnlyError, "read-only", buf):
        buf[0:2] = b"ab"


def test_bytes_are_not_deleted(make):
    buf = make(b"0123456789")
    for key in (0, slice(0, 2)):
        with unchanged(buf), pytest.raises((TypeError, NotImplementedError)):
            del buf[key]


def test_iteration_gives_every_byte(make):
    buf = make(b"\x00\x7f\x80\xff")
    with unchanged(buf):
        assert list(buf) == list(b"\x00\x7f\x80\xff") == [*iter(iter(buf))]
        assert list(reversed(buf)) == list(b"\xff\x80\x7f\x00")
        assert (max(buf), sum(buf), operator.length_hint(iter(buf))) == (255, 510, 4)
    assert list(make(b"")) == []


def test_an_iterator_goes_on_with_what_the_buffer_holds_then(make_growable):
    buf = make_growable(b"0123")
    steps = iter(buf)
    assert (next(steps), next(steps), steps.__length_hint__()) == (0x30, 0x31, 2)
    buf.write_u8(0x34)
    assert next(steps) == 0x32
    buf.skip(1)
    assert next(steps) == 0x34
    buf.skip(3)
    assert steps.__length_hint__() == 0
    for _ in range(2):
        with refused(StopIteration, None, buf):
            next(steps)
    buf.release()
    assert steps.__length_hint__() == 0
    with refused(zbuf.ReleasedError, None, buf):
        next(steps)


def test_equality_is_of_readable_bytes(make):
    content = b"0123456789"
    buf = make(content)
    buf.skip(1)
    others = [kind(content[1:]) for kind in KINDS]
    for other in (content[1:], bytearray(content[1:]), memoryview(content)[1:], array.array("B", content[1:]), *others):
        assert buf == other and other == buf and not buf != other and not other != buf
    shorter = [kind(content[1:-1]) for kind in KINDS[::5]]
    differs = [kind(content[1:-1] + b"!") for kind in KINDS[::5]]
    for other in (b"", content, content[1:-1], b"!" + content[2:], bytearray(content), *shorter, *differs):
        assert buf != other and other != buf and not buf == other and not other == buf
    assert buf == buf and not buf != buf
    check(buf)


def test_equality_with_what_has_no_bytes_is_false(make):
    buf = make(b"0123456789")
    for other in ("0123456789", 5, None, [], object(), list(buf)):
        assert buf != other and not buf == other
    assert make(array.array("H", [1, 2]).tobytes()) == array.array("H", [1, 2])


def test_equality_with_a_memoryview_that_is_not_contiguous_is_its_own_answer():
    buf = zbuf.copied(b"024")
    assert buf == memoryview(b"0123456")[:5:2] and buf != memoryview(b"0123456")[1:6:2]


def test_buffers_have_no_order_and_no_hash(make):
    buf = make(b"abc")
    for compare in (operator.lt, operator.le, operator.gt, operator.ge):
        with refused(TypeError, "not supported between instances", buf):
            compare(buf, b"abc")
        with refused(TypeError, "not supported between instances", buf):
            compare(buf, buf)
    assert type(buf).__hash__ is None
    with refused(TypeError, "unhashable type", buf):
        hash(buf)
    assert not isinstance(buf, collections.abc.Hashable)


def test_repr_tells_indices_and_the_first_bytes_and_never_raises(make):
    buf = make(bytes(range(10)))
    name = type(buf).__name__
    r, w, cap, refs = buf.reader_index, buf.writer_index, buf.capacity, buf.refcnt
    assert repr(buf) == f"<zbuf.{name} {r}..{w} of {cap}, refs {refs}: 00 01 02 03 04 05 06 07 08 09>"
    buf.clear()
    assert repr(buf).endswith(": >")
    longer = make(bytes(range(200)))
    assert repr(longer).endswith(": 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f ...>")
    assert repr(make(bytes(16))).endswith(" 00 00>")
    buf.release()
    assert repr(buf) == str(buf) == f"<zbuf.{name} released>"


def test_bytes_copies_the_readable_bytes(make):
    buf = make(b"0123456789")
    whole = bytes(buf)
    buf.skip(4)
    assert (whole, bytes(buf), type(bytes(buf))) == (b"0123456789", b"456789", bytes)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy], ids=["copy", "deepcopy"])
def test_copies_have_their_own_memory(make, duplicate):
    buf = make(b"0123456789")
    buf.skip(2)
    again = duplicate(buf)
    assert (bytes(again), again.readonly) == (b"23456789", False)
    again[0] = 0x41
    assert bytes(buf) == b"23456789"
    check(buf, again)
    nested = copy.deepcopy({"x": [buf]})
    assert nested["x"][0] == buf and nested["x"][0] is not buf


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickled_buffer_comes_back_with_its_readable_bytes(make, protocol):
    for content in (b"", b"0123456789", bytes(range(256)) * 3):
        buf = make(content)
        with unchanged(buf):
            data = pickle.dumps(buf, protocol)
            twice = pickle.dumps([buf, buf], protocol)
        back = pickle.loads(data)
        assert bytes(back) == content
        check(back)
        first, second = pickle.loads(twice)
        assert first is second
    buf.skip(700)
    assert bytes(pickle.loads(pickle.dumps(buf, protocol))) == content[700:]


def test_sizeof_counts_the_memory_that_is_only_this_handles(make_whole):
    buf = make_whole(b"0123456789" * 100)
    own = type(buf).__basicsize__
    alone = sys.getsizeof(buf)
    assert alone >= own
    part = buf[:]
    assert sys.getsizeof(buf) == sys.getsizeof(part) == own
    part.release()
    assert sys.getsizeof(buf) == alone
    buf.release()
    assert sys.getsizeof(buf) == own


def test_sizeof_a_large_buffer_is_large():
    assert 100_000 < sys.getsizeof(zbuf.copied(bytes(100_000))) < 300_000


def test_hexdump_shows_offsets_bytes_and_text(make):
    buf = make(b"GET / HTTP/1.1\r\n\x00\xff")
    at = buf.reader_index
    assert buf.hexdump() == (
        f"{at:08x}  47 45 54 20 2f 20 48 54  54 50 2f 31 2e 31 0d 0a  |GET / HTTP/1.1..|\n"
        f"{at + 16:08x}  00 ff                                             |..|"
    )
    assert buf.hexdump() == zbuf.hexdump.hexdump(bytes(buf), at)
    buf.skip(18)
    assert buf.hexdump() == ""


def test_every_method_has_a_signature_and_a_docstring():
    for kind in (zbuf.ByteBuf, zbuf.CompositeByteBuf):
        for name in dir(kind):
            if name.startswith("_"):
                continue
            member = inspect.getattr_static(kind, name)
            assert member.__doc__, name
            if callable(member):
                assert inspect.signature(member), name


def test_a_buffer_takes_no_attributes_of_its_own(make):
    buf = make(b"abc")
    with refused(AttributeError, None, buf):
        buf.note = 1
