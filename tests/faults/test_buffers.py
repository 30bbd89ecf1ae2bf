"""Every operation on every kind of buffer, without memory at every point."""

import pytest

import zbuf
from calls import AT_ANY_TIME, CALLS
from faults import survives

pytestmark = pytest.mark.usefixtures("from_malloc")

CONTENT = b"\x01" * 26
HEAD = zbuf.Layout(">IBH2x")
WIDE = zbuf.Layout(">300B")


def set_capacity(n):
    return lambda buf: setattr(buf, "capacity", n)


# What CALLS does not say: other arguments, and what others do with a buffer.
MORE = {
    "a larger capacity": set_capacity(5000),
    "a smaller capacity": set_capacity(3),
    "retain many": lambda buf: buf.retain(100),
    "write from several": lambda buf: buf.write_bytes(zbuf.wrap(b"x" * 3000, b"y", b"z" * 3000)),
    "write itself": lambda buf: buf.write_bytes(buf),
    "write text": lambda buf: buf.write_str("x" * 3000, "latin-1"),
    "read into a full one": lambda buf: buf.read_into(zbuf.wrap(bytearray(9))),
    "pickle out of band": lambda buf: buf.__reduce_ex__(5),
    "all of it": lambda buf: buf[:],
    "in itself": lambda buf: buf in buf,
    "a needle in parts": lambda buf: buf.rfind(zbuf.wrap(b"\x01", b"\x01")),
    "layout read": HEAD.read,
    "layout read many": lambda buf: HEAD.read_many(buf, 1),
    "layout get": lambda buf: HEAD.get(buf, 1),
    "layout try": WIDE.try_read,
    "layout write": lambda buf: WIDE.write(buf, *[1] * 300),
    "layout set": lambda buf: HEAD.set(buf, 0, 1, 2, 3),
    "copied": zbuf.copied,
    "wrapped": zbuf.wrap,
    "wrapped with others": lambda buf: zbuf.wrap(buf, b"x" * 1000, buf),
    "composite": lambda buf: zbuf.CompositeByteBuf(buf, b"x", buf, coalesce=7),
    "appended": lambda buf: zbuf.CompositeByteBuf(b"x").append(buf),
    "inserted": lambda buf: zbuf.CompositeByteBuf(b"x" * 1000).insert(0, buf),
    "queued": lambda buf: zbuf.OutboundBuffer().write(buf),
    "queued with others": lambda buf: zbuf.OutboundBuffer().writelines([b"x" * 5000, buf, bytearray(5000), buf]),
}
OF_COMPOSITES = {
    "append what is short": lambda buf: buf.append(b"short"),
    "append what is long": lambda buf: buf.append(bytes(5000)),
    "append short parts": lambda buf: buf.append(zbuf.wrap(b"short", b"pieces", b"of" * 300, b"bytes")),
    "append itself": lambda buf: buf.append(buf),
    "insert at the front": lambda buf: buf.insert(0, b"x"),
    "insert parts": lambda buf: buf.insert(1, zbuf.wrap(b"head", bytearray(700), b"tail")),
    "insert itself": lambda buf: buf.insert(1, buf),
    "remove the last": lambda buf: buf.remove(len(buf.parts()) - 1),
}


def whole(make):
    """With bytes before the reader."""
    buf = make(CONTENT)
    buf.skip(8)
    return buf


def shortened(make):
    """With bytes behind the writer too, which others may still look at."""
    buf = whole(make)
    buf.writer_index -= 8
    return buf


def calls_of(cls):
    """What can be done with buffers of this class, by name."""
    more = MORE | (OF_COMPOSITES if issubclass(cls, zbuf.CompositeByteBuf) else {})
    return {name: call for name, call in CALLS.items() if hasattr(cls, name) or name.startswith("__")} | more


@pytest.mark.parametrize("cls", [zbuf.ByteBuf, zbuf.CompositeByteBuf])
def test_every_public_name_of_a_buffer_is_called(cls):
    assert {name for name in dir(cls) if name[0] != "_"} - AT_ANY_TIME <= set(calls_of(cls))


@pytest.mark.parametrize(("layout", "times"), [(whole, 1), (whole, None), (shortened, 1)])
def test_without_memory_a_call_raises_and_changes_nothing(make, layout, times):
    for name, call in calls_of(type(make(b""))).items():
        try:
            survives(lambda: layout(make), call, times=(times,))
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error
