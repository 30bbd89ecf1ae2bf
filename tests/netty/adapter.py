"""How each recorded operation is spelled with zbuf: a table to be checked line by line.

A line is `operation: (what its arguments are, the zbuf expression, what its
result is)`. Arguments arrive as zbuf takes them: buffers for handles, bytes for
hex, floats for bits. `buf` is what the operation is called on. Netty's absolute
results are made of zbuf's relative ones by adding the reader's index; that and
the sign of Java's bytes is all the arithmetic there is.
"""

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import zbuf

# -- what went wrong: Netty's kinds of error, and zbuf's

ERRORS: dict[str, tuple[type[Exception], ...]] = {
    "IndexOutOfBounds": (IndexError, zbuf.CapacityError),      # UnderflowError is an IndexError
    "IllegalArgument": (ValueError, zbuf.CapacityError),       # CapacityError: capacity(int) above the maximum
    "IllegalReferenceCount": (zbuf.ReleasedError,),
    "ReadOnly": (zbuf.ReadOnlyError,),
    "UnsupportedOperation": (zbuf.CapacityError,),             # the capacity of a slice is its maximum
    "TooLongFrame": (),
    "CorruptedFrame": (),
    "Decoder": (),
}

# -- values: from JSON to Python, and back


def f32(bits: str) -> float:
    return struct.unpack(">f", bytes.fromhex(bits))[0]


def f64(bits: str) -> float:
    return struct.unpack(">d", bytes.fromhex(bits))[0]


def bits32(value: float) -> str:
    return struct.pack(">f", value).hex() if value == value else "nan"


def bits64(value: float) -> str:
    return struct.pack(">d", value).hex() if value == value else "nan"


def netty_bits(result: str) -> str:
    """Any two NaNs are equal."""
    value = f32(result) if len(result) == 8 else f64(result)
    return result if value == value else "nan"


def raw(value: int) -> int:
    """Java's bytes are signed, zbuf's needles are not."""
    return value & 0xFF


def units(text: str) -> str:
    """Text as UTF-16 code units: what Java counts and cuts."""
    data = text.encode("utf-16-be", "surrogatepass")
    return "".join(map(chr, struct.unpack(f">{len(data) // 2}H", data)))


def text_of(units: str) -> str:
    return units.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "surrogatepass")


CODECS = {"utf-8": "utf-8", "us-ascii": "latin-1", "iso-8859-1": "latin-1", "utf-16be": "utf-16-be", "utf-16le": "utf-16-le"}
STRICT = {**CODECS, "us-ascii": "ascii"}


def encodable(text: str, charset: str) -> str:
    """What is handed to zbuf for a charset: bytes of Latin-1 stand for UTF-16 units."""
    return units(text) if CODECS[charset] == "latin-1" else text


# The bytes at which Netty's ByteProcessor constants stop.
ALL = frozenset(range(256))
STOPS = {
    "find_nul": {0}, "find_non_nul": ALL - {0}, "find_cr": {13}, "find_non_cr": ALL - {13}, "find_lf": {10},
    "find_non_lf": ALL - {10}, "find_semi_colon": {59}, "find_comma": {44}, "find_ascii_space": {32},
    "find_crlf": {13, 10}, "find_non_crlf": ALL - {13, 10}, "find_linear_whitespace": {32, 9},
    "find_non_linear_whitespace": ALL - {32, 9},
}


def stops(processor: str) -> frozenset[int] | set[int]:
    name, _, value = processor.partition(":")
    if value:
        return {raw(int(value))} if name == "index_of" else ALL - {raw(int(value))}
    return STOPS[name]


# -- the few operations that take more than an expression


def moved(buf, n, done):
    """Read by two calls: what was done, and the reader moves after it."""
    buf.skip(n)
    return done


def at(buf, index):
    """From a position among the readable bytes to an absolute one."""
    return index if index < 0 else buf.reader_index + index


def within(index, start):
    return index if index < 0 else start + index


def part(array, index, length):
    """A part of an array, by zbuf: Python's own slices would be cut to what there is."""
    return zbuf.wrap(array).slice(index, length)


