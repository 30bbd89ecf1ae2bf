"""What is wrong with a stream, and with what a decoder is made of: messages, numbers, and what goes on behind it."""

import pytest

import zbuf
from kinds import refused
from zbuf import CorruptFrameError, FrameTooLongError
from zbuf.codec import (
    DelimiterDecoder, FixedLengthDecoder, FrameDecoder, LengthFieldDecoder, LineDecoder, VarintLengthDecoder,
)


def raised(error, call, *arguments):
    with pytest.raises(error) as caught:
        call(*arguments)
    return caught.value


def contents(frames):
    return [bytes(frame) for frame in frames]


# -- too long


def test_a_frame_that_is_too_long_is_reported_with_what_came_before_and_what_comes_behind_follows():
    decoder = LengthFieldDecoder(10, width=2, strip=2)
    error = raised(FrameTooLongError, decoder.feed, b"\0\3one" b"\0\11too large" b"\0\3two")
    assert str(error) == "frame at 5 is 11 bytes long, more than 10"
    assert (error.position, error.length, error.limit, contents(error.frames)) == (5, 11, 10, [b"one"])
    assert isinstance(error, zbuf.ZbufError) and isinstance(error, ValueError)
    assert decoder.pending == 5
    assert (contents(decoder.feed(b"")), decoder.pending) == ([b"two"], 0)


def test_who_fails_fast_hears_of_it_as_soon_as_the_length_is_there():
    decoder = LengthFieldDecoder(10, width=1)
    assert raised(FrameTooLongError, decoder.feed, b"\x14").length == 21
    assert [decoder.feed(b"x" * 10), decoder.feed(b"x" * 9), decoder.pending] == [[], [], 0]
    assert contents(decoder.feed(b"x\1y")) == [b"\1y"]


def test_who_does_not_hears_of_it_when_all_of_it_is_there():
    decoder = LengthFieldDecoder(10, width=1, fail_fast=False)
    assert [decoder.feed(b"\x14"), decoder.feed(b"x" * 19), decoder.pending] == [[], [], 0]
    assert raised(FrameTooLongError, decoder.feed, b"x\1y").length == 21
    assert contents(decoder.feed(b"")) == [b"\1y"]


def test_a_line_that_fails_fast_does_not_know_its_length_even_if_it_is_there():
    decoder = LineDecoder(3, fail_fast=True)
    error = raised(FrameTooLongError, decoder.feed, b"one\nthree\ntwo\n")
    assert str(error) == "frame at 4 is longer than 3"
    assert (error.length, contents(error.frames), contents(decoder.feed(b""))) == (None, [b"one"], [b"two"])


def test_a_line_that_does_not_fail_fast_knows_it():
    decoder = LineDecoder(3)
    assert decoder.feed(b"one and") == [] and decoder.pending == 0    # none of it is kept
    assert str(raised(FrameTooLongError, decoder.feed, b" two\r\n")) == "frame at 0 is 11 bytes long, more than 3"


@pytest.mark.parametrize("fail_fast", [True, False])
def test_a_carriage_return_behind_a_full_line_may_be_part_of_its_end(fail_fast):
    decoder = LineDecoder(3, fail_fast=fail_fast)
    assert decoder.feed(b"one\r") == []
    assert contents(decoder.feed(b"\n")) == [b"one"]
    assert decoder.feed(b"two\r") == []
    assert raised(FrameTooLongError, decoder.feed, b"x\n").position == 5


@pytest.mark.parametrize("fail_fast", [True, False])
def test_a_delimiter_behind_a_full_frame_may_come_in_pieces(fail_fast):
    decoder = DelimiterDecoder(3, b"--+", fail_fast=fail_fast)
    assert [decoder.feed(b"one-"), decoder.feed(b"-")] == [[], []]
    assert contents(decoder.feed(b"+two")) == [b"one"]


def test_a_delimiter_is_found_where_discarded_bytes_end_inside_it():
    decoder = DelimiterDecoder(3, b"--+")
    assert raised(FrameTooLongError, decoder.feed, b"three and --").position == 0
    assert contents(decoder.feed(b"+two--+")) == [b"two"]


def test_the_largest_length_of_eight_bytes_is_too_long_and_never_ends():
    decoder = LengthFieldDecoder(100, width=8, adjustment=1000)
    error = raised(FrameTooLongError, decoder.feed, b"\x7f" + b"\xff" * 7)
    assert error.length == 2**63 - 1 + 1000 + 8
    assert [decoder.feed(b"x" * 100_000) for _ in range(10)] == [[]] * 10
    assert (decoder.pending, decoder.finish()) == (0, [])


