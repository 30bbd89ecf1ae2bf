"""Varints of all kinds, and lengths in front of what they count, beside plain Python."""

import zbuf
from fuzz.driver import agree, outcome
from fuzz.reader import Reader
from kinds import KINDS, check, state

FORMATS = ("u8", "u16", "u16_le", "u24", "u24_le", "u32", "u32_le", "u64", "u64_le", "varint", "varint_u32", "quic_varint")
GROWABLE = [kind for kind in KINDS if kind.growable]


class Short(Exception):
    """Plain Python's word for bytes that end before the number does."""


def run(data: Reader) -> None:
    for _ in range(data.below(4)):
        numbers(data)
        prefixes(data)
        bodies(data)


# -- plain Python


def leb(value: int, bits: int) -> bytes:
    if not 0 <= value < 1 << bits:
        raise OverflowError
    made = b""
    while value >= 0x80:
        made += bytes([value & 0x7F | 0x80])
        value >>= 7
    return made + bytes([value])


def unleb(content: bytes, bits: int) -> tuple[int, int]:
    value = 0
    for k in range((bits + 6) // 7):
        if k == len(content):
            raise Short
        value += (content[k] & 0x7F) * 128**k
        if content[k] < 0x80:
            if value >= 1 << bits:
                raise zbuf.VarintError("too large", 0)
            return value, k + 1
    raise zbuf.VarintError("too long", 0)


def signed(value: int) -> bytes:
    if not -(2**63) <= value < 2**63:
        raise OverflowError
    return leb(2 * value if value >= 0 else -2 * value - 1, 64)


def unsigned(content: bytes) -> tuple[int, int]:
    value, used = unleb(content, 64)
    return (value // 2 if value % 2 == 0 else -(value + 1) // 2), used


def quic(value: int) -> bytes:
    for k in range(4):
        if 0 <= value < 1 << (8 * 2**k - 2):
            return (value + (k << (8 * 2**k - 2))).to_bytes(2**k, "big")
    raise OverflowError


def unquic(content: bytes) -> tuple[int, int]:
    if not content or len(content) < 2 ** (content[0] >> 6):
        raise Short
    n = 2 ** (content[0] >> 6)
    return int.from_bytes(content[:n], "big") % (1 << (8 * n - 2)), n


# name: (encode, decode)
NUMBERS = {
    "varint": (lambda v: leb(v, 64), lambda c: unleb(c, 64)),
    "varint_u32": (lambda v: leb(v, 32), lambda c: unleb(c, 32)),
    "svarint": (signed, unsigned),
    "quic_varint": (quic, unquic),
}


def encoded(name: str, value: int) -> bytes:
    if name in NUMBERS:
        return NUMBERS[name][0](value)
    return value.to_bytes(int(name[1:].split("_")[0]) // 8, "little" if name.endswith("le") else "big")


def decoded(name: str, content: bytes) -> tuple[int, int]:
    if name in NUMBERS:
        return NUMBERS[name][1](content)
    n = int(name[1:].split("_")[0]) // 8
    if len(content) < n:
        raise Short
    return int.from_bytes(content[:n], "little" if name.endswith("le") else "big"), n


# -- beside zbuf


def numbers(data: Reader) -> None:
    name, value = data.choice(tuple(NUMBERS)), data.integer()
    made, error = outcome(encoded, name, value)
    with data.choice(GROWABLE)(data.bytes(8)) as buf:
        before = bytes(buf)
        agree(outcome(getattr(buf, f"write_{name}"), value), (None, error), name, value)
        assert bytes(buf) == before + (made or b"")
    content = data.bytes(12)
    with data.choice(KINDS)(content) as buf:
        compare(buf, content, name, getattr(buf, f"read_{name}"), getattr(buf, f"try_read_{name}"), decoded, name)


def compare(buf, content, about, read, try_read, plain, *args) -> None:
    """Both readings, and where they leave the reader, are plain Python's."""
    before = state(buf)
    found, error = outcome(plain, *args, content)
    if error is not None:
        agree(outcome(read), (None, zbuf.UnderflowError if error is Short else error), about, content)
        agree(outcome(try_read), (None, None if error is Short else error), about, content)
        assert state(buf) == before
        return
    value, used = found
    with buf.duplicate() as twin:
        got = read()
        assert got == value and bytes(buf) == content[used:], (about, content, got, value)
        check(buf)
        buf.reader_index = twin.reader_index
        assert try_read() == value and bytes(buf) == content[used:], (about, content)


def prefixes(data: Reader) -> None:
    name = data.choice(FORMATS)
    words = some_words(data, name)
    content = data.bytes(40)
    with data.choice(KINDS)(content) as buf:
        compare(buf, content, (name, words), lambda: buf.read_prefixed(name, **words),
                lambda: buf.try_read_prefixed(name, **words), body, name, words)


def some_words(data: Reader, name: str) -> dict[str, object]:
    words = {}
    if data.below(4) == 3:
        words["includes_length"] = data.flag()
    if data.flag():
        words["max_length"] = data.choice((data.below(40), abs(data.integer())))
    return words


def most_of(name: str, words: dict[str, object]) -> tuple[int, int]:
    """The longest body, and what is added to its length."""
    fixed = not name.endswith(("varint", "varint_u32"))
    bits = int(name[1:].split("_")[0]) if fixed else {"varint": 64, "varint_u32": 32, "quic_varint": 62}[name]
    if words.get("includes_length") and not fixed:
        raise ValueError
    added = bits // 8 if words.get("includes_length") else 0
    return min(2**bits - 1 - added, words.get("max_length", 2**64)), added


def body(name: str, words: dict[str, object], content: bytes) -> tuple[bytes, int]:
    most, added = most_of(name, words)
    number, used = decoded(name, content)
    if not added <= number <= most + added:
        raise ValueError
    if len(content) < used + number - added:
        raise Short
    return content[used : used + number - added], used + number - added


def bodies(data: Reader) -> None:
    name = data.choice(FORMATS)
    words = some_words(data, name)
    made = data.bytes(40) * data.choice((1, 1, 10))
    with data.choice(GROWABLE)(data.bytes(8)) as buf:
        before = bytes(buf)
        got = outcome(prefixed, buf, name, words, made)
        wanted = outcome(with_length, name, words, made)
        agree((None, got[1]), (None, wanted[1]), name, words, made)
        assert bytes(buf) == before + (wanted[0] or b""), (name, words, made)
        check(buf)


def prefixed(buf: zbuf.ByteBuf, name: str, words: dict[str, object], made: bytes) -> None:
    with buf.length_prefixed(name, **words):
        buf.write_bytes(made)


def with_length(name: str, words: dict[str, object], made: bytes) -> bytes:
    most, added = most_of(name, words)
    if len(made) > most:
        raise OverflowError
    return encoded(name, len(made) + added) + made