def filled(size, index, data):
    """An array of zeros with bytes at an index."""
    array = bytearray(size)
    zbuf.wrap(array).set_bytes(index, data)
    return bytes(array)


def index_of(buf, start, stop, value):
    if start <= stop:
        return within(buf.slice(start, stop - start).find(raw(value)), start)
    return within(buf.slice(stop, start - stop).rfind(raw(value)), stop)


def first(buf, processor):
    wanted = stops(processor)
    return next((k for k, byte in enumerate(buf) if byte in wanted), -1)


def last(buf, processor):
    wanted = stops(processor)
    return next((len(buf) - 1 - k for k, byte in enumerate(reversed(bytes(buf))) if byte in wanted), -1)


def received(stream, n, put):
    """What `put` took of a stream, or -1 at its end."""
    room = bytearray(n)
    got = stream.readinto(room)
    if n and not got:
        return -1
    put(room[:got])
    return got


def ensured(buf, n):
    """ensureWritable(int, force)'s code: 0 room enough, 1 cannot be, 2 grown."""
    there = buf.writable_bytes()
    try:
        buf.ensure_writable(n)
    except zbuf.CapacityError:
        return 1
    return 0 if n <= there else 2


def is_text(buf, index, length, charset):
    try:
        buf.get_str(index, length, STRICT[charset])
    except UnicodeDecodeError:
        return False
    return True


def segments(buf):
    """The bytes of the pieces of memory that the readable bytes lie in."""
    views = buf.views() if isinstance(buf, zbuf.CompositeByteBuf) else [buf.view()]
    return [bytes(view) for view in views]


def all_parts(buf):
    """The bytes of the parts of the whole capacity, written or not."""
    with buf.duplicate() as whole:
        whole.set_indices(0, whole.capacity)
        return [bytes(part) for part in whole.parts()]


def appended(composite, bufs):
    for buf in bufs:
        composite.append(buf)


def inserted(composite, k, bufs):
    for offset, buf in enumerate(bufs):
        composite.insert(k + offset, buf)


def removed(composite, k, count):
    """The last one first: if one is not there, none goes."""
    for each in reversed(range(k, k + count)):
        composite.remove(each)


def ends(composite):
    """Where each part ends."""
    return list(accumulate(map(len, all_parts(composite))))


def nth(values, k):
    """An item by its number, which is never counted from the end."""
    if k < 0:
        raise IndexError(f"item {k}")
    return values[k]


def part_number(composite, offset):
    """Which part an offset lies in."""
    return nth([k for k, end in enumerate(ends(composite)) if offset < end], min(offset, 0))


def swapped(write, read, value):
    """A number written in one byte order and read in the other."""
    buf = zbuf.buffer(8)
    write(buf, value)
    return read(buf)


def grown(allocator, n, most):
    """What a new buffer's capacity becomes when n bytes are to be written."""
    with allocator.buffer(0, most) as buf:
        buf.ensure_writable(n)
        return buf.capacity


@dataclass(frozen=True, slots=True)
class Spelling:
    args: str
    call: Callable[..., Any]
    result: str


def spelled(args, call, result="none"):
    return Spelling(args, call, result)


B = zbuf.ByteBuf

NUMBERS = {
    # Netty's name: (zbuf's kind to read, to write, type of the value)
    "boolean": ("bool", lambda v: "bool", "bool"),
    "byte": ("i8", lambda v: "i8" if v < 0 else "u8", "int"),
    "unsigned_byte": ("u8", None, "int"),
    "short": ("i16", lambda v: "i16" if v < 0 else "u16", "int"),
    "unsigned_short": ("u16", None, "int"),
    "medium": ("i24", lambda v: "i24" if v < 0 else "u24", "int"),
    "unsigned_medium": ("u24", None, "int"),
    "int": ("i32", lambda v: "i32", "int"),
    "unsigned_int": ("u32", None, "int"),
    "long": ("i64", lambda v: "i64", "int"),
    "char": ("u16", lambda v: "u16", "int"),
    "float": ("f32", lambda v: "f32", "f32"),
    "double": ("f64", lambda v: "f64", "f64"),
}


ONE_ORDER = {"boolean", "byte", "unsigned_byte", "char"}


