"""Lengths in front of messages."""

import mmap

import pytest
from hypothesis import given, strategies as st

import zbuf
from kinds import KINDS, SYSTEM, check, refused, state, unchanged
from zbuf.codec import FramePrepender, LengthFieldPrepender, VarintLengthDecoder, VarintLengthPrepender


def test_a_message_of_every_kind_of_buffer(make):
    message = make(b"hello, world")
    target = zbuf.copied(b"before")
    with unchanged(message):
        made = LengthFieldPrepender(2).encode(message)
        LengthFieldPrepender(2).encode_into(message, target)
    assert bytes(made) == b"\0\x0chello, world"
    assert bytes(target) == b"before" + bytes(made)
    check(made, target)


def test_a_target_of_every_kind_that_grows(make_growable):
    target = make_growable(b"before")
    for message in (b"", b"one", b"x" * 10_000, zbuf.copied(b"y" * 10_000)):
        before = bytes(target)
        VarintLengthPrepender().encode_into(message, target)
        assert bytes(target) == before + bytes(VarintLengthPrepender().encode(message))
    check(target)


@pytest.mark.parametrize("sizes", [(20,), (7, 13), (1, 2, 17)], ids=repr)
def test_a_message_that_lies_where_it_is_put_arrives_as_it_was(sizes):
    for writer in range(24):
        memory = zbuf.copied(bytes(range(40)))
        message = zbuf.CompositeByteBuf(*parts(memory, sizes), coalesce=0) if len(sizes) > 1 else memory.slice(0, 20)
        target = memory.duplicate()
        target.set_indices(0, writer)
        before = bytes(target)
        LengthFieldPrepender(4).encode_into(message, target)
        assert bytes(target) == before + b"\0\0\0\x14" + bytes(range(20))
        check(target)


def parts(memory, sizes):
    return [memory.slice(sum(sizes[:k]), size) for k, size in enumerate(sizes)]


@pytest.mark.parametrize(("options", "message", "head"), [
    ({}, b"ab", b"\0\0\0\2"),
    ({"byteorder": "little"}, b"ab", b"\2\0\0\0"),
    ({"adjustment": 3}, b"ab", b"\0\0\0\5"),
    ({"adjustment": -2}, b"ab", b"\0\0\0\0"),
    ({"includes_length": True}, b"ab", b"\0\0\0\6"),
    ({"includes_length": True, "adjustment": -6}, b"ab", b"\0\0\0\0"),
], ids=repr)
def test_what_the_field_says(options, message, head):
    assert bytes(LengthFieldPrepender(**options).encode(message)) == head + message


