"""Bytes in bulk: read, peek, get, set, write, prepend, zeros, and from buffer to buffer."""

import array
import itertools

import pytest

import zbuf
from kinds import KINDS, check, refused, unchanged

LONG = bytes(range(256)) * 5 + b"end"


class Bytes(bytes):
    """Not exactly bytes."""


SOURCES = {
    "bytes": bytes,
    "a subclass of bytes": Bytes,
    "bytearray": bytearray,
    "memoryview": memoryview,
    "array": lambda content: array.array("B", content),
    "ByteBuf": zbuf.copied,
    "composite": lambda content: zbuf.CompositeByteBuf(*(content[i : i + 1] for i in range(len(content))), coalesce=0),
    "consumed ByteBuf": lambda content: KINDS[2](content),
    "wrapped": zbuf.wrap,
}


@pytest.fixture(params=SOURCES.values(), ids=SOURCES)
def source(request):
    return request.param


@pytest.mark.parametrize("content", [b"0123456789", LONG], ids=["short", "long"])
def test_bytes_are_read_in_order(make, content):
    buf = make(content)
    read = b""
    for n in (0, 1, 3, 0, 2):
        at = buf.reader_index
        assert buf.peek_bytes(n) == content[len(read) : len(read) + n]
        assert buf.get_bytes(at, n) == content[len(read) : len(read) + n]
        taken = buf.read_bytes(n)
        assert type(taken) is bytes and len(taken) == n
        read += taken
        assert buf.reader_index == at + n
        check(buf)
    read += buf.try_read_bytes(len(buf) - 1)
    assert buf.try_read_bytes(2) is None
    read += buf.read_bytes(1)
    assert (read, len(buf)) == (content, 0)
    assert buf.read_bytes(0) == buf.peek_bytes(0) == buf.try_read_bytes(0) == b""
    check(buf)


def test_a_short_read_of_bytes_moves_nothing(make):
    buf = make(b"0123456789")
    at = buf.reader_index
    for n in (11, 100, 2**62, 2**63 - 1, 2**64):
        shown = min(n, 2**63 - 1)
        for call in (buf.read_bytes, buf.skip, buf.read_str, buf.read_slice, buf.split_to, buf.peek_bytes):
            with refused(zbuf.UnderflowError, f"^wanted {shown} bytes at {at}, 10 readable$", buf) as caught:
                call(n)
            assert (caught.value.wanted, caught.value.readable, caught.value.at) == (shown, 10, at)
        with unchanged(buf):
            assert buf.try_read_bytes(n) is buf.try_read_slice(n) is None


def test_bytes_are_looked_at_with_an_offset(make):
    buf = make(b"0123456789")
    at, written = buf.reader_index, buf.writer_index
    for offset in range(11):
        for n in range(11 - offset):
            assert buf.peek_bytes(n, offset) == b"0123456789"[offset : offset + n]
            assert buf.get_bytes(at + offset, n) == b"0123456789"[offset : offset + n]
        n = 11 - offset
        with refused(zbuf.UnderflowError, f"^wanted 11 bytes at {at}, 10 readable$", buf):
            buf.peek_bytes(n, offset)
        with refused(IndexError, f"^{n} bytes at {at + offset} are not inside the {written} written ones$", buf):
            buf.get_bytes(at + offset, n)
    with refused(zbuf.UnderflowError, "^wanted 11 bytes", buf):
        buf.peek_bytes(0, 11)
    with refused(IndexError, "^offset -1 is negative$", buf):
        buf.peek_bytes(0, -1)
    with refused(IndexError, "^0 bytes at -1 are not", buf):
        buf.get_bytes(-1, 0)
    with refused(IndexError, f"^0 bytes at {written + 1} are not", buf):
        buf.get_bytes(written + 1, 0)


def test_bytes_are_written_from_anything_that_has_them(make_growable, source):
    for content in (b"", b"x", b"abcde", LONG):
        buf, data = make_growable(b"head"), source(content)
        before = buf.writer_index
        assert buf.write_bytes(data) is None
        assert (buf.writer_index, bytes(buf)) == (before + len(content), b"head" + content)
        assert bytes(data) == content
        check(buf)


def test_bytes_are_set_and_prepended_from_anything_that_has_them(make_writable, source):
    for content, k in itertools.product((b"", b"x", b"abcde"), (0, 3, 5)):
        n = len(content)
        buf, data = make_writable(b"0123456789"), source(content)
        at = buf.reader_index
        assert buf.set_bytes(at + k, data) is None
        expected = b"0123456789"[:k] + content + b"0123456789"[k + n :]
        assert bytes(buf) == expected
        buf.skip(6)
        assert buf.prepend_bytes(data) is None
        assert bytes(buf) == content + expected[6:]
        assert buf.reader_index == at + 6 - n
        buf[:n] = source(content[::-1])
        assert bytes(buf) == content[::-1] + expected[6:]
        assert bytes(data) == content
        check(buf)


def test_bytes_are_set_up_to_the_capacity_and_not_beyond(make_writable):
    buf = make_writable(b"0123456789")
    capacity = buf.capacity
    buf.set_bytes(capacity - 3, b"xyz")
    buf.set_bytes(capacity, b"")
    buf.set_zeros(capacity, 0)
    for index, data in ((capacity - 2, b"xyz"), (capacity + 1, b""), (-1, b"x"), (-1, b""), (2**63 - 1, b"ab"),
                        (2**64, b"a"), (-(2**64), b"a"), (0, b"x" * (capacity + 1))):
        shown = max(min(index, 2**63 - 1), -(2**63))
        told = f"^{len(data)} bytes at {shown} are not inside the capacity of {capacity}$"
        with refused(IndexError, told, buf):
            buf.set_bytes(index, data)
        with refused(IndexError, told, buf):
            buf.set_zeros(index, len(data))
        with refused(IndexError, told, buf):
            buf.set_str(index, data.decode())
    for size in (2**63 - 1, 2**64):
        with refused(IndexError, "are not inside the capacity", buf):
            buf.set_zeros(1, size)