def numbers():
    """read_, get_, set_ and write_ of every number, in both byte orders."""
    for name, (kind, to_write, value) in NUMBERS.items():
        for order in ("",) if name in ONE_ORDER else ("", "_le"):
            yield f"read_{name}{order}", spelled("", lambda buf, k=kind + order: getattr(buf, f"read_{k}")(), value)
            yield f"get_{name}{order}", spelled("int", lambda buf, i, k=kind + order: getattr(buf, f"get_{k}")(i), value)
            if to_write is not None:
                yield f"write_{name}{order}", spelled(
                    value, lambda buf, v, k=to_write, o=order: getattr(buf, f"write_{k(v)}{o}")(v))
                yield f"set_{name}{order}", spelled(
                    f"int {value}", lambda buf, i, v, k=to_write, o=order: getattr(buf, f"set_{k(v)}{o}")(i, v))


TABLE: dict[str, Spelling] = {
    **dict(numbers()),
    # bytes, by the reader
    "read_bytes": spelled("int", lambda buf, n: moved(buf, n, buf.copy(buf.reader_index, n)), "buf"),
    "read_bytes_array": spelled("int", lambda buf, n: buf.read_bytes(n), "hex"),
    "read_bytes_array_range": spelled(
        "int int int", lambda buf, size, i, n: moved(buf, n, filled(size, i, buf.slice(buf.reader_index, n))), "hex"),
    "read_bytes_buf": spelled("buf", lambda buf, dst: buf.read_into(dst) and None),
    "read_bytes_buf_len": spelled(
        "buf int", lambda buf, dst, n: moved(buf, n, dst.write_bytes(buf.slice(buf.reader_index, n)))),
    "read_bytes_buf_range": spelled(
        "buf int int", lambda buf, dst, i, n: moved(buf, n, dst.set_bytes(i, buf.slice(buf.reader_index, n)))),
    "read_bytes_stream": spelled("int", lambda buf, n: buf.read_bytes(n), "hex"),
    "skip_bytes": spelled("int", lambda buf, n: buf.skip(n)),
    # bytes, by index
    "get_bytes_array": spelled("int int", lambda buf, i, n: buf.get_bytes(i, n), "hex"),
    "get_bytes_array_range": spelled(
        "int int int int", lambda buf, i, size, at, n: filled(size, at, buf.slice(i, n)), "hex"),
    "get_bytes_buf": spelled("int buf", lambda buf, i, dst: dst.write_bytes(buf.slice(i, dst.writable_bytes()))),
    "get_bytes_buf_len": spelled("int buf int", lambda buf, i, dst, n: dst.write_bytes(buf.slice(i, n))),
    "get_bytes_buf_range": spelled("int buf int int", lambda buf, i, dst, at, n: dst.set_bytes(at, buf.slice(i, n))),
    "get_bytes_stream": spelled("int int", lambda buf, i, n: buf.get_bytes(i, n), "hex"),
    "set_bytes": spelled("int hex", lambda buf, i, src: buf.set_bytes(i, src)),
    "set_bytes_range": spelled("int hex int int", lambda buf, i, src, at, n: buf.set_bytes(i, part(src, at, n))),
    "set_bytes_buf": spelled("int buf", lambda buf, i, src: moved(src, len(src), buf.set_bytes(i, src))),
    "set_bytes_buf_len": spelled(
        "int buf int", lambda buf, i, src, n: moved(src, n, buf.set_bytes(i, src.slice(src.reader_index, n)))),
    "set_bytes_buf_range": spelled("int buf int int", lambda buf, i, src, at, n: buf.set_bytes(i, src.slice(at, n))),
    "set_bytes_stream": spelled(
        "int hex int", lambda buf, i, src, n: received(io.BytesIO(src), n, lambda data: buf.set_bytes(i, data)), "int"),
    "set_zero": spelled("int int", lambda buf, i, n: buf.set_zeros(i, n)),
    # bytes, by the writer
    "write_bytes": spelled("hex", lambda buf, src: buf.write_bytes(src)),
    "write_bytes_range": spelled("hex int int", lambda buf, src, at, n: buf.write_bytes(part(src, at, n))),
    "write_bytes_buf": spelled("buf", lambda buf, src: moved(src, len(src), buf.write_bytes(src))),
    "write_bytes_buf_len": spelled(
        "buf int", lambda buf, src, n: moved(src, n, buf.write_bytes(src.slice(src.reader_index, n)))),
    "write_bytes_buf_range": spelled("buf int int", lambda buf, src, at, n: buf.write_bytes(src.slice(at, n))),
    "write_bytes_stream": spelled(
        "hex int",
        lambda buf, src, n: (buf.ensure_writable(n), received(io.BytesIO(src), n, buf.write_bytes))[1], "int"),
    "write_zero": spelled("int", lambda buf, n: buf.write_zeros(n)),
    # for system calls
    "nio_buffer_count": spelled("", lambda buf: len(all_parts(buf)) if isinstance(buf, zbuf.CompositeByteBuf) else 1, "int"),
    "nio_buffer": spelled("int int", lambda buf, i, n: bytes(buf.slice(i, n)), "hex"),
    "nio_buffers": spelled("int int", lambda buf, i, n: segments(buf.slice(i, n)), "list_hex"),
    "to_bytes": spelled("int int", lambda buf, i, n: buf.get_bytes(i, n), "hex"),
    # indices
    "reader_index": spelled("", lambda buf: buf.reader_index, "int"),
    "writer_index": spelled("", lambda buf: buf.writer_index, "int"),
    "set_reader_index": spelled("int", lambda buf, i: setattr(buf, "reader_index", i)),
    "set_writer_index": spelled("int", lambda buf, i: setattr(buf, "writer_index", i)),
    "set_index": spelled("int int", lambda buf, r, w: buf.set_indices(r, w)),
    "clear": spelled("", lambda buf: buf.clear()),
    "is_readable": spelled("", lambda buf: buf.readable_bytes() > 0, "bool"),
    "is_readable_n": spelled("int", lambda buf, n: buf.readable_bytes() >= n, "bool"),
    "is_writable": spelled("", lambda buf: not buf.readonly and buf.writable_bytes() > 0, "bool"),
    "is_writable_n": spelled("int", lambda buf, n: not buf.readonly and buf.writable_bytes() >= n, "bool"),
    "readable_bytes": spelled("", lambda buf: buf.readable_bytes(), "int"),
    "writable_bytes": spelled("", lambda buf: buf.writable_bytes(), "int"),
    "max_writable_bytes": spelled("", lambda buf: buf.max_capacity - buf.writer_index, "int"),
    "is_read_only": spelled("", lambda buf: buf.readonly, "bool"),
    "mark_reader_index": spelled("marks", lambda buf, marks: marks.__setitem__("reader", buf.reader_index)),
    "mark_writer_index": spelled("marks", lambda buf, marks: marks.__setitem__("writer", buf.writer_index)),
    "reset_reader_index": spelled("marks", lambda buf, marks: setattr(buf, "reader_index", marks.get("reader", 0))),
    "reset_writer_index": spelled("marks", lambda buf, marks: setattr(buf, "writer_index", marks.get("writer", 0))),
    # room
    "discard_read_bytes": spelled("", lambda buf: buf.reclaim() and None),
    "discard_some_read_bytes": spelled("", lambda buf: buf.reclaim() and None),
    "capacity": spelled("", lambda buf: buf.capacity, "int"),
    "set_capacity": spelled("int", lambda buf, n: setattr(buf, "capacity", n)),
    "ensure_writable": spelled("int", lambda buf, n: buf.ensure_writable(n)),
    "ensure_writable_force": spelled("int bool", lambda buf, n, force: ensured(buf, n), "int"),
    # references, and other handles
    "retain": spelled("", lambda buf: buf.retain() and None),
    "retain_n": spelled("int", lambda buf, n: buf.retain(n) and None),
    "release": spelled("", lambda buf: buf.release(), "bool"),
    "release_n": spelled("int", lambda buf, n: buf.release(n), "bool"),
    "ref_cnt": spelled("", lambda buf: buf.refcnt, "refcnt"),
    "slice": spelled("", lambda buf: buf.slice(), "buf"),
    "slice_range": spelled("int int", lambda buf, i, n: buf.slice(i, n), "buf"),
    "retained_slice": spelled("", lambda buf: buf.slice(), "buf"),
    "retained_slice_range": spelled("int int", lambda buf, i, n: buf.slice(i, n), "buf"),
    "read_slice": spelled("int", lambda buf, n: buf.read_slice(n), "buf"),
    "read_retained_slice": spelled("int", lambda buf, n: buf.read_slice(n), "buf"),
    "duplicate": spelled("", lambda buf: buf.duplicate(), "buf"),
    "retained_duplicate": spelled("", lambda buf: buf.duplicate(), "buf"),
    "as_read_only": spelled("", lambda buf: buf.as_readonly(), "buf"),
    "copy": spelled("", lambda buf: buf.copy(), "buf"),
    "copy_range": spelled("int int", lambda buf, i, n: buf.copy(i, n), "buf"),
    # search
    "index_of": spelled("int int int", index_of, "int"),
    "bytes_before": spelled("int", lambda buf, v: buf.find(raw(v)), "int"),
    "bytes_before_len": spelled("int int", lambda buf, n, v: buf.slice(buf.reader_index, n).find(raw(v)), "int"),
    "bytes_before_range": spelled("int int int", lambda buf, i, n, v: buf.slice(i, n).find(raw(v)), "int"),
    "for_each_byte": spelled("text", lambda buf, p: at(buf, first(buf, p)), "int"),
    "for_each_byte_range": spelled("int int text", lambda buf, i, n, p: within(first(buf.slice(i, n), p), i), "int"),
    "for_each_byte_desc": spelled("text", lambda buf, p: at(buf, last(buf, p)), "int"),
    "for_each_byte_desc_range": spelled("int int text", lambda buf, i, n, p: within(last(buf.slice(i, n), p), i), "int"),
    "index_of_buf": spelled("buf", lambda buf, needle: at(buf, buf.find(needle)), "int"),
    # comparing
    "equals": spelled("buf", lambda buf, other: buf == other, "bool"),
    "equals_range": spelled(
        "int buf int int", lambda buf, i, other, j, n: buf.slice(i, n) == other.slice(j, n), "bool"),
    "compare": spelled(
        "buf", lambda buf, other: (bytes(buf) > bytes(other)) - (bytes(buf) < bytes(other)), "int"),
    "hash_code": spelled("", hash, "int"),
    # hexadecimal
    "hex_dump": spelled("", lambda buf: bytes(buf).hex(), "text"),
    "hex_dump_range": spelled("int int", lambda buf, i, n: buf.get_bytes(i, n).hex(), "text"),
    "pretty_hex_dump": spelled("", lambda buf: buf.hexdump(), "text"),
    "pretty_hex_dump_range": spelled("int int", lambda buf, i, n: buf.slice(i, n).hexdump(), "text"),
    "hex_dump_array": spelled("hex", lambda array: array.hex(), "text"),
    "hex_dump_array_range": spelled("hex int int", lambda array, i, n: zbuf.wrap(array).get_bytes(i, n).hex(), "text"),
    "decode_hex_dump": spelled("text", lambda text: bytes.fromhex(text), "hex"),
    "decode_hex_dump_range": spelled("text int int", lambda text, i, n: bytes.fromhex(text[i : i + n]), "hex"),
    "decode_hex_byte": spelled("text int", lambda text, i: zbuf.wrap(bytes.fromhex(text[i : i + 2])).get_i8(0), "int"),
    # text
    "write_utf8": spelled("text", lambda buf, text: buf.write_str(text, "utf-8", "replace"), "int"),
    "write_utf8_range": spelled(
        "text int int", lambda buf, text, i, j: buf.write_str(text_of(units(text)[i:j]), "utf-8", "replace"), "int"),
    "reserve_and_write_utf8": spelled(
        "text int", lambda buf, text, n: (buf.ensure_writable(n), buf.write_str(text, "utf-8", "replace"))[1], "int"),
    "write_ascii": spelled("text", lambda buf, text: buf.write_str(units(text), "latin-1", "replace"), "int"),
    "write_char_sequence": spelled(
        "text text", lambda buf, text, c: buf.write_str(encodable(text, c), CODECS[c], "replace"), "int"),
    "set_char_sequence": spelled(
        "int text text", lambda buf, i, text, c: buf.set_str(i, encodable(text, c), CODECS[c], "replace"), "int"),
    "get_char_sequence": spelled("int int text", lambda buf, i, n, c: buf.get_str(i, n, CODECS[c], "replace"), "text"),
    "read_char_sequence": spelled("int text", lambda buf, n, c: buf.read_str(n, CODECS[c], "replace"), "text"),
    "to_string": spelled(
        "text", lambda buf, c: buf.get_str(buf.reader_index, len(buf), CODECS[c], "replace"), "text"),
    "to_string_range": spelled("int int text", lambda buf, i, n, c: buf.get_str(i, n, CODECS[c], "replace"), "text"),
    "is_text": spelled("text", lambda buf, c: is_text(buf, buf.reader_index, len(buf), c), "bool"),
    "is_text_range": spelled("int int text", is_text, "bool"),
    "utf8_bytes": spelled("text", lambda text: zbuf.buffer().write_str(text, "utf-8", "replace"), "int"),
    "utf8_bytes_range": spelled(
        "text int int", lambda text, i, j: zbuf.buffer().write_str(text_of(units(text)[i:j]), "utf-8", "replace"), "int"),
    "utf8_max_bytes": spelled("text", lambda text: zbuf.buffer().write_str(text, "utf-8", "replace"), "int"),
    # composites
    "add_component": spelled("buf", lambda buf, part: buf.append(part)),
    "add_component_inc": spelled("bool buf", lambda buf, inc, part: buf.append(part)),
    "add_component_at": spelled("int buf", lambda buf, k, part: buf.insert(k, part)),
    "add_component_inc_at": spelled("bool int buf", lambda buf, inc, k, part: buf.insert(k, part)),
    "add_components": spelled("bufs", appended),
    "add_components_inc": spelled("bool bufs", lambda buf, inc, parts: appended(buf, parts)),
    "add_components_at": spelled("int bufs", inserted),
    "add_flattened_components": spelled("bool buf", lambda buf, inc, part: buf.append(part)),
    "remove_component": spelled("int", lambda buf, k: buf.remove(k) and None),
    "remove_components": spelled("int int", removed),
    "consolidate": spelled("", lambda buf: buf.consolidate()),
    "consolidate_range": spelled("int int", lambda buf, k, count: buf.consolidate()),
    "max_num_components": spelled("", lambda buf: buf.max_num_components, "int"),
    "discard_read_components": spelled("", lambda buf: buf.discard_read_parts() and None),
    "component": spelled("int", lambda buf, k: nth(buf.parts(), k), "buf"),
    "component_at_offset": spelled("int", lambda buf, i: buf.part_at(i), "buf"),
    "component_bytes": spelled("int", lambda buf, k: nth(all_parts(buf), k), "hex"),
    "component_bytes_at_offset": spelled("int", lambda buf, i: all_parts(buf)[part_number(buf, i)], "hex"),
    "component_list": spelled("", all_parts, "list_hex"),
    "decompose": spelled("int int", lambda buf, i, n: segments(buf.slice(i, n)), "list_hex"),
    "to_component_index": spelled("int", part_number, "int"),
    "to_byte_index": spelled("int", lambda buf, k: nth([0, *ends(buf)], k), "int"),
    "num_components": spelled("", lambda buf: len(all_parts(buf)), "int"),
    # without a buffer
    "calculate_new_capacity": spelled("int int", lambda n, most: grown(zbuf.SystemAllocator(), n, most), "int"),
    "ensure_writable_success": spelled("int", lambda code: code in (0, 2), "bool"),
    "swap_short": spelled("int", lambda v: swapped(B.write_i16, B.read_i16_le, v), "int"),
    "swap_medium": spelled("int", lambda v: swapped(B.write_i24, B.read_i24_le, v), "int"),
    "swap_int": spelled("int", lambda v: swapped(B.write_i32, B.read_i32_le, v), "int"),
    "swap_long": spelled("int", lambda v: swapped(B.write_i64, B.read_i64_le, v), "int"),
}
