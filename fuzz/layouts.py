"""Layout: formats and values as struct has them, and the codes that it has not, by int.from_bytes."""

import math
import operator
import struct
from dataclasses import dataclass

import zbuf
from fuzz.driver import agree, outcome, same
from fuzz.reader import Reader
from kinds import KINDS, refused

CODES = "xbB?chHiIlLqQfdmMs"
WIDTHS = dict(zip(CODES, (1, 1, 1, 1, 1, 2, 2, 4, 4, 4, 4, 8, 8, 4, 8, 3, 3, 1)))
LARGEST = 1 << 20
LOOKED_AT = 5_000    # bytes of a layout
GROWABLE = [kind for kind in KINDS if kind.growable]
WRITABLE = [kind for kind in KINDS if kind.writable]


@dataclass
class Field:
    code: str
    at: int
    size: int
    order: str

    def load(self, data: bytes) -> object:
        data = data[self.at : self.at + self.size]
        if self.code in "mM":
            return int.from_bytes(data, self.order, signed=self.code == "m")
        return struct.unpack(self.form(), data)[0]

    def form(self) -> str:
        mark = "<" if self.order == "little" else ">"
        return f"{mark}{self.size if self.code == 's' else ''}{self.code}"

    def store(self, value: object) -> bytes:
        """The bytes of a value; raises what a layout is to raise."""
        if self.code in "cs":
            view = memoryview(value)
            if not view.contiguous:
                raise BufferError
            data = bytes(view)
            if len(data) != self.size:
                raise ValueError
            return data
        if self.code not in "?fd":
            value = operator.index(value)
        if self.code in "mM":
            return value.to_bytes(3, self.order, signed=self.code == "m")
        if self.code in "fd":
            value = math.copysign(value, value)    # a float of whatever is a number
        try:
            return struct.pack(self.form(), value)
        except struct.error:
            raise OverflowError from None


def parsed(text: str) -> tuple[list[Field], int, int] | None:
    """The fields as far as they are looked at, how many there are and the size; None for what is no format."""
    order = "little" if text[:1] == "<" else "big"
    fields, number, size, count = [], 0, 0, ""
    for code in text[1:] if text[:1] in ("<", ">", "!") else text:
        if code in "0123456789":
            count += code
            if int(count) > LARGEST:
                return None
            continue
        if code not in WIDTHS:
            return None
        n, count = int(count or "1"), ""
        each = n if code == "s" else WIDTHS[code]
        if size + n * WIDTHS[code] > LARGEST:
            return None
        items = 0 if code == "x" else 1 if code == "s" else n
        number += items
        if size + n * WIDTHS[code] <= LOOKED_AT:
            fields += [Field(code, size + each * k, each, order) for k in range(items)]
        size += n * WIDTHS[code]
    return None if count else (fields, number, size)


def run(data: Reader) -> None:
    text = a_format(data)
    model = parsed(text)
    layout, error = outcome(zbuf.Layout, text)
    assert error is (zbuf.LayoutError if model is None else None), (text, error)
    if model is None:
        return
    fields, number, size = model
    assert (layout.size, len(layout), layout.format) == (size, number, text)
    if size <= LOOKED_AT:
        read(data, layout, fields, size)
        write(data, layout, fields, size)


def a_format(data: Reader) -> str:
    text = data.choice(("", ">", "<", "!", "@"))
    for _ in range(data.below(8)):
        how = data.below(8)
        text += str(data.below(20)) if how < 3 else str(abs(data.integer())) if how == 3 else ""
        text += data.choice(CODES) if how < 7 else chr(data.below(0x3000)).replace("\ud800", "x")
    return text


def read(data: Reader, layout: zbuf.Layout, fields: list[Field], size: int) -> None:
    rows = data.below(3)
    content = (data.bytes(255) or b"\0").ljust(1 + data.below(64), b"\x80") * (1 + rows * size // 64)
    with data.choice(KINDS)(content) as buf:
        start, n = buf.reader_index, len(content)
        row = [tuple(field.load(content[k * size :]) for field in fields) for k in range(rows + 1) if (k + 1) * size <= n]
        at = start + data.between(-2, n + 2)
        if start <= at <= start + n - size:
            shifted = tuple(field.load(content[at - start :]) for field in fields)
            assert same(layout.get(buf, at), shifted)
        elif at > start:
            with refused(IndexError, None, buf):
                layout.get(buf, at)
        if size > n:
            assert layout.try_read(buf) is None
            with refused(zbuf.UnderflowError, None, buf):
                layout.read(buf)
        elif rows * size > n:
            with refused(zbuf.UnderflowError, None, buf):
                layout.read_many(buf, rows)
        else:
            got = tuple(layout.read_many(buf, rows)) if data.flag() else (layout.read(buf),)
            assert same(got, tuple(row[: len(got)]))
            assert bytes(buf) == content[size * len(got) :]


def write(data: Reader, layout: zbuf.Layout, fields: list[Field], size: int) -> None:
    values = [a_value(data, field) for field in fields]
    if data.below(16) == 15:
        values.append(0)
    made, error = outcome(packed, fields, size, values)
    with data.choice(GROWABLE)(b"head") as buf:
        before = bytes(buf)
        agree((None, outcome(layout.write, buf, *values)[1]), (None, error), layout, values)
        assert bytes(buf) == before + (made or b"")
    with data.choice(WRITABLE)(b"\xff" * (size + 3)) as buf:
        at = buf.reader_index
        agree((None, outcome(layout.set, buf, at + 1, *values)[1]), (None, error), layout, values)
        assert bytes(buf) == (b"\xff" * (size + 3) if error else b"\xff" + made + b"\xff\xff")


def packed(fields: list[Field], size: int, values: list[object]) -> bytes:
    if len(fields) != len(values):
        raise ValueError
    data = bytearray(size)
    for field, value in zip(fields, values):
        data[field.at : field.at + field.size] = field.store(value)
    return bytes(data)


def a_value(data: Reader, field: Field) -> object:
    """One that fits, most often."""
    how = data.below(16)
    if how == 0:
        return data.choice((None, "text", 1.5, b"", bytearray(b"ab"), 10**400, memoryview(b"abcd")[::2], True))
    if how == 1 and field.code not in "cs":
        return data.integer()
    return field.load(bytes(field.at) + data.take(field.size).ljust(field.size, b"\x7f"))
