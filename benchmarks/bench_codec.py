"""F1 to F4: what does it cost to cut a stream into frames?"""

import random
import struct

import pytest

import zbuf
from benchmarks._loop import Loop
from benchmarks._netty import both
from benchmarks._pytest import bench, name
from benchmarks._rivals import h11_buffer, takes_bytes
from benchmarks._row import Row, contests
from zbuf.codec import DelimiterDecoder, LengthFieldDecoder, LineDecoder

BLOCK = 64 << 10
FRAGMENT = 1460    # bytes of a TCP segment
HEAD = struct.Struct(">I")


class Frames(Loop):
    """A statement that gives many frames: nanoseconds of one."""

    def __init__(self, name, stmt, setup, frames, check="contents({})", **options):
        check = check.format(stmt)
        super().__init__(
            name, stmt, lambda: {**setup(), "contents": contents}, times=1, of=frames, check=check, **options)


def contents(frames):
    return list(map(bytes, frames))


def framed(size, low, high):
    """A stream of whole frames, at most `size` bytes, and how many frames there are."""
    number = random.Random(1)
    stream, count = b"", 0
    while len(stream) + 4 + (n := number.randint(low, high)) <= size:
        stream += HEAD.pack(n) + number.randbytes(n)
        count += 1
    return stream, count


def bytes_slices(data):
    frames, i, unpack = [], 0, HEAD.unpack_from
    while len(data) - i >= 4:
        (n,) = unpack(data, i)
        if len(data) - i - 4 < n:
            break
        frames.append(data[i + 4 : i + 4 + n])
        i += 4 + n
    return frames


def memoryview_slices(data):
    return bytes_slices(memoryview(data))


def bytearray_and_del(fragments):
    """h11's way: what is left is moved to the front once for each frame."""
    acc, frames, unpack = bytearray(), [], HEAD.unpack_from
    for fragment in fragments:
        acc += fragment
        while len(acc) >= 4:
            (n,) = unpack(acc)
            if len(acc) - 4 < n:
                break
            frames.append(bytes(acc[4 : 4 + n]))
            del acc[: 4 + n]
    return frames


def bytearray_and_take_bytes(fragments):
    acc, frames, unpack = bytearray(), [], HEAD.unpack_from
    for fragment in fragments:
        acc += fragment
        while len(acc) >= 4:
            (n,) = unpack(acc)
            if len(acc) - 4 < n:
                break
            acc.take_bytes(4)
            frames.append(acc.take_bytes(n))
    return frames


def h11_lines(data):
    """With their ends."""
    buffer, lines = h11_buffer(data), []
    while (line := buffer.maybe_extract_next_line()) is not None:
        lines.append(line)
    return lines


def feed_all(decoder, fragments):
    frames = []
    for fragment in fragments:
        frames += decoder.feed(fragment)
    return frames


def split(title, low, high, target, netty):
    stream, count = framed(BLOCK, low, high)
    return Row(
        "F1" if high < 4096 else "F2",
        title,
        [
            Frames("zbuf", "feed(buf)", lambda: {"feed": decoder().feed, "buf": zbuf.copied(stream)}, count),
            Frames("zbuf, from bytes (copies)", "feed(data)", lambda: {"feed": decoder().feed, "data": stream}, count),
            Frames("struct and bytes slices", "split(data)", lambda: {"split": bytes_slices, "data": stream}, count),
            Frames("struct and memoryview slices", "split(data)", lambda: {"split": memoryview_slices, "data": stream}, count),
            *both("lengthFields", count, [stream]),
        ],
        {"struct and bytes slices": target, "Netty, adaptive": netty},
    )


def decoder():
    return LengthFieldDecoder(1 << 20, strip=4)


STREAM, COUNT = framed(4 * BLOCK, 16, 256)
FRAGMENTS = [STREAM[i : i + FRAGMENT] for i in range(0, len(STREAM), FRAGMENT)]
LINES = b"".join(b"%031d\n" % k for k in range(BLOCK // 32))
CRLF_LINES = b"".join(b"%030d\r\n" % k for k in range(BLOCK // 32))

ROWS = [
    split("split 64 KiB into frames of 16..256 B", 16, 256, 0.13, 1.25),
    split("split 64 KiB into frames of 4 KiB", 4096, 4096, 0.1, 1.0),
    Row(
        "F3",
        "the frames of F1 out of 1,460 B pieces",
        [
            Frames(
                "zbuf", "all(decoder, pieces)",
                lambda: {"all": feed_all, "decoder": decoder(), "pieces": list(map(zbuf.copied, FRAGMENTS))}, COUNT),
            Frames(
                "zbuf, from bytes (copies)", "all(decoder, pieces)",
                lambda: {"all": feed_all, "decoder": decoder(), "pieces": FRAGMENTS}, COUNT),
            Frames(
                "bytearray += and del", "all(pieces)",
                lambda: {"all": bytearray_and_del, "pieces": FRAGMENTS}, COUNT),
            *[Frames("bytearray += and take_bytes", "all(pieces)",
                     lambda: {"all": bytearray_and_take_bytes, "pieces": FRAGMENTS}, COUNT)] * takes_bytes(),
            *both("lengthFields", COUNT, FRAGMENTS),
        ],
        {"bytearray += and del": 0.2},
    ),
    Row(
        "F4",
        "split 64 KiB into lines of 32 B",
        [
            Frames("zbuf", "feed(buf)", lambda: {"feed": LineDecoder(80).feed, "buf": zbuf.copied(LINES)}, 2048),
            Frames(
                "zbuf, DelimiterDecoder", "feed(buf)",
                lambda: {"feed": DelimiterDecoder(80, b"\n").feed, "buf": zbuf.copied(LINES)}, 2048),
            Frames(
                "bytes.split (copies)", "split(mark)", lambda: {"split": LINES.split, "mark": b"\n"}, 2048,
                check="contents({})[:-1]"),
            *both("lines", 2048, [LINES]),
        ],
        {"bytes.split (copies)": 1.1},
    ),
    Row(
        "F4",
        r"split 64 KiB into lines of 32 B, \r\n",
        [
            Frames("zbuf", "feed(buf)", lambda: {"feed": LineDecoder(80).feed, "buf": zbuf.copied(CRLF_LINES)}, 2048),
            Frames(
                "bytes.split (copies)", "split(mark)", lambda: {"split": CRLF_LINES.split, "mark": b"\r\n"}, 2048,
                check="contents({})[:-1]"),
            Frames(
                "h11 ReceiveBuffer", "lines(data)", lambda: {"lines": h11_lines, "data": CRLF_LINES}, 2048,
                check="[line[:-2] for line in {}]", needs="h11"),
        ],
    ),
]


@pytest.mark.parametrize(("row", "loop"), contests(ROWS), ids=name)
def test_codec(benchmark, row, loop):
    bench(benchmark, row, loop)
