"""Every way to fail, for every method: what is raised, and that nothing has changed."""

import operator
import sys

import pytest

import zbuf
from calls import AT_ANY_TIME, CALLS, INTERNAL, PLAIN
from kinds import check, refused, state, unchanged
from test_numbers import NUMBERS

@pytest.mark.parametrize("kind", [zbuf.ByteBuf, zbuf.CompositeByteBuf])
def test_every_name_of_a_buffer_has_a_case_here(kind):
    assert set(dir(kind)) - PLAIN - INTERNAL - AT_ANY_TIME <= set(CALLS)


def test_a_released_handle_refuses_every_use(make):
    buf = make(b"\x01" * 8)
    known = set(dir(buf))
    buf.release()
    for name, call in CALLS.items():
        if name in known or name in ("__reversed__", "__bool__", "__buffer__"):
            with refused(zbuf.ReleasedError, "^this handle was released$", buf):
                call(buf)


@pytest.mark.parametrize("target", [zbuf.copied, lambda content: zbuf.wrap(bytearray(content), bytearray(1))],
                         ids=["one region", "composite"])
def test_a_released_handle_is_refused_as_an_argument(make, target):
    gone, buf = make(b"abc"), target(b"0123456789")
    buf.skip(4)
    gone.release()
    for call in (buf.write_bytes, buf.prepend_bytes, lambda x: buf.set_bytes(0, x), buf.find, buf.rfind, buf.index,
                 buf.count, buf.startswith, buf.endswith, buf.__contains__, buf.read_into, buf.__eq__, buf.__ne__,
                 lambda x: buf.startswith((x,)), lambda x: operator.setitem(buf, slice(0, 3), x), zbuf.copied,
                 zbuf.wrap, zbuf.CompositeByteBuf, bytearray):
        with refused(zbuf.ReleasedError, "^this handle was released$", buf, gone):
            call(gone)


def test_a_released_handle_still_tells_what_it_is(make):
    buf = make(b"abc")
    size = type(buf).__basicsize__
    buf.release()
    assert (buf.released, buf.refcnt, buf == buf, buf != buf) == (True, 0, True, False)
    assert (buf == 5, buf != "text", sys.getsizeof(buf)) == (False, True, size)
    assert repr(buf) == f"<zbuf.{type(buf).__name__} released>"
    assert buf.__exit__(None, None, None) is None
    buf._check()


@pytest.mark.parametrize("setter", ["reader_index", "writer_index", "capacity"])
def test_a_released_handle_takes_no_index(make, setter):
    buf = make(b"abc")
    buf.release()
    with refused(zbuf.ReleasedError, "^this handle was released$", buf):
        setattr(buf, setter, 0)


def changing_calls():
    """Calls that change bytes or room, with arguments that fit a writable buffer."""
    yield "ensure_writable", (0,)
    yield "ensure_writable", (1,)
    yield "reclaim", ()
    yield "write_bytes", (b"",)
    yield "write_bytes", (b"ab",)
    yield "write_bytes", (bytearray(b"ab"),)
    yield "write_bytes", (zbuf.EMPTY,)
    yield "set_bytes", (0, b"")
    yield "set_bytes", (0, b"ab")
    yield "prepend_bytes", (b"",)
    yield "prepend_bytes", (b"ab",)
    yield "write_zeros", (0,)
    yield "write_zeros", (2,)
    yield "set_zeros", (0, 2)
    yield "set_zeros", (0, 0)
    yield "write_str", ("",)
    yield "write_str", ("ab",)
    yield "write_str", ("ab", "ascii")
    yield "set_str", (0, "ab")
    yield "writable_view", (0,)
    yield "writable_view", (1,)
    yield "commit", (0,)
    yield "commit", (1,)
    yield "__setitem__", (0, 1)
    yield "__setitem__", (slice(0, 2), b"ab")
    yield "__setitem__", (slice(0, 0), b"")
    for kind in ("varint", "varint_u32", "svarint", "quic_varint"):
        yield f"write_{kind}", (1,)
    for number in NUMBERS:
        yield f"write_{number.name}", (1,)
        yield f"set_{number.name}", (0, 1)
        yield f"prepend_{number.name}", (1,)


def test_a_readonly_handle_refuses_every_change(make_readonly):
    buf = make_readonly(b"01234567" * 2)
    buf.skip(8)
    with unchanged(buf):
        for name, args in changing_calls():
            before = state(buf)
            try:
                getattr(buf, name)(*args)
            except zbuf.ReadOnlyError as error:
                assert str(error) == f"this handle of {buf.capacity} bytes is read-only"
            else:
                raise AssertionError(f"{name}{args} was not refused")
            assert state(buf) == before, name
        with refused(zbuf.ReadOnlyError, "is read-only", buf):
            buf.capacity = 1


def test_readonly_parts_of_a_composite_refuse_to_be_overwritten():
    part = b"0123456789"
    buf = zbuf.CompositeByteBuf(part, bytearray(part), coalesce=0)
    buf.skip(8)
    for call, args in ((buf.set_u8, (9, 1)), (buf.set_u16, (9, 1)), (buf.set_bytes, (5, b"0123456")), (buf.set_zeros, (0, 12)),
                       (buf.prepend_u8, (1,)), (buf.__setitem__, (0, 1)), (buf.__setitem__, (slice(1, 5), b"abcd")),
                       (buf.set_str, (2, "x")), (buf.prepend_bytes, (b"x",))):
        with refused(zbuf.ReadOnlyError, "^the [0-9]+ bytes at [0-9]+ are read-only$", buf):
            call(*args)
    buf.set_u64(10, 0)
    buf[2:] = b"!" * 10
    buf.write_u8(5)
    assert (part, bytes(buf)) == (b"0123456789", b"89!!!!!!!!!!\x05")


