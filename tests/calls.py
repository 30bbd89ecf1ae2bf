"""How to call every public name of a buffer: what tests of all of them at once are made of."""

import copy
import operator
import pickle
import re

import zbuf

NUMBER = re.compile(r"(read|try_read|peek|get|set|write|prepend)_(?:bool|[uif]\d+)(?:_le)?")
ARGUMENTS = {"read": (), "try_read": (), "peek": (0,), "get": (0,), "set": (0, 1), "write": (1,), "prepend": (1,)}

# How to call every public name of a buffer, with arguments that give a live one
# of some bytes 1 something to do.
CALLS = {
    "reader_index": lambda buf: buf.reader_index,
    "writer_index": lambda buf: buf.writer_index,
    "capacity": lambda buf: buf.capacity,
    "max_capacity": lambda buf: buf.max_capacity,
    "readonly": lambda buf: buf.readonly,
    "readable_bytes": lambda buf: buf.readable_bytes(),
    "writable_bytes": lambda buf: buf.writable_bytes(),
    "clear": lambda buf: buf.clear(),
    "skip": lambda buf: buf.skip(9),
    "ensure_writable": lambda buf: buf.ensure_writable(5000),
    "reclaim": lambda buf: buf.reclaim(),
    "retain": lambda buf: buf.retain(),
    "release": lambda buf: buf.release(),
    "touch": lambda buf: buf.touch("here"),
    "retained_bytes": lambda buf: buf.retained_bytes(),
    "compact_if": lambda buf: buf.compact_if(1),
    "slice": lambda buf: buf.slice(1, 9),
    "duplicate": lambda buf: buf.duplicate(),
    "as_readonly": lambda buf: buf.as_readonly(),
    "read_slice": lambda buf: buf.read_slice(9),
    "try_read_slice": lambda buf: buf.try_read_slice(9),
    "split_to": lambda buf: buf.split_to(9),
    "copy": lambda buf: buf.copy(),
    "read_bytes": lambda buf: buf.read_bytes(9),
    "try_read_bytes": lambda buf: buf.try_read_bytes(9),
    "peek_bytes": lambda buf: buf.peek_bytes(9),
    "get_bytes": lambda buf: buf.get_bytes(1, 9),
    "read_into": lambda buf: buf.read_into(zbuf.buffer(0)),
    "write_bytes": lambda buf: buf.write_bytes(b"x" * 3000),
    "set_bytes": lambda buf: buf.set_bytes(1, zbuf.wrap(b"head", b"body")),
    "prepend_bytes": lambda buf: buf.prepend_bytes(zbuf.wrap(b"head", b"body")),
    "write_zeros": lambda buf: buf.write_zeros(5000),
    "set_zeros": lambda buf: buf.set_zeros(1, 9),
    "read_str": lambda buf: buf.read_str(9),
    "get_str": lambda buf: buf.get_str(buf.reader_index, 9),
    "write_str": lambda buf: buf.write_str("\xe9" * 2000),
    "set_str": lambda buf: buf.set_str(1, "abc"),
    "find": lambda buf: buf.find(b"\x01\x02"),
    "rfind": lambda buf: buf.rfind(b"\x01\x02"),
    "index": lambda buf: buf.index(b"\x01\x01"),
    "count": lambda buf: buf.count(b"\x01\x01"),
    "startswith": lambda buf: buf.startswith((b"\x02", b"\x01\x01")),
    "endswith": lambda buf: buf.endswith((b"\x02", b"\x01\x01")),
    "view": lambda buf: buf.view(),
    "writable_view": lambda buf: buf.writable_view(5000),
    "commit": lambda buf: buf.commit(0),
    "hexdump": lambda buf: buf.hexdump(),
    "set_indices": lambda buf: buf.set_indices(0, 1),
    "length_prefixed": lambda buf: buf.length_prefixed("u8"),
    "read_prefixed": lambda buf: buf.read_prefixed("u8"),
    "try_read_prefixed": lambda buf: buf.try_read_prefixed("u8"),
    "set_indices": lambda buf: buf.set_indices(1, 9),
    "__len__": len,
    "__bool__": bool,
    "__iter__": list,
    "__reversed__": lambda buf: list(reversed(buf)),
    "__bytes__": bytes,
    "__getitem__": lambda buf: buf[1:9],
    "__setitem__": lambda buf: operator.setitem(buf, slice(1, 5), b"abcd"),
    "__delitem__": lambda buf: operator.setitem(buf, slice(0, 0), b""),
    "__contains__": lambda buf: b"\x01\x02" in buf,
    "__eq__": lambda buf: buf == b"\x01" * 16,
    "__ne__": lambda buf: zbuf.EMPTY != buf,
    "__buffer__": memoryview,
    "__enter__": lambda buf: buf.__enter__(),
    "__copy__": copy.copy,
    "__deepcopy__": copy.deepcopy,
    "__reduce_ex__": lambda buf: pickle.dumps(buf, 5),
    "append": lambda buf: buf.append(zbuf.CompositeByteBuf(bytes(600), b"x", bytes(5000), bytearray(700))),
    "insert": lambda buf: buf.insert(1, b"x" * 600),
    "remove": lambda buf: buf.remove(0),
    "parts": lambda buf: buf.parts(),
    "part_at": lambda buf: buf.part_at(0),
    "views": lambda buf: buf.views(),
    "discard_read_parts": lambda buf: buf.discard_read_parts(),
    "consolidate": lambda buf: buf.consolidate(),
    **{f"read_{kind}": lambda buf, name=f"read_{kind}": getattr(buf, name)()
       for kind in ("varint", "varint_u32", "svarint", "quic_varint")},
    **{f"try_read_{kind}": lambda buf, name=f"try_read_{kind}": getattr(buf, name)()
       for kind in ("varint", "varint_u32", "svarint", "quic_varint")},
    **{f"write_{kind}": lambda buf, name=f"write_{kind}": getattr(buf, name)(1)
       for kind in ("varint", "varint_u32", "svarint", "quic_varint")},
    **{name: lambda buf, name=name, args=ARGUMENTS[found[1]]: getattr(buf, name)(*args)
       for name in dir(zbuf.ByteBuf) if (found := NUMBER.fullmatch(name))},
}

# What asks nothing of the memory, and so may be asked of a released handle.
AT_ANY_TIME = {"released", "refcnt", "_check"}
PLAIN = set(dir(type("Plain", (), {}))) - {"__eq__", "__ne__", "__reduce_ex__"} | {"__ge__", "__gt__", "__le__", "__lt__"}
INTERNAL = {"__exit__", "__release_buffer__", "__pyx_vtable__", "__test__", "__sizeof__"}