@pytest.mark.parametrize("width", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("byteorder", ["big", "little"])
def test_every_width_and_order(width, byteorder):
    message = b"x" * 250
    made = LengthFieldPrepender(width, byteorder=byteorder).encode(message)
    assert bytes(made) == (250).to_bytes(width, byteorder) + message


@given(st.binary(max_size=40) | st.integers(100, 20_000).map(bytes))
def test_a_varint_is_what_the_decoder_reads(message):
    made = VarintLengthPrepender().encode(message)
    (frame,) = VarintLengthDecoder(1 << 20).feed(made)
    assert bytes(frame) == message


def test_a_large_message_is_shared_and_a_small_one_is_not():
    for n, kind, refs in ((4095, zbuf.ByteBuf, 1), (4096, zbuf.CompositeByteBuf, 2)):
        message = zbuf.copied(bytes(n))
        made = LengthFieldPrepender().encode(message)
        assert (type(made), message.refcnt) == (kind, refs)
        target = zbuf.CompositeByteBuf()
        LengthFieldPrepender().encode_into(message, target)
        assert message.refcnt == 2 * refs - 1
        message.release()
        assert bytes(made) == bytes(target) == n.to_bytes(4, "big") + bytes(n)


def test_a_buffer_that_is_put_into_itself():
    buf = zbuf.copied(b"abc")
    LengthFieldPrepender(1).encode_into(buf, buf)
    assert bytes(buf) == b"abc\3abc"
    whole = zbuf.CompositeByteBuf(bytes(5000))
    LengthFieldPrepender(4).encode_into(whole, whole)
    assert bytes(whole) == bytes(5000) + (5000).to_bytes(4, "big") + bytes(5000)
    check(buf, whole)


# -- what is refused


@pytest.mark.parametrize(("prepender", "message", "error", "said"), [
    (LengthFieldPrepender(1), bytes(256), OverflowError, "the length of 256 bytes would be 256 in a field of 1 bytes"),
    (LengthFieldPrepender(1, includes_length=True), bytes(255), OverflowError,
     "the length of 255 bytes would be 256 in a field of 1 bytes"),
    (LengthFieldPrepender(2), bytes(65536), OverflowError, "the length of 65536 bytes would be 65536 in a field of 2 bytes"),
    (LengthFieldPrepender(3, adjustment=1 << 24), b"", OverflowError,
     "the length of 0 bytes would be 16777216 in a field of 3 bytes"),
    (LengthFieldPrepender(8, adjustment=-3), b"ab", ValueError, "the length of 2 bytes would be -1 in its field"),
], ids=lambda value: type(value).__name__)
def test_a_length_that_cannot_be_said_is_refused_and_nothing_was_written(prepender, message, error, said):
    with pytest.raises(error) as caught:
        prepender.encode(message)
    assert str(caught.value) == said
    for target in (zbuf.copied(b"abc"), zbuf.CompositeByteBuf(b"abc")):
        with refused(error, None, target) as block:
            prepender.encode_into(message, target)
        assert str(block.value) == said


def test_a_varint_says_at_most_2_to_the_31_less_one():
    with mmap.mmap(-1, 2**31) as large:
        with pytest.raises(OverflowError, match=r"a message of 2147483648 bytes is longer than 2\*\*31 - 1"):
            VarintLengthPrepender().encode(large)
        with memoryview(large)[:-1] as most, VarintLengthPrepender().encode(most) as made:
            assert (len(made), made.read_varint()) == (2**31 - 1 + 5, 2**31 - 1)
        with LengthFieldPrepender(4).encode(large) as made:
            assert made.read_u32() == 2**31


@pytest.mark.parametrize(("make", "error", "message"), [
    (lambda: LengthFieldPrepender(5), ValueError, "width must be 1, 2, 3, 4 or 8, not 5"),
    (lambda: LengthFieldPrepender(byteorder=">"), ValueError, "byteorder must be 'big' or 'little', not '>'"),
    (lambda: LengthFieldPrepender(adjustment=2**62 + 1), OverflowError, str(2**62 + 1)),
    (FramePrepender, TypeError, "FramePrepender is not made directly: use one of its kinds"),
])
def test_what_a_prepender_cannot_be_made_of(make, error, message):
    with pytest.raises(error) as caught:
        make()
    assert message in str(caught.value)


def test_the_common_class_says_no_lengths():
    class Mine(FramePrepender):
        pass

    with pytest.raises(TypeError, match="Mine is no kind of FramePrepender that says lengths"):
        Mine().encode(b"")


@pytest.mark.parametrize("target", [b"abc", bytearray(9), None])
def test_a_target_that_is_no_buffer_is_refused(target):
    with pytest.raises(TypeError, match=f"a ByteBuf is required, not {type(target).__name__!r}"):
        LengthFieldPrepender().encode_into(b"x", target)


def test_a_target_without_room_is_left_as_it_was():
    prepender = LengthFieldPrepender()
    with refused(zbuf.CapacityError, "wanted room for 9 bytes, 8 available", target := zbuf.buffer(4, 8)):
        prepender.encode_into(b"12345", target)
    with refused(zbuf.ReadOnlyError, None, target := zbuf.copied(b"abc").as_readonly()):
        prepender.encode_into(b"x", target)
    with refused(zbuf.CapacityError, "wanted room for 5004 bytes, 8 available", target := fixed_composite()):
        prepender.encode_into(bytes(5000), target)


def fixed_composite():
    """Of two parts, with room for 8 bytes and no more."""
    with zbuf.CompositeByteBuf(bytearray(20), bytearray(20), coalesce=0) as whole:
        target = whole.slice(0, 40)
    target.writer_index = 32
    return target


def test_released_handles_are_refused():
    gone, there = zbuf.copied(b"x"), zbuf.copied(b"y")
    gone.release()
    with refused(zbuf.ReleasedError, None, there):
        LengthFieldPrepender().encode_into(gone, there)
    for call in (lambda: LengthFieldPrepender().encode(gone), lambda: LengthFieldPrepender().encode_into(there, gone)):
        with pytest.raises(zbuf.ReleasedError):
            call()


def test_no_memory_leaves_a_composite_as_it_was():
    prepender = LengthFieldPrepender()
    with zbuf.PooledAllocator(max_live=3000) as allocator, allocator.composite() as target:
        target.write_bytes(b"x" * 1020)
        with refused(zbuf.PoolExhaustedError, None, target):
            prepender.encode_into(bytes(3000), target)
        # There is room for the length, and for some of a message in pieces.
        with zbuf.CompositeByteBuf(*[bytes([k]) * 500 for k in range(10)], coalesce=0) as message:
            with unchanged(message), pytest.raises(zbuf.PoolExhaustedError):
                prepender.encode_into(message, target)
        assert (bytes(target), target.writer_index) == (b"x" * 1020, 1020)
        check(target)