def test_no_more_is_put_in_front_than_was_consumed(make_writable):
    buf = make_writable(b"0123456789")
    buf.reader_index = 3
    with refused(zbuf.CapacityError, "^wanted room for 4 bytes, 3 available$", buf):
        buf.prepend_bytes(b"abcd")
    buf.prepend_bytes(b"abc")
    buf.prepend_bytes(b"")
    assert buf.reader_index == 0 and bytes(buf).startswith(b"abc")


def test_zeros_are_written_and_set(make_mutable):
    buf = make_mutable(b"0123456789")
    at = buf.reader_index
    buf.set_zeros(at + 2, 3)
    buf.set_zeros(at, 0)
    buf.write_zeros(0)
    buf.write_zeros(5)
    buf.write_zeros(2000)
    assert bytes(buf) == b"01\0\0\x0056789" + bytes(2005)
    check(buf)


def test_a_target_is_filled(make):
    buf = make(b"0123456789")
    at = buf.reader_index
    for target, n in ((bytearray(4), 4), (array.array("H", [0]), 2), (memoryview(bytearray(4))[1:2], 1), (bytearray(), 0)):
        assert buf.read_into(target) == n
        assert bytes(target) == b"0123456789"[buf.reader_index - at - n : buf.reader_index - at]
        check(buf)
    assert bytes(buf) == b"789"


def test_a_target_larger_than_what_is_readable_is_left_alone(make):
    buf, target = make(b"0123456789"), bytearray(b"x" * 11)
    with refused(zbuf.UnderflowError, "^wanted 11 bytes", buf):
        buf.read_into(target)
    assert target == b"x" * 11
    for wrong, error in ((b"1234", BufferError), ("1234", TypeError), (None, TypeError), (5, TypeError),
                         (memoryview(bytearray(8))[::2], BufferError)):
        with refused(error, None, buf):
            buf.read_into(wrong)


def test_a_buffer_is_filled_to_its_capacity(make, make_growable):
    buf, target = make(b"0123456789"), make_growable(b"?!")
    target.ensure_writable(1)
    target.writer_index = target.capacity - 6 if target.capacity >= target.reader_index + 6 else target.writer_index
    room, before = target.writable_bytes(), bytes(target)
    if room > 10:
        with refused(zbuf.UnderflowError, f"^wanted {room} bytes", buf, target):
            buf.read_into(target)
        return
    assert buf.read_into(target) == room
    assert bytes(target) == before + b"0123456789"[:room]
    assert bytes(buf) == b"0123456789"[room:]
    assert target.writable_bytes() == 0
    assert buf.read_into(target) == 0
    check(buf, target)


def test_a_readonly_buffer_is_not_filled(make, make_readonly):
    buf, target = make(b"0123456789"), make_readonly(b"abc")
    with refused(zbuf.ReadOnlyError, "is read-only", buf, target):
        buf.read_into(target)


def test_a_buffer_writes_its_own_bytes(make_growable):
    buf = make_growable(b"0123456789")
    buf.skip(1)
    buf.write_bytes(buf)
    assert bytes(buf) == b"123456789" * 2
    buf.write_bytes(buf)
    buf.write_bytes(buf)
    assert bytes(buf) == b"123456789" * 8
    check(buf)


def test_a_buffer_writes_the_bytes_of_its_own_slice_and_view(make_growable):
    buf = make_growable(b"0123456789")
    buf.write_bytes(buf[2:5])
    buf.write_bytes(buf.duplicate())
    assert bytes(buf) == b"0123456789234" * 2
    buf.ensure_writable(26)
    for part in buf.parts() if isinstance(buf, zbuf.CompositeByteBuf) else [buf]:
        with part.view() as view:
            buf.write_bytes(view[-2:])
    assert bytes(buf)[:26] == b"0123456789234" * 2
    check(buf)


def test_a_buffer_is_set_and_prepended_with_its_own_bytes(make_writable):
    buf = make_writable(b"0123456789")
    at = buf.reader_index
    buf.set_bytes(at + 2, buf[:6])
    assert bytes(buf) == b"0101234589"
    buf.set_bytes(at, buf[3:])
    assert bytes(buf) == b"1234589589"
    buf[1:5] = buf[2:6]
    assert bytes(buf) == b"1345889589"
    buf.skip(5)
    buf.prepend_bytes(buf)
    assert bytes(buf) == b"8958989589"[:5] + b"89589"
    buf.reader_index = at
    buf.set_bytes(at, buf)
    check(buf)


def test_what_is_not_bytes_like_is_refused(make_growable):
    buf = make_growable(b"0123456789")
    buf.skip(2)
    for wrong, error in (("text", TypeError), (5, TypeError), (None, TypeError), ([1, 2], TypeError),
                         (memoryview(b"abcdef")[::2], BufferError)):
        for call, args in ((buf.write_bytes, (wrong,)), (buf.set_bytes, (0, wrong)), (buf.prepend_bytes, (wrong,))):
            with refused(error, None, buf):
                call(*args)
    with memoryview(b"abc") as gone:
        pass
    with refused(ValueError, "released memoryview", buf):
        buf.write_bytes(gone)