def test_a_limit_without_limit_waits_for_whatever_is_announced():
    decoder = LengthFieldDecoder(2**63 - 1, width=8, strip=8)
    assert decoder.feed((2**62).to_bytes(8, "big") + b"some") == []
    assert decoder.pending == 12
    decoder.close()
    assert raised(FrameTooLongError, LengthFieldDecoder(2**63 - 1, width=8).feed, b"\x7f" + b"\xff" * 7).length == 2**63 + 7


def test_an_adjustment_beyond_the_limit_leaves_no_frame():
    decoder = LengthFieldDecoder(10, width=1, adjustment=2**62)
    assert raised(FrameTooLongError, decoder.feed, b"\0").length == 2**62 + 1
    decoder = LengthFieldDecoder(2**63 - 1, width=8, adjustment=-(2**62))
    assert raised(CorruptFrameError, decoder.feed, b"\x3f" + b"\xff" * 7).length == 7
    decoder = LengthFieldDecoder(2**63 - 1, width=8, adjustment=2**62)
    assert raised(FrameTooLongError, decoder.feed, b"\x7f" + b"\xff" * 7).length == 2**63 - 1 + 2**62 + 8


# -- corrupt


def test_a_length_of_2_to_the_63_is_none():
    decoder = LengthFieldDecoder(100, width=8, strip=8)
    error = raised(CorruptFrameError, decoder.feed, b"\x80" + bytes(7) + bytes(7) + b"\1x")
    assert str(error) == "frame at 0: its field says 9223372036854775808, beyond 2**63 - 1"
    assert (error.position, error.length, error.pending, error.frames) == (0, 2**63 + 8, 0, [])
    assert isinstance(error, zbuf.ZbufError) and isinstance(error, ValueError)
    assert contents(decoder.feed(b"")) == [b"x"]


def test_an_adjustment_below_nothing_discards_the_header():
    decoder = LengthFieldDecoder(64, offset=1, width=2, adjustment=-3)
    error = raised(CorruptFrameError, decoder.feed, b"\xaa\0\4x" b"\xaa\0\2" b"\xbb\0\3")
    assert str(error) == "frame at 4: its field says 2, to which -3 is added"
    assert (error.length, contents(error.frames)) == (2, [b"\xaa\0\4x"])
    assert contents(decoder.feed(b"")) == [b"\xbb\0\3"]


def test_a_frame_shorter_than_what_is_stripped_is_discarded_whole():
    decoder = LengthFieldDecoder(64, width=1, strip=5)
    assert decoder.feed(b"\2x") == []
    error = raised(CorruptFrameError, decoder.feed, b"y\5abcde")
    assert str(error) == "frame at 0: 3 bytes long, of which 5 are to be stripped"
    assert (error.length, contents(decoder.feed(b""))) == (3, [b"e"])


def test_a_varint_beyond_32_bits_discards_five_bytes():
    decoder = VarintLengthDecoder(100)
    error = raised(CorruptFrameError, decoder.feed, b"\1a" b"\xff\xff\xff\xff\x10" b"\1b")
    assert str(error) == "frame at 2: the varint of its length does not fit 32 bits"
    assert (error.length, contents(error.frames), contents(decoder.feed(b""))) == (None, [b"a"], [b"b"])


def test_a_varint_that_is_negative_in_32_bits_discards_itself():
    decoder = VarintLengthDecoder(100)
    error = raised(CorruptFrameError, decoder.feed, b"\xff\xff\xff\xff\x0f\1b")
    assert str(error) == "frame at 0: its length of 4294967295 is negative in 32 bits"
    assert (error.length, contents(decoder.feed(b""))) == (2**32 - 1, [b"b"])


def test_a_varint_may_come_byte_by_byte_and_be_longer_than_it_must():
    decoder = VarintLengthDecoder(100)
    assert [contents(decoder.feed(bytes([byte]))) for byte in b"\x81\x80\x80\x80\0x"] == [[]] * 5 + [[b"x"]]
    assert contents(decoder.feed(b"\x80\0")) == [b""]
    assert [decoder.feed(b"\x80") for _ in range(4)] == [[]] * 4    # not a length of 0 yet
    assert raised(FrameTooLongError, decoder.feed, b"\1").length == 1 << 28


