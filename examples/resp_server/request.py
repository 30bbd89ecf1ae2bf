"""Commands out of a stream of bytes: arrays of bulk strings, and lines of words."""

from __future__ import annotations

import re

import zbuf
from zbuf.codec import FixedLengthDecoder

from .integer import integer
from .reply import String

LONGEST_LINE = 64 << 10  # bytes
LONGEST_BULK = 512 << 20  # bytes
MOST_ARGUMENTS = 1 << 20
LARGEST_COMMAND = 1 << 30  # bytes of all arguments
BUFFER_FROM = 16 << 10  # bytes of a value that stays where it was received
MOST_SPLIT = 4 << 10  # bytes that are copied to be split: of a longer bulk, they are all that is
MOST_AT_ONCE = 64  # commands of one shape

Command = tuple[bytes, ...]  # but the value of a SET may be a buffer: it is String

_LINES = {b"*%d" % n: 1 + 2 * n for n in range(1, 64)}  # of a command
_HEADS = {n: b"$%d" % n for n in range(1024)}
_SIZES = {head: n for n, head in _HEADS.items()}

_WORD = re.compile(rb"""\s*+([^\s"']*+)(?:"((?:[^"\\]|\\.)*+)"|'((?:[^'\\]|\\.)*+)')?+(?=\s|\Z)""", re.DOTALL)
_ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{2}|.)", re.DOTALL)
_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"a": b"\a"}


class ProtocolError(Exception):
    """What came is not RESP; `commands` are those before it."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.commands: list[Command] = []


class CommandDecoder:
    """Cuts a stream into commands, up to what is wrong with it."""

    def __init__(self) -> None:
        self._rest = b""  # of a line, or of a small argument, whose end has not come
        self._left = 0  # how many arguments the command under way still wants,
        self._arguments: list[bytes] = []  # those that it has,
        self._room = LARGEST_COMMAND  # the bytes that they may still have
        self._bulk: Bulk | None = None  # and the one that is coming

    def feed(self, buf: zbuf.ByteBuf) -> list[Command]:
        """Give the commands that are whole; raises ProtocolError."""
        done: list[Command] = []
        try:
            while self._bulk is None or self._fill(self._bulk, buf, done):
                if len(buf) <= MOST_SPLIT:
                    self._split(buf, done)
                    break
                self._split(buf.read_slice(MOST_SPLIT), done)
        except ProtocolError as error:
            error.commands = done
            raise
        return done

    def _fill(self, bulk: Bulk, buf: zbuf.ByteBuf, done: list[Command]) -> bool:
        value = bulk.take(buf)
        if value is None:
            return False
        self._bulk = None
        self._add(value if self._may_be_buffer(value) else bytes(value), done)
        return True

    def _may_be_buffer(self, value: zbuf.ByteBuf) -> bool:
        return len(value) >= BUFFER_FROM and len(self._arguments) == 2 and self._arguments[0].upper() == b"SET"

    def _split(self, buf: zbuf.ByteBuf, done: list[Command]) -> None:
        lines = (self._rest + bytes(buf)).split(b"\r\n")
        at, last = 0, len(lines) - 1
        most = min(last // 8, MOST_AT_ONCE)
        while at < last:
            if self._left:
                if (end := self._argument(lines, at, buf, done)) == at:
                    break
                at = end
            elif most > 1 and (end := many(lines, at, most, done)) > at:
                at = end
            else:
                at = one(lines, at, done) or self._begin(lines, at, done)
                most //= 2  # where commands differ, many are soon no longer looked for
        self._rest = b"\r\n".join(lines[at:])
        if self._rest:
            self._check_rest(done)

    def _begin(self, lines: list[bytes], at: int, done: list[Command]) -> int:
        if not lines[at].startswith(b"*"):
            return self._inline(lines, at, done)
        count = integer(lines[at][1:])
        if count is None or count > MOST_ARGUMENTS:
            raise ProtocolError("invalid multibulk length")
        self._left, self._arguments, self._room = max(count, 0), [], LARGEST_COMMAND
        return at + 1

    def _argument(self, lines: list[bytes], at: int, buf: zbuf.ByteBuf, done: list[Command]) -> int:
        size = self._size(lines[at])
        start = end = at + 1
        have = -2
        while have < size and end < len(lines):  # where it has line ends of its own
            have += 2 + len(lines[end])
            end += 1
        if have == size and end < len(lines):
            self._add(lines[start] if end == start + 1 else b"\r\n".join(lines[start:end]), done)
        elif end < len(lines) or have >= size + 2:
            raise ProtocolError("bulk is longer than it was said to be")
        elif size <= MOST_SPLIT:
            return at
        else:
            self._bulk = Bulk(size)
            self._bulk.take(buf[len(buf) - have :])
        return end

    def _size(self, head: bytes) -> int:
        size = _SIZES.get(head)
        if size is None:
            if not head.startswith(b"$"):
                raise ProtocolError(f"expected '$', got {ascii(chr(head[0])) if head else 'nothing'}")
            size = integer(head[1:])
            if size is None or not 0 <= size <= LONGEST_BULK:
                raise ProtocolError("invalid bulk length")
        self._room -= size
        if self._room < 0:
            raise ProtocolError("too big command")
        return size

    def _add(self, argument: String, done: list[Command]) -> None:
        self._arguments.append(argument)  # type: ignore[arg-type]
        self._left -= 1
        if not self._left:
            done.append(tuple(self._arguments))
            self._arguments = []

    def _inline(self, lines: list[bytes], at: int, done: list[Command]) -> int:
        rest = before_line_feeds(lines[at], done)
        if rest.startswith(b"*"):
            lines[at] = rest
            return at
        take_words(rest, done)
        return at + 1

    def _check_rest(self, done: list[Command]) -> None:
        if not self._left:
            self._rest = before_line_feeds(self._rest, done)
        if len(self._rest) > LONGEST_LINE:
            kind = "bulk count string" if self._left else "mbulk count string" if self._rest.startswith(b"*") else "inline request"
            raise ProtocolError(f"too big {kind}")


class Bulk:
    """An argument that does not come in one piece, up to its line end."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._decoder = FixedLengthDecoder(size + 2)  # which shares large pieces, and copies small ones

    def take(self, buf: zbuf.ByteBuf) -> zbuf.ByteBuf | None:
        """Take bytes off a buffer; give the argument once it is whole."""
        missing = self._size + 2 - self._decoder.pending
        frames = self._decoder.feed(buf.read_slice(min(missing, len(buf))))
        if not frames:
            return None
        if not frames[0].endswith(b"\r\n"):
            raise ProtocolError("bulk is longer than it was said to be")
        return frames[0][: self._size]


