"""Foreign code that runs inside a call of a decoder, and comes back to it."""

import gc
import sys

import pytest

import zbuf
from kinds import check
from zbuf.codec import LengthFieldDecoder, LengthFieldPrepender, LineDecoder


class Owner(bytearray):
    """Foreign memory that does something when it is let go."""

    def __del__(self):
        self.deed()


def contents(frames):
    return [bytes(frame) for frame in frames]


def owned(data, deed):
    owner = Owner(data)
    owner.deed = deed
    return zbuf.wrap(owner)


def test_an_owner_let_go_by_a_feed_may_feed_the_same_decoder():
    decoder = LengthFieldDecoder(1 << 20, width=4)
    inner = []
    large = (99_996).to_bytes(4, "big") + bytes(50_000)
    first = owned(large, lambda: inner.extend(decoder.feed(b"\0\0\0\1b\0\0")))
    assert decoder.feed(first) == []
    first.release()
    assert inner == []
    outer = decoder.feed(bytes(49_996) + b"\0\0\0\1a")
    assert [len(frame) for frame in outer] == [100_000, 5]
    outer.clear()    # the owner goes with the last frame
    assert contents(inner) == [b"\0\0\0\1b"]
    assert decoder.pending == 2
    check(*inner)


def test_an_owner_let_go_with_bytes_behind_an_error_may_feed_the_same_decoder():
    decoder = LineDecoder(3)
    inner = []
    buf = owned(b"three\none\n", lambda: inner.extend(decoder.feed(b"in\nner")))
    with pytest.raises(zbuf.FrameTooLongError):
        decoder.feed(buf)
    buf.release()
    gc.collect()
    assert inner == []
    outer = decoder.feed(b"out\no")
    assert contents(outer) == [b"one", b"out"]
    outer.clear()
    gc.collect()
    # The owner's bytes came after all of the outer call's.
    assert contents(inner) == [b"oin"]
    assert decoder.pending == 3


@pytest.mark.parametrize("end", ["close", "finish", "drop"])
def test_an_owner_let_go_at_the_end_may_do_what_it_likes(end):
    decoders = [LengthFieldDecoder(1 << 20)]
    seen = []

    def deed():
        seen.append([decoder.pending for decoder in decoders])
        for decoder in decoders:
            try:
                decoder.feed(b"\0\0\0\1b")
            except zbuf.ReleasedError:
                seen.append("closed")

    first = owned((99_996).to_bytes(4, "big") + bytes(50_000), deed)
    decoders[0].feed(first)
    first.release()
    if end == "close":
        decoders[0].close()
        assert seen == [[0], "closed"]
    elif end == "finish":
        with pytest.raises(zbuf.CorruptFrameError, match="ends after 50004 bytes"):
            decoders[0].finish()
        gc.collect()
        assert seen == [[0]]
        assert contents(decoders[0].feed(b"\0\0\0\1c")) == [b"\0\0\0\1c"]
    else:
        decoders.clear()
        assert seen == [[]]


def test_what_the_collector_runs_inside_a_feed_may_close_the_decoder_or_release_the_buffer():
    # Making a list may run it: before anything was looked at.
    def in_the_collector(deed, call):
        def once(phase, info):
            gc.callbacks.remove(once)
            deed()

        gc.collect()
        gc.callbacks.append(once)
        threshold = gc.get_threshold()
        gc.set_threshold(1)
        keep = []
        try:
            while once in gc.callbacks:
                keep.append([])
                if len(keep) > 3:
                    break
                call()
        finally:
            gc.set_threshold(*threshold)
            if once in gc.callbacks:
                gc.callbacks.remove(once)

    for deed in ("release", "close"):
        decoder, buf = LineDecoder(10), zbuf.copied(b"one\ntwo\n")
        try:
            in_the_collector(buf.release if deed == "release" else decoder.close, lambda: decoder.feed(buf))
        except zbuf.ReleasedError:
            pass
        else:
            check(buf)


class Index:
    """A number that does something first."""

    def __init__(self, deed):
        self.deed = deed

    def __index__(self):
        self.deed()
        return 4


def test_numbers_may_be_anybodys():
    ran = []
    LengthFieldDecoder(Index(lambda: ran.append(1)), width=Index(lambda: ran.append(2)))
    assert ran == [1, 2]


if sys.version_info >= (3, 12):

    class Exporter:
        """Something that does a deed when it is asked for its bytes."""

        def __init__(self, data, deed):
            self.data, self.deed = data, deed

        def __buffer__(self, flags):
            self.deed()
            return memoryview(self.data)

    def test_an_exporter_that_feeds_the_same_decoder_comes_before_its_own_bytes():
        decoder = LineDecoder(10)
        inner = []
        data = Exporter(b"ter\n", lambda: inner.extend(decoder.feed(b"in\nou")))
        assert contents(decoder.feed(data)) == [b"outer"]
        assert contents(inner) == [b"in"]

    def test_an_exporter_that_closes_the_decoder_is_the_last_to_feed_it():
        decoder = LineDecoder(10)
        decoder.feed(b"ab")
        with pytest.raises(zbuf.ReleasedError, match="this decoder was closed"):
            decoder.feed(Exporter(b"c\n", decoder.close))

    def test_an_exporter_that_releases_the_target_of_its_message():
        target = zbuf.buffer()
        with pytest.raises(zbuf.ReleasedError):
            LengthFieldPrepender().encode_into(Exporter(b"abc", target.release), target)

    def test_an_exporter_that_writes_to_the_target_of_its_message_comes_before_it():
        target = zbuf.buffer()
        LengthFieldPrepender(1).encode_into(Exporter(bytearray(b"abc"), lambda: target.write_bytes(b"x")), target)
        assert bytes(target) == b"x\3abc"


def test_frames_that_are_fed_to_their_own_decoder():
    decoder = LineDecoder(100, strip=False)
    for _ in range(3):
        (line,) = decoder.feed(b"some line\n")
        (again,) = decoder.feed(line)
        assert bytes(again) == b"some line\n"
    with zbuf.buffer() as buf:
        buf.write_bytes(b"one\ntw")
        decoder.feed(buf)
        buf.write_bytes(b"o\n")
        assert contents(decoder.feed(buf)) == [b"twone\n", b"two\n"]