# -- the end


@pytest.mark.parametrize(("decoder", "fed", "message"), [
    (LengthFieldDecoder(10), b"\0\0\0", "frame at 0: the stream ends after 3 bytes of it"),
    (LengthFieldDecoder(10, width=1), b"\1a\2b", "frame at 2: the stream ends after 2 bytes of it"),
    (VarintLengthDecoder(10), b"\1a\x80", "frame at 2: the stream ends after 1 bytes of it"),
    (FixedLengthDecoder(3), b"abcd", "frame at 3: the stream ends after 1 bytes of it"),
    (LineDecoder(9), b"one\ntwo", "frame at 4: the stream ends after 3 bytes of it"),
    (DelimiterDecoder(9, b"\0"), b"one", "frame at 0: the stream ends after 3 bytes of it"),
], ids=lambda value: type(value).__name__)
def test_a_stream_that_ends_inside_a_frame_says_so_once(decoder, fed, message):
    decoder.feed(fed)
    left = decoder.pending
    error = raised(CorruptFrameError, decoder.finish)
    assert (str(error), error.pending, error.length, error.frames) == (message, left, None, [])
    assert (decoder.pending, decoder.finish()) == (0, [])
    decoder.feed(fed)
    assert raised(CorruptFrameError, decoder.finish).position == error.position    # it has begun anew


def test_the_end_hands_out_what_lies_behind_an_error():
    decoder = LineDecoder(3)
    assert raised(FrameTooLongError, decoder.feed, b"three\none\ntwo\n").frames == []
    assert contents(decoder.finish()) == [b"one", b"two"]


def test_errors_before_the_end_are_raised_by_the_end_too_one_by_one():
    decoder = LineDecoder(3)
    assert raised(FrameTooLongError, decoder.feed, b"three\none\nfour\ntw").position == 0
    error = raised(FrameTooLongError, decoder.finish)
    assert (error.position, contents(error.frames)) == (10, [b"one"])
    assert raised(CorruptFrameError, decoder.finish).position == 15


@pytest.mark.parametrize(("decoder", "length"), [
    (LengthFieldDecoder(10, width=1, fail_fast=False), 256),
    (LineDecoder(10), None),
    (DelimiterDecoder(10, b"\0", fail_fast=False), None),
], ids=lambda value: type(value).__name__)
def test_the_end_of_a_frame_too_long_that_nobody_heard_of(decoder, length):
    assert decoder.feed(b"\xff" * 20) == []
    error = raised(FrameTooLongError, decoder.finish)
    assert (error.position, error.length, error.limit) == (0, length, 10)
    assert decoder.finish() == []


def test_the_end_of_one_that_was_reported_is_quiet():
    decoder = DelimiterDecoder(10, b"\0")
    assert raised(FrameTooLongError, decoder.feed, b"x" * 11).frames == []
    assert decoder.finish() == []
    assert contents(decoder.feed(b"y\0")) == [b"y"]


# -- more than one error


def test_bytes_behind_an_error_wait_for_the_next_call_and_new_ones_queue_behind_them():
    decoder = LengthFieldDecoder(64, width=1, adjustment=-1, strip=1)
    bad, good = b"\0", b"\3ab"
    assert raised(CorruptFrameError, decoder.feed, bad + bad + good).position == 0
    assert decoder.pending == 4
    assert raised(CorruptFrameError, decoder.feed, good + bad).position == 1
    error = raised(CorruptFrameError, decoder.feed, zbuf.copied(good))
    assert (error.position, contents(error.frames)) == (8, [b"ab", b"ab"])
    assert contents(decoder.feed(b"")) == [b"ab"]


def test_decode_stops_behind_what_is_wrong_and_goes_on_there():
    decoder = LineDecoder(3, fail_fast=True)
    buf = zbuf.copied(b"one\nthree\ntwo\nfour")
    error = raised(FrameTooLongError, decoder.decode, buf)
    assert (contents(error.frames), bytes(buf)) == ([b"one"], b"two\nfour")
    error = raised(FrameTooLongError, decoder.decode, buf)
    assert (contents(error.frames), error.position, bytes(buf)) == ([b"two"], 14, b"")
    buf.write_bytes(b"ty\nsix\n")
    assert contents(decoder.decode(buf)) == [b"six"]


# -- what a decoder is made of, and what it is given


