"""Text and search over every kind of buffer, beside bytes and str."""

import zbuf
from fuzz.driver import agree, outcome
from fuzz.reader import Reader
from kinds import KINDS, check, state

ENCODINGS = ("utf-8", "utf-16", "utf-16-le", "utf-32-be", "latin-1", "ascii", "utf-7", "utf-8-sig", "cp1252", "no-such")
ERRORS = ("strict", "ignore", "replace", "backslashreplace", "surrogateescape", "surrogatepass", "no-such")
GROWABLE = [kind for kind in KINDS if kind.growable]
WRITABLE = [kind for kind in KINDS if kind.writable]


def run(data: Reader) -> None:
    kind = data.choice(KINDS)
    content = data.bytes(60) * data.choice((1, 1, 1, 20))
    with kind(content) as buf:
        for _ in range(data.below(6)):
            data.choice((read, get, find, ends, searched))(data, buf, content)
            content = bytes(buf)
            check(buf)
    write(data, content)


def read(data: Reader, buf: zbuf.ByteBuf, content: bytes) -> None:
    n, encoding, errors = data.below(64), data.choice(ENCODINGS), data.choice(ERRORS)
    before = state(buf)
    got = outcome(buf.read_str, n, encoding, errors)
    wanted = outcome(content[:n].decode, encoding, errors) if n <= len(content) else (None, zbuf.UnderflowError)
    agree(got, wanted, content, n, encoding, errors)
    if wanted[1] is None:
        assert bytes(buf) == content[n:]
    else:
        assert state(buf) == before


def get(data: Reader, buf: zbuf.ByteBuf, content: bytes) -> None:
    i, n, encoding, errors = data.below(64), data.below(64), data.choice(ENCODINGS), data.choice(ERRORS)
    before = state(buf)
    got = outcome(buf.get_str, buf.reader_index + i, n, encoding, errors)
    wanted = outcome(content[i : i + n].decode, encoding, errors) if i + n <= len(content) else (None, IndexError)
    agree(got, wanted, content, i, n, encoding, errors)
    assert state(buf) == before


def find(data: Reader, buf: zbuf.ByteBuf, content: bytes) -> None:
    name = data.choice(("find", "rfind", "index", "count"))
    needle, given = a_needle(data, content)
    bounds = some_bounds(data)
    agree(outcome(getattr(buf, name), given, *bounds), outcome(getattr(content, name), needle, *bounds),
          name, content, needle, bounds)
    assert (given in buf) == (needle in content)


def ends(data: Reader, buf: zbuf.ByteBuf, content: bytes) -> None:
    name = data.choice(("startswith", "endswith"))
    needles = [a_needle(data, content) for _ in range(data.below(3))]
    bounds = some_bounds(data)
    agree(outcome(getattr(buf, name), tuple(given for _, given in needles), *bounds),
          outcome(getattr(content, name), tuple(needle for needle, _ in needles), *bounds), name, content, needles, bounds)


def a_needle(data: Reader, content: bytes) -> tuple[bytes, object]:
    """Bytes, from the content most often, and something that has just these."""
    start = data.below(64)
    needle = content[start : start + data.below(12)] if data.below(4) else data.bytes(4)
    return needle, data.choice((bytes, bytearray, memoryview, *KINDS))(needle)


def some_bounds(data: Reader) -> tuple[int | None, ...]:
    return tuple(data.choice((None, data.between(-64, 64), data.integer())) for _ in range(data.below(3)))


def searched(data: Reader, buf: zbuf.ByteBuf, content: bytes) -> None:
    patterns = tuple(a_needle(data, content)[0] or b"a" for _ in range(1 + data.below(4)))
    wanted = plainly(patterns, content)
    searcher = zbuf.Searcher(*patterns)
    assert searcher.find_all(buf) == wanted, (patterns, content)
    assert searcher.find(buf) == (wanted[0] if wanted else None)
    scan, at = searcher.scan(), data.below(len(content) + 1)
    with buf[:at] as first, buf[at:] as second:
        assert scan.feed(first) + scan.feed(second) == wanted, (patterns, content, at)


def plainly(patterns: tuple[bytes, ...], content: bytes) -> list[tuple[int, int]]:
    """What is complete first, the longest of several, and on behind it."""
    found, start = [], 0
    for end in range(1, len(content) + 1):
        there = [p for p in patterns if start + len(p) <= end and content.endswith(p, start, end)]
        if there:
            longest = max(there, key=len)
            found.append((end - len(longest), patterns.index(longest)))
            start = end
    return found


def a_text(data: Reader, content: bytes) -> str:
    if data.flag():
        return content.decode(data.choice(("utf-8", "utf-16-le", "latin-1")), data.choice(("replace", "ignore")))
    return "".join(chr(data.below(0x110000)) for _ in range(data.below(8)))


def write(data: Reader, content: bytes) -> None:
    text = a_text(data, content)
    encoding, errors = data.choice(ENCODINGS), data.choice(ERRORS)
    made, error = outcome(text.encode, encoding, errors)
    wanted = (None if made is None else len(made), error)
    with data.choice(GROWABLE)(b"head") as buf:
        agree(outcome(buf.write_str, text, encoding, errors), wanted, text, encoding, errors)
        assert bytes(buf) == b"head" + (made or b"")
        check(buf)
    room = bytes(len(made or b"") + data.below(3))
    with data.choice(WRITABLE)(room) as buf:
        agree(outcome(buf.set_str, buf.reader_index, text, encoding, errors), wanted, text, encoding, errors)
        assert bytes(buf) == (made or b"").ljust(len(room), b"\0")
        check(buf)
