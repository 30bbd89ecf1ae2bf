"""Frame decoders in plain Python over a whole stream, and how the real ones are driven.

An event is ("frame", bytes), ("long", position, length or None) or
("corrupt", position, length or None).
"""

from dataclasses import dataclass, field

import zbuf
from kinds import check

FAR = 2**70    # behind the end of any stream


@dataclass(frozen=True)
class LengthField:
    limit: int
    offset: int = 0
    width: int = 4
    adjustment: int = 0
    strip: int = 0
    byteorder: str = "big"
    fail_fast: bool = True

    def make(self):
        return zbuf.codec.LengthFieldDecoder(
            self.limit, offset=self.offset, width=self.width, adjustment=self.adjustment, strip=self.strip,
            byteorder=self.byteorder, fail_fast=self.fail_fast)

    def next(self, data, at):
        """What begins at `at`: an event's kind, where it ends, and its bytes or length; None for too few bytes."""
        header = self.offset + self.width
        if len(data) - at < header:
            return None
        value = int.from_bytes(data[at + self.offset : at + header], self.byteorder)
        total = value + self.adjustment + header
        if value >= 2**63 or value + self.adjustment < 0:
            return "corrupt", at + header, total
        if total > self.limit:
            return "long", at + total, total
        if len(data) - at < total:
            return None
        if self.strip > total:
            return "corrupt", at + total, total
        return "frame", at + total, data[at + self.strip : at + total]

    def encoded(self, message):
        value = len(message) - self.adjustment
        if not 0 <= value < 256**self.width:
            return message
        return bytes(self.offset) + value.to_bytes(self.width, self.byteorder) + message


@dataclass(frozen=True)
class Varint:
    limit: int
    fail_fast: bool = field(default=True, init=False)

    def make(self):
        return zbuf.codec.VarintLengthDecoder(self.limit)

    def next(self, data, at):
        value = 0
        for k in range(5):
            if at + k == len(data):
                return None
            value |= (data[at + k] & 0x7F) << (7 * k)
            if data[at + k] < 0x80:
                break
        else:
            return "corrupt", at + 5, None
        body = at + k + 1
        if value >= 2**32:
            return "corrupt", body, None
        if value >= 2**31:
            return "corrupt", body, value
        if value > self.limit:
            return "long", body + value, value
        if len(data) - body < value:
            return None
        return "frame", body + value, data[body : body + value]

    def encoded(self, message):
        with zbuf.buffer() as buf:
            buf.write_varint(len(message))
            return bytes(buf) + message


@dataclass(frozen=True)
class Fixed:
    limit: int
    fail_fast: bool = field(default=True, init=False)

    def make(self):
        return zbuf.codec.FixedLengthDecoder(self.limit)

    def next(self, data, at):
        end = at + self.limit
        return ("frame", end, data[at:end]) if end <= len(data) else None

    def encoded(self, message):
        return message


@dataclass(frozen=True)
class Delimited:
    limit: int
    delimiters: tuple = (b"\0",)
    strip: bool = True
    fail_fast: bool = True

    def make(self):
        return zbuf.codec.DelimiterDecoder(self.limit, *self.delimiters, strip=self.strip, fail_fast=self.fail_fast)

    def next(self, data, at):
        for end in range(at + 1, len(data) + 1):
            found = [d for d in self.delimiters if data[at:end].endswith(d)]
            if found:
                length = end - at - max(map(len, found))
                if length > self.limit:
                    return "long", end, None if self.fail_fast else length
                return "frame", end, data[at : at + length] if self.strip else data[at:end]
        rest = data[at:]
        partial = max((k for d in self.delimiters for k in range(len(d)) if rest.endswith(d[:k])), default=0)
        return ("long", FAR, None) if len(rest) - partial > self.limit else None

    def encoded(self, message):
        return message + self.delimiters[len(message) % len(self.delimiters)]


@dataclass(frozen=True)
class Lines(Delimited):
    delimiters: tuple = (b"\n", b"\r\n")
    fail_fast: bool = False

    def make(self):
        return zbuf.codec.LineDecoder(self.limit, strip=self.strip, fail_fast=self.fail_fast)


def expected(form, data):
    """(all events of the stream and of its end, how many bytes are pending before the end)."""
    events, at = [], 0
    while (found := form.next(data, at)) is not None:
        kind, end, what = found
        if kind == "frame":
            events.append((kind, what))
        elif end <= len(data) or form.fail_fast:
            events.append((kind, at, what))
        else:
            return [*events, (kind, at, what)], 0
        if end > len(data):
            return events, 0
        at = end
    left = len(data) - at
    return events + [("corrupt", at, None)] * (left > 0), left


def event_of(error):
    kind = "long" if isinstance(error, zbuf.FrameTooLongError) else "corrupt"
    return kind, error.position, error.length


def frames_of(frames):
    for frame in frames:
        check(frame)
    return [("frame", bytes(frame)) for frame in frames]


def until_quiet(call, again=None):
    """The events of a call, and of the calls that go on after its errors."""
    events = []
    while True:
        try:
            return events + frames_of(call())
        except (zbuf.FrameTooLongError, zbuf.CorruptFrameError) as error:
            events += frames_of(error.frames)
            events.append(event_of(error))
        call = again or call


def fed(decoder, pieces):
    """The same as expected(), of a real decoder that is fed with these pieces."""
    events = []
    for piece in pieces:
        events += until_quiet(lambda: decoder.feed(piece), lambda: decoder.feed(b""))
    pending = decoder.pending
    events += until_quiet(decoder.finish)
    assert decoder.pending == 0
    return events, pending


def decoded(decoder, pieces, buf):
    """The same, of a decoder that takes frames off a buffer to which the pieces are written."""
    events = []
    for piece in pieces:
        buf.write_bytes(piece)
        events += until_quiet(lambda: decoder.decode(buf))
        check(buf)
    return events, len(buf)