@pytest.mark.parametrize(("make", "message"), [
    (lambda: LengthFieldDecoder(0), "max_frame_length must be at least 1, not 0"),
    (lambda: LengthFieldDecoder(-1), "max_frame_length must be at least 1, not -1"),
    (lambda: LengthFieldDecoder(10, width=5), "width must be 1, 2, 3, 4 or 8, not 5"),
    (lambda: LengthFieldDecoder(10, width=0), "width must be 1, 2, 3, 4 or 8, not 0"),
    (lambda: LengthFieldDecoder(10, offset=-1), "offset must not be negative, as -1 is"),
    (lambda: LengthFieldDecoder(10, strip=-2), "strip must not be negative, as -2 is"),
    (lambda: LengthFieldDecoder(10, offset=7), "offset 7 and a field of 4 bytes exceed the max_frame_length of 10"),
    (lambda: LengthFieldDecoder(1, width=2), "offset 0 and a field of 2 bytes exceed the max_frame_length of 1"),
    (lambda: LengthFieldDecoder(10, byteorder="middle"), "byteorder must be 'big' or 'little', not 'middle'"),
    (lambda: LineDecoder(0), "max_frame_length must be at least 1, not 0"),
    (lambda: DelimiterDecoder(-5, b"x"), "max_frame_length must be at least 1, not -5"),
    (lambda: DelimiterDecoder(5), "at least one pattern is required"),
    (lambda: DelimiterDecoder(5, b"x", b""), "pattern 1 is empty"),
    (lambda: FixedLengthDecoder(0), "frame_length must be at least 1, not 0"),
    (lambda: FixedLengthDecoder(-1), "frame_length must be at least 1, not -1"),
    (lambda: VarintLengthDecoder(0), "max_frame_length must be at least 1, not 0"),
])
def test_numbers_that_cannot_be_are_refused(make, message):
    assert str(raised(ValueError, make)) == message


def test_an_adjustment_beyond_the_range_is_refused():
    assert str(2**62 + 1) in str(raised(OverflowError, lambda: LengthFieldDecoder(10, adjustment=2**62 + 1)))


def test_the_common_class_finds_no_frames():
    assert "FrameDecoder is not made directly" in str(raised(TypeError, FrameDecoder))

    class Mine(FrameDecoder):
        pass

    assert str(raised(TypeError, Mine().feed, b"abc")) == "Mine is no kind of FrameDecoder that finds frames"


@pytest.mark.parametrize("data", [None, 5, "text", [b"x"]], ids=repr)
def test_what_is_not_bytes_like_is_refused_and_nothing_has_changed(data):
    decoder = LineDecoder(10)
    decoder.feed(b"ab")
    assert type(data).__name__ in str(raised(TypeError, decoder.feed, data))
    assert contents(decoder.feed(b"c\n")) == [b"abc"]


@pytest.mark.parametrize("data", [b"abc", None])
def test_decode_takes_buffers_alone(data):
    assert str(raised(TypeError, LineDecoder(10).decode, data)) == f"a ByteBuf is required, not {type(data).__name__!r}"


def test_memory_that_is_not_contiguous_is_refused():
    raised(BufferError, LineDecoder(10).feed, memoryview(b"abcd")[::2])


def test_decode_while_bytes_of_feed_are_pending_is_refused():
    decoder, buf = LineDecoder(10), zbuf.copied(b"c\n")
    decoder.feed(b"ab")
    with refused(ValueError, r"decode\(\) while 2 bytes of feed\(\) are pending", buf):
        decoder.decode(buf)
    assert contents(decoder.feed(buf)) == [b"abc"]
    assert contents(decoder.decode(buf)) == [b"c"]


def test_a_released_buffer_is_refused_and_nothing_has_changed():
    decoder, gone = LineDecoder(10), zbuf.copied(b"x")
    decoder.feed(b"ab")
    gone.release()
    for call in (decoder.feed, LineDecoder(10).decode):
        assert str(raised(zbuf.ReleasedError, call, gone)) == "this handle was released"
    assert contents(decoder.feed(b"c\n")) == [b"abc"]


def test_a_closed_decoder_is_closed():
    decoder = LineDecoder(10)
    decoder.feed(b"ab")
    decoder.close()
    decoder.close()
    assert decoder.pending == 0
    for call in (lambda: decoder.feed(b""), lambda: decoder.decode(zbuf.copied(b"")), decoder.finish):
        assert str(raised(zbuf.ReleasedError, call)) == "this decoder was closed"