ODD_NUMBERS = [-1, -2, -(2**31), -(2**63), -(2**63) - 1, -(2**64), -(10**5000), 2**62, 2**63 - 2, 2**63 - 1,
               2**63, 2**64 - 1, 2**64, 10**5000]
NO_NUMBERS = [1.0, -1.5, float("nan"), "1", b"1", [], (), object(), 1j]

# Every parameter that is a size or an index: name, and the arguments with ... for it.
SIZES = [
    ("skip", (...,)), ("ensure_writable", (...,)), ("read_slice", (...,)), ("try_read_slice", (...,)),
    ("split_to", (...,)), ("slice", (..., 1)), ("slice", (0, ...)), ("slice", (...,)), ("slice", (3, ...)),
    ("copy", (..., 1)), ("copy", (0, ...)), ("copy", (...,)), ("read_bytes", (...,)), ("try_read_bytes", (...,)),
    ("peek_bytes", (...,)), ("peek_bytes", (1, ...)), ("peek_bytes", (..., 3)), ("get_bytes", (..., 1)),
    ("get_bytes", (0, ...)), ("get_bytes", (3, ...)), ("set_bytes", (..., b"ab")), ("write_zeros", (...,)),
    ("set_zeros", (..., 1)), ("set_zeros", (0, ...)), ("set_zeros", (3, ...)), ("read_str", (...,)),
    ("get_str", (..., 1)), ("get_str", (0, ...)), ("set_str", (..., "ab")), ("writable_view", (...,)),
    ("commit", (...,)), ("__setitem__", (..., 1)), ("__getitem__", (...,)), ("retain", (...,)), ("release", (...,)),
    *((f"peek_{number.name}", (...,)) for number in NUMBERS), *((f"get_{number.name}", (...,)) for number in NUMBERS),
    *((f"set_{number.name}", (..., 1)) for number in NUMBERS),
]
REFUSALS = (TypeError, ValueError, IndexError, OverflowError, MemoryError, zbuf.UnderflowError, zbuf.CapacityError,
            zbuf.ReadOnlyError, zbuf.ReleasedError)
NOTHING_THERE = ("try_read_slice", "try_read_bytes")   # these return None instead


def with_value(args, value):
    return tuple(value if arg is ... else arg for arg in args)


def test_no_size_or_index_is_too_odd_to_be_refused(make):
    buf = make(b"0123456789abcdef")
    buf.skip(2)
    before = state(buf)
    for name, args in SIZES:
        for value in ODD_NUMBERS:
            if name == "__getitem__" and value == -1 or name == "__setitem__" and -14 <= value < 0 and not buf.readonly:
                continue
            try:
                result = getattr(buf, name)(*with_value(args, value))
            except REFUSALS as error:
                assert len(str(error)) < 200
            else:
                if name in NOTHING_THERE:
                    assert result is None
                elif name == "retain":
                    assert result.release(value) is False
                else:
                    assert name == "__setitem__" or name == "__getitem__", (name, value, result)
            assert state(buf) == before, (name, args, value)
        for value in NO_NUMBERS:
            with pytest.raises(TypeError):
                getattr(buf, name)(*with_value(args, value))
            assert state(buf) == before, (name, args, value)
    check(buf)


def test_methods_take_their_arguments_by_position_and_no_others(make):
    buf = make(b"0123456789")
    for call in (lambda: buf.read_u8(1), lambda: buf.skip(), lambda: buf.skip(1, 2), lambda: buf.skip(size=1),
                 lambda: buf.get_bytes(0), lambda: buf.peek_u8(0, 1), lambda: buf.set_u8(0), lambda: buf.write_bytes(),
                 lambda: buf.find(), lambda: buf.find(b"", 0, 1, 2), lambda: buf.slice(1, 2, 3), lambda: buf.view(1),
                 lambda: buf.read_str(1, encoding="utf-8"), lambda: buf.retain(count=1), lambda: buf.read_prefixed(),
                 lambda: buf.length_prefixed(format="u8"), lambda: buf.read_prefixed("u8", False)):
        with refused(TypeError, None, buf):
            call()


def test_errors_are_found_under_the_names_that_python_gives_them():
    parents = {
        zbuf.ReleasedError: (ValueError,),
        zbuf.UnderflowError: (EOFError, IndexError),
        zbuf.CapacityError: (BufferError,),
        zbuf.ReadOnlyError: (TypeError,),
        zbuf.PoolExhaustedError: (MemoryError,),
        zbuf.TruncatedFileError: (EOFError,),
        zbuf.FileChangedError: (OSError,),
        zbuf.VarintError: (ValueError,),
        zbuf.LayoutError: (ValueError,),
        zbuf.FrameTooLongError: (ValueError,),
        zbuf.CorruptFrameError: (ValueError,),
        zbuf.ConcurrentUseError: (RuntimeError,),
        zbuf.CorruptMemoryError: (RuntimeError,),
    }
    named = {getattr(zbuf, name) for name in zbuf.errors.__all__}
    assert named == {*parents, zbuf.ZbufError}
    for error, built_in in parents.items():
        assert all(issubclass(error, parent) for parent in (zbuf.ZbufError, *built_in))