def one(lines: list[bytes], at: int, done: list[Command]) -> int:
    """Take a command whose bulks are lines; give where it ends, or 0 if it is none.

    A line is a bulk if it has just the length that the line before it says.
    """
    end = at + _LINES.get(lines[at], len(lines))
    arguments = lines[at + 2 : end : 2]
    if end >= len(lines) or heads(arguments) != lines[at + 1 : end : 2]:
        return 0
    done.append(tuple(arguments))
    return end


def many(lines: list[bytes], at: int, most: int, done: list[Command]) -> int:
    """Take commands of one shape likewise, column by column."""
    head = lines[at]
    stride = _LINES.get(head, len(lines))
    count = min((len(lines) - 1 - at) // stride, most)
    end = at + stride * count
    if count < 2 or lines[at:end:stride].count(head) != count:
        return at
    columns = [lines[k:end:stride] for k in range(at + 2, at + stride, 2)]
    for k, column in enumerate(columns):
        if heads(column) != lines[at + 1 + 2 * k : end : stride]:
            return at
    done += zip(*columns)
    return end


def heads(bulks: list[bytes]) -> list[bytes]:
    return [_HEADS.get(len(line)) or b"$%d" % len(line) for line in bulks]


def before_line_feeds(line: bytes, done: list[Command]) -> bytes:
    """Take what ends with LF alone; give the rest, which may begin with an array."""
    parts = line.split(b"\n")
    at = 0
    while at < len(parts) - 1 and not parts[at].startswith(b"*"):
        take_words(parts[at], done)
        at += 1
    return b"\n".join(parts[at:])


def take_words(line: bytes, done: list[Command]) -> None:
    if len(line) > LONGEST_LINE:
        raise ProtocolError("too big inline request")
    if found := words(line.strip()):
        done.append(found)


def words(line: bytes) -> Command:
    """Split as a shell would: "" with escapes, '' without."""
    if b'"' not in line and b"'" not in line:
        return tuple(line.split())
    found, at = [], 0
    while at < len(line):
        match = _WORD.match(line, at)
        if match is None:
            raise ProtocolError("unbalanced quotes in request")
        plain, double, single = match.groups(b"")
        found.append(plain + _ESCAPE.sub(meaning, double) + single.replace(b"\\'", b"'"))
        at = match.end()
    return tuple(found)


def meaning(escape: re.Match[bytes]) -> bytes:
    what = escape[1]
    return bytes([int(what[1:], 16)]) if len(what) == 3 else _ESCAPES.get(what, what)
