"""A codec by someone who only has zbuf's wheel: records of a u16 key and a u32 value."""

from libc.stdint cimport uint32_t

from zbuf cimport *


def encode(ByteBuf out, dict records):
    for key, value in records.items():
        store_u16_be(out._room(2), key)
        store_u32_be(out._room(4), value)


def decode(ByteBuf buf):
    cdef dict records = {}
    while buf._r < buf._w:
        key = load_u16_be(buf._take(2))
        records[key] = load_u32_be(buf._take(4))
    return records


def value_at(ByteBuf buf, Py_ssize_t offset):
    return load_u32_be(buf._look(offset + 2, 4))


def double_value_at(ByteBuf buf, Py_ssize_t index):
    cdef unsigned char doubled[4]
    cdef uint32_t value = load_u32_be(buf._at(index + 2, 4))
    store_u32_be(doubled, 2 * value)
    buf._poke(index + 2, doubled, 4)


def is_composite(ByteBuf buf):
    return isinstance(buf, CompositeByteBuf)


def stored(number):
    """The number through every store and load, and the bytes in between."""
    cdef unsigned char p[8]
    seen = []
    store_u16_be(p, number); seen.append((p[:2], load_u16_be(p)))
    store_u16_le(p, number); seen.append((p[:2], load_u16_le(p)))
    store_u24_be(p, number); seen.append((p[:3], load_u24_be(p)))
    store_u24_le(p, number); seen.append((p[:3], load_u24_le(p)))
    store_u32_be(p, number); seen.append((p[:4], load_u32_be(p)))
    store_u32_le(p, number); seen.append((p[:4], load_u32_le(p)))
    store_u64_be(p, number); seen.append((p[:8], load_u64_be(p)))
    store_u64_le(p, number); seen.append((p[:8], load_u64_le(p)))
    store_f32_be(p, number); seen.append((p[:4], load_f32_be(p)))
    store_f32_le(p, number); seen.append((p[:4], load_f32_le(p)))
    store_f64_be(p, number); seen.append((p[:8], load_f64_be(p)))
    store_f64_le(p, number); seen.append((p[:8], load_f64_le(p)))
    return seen
