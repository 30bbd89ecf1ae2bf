"""What frames and decoders hold, and for how long; what happens where there is no memory."""

import gc
import tracemalloc

import pytest

import zbuf
from kinds import SYSTEM, check, unchanged
from zbuf.codec import DelimiterDecoder, FixedLengthDecoder, LengthFieldDecoder, LineDecoder, VarintLengthDecoder

BLOCK = 64 << 10


@pytest.fixture
def allocator():
    """The default allocator for a while."""
    with zbuf.PooledAllocator() as allocator:
        before = zbuf.set_default_allocator(allocator)
        yield allocator
        zbuf.set_default_allocator(before)
        gc.collect()    # an exception and its traceback hold each other
        assert allocator.live() == []


@pytest.fixture
def limited():
    """Makes an allocator of little memory the default one for a while."""
    made = []

    def limit(max_live):
        made.append(zbuf.PooledAllocator(max_live=max_live))
        return zbuf.set_default_allocator(made[0])

    before = zbuf.default_allocator()
    yield limit
    zbuf.set_default_allocator(before)
    gc.collect()
    assert made[0].live() == []
    made[0].close()


def framed(*messages):
    return b"".join(len(message).to_bytes(4, "big") + message for message in messages)


def contents(frames):
    return [bytes(frame) for frame in frames]


def asked(allocator):
    return sorted(block.requested for block in allocator.live())


# -- sharing


def test_frames_share_the_memory_they_came_in(allocator):
    decoder = LengthFieldDecoder(100, strip=4)
    buf = zbuf.copied(framed(b"one", b"two"))
    with unchanged(buf):
        one, two = decoder.feed(buf)
        assert (buf.refcnt, len(allocator.live())) == (3, 1)
        one.release()
        two.release()
    buf.set_bytes(4, b"ONE")
    first, second = decoder.feed(buf)
    buf.release()
    assert (bytes(first), bytes(second), first.refcnt) == (b"ONE", b"two", 2)
    first.set_bytes(0, b"1")
    with pytest.raises(zbuf.CapacityError):
        first.write_u8(1)


def test_frames_of_memory_that_is_read_only_are_read_only():
    with zbuf.wrap(framed(b"one")) as buf:
        (frame,) = LengthFieldDecoder(100, strip=4).feed(buf)
        assert frame.readonly
    (frame,) = LengthFieldDecoder(100, strip=4).feed(framed(b"one"))    # a copy was made
    assert not frame.readonly


def test_what_is_fed_stays_the_callers():
    decoder = LineDecoder(100)
    buf = zbuf.copied(b"one\ntw")
    frames = decoder.feed(buf)
    assert (bytes(buf), buf.refcnt) == (b"one\ntw", 2)
    buf.set_bytes(4, b"XX")    # the unfinished line is a copy
    buf.clear()
    buf.release()
    assert contents(frames + decoder.feed(b"o\n")) == [b"one", b"two"]


def test_bytes_that_are_fed_can_change_right_after():
    decoder = LineDecoder(100)
    data = bytearray(b"one\ntw")
    frames = decoder.feed(data)
    data[:] = b"?" * 100
    assert contents(frames + decoder.feed(b"o\n")) == [b"one", b"two"]


def test_a_frame_that_spans_small_pieces_lies_in_one(allocator):
    decoder = LengthFieldDecoder(1 << 20, strip=4)
    message = bytes(range(250)) * 250
    data = framed(message)
    for k in range(0, len(data), 1000):
        frames = decoder.feed(zbuf.copied(data[k : k + 1000]))
    (frame,) = frames
    assert type(frame) is zbuf.ByteBuf and bytes(memoryview(frame)) == message
    assert len(allocator.live()) == 1


def test_a_large_frame_of_large_pieces_shares_them_all(allocator):
    decoder = LengthFieldDecoder(1 << 20, strip=4)
    message = bytes(range(256)) * 1024
    pieces = [zbuf.copied(framed(message)[k : k + BLOCK]) for k in range(0, len(message) + 4, BLOCK)]
    frames = [frame for piece in pieces for frame in decoder.feed(piece)]
    assert [type(frame) for frame in frames] == [zbuf.CompositeByteBuf]
    assert bytes(frames[0]) == message
    assert [piece.refcnt for piece in pieces] == [2, 2, 2, 2, 1]    # four bytes of the last one are a copy
    check(*frames)


def test_a_large_frame_in_one_piece_is_one_buffer():
    message = bytes(1 << 20)
    (frame,) = LengthFieldDecoder(2 << 20, strip=4).feed(framed(message))
    assert type(frame) is zbuf.ByteBuf and len(frame) == len(message)


def test_a_frame_across_two_parts_of_a_composite_is_copied_if_small_and_shared_if_large():
    decoder = FixedLengthDecoder(6)
    parts = [zbuf.copied(b"abcd"), zbuf.copied(b"efgh"), zbuf.copied(b"ijkl")]
    frames = decoder.feed(zbuf.CompositeByteBuf(*parts, coalesce=0))
    assert contents(frames) == [b"abcdef", b"ghijkl"]
    assert [type(frame) for frame in frames] == [zbuf.ByteBuf] * 2
    assert [part.refcnt for part in parts] == [1, 1, 1]
    parts = [zbuf.copied(bytes([k]) * BLOCK) for k in range(3)]
    frames = FixedLengthDecoder(BLOCK * 3 // 2).feed(zbuf.CompositeByteBuf(*parts))
    assert [type(frame) for frame in frames] == [zbuf.CompositeByteBuf] * 2
    assert [part.refcnt for part in parts] == [2, 3, 2]
    assert b"".join(contents(frames)) == b"\0" * BLOCK + b"\1" * BLOCK + b"\2" * BLOCK


def test_one_small_frame_of_a_large_part_shares_it():
    part = zbuf.copied(b"x" * 100)
    (frame,) = FixedLengthDecoder(100).feed(zbuf.CompositeByteBuf(part, coalesce=0))
    assert (type(frame), part.refcnt) == (zbuf.ByteBuf, 2)


def test_an_empty_frame_at_the_very_end_of_a_composite():
    decoder = LengthFieldDecoder(100, strip=4)
    (frame,) = decoder.feed(zbuf.CompositeByteBuf(b"\0\0", b"\0\0", coalesce=0))
    assert (bytes(frame), len(frame)) == (b"", 0)
    with zbuf.CompositeByteBuf(b"x") as other:    # which may lie where the first one lay
        frame.release()
        check(other)


# -- what stays behind


@pytest.mark.parametrize("shape", [bytes, zbuf.copied], ids=["bytes", "buffer"])
def test_a_few_bytes_left_over_do_not_pin_a_receive_block(allocator, shape):
    decoder = LengthFieldDecoder(1 << 20, strip=4)
    data = framed(*[b"x" * 60] * 1022)
    data += framed(b"y" * 1000)[: BLOCK - len(data)]
    assert len(data) == BLOCK
    buf = shape(data)
    frames = decoder.feed(buf)
    assert (len(frames), decoder.pending, max(asked(allocator))) == (1022, 128, BLOCK)
    del frames, buf
    assert sum(asked(allocator)) <= 4096
    assert contents(decoder.feed(b"y" * 876)) == [b"y" * 1000]


def test_a_kept_piece_fills_most_of_its_block(allocator):
    decoder = LengthFieldDecoder(1 << 20)
    head = framed(b"x" * 40_000)
    decoder.feed(zbuf.copied(head + framed(b"y" * 100_000)[: BLOCK - len(head)]))
    assert decoder.pending == BLOCK - len(head)
    assert max(asked(allocator)) < BLOCK    # a bit less than half: copied
    decoder.close()
    decoder = LengthFieldDecoder(1 << 20)
    decoder.feed(zbuf.copied(framed(b"y" * 100_000)[:BLOCK]))
    assert asked(allocator) == [BLOCK]      # all of it: shared
    decoder.close()


@pytest.mark.parametrize("decoder", [
    LengthFieldDecoder(50, width=1, fail_fast=False), LengthFieldDecoder(50, width=1), LineDecoder(50),
    LineDecoder(50, fail_fast=True), DelimiterDecoder(50, b"\0"), DelimiterDecoder(50, b"\0\1", fail_fast=False),
], ids=lambda decoder: type(decoder).__name__)
def test_discarded_bytes_are_not_kept(allocator, decoder):
    for _ in range(100):
        try:
            decoder.feed(b"\xff" * 20)
        except zbuf.FrameTooLongError:
            pass
        assert decoder.pending <= 51
        assert sum(asked(allocator)) <= 256
    decoder.close()


def test_a_decoder_without_bytes_holds_no_memory(allocator):
    decoder = LineDecoder(100)
    for piece in (b"one\ntw", b"o\n"):
        decoder.feed(piece)
    assert (decoder.pending, allocator.live()) == (0, [])


def test_dropping_a_decoder_gives_back_what_it_holds(allocator):
    decoder = LineDecoder(100)
    decoder.feed(b"one\nmore than fifty\r")
    with pytest.raises(zbuf.FrameTooLongError):
        decoder.feed(b"x" * 100 + b"\nrest\n")
    assert decoder.pending == 5
    del decoder
    assert allocator.live() == []


# -- linear


MIB = 1 << 20


@pytest.mark.parametrize("decoder", [
    LineDecoder(MIB), DelimiterDecoder(MIB, b"\r\n", b"\n"), LengthFieldDecoder(2 * MIB, strip=4),
    VarintLengthDecoder(MIB), FixedLengthDecoder(MIB + 1),
], ids=lambda decoder: type(decoder).__name__)
def test_a_mebibyte_byte_by_byte(allocator, decoder):
    heads = {LengthFieldDecoder: MIB.to_bytes(4, "big"), VarintLengthDecoder: b"\x80\x80\x40"}
    ends = {LineDecoder: b"\n", DelimiterDecoder: b"\n", FixedLengthDecoder: b"x"}
    for byte in heads.get(type(decoder), b""):
        assert decoder.feed(bytes([byte])) == []
    for _ in range(MIB - 1):
        decoder.feed(b"x")
    assert sum(asked(allocator)) <= 2 * MIB + 64
    (frame,) = decoder.feed(b"x") + (decoder.feed(ends[type(decoder)]) if type(decoder) in ends else [])
    assert type(frame) is zbuf.ByteBuf
    assert bytes(frame).startswith(b"x" * MIB)


def test_growing_copies_a_frame_a_few_times_at_the_most(allocator):
    decoder = LineDecoder(MIB)
    blocks = set()
    for _ in range(MIB // 1024):
        decoder.feed(b"x" * 1024)
        blocks.add(max(asked(allocator)))
    assert len(blocks) <= 15    # each twice as large as the one before: what is copied is a sum of halves
    decoder.close()


def test_many_errors_in_one_piece_do_not_copy_the_rest_each_time(allocator):
    decoder = LengthFieldDecoder(64, width=1, adjustment=-1)
    buf = zbuf.copied(b"\0" * 20_000)
    errors = 0
    for _ in range(20_000):
        with pytest.raises(zbuf.CorruptFrameError) as caught:
            decoder.feed(b"" if errors else buf)
        assert caught.value.position == errors
        errors += 1
        assert len(allocator.live()) <= 2
    assert decoder.feed(b"") == []


# -- no memory


def test_no_memory_for_a_copy_of_what_is_fed(limited):
    decoder = LineDecoder(1000)
    limited(300)
    decoder.feed(b"one\ntw")
    with pytest.raises(zbuf.PoolExhaustedError):
        decoder.feed(b"o\n" + b"x" * 300)
    assert decoder.pending == 2
    assert contents(decoder.feed(b"o\n")) == [b"two"]


@pytest.mark.parametrize("kind", [LineDecoder, lambda limit: DelimiterDecoder(limit, b"\n")], ids=["lines", "delimiters"])
def test_no_memory_for_what_is_left_over_loses_nothing_and_the_same_bytes_can_be_fed_again(limited, kind):
    decoder = kind(1000)
    limited(700)
    first, second = SYSTEM.buffer(), SYSTEM.buffer()
    first.write_bytes(b"zero\non")
    second.write_bytes(b"e\ntwo\n" + b"x" * 400)
    third = SYSTEM.buffer()
    third.write_bytes(b"y" * 200)
    assert contents(decoder.feed(first)) == [b"zero"]
    with zbuf.buffer(200):
        with unchanged(first, second), pytest.raises(zbuf.PoolExhaustedError):
            decoder.feed(second)
        assert decoder.pending == 2
    assert contents(decoder.feed(second)) == [b"one", b"two"]
    with unchanged(third), pytest.raises(zbuf.PoolExhaustedError):
        decoder.feed(third)    # there is no room to grow
    assert decoder.pending == 400
    third.release()
    third = SYSTEM.buffer()
    third.write_bytes(b"\n")
    (frame,) = decoder.feed(third)
    assert bytes(frame) == b"x" * 400


def test_no_memory_behind_an_error_keeps_the_frames_and_the_rest(limited):
    decoder = LineDecoder(5)
    limited(10)
    buf = SYSTEM.buffer()
    buf.write_bytes(b"one\ntoo long\ntwo\nthr")
    with pytest.raises(zbuf.FrameTooLongError) as caught:
        decoder.feed(buf)
    assert contents(caught.value.frames) == [b"one"]
    with pytest.raises(zbuf.PoolExhaustedError):
        decoder.feed(b"")    # `thr` finds no place
    assert decoder.pending == 7
    decoder.close()


def test_no_memory_while_a_shared_piece_is_kept(limited):
    decoder = LengthFieldDecoder(1 << 20, strip=4)
    message = bytes(100_000)
    limited(5000)
    first, last = SYSTEM.buffer(), SYSTEM.buffer()
    first.write_bytes(framed(message)[:BLOCK])
    last.write_bytes(framed(message)[BLOCK:] + framed(b"x" * 6000)[:5500])
    assert decoder.feed(first) == []
    with zbuf.buffer(4900), pytest.raises(zbuf.PoolExhaustedError):
        decoder.feed(last)
    assert decoder.pending == BLOCK
    with pytest.raises(zbuf.PoolExhaustedError):
        decoder.feed(last)
    assert decoder.pending == BLOCK
    last.writer_index -= 5000
    (frame,) = decoder.feed(last)
    assert bytes(frame) == message
    decoder.close()


@pytest.mark.parametrize("call", ["feed", "decode"])
def test_no_memory_for_a_frame_that_spans_parts(limited, call):
    limited(200)
    decoder = LineDecoder(100)
    parts = b"one\n" + b"x" * 46, b"x" * 50 + b"\n", b"y" * 101 + b"\n"
    buf = zbuf.CompositeByteBuf(*parts, coalesce=0)
    with zbuf.buffer(150), unchanged(buf), pytest.raises(zbuf.PoolExhaustedError):
        getattr(decoder, call)(buf)
    assert decoder.pending == 0
    with pytest.raises(zbuf.FrameTooLongError) as caught:
        getattr(decoder, call)(buf)
    assert (contents(caught.value.frames), caught.value.position) == ([b"one", b"x" * 96], 101)


def test_decoders_keep_nothing_of_what_they_handed_out():
    decoder = LineDecoder(100)
    tracemalloc.start()
    try:
        for _ in range(1000):
            decoder.feed(b"some line\n" * 10)
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(1000):
            decoder.feed(b"some line\n" * 10)
        assert tracemalloc.get_traced_memory()[0] - before < 1000
    finally:
        tracemalloc.stop()
