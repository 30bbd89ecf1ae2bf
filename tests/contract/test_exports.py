"""The buffer protocol: what a memoryview of a buffer shows, and how long."""

import array
import ctypes
import io
import pickle
import struct

import pytest

import zbuf
from kinds import KINDS, check, refused, unchanged

SIMPLE, WRITABLE, FORMAT, ND, STRIDES, INDIRECT = 0, 1, 4, 8, 16 | 8, 256 | 24
C_CONTIGUOUS, F_CONTIGUOUS, ANY_CONTIGUOUS, FULL_RO = 32 | 24, 64 | 24, 128 | 24, INDIRECT | FORMAT


class PyBuffer(ctypes.Structure):
    _fields_ = [
        ("buf", ctypes.c_void_p), ("obj", ctypes.c_void_p), ("len", ctypes.c_ssize_t),
        ("itemsize", ctypes.c_ssize_t), ("readonly", ctypes.c_int), ("ndim", ctypes.c_int),
        ("format", ctypes.c_char_p), ("shape", ctypes.POINTER(ctypes.c_ssize_t)),
        ("strides", ctypes.POINTER(ctypes.c_ssize_t)), ("suboffsets", ctypes.POINTER(ctypes.c_ssize_t)),
        ("internal", ctypes.c_void_p),
    ]


get_buffer = ctypes.pythonapi.PyObject_GetBuffer
get_buffer.argtypes = (ctypes.py_object, ctypes.POINTER(PyBuffer), ctypes.c_int)
release_buffer = ctypes.pythonapi.PyBuffer_Release
release_buffer.argtypes = (ctypes.POINTER(PyBuffer),)
release_buffer.restype = None

ONE_PIECE = [kind for kind in KINDS if not kind.pieces or kind.name in ("composite of one part", "composite written")]


@pytest.fixture(params=ONE_PIECE, ids=lambda kind: kind.name)
def make_one_piece(request):
    """Kinds whose readable bytes lie in one piece."""
    return request.param


def test_an_export_gives_what_was_asked_for_and_no_more(make_one_piece):
    for flags in (SIMPLE, FORMAT, ND, STRIDES, INDIRECT, C_CONTIGUOUS, F_CONTIGUOUS, ANY_CONTIGUOUS, FULL_RO, ND | FORMAT):
        buf, view = make_one_piece(b"0123456789"), PyBuffer()
        refs = buf.refcnt
        get_buffer(buf, view, flags)
        assert (view.len, view.itemsize, view.ndim, bool(view.readonly)) == (10, 1, 1, buf.readonly)
        assert view.obj == id(buf) and ctypes.string_at(view.buf, 10) == b"0123456789"
        assert view.format == (b"B" if flags & FORMAT else None)
        assert (view.shape[0] == 10) if flags & ND else not view.shape
        assert (view.strides[0] == 1) if flags & STRIDES == STRIDES else not view.strides
        assert not view.suboffsets
        check(buf)
        release_buffer(view)
        assert buf.refcnt == refs
        check(buf)


@pytest.mark.parametrize("flags", [WRITABLE, WRITABLE | FULL_RO, WRITABLE | C_CONTIGUOUS])
def test_a_writable_export_is_given_only_of_writable_bytes(make_one_piece, flags):
    buf, view = make_one_piece(b"0123456789"), PyBuffer()
    if buf.readonly:
        with refused(BufferError, "^these 10 bytes are read-only$", buf):
            get_buffer(buf, view, flags)
        assert not view.obj
        return
    get_buffer(buf, view, flags)
    assert not view.readonly
    ctypes.memset(view.buf, 0x41, 3)
    release_buffer(view)
    assert bytes(buf) == b"AAA3456789"


def test_a_memoryview_shows_the_readable_bytes(make_one_piece):
    buf = make_one_piece(b"0123456789")
    buf.skip(2)
    for view in (memoryview(buf), buf.view()):
        assert (view.tobytes(), view.nbytes, view.format, view.itemsize) == (b"23456789", 8, "B", 1)
        assert (view.ndim, view.shape, view.strides, view.suboffsets) == (1, (8,), (1,), ())
        assert view.contiguous and view.c_contiguous and view.f_contiguous
        assert (view.readonly, view.obj) == (buf.readonly, buf)
        assert view[1:3].tobytes() == b"34" and view.cast("H").tolist() == list(struct.unpack("4H", b"23456789"))
        view.release()
    check(buf)


def test_a_memoryview_of_nothing_is_empty(make):
    buf = make(b"")
    with memoryview(buf) as view:
        assert (view.tobytes(), view.shape) == (b"", (0,))
    check(buf)


def test_what_is_written_is_seen_through_the_view_and_back(make_one_piece):
    buf = make_one_piece(b"0123456789")
    if buf.readonly:
        with memoryview(buf) as view, refused(TypeError, "read-only", buf):
            view[0] = 1
        return
    with memoryview(buf) as view:
        view[0:2] = b"AB"
        buf[9] = 0x5A
        assert bytes(buf) == view.tobytes() == b"AB2345678Z"


def test_a_view_keeps_the_window_it_was_taken_of(make_one_piece):
    buf = make_one_piece(b"0123456789")
    view = buf.view()
    buf.skip(4)
    buf.writer_index -= 1
    assert (view.tobytes(), bytes(buf)) == (b"0123456789", b"45678")
    front = buf.split_to(2)
    assert (view.tobytes(), bytes(front)) == (b"0123456789", b"45")
    buf.clear()
    assert view.tobytes() == b"0123456789"
    view.release()
    check(buf, front)


def test_a_handle_may_be_released_under_its_view(make_one_piece):
    buf = make_one_piece(b"0123456789")
    view, second = buf.view(), memoryview(buf)[3:]
    buf.release()
    assert buf.released and view.tobytes() == b"0123456789" and second.tobytes() == b"3456789"
    check(buf)
    with pytest.raises(zbuf.ReleasedError):
        memoryview(buf)
    view.release()
    del view, buf
    assert bytes(second) == b"3456789"


def test_a_dropped_handle_is_kept_by_its_view(make_one_piece):
    view = memoryview(make_one_piece(b"0123456789"))
    assert view.obj.find(b"5") == 5
    assert view.tobytes() == b"0123456789"


def test_bytes_in_several_parts_have_no_single_view():
    buf = zbuf.CompositeByteBuf(b"head", bytearray(b"body"), coalesce=0)
    for call in (buf.view, lambda: memoryview(buf), lambda: get_buffer(buf, PyBuffer(), SIMPLE)):
        with refused(BufferError, r"^the 8 readable bytes lie in several parts: use views\(\), or consolidate", buf):
            call()
    assert [view.tobytes() for view in buf.views()] == [b"head", b"body"]
    assert [view.readonly for view in buf.views()] == [True, False]
    buf.skip(5)
    with memoryview(buf) as view:
        assert (view.tobytes(), view.readonly) == (b"ody", False)
    buf.reader_index = 1
    buf.consolidate()
    with memoryview(buf) as view:
        assert view.tobytes() == b"eadbody"
    check(buf)


def test_views_lie_end_to_end(make_pieces):
    buf = make_pieces(b"0123456789")
    buf.skip(1)
    refs = buf.refcnt
    views = buf.views()
    assert b"".join(view.tobytes() for view in views) == b"123456789"
    assert all(view.nbytes for view in views)
    assert [view.tobytes() for view in buf.views(1)] == [views[0].tobytes()]
    assert buf.views(0) == []
    with refused(ValueError, "negative", buf):
        buf.views(-1)
    check(buf)
    buf.release()
    assert b"".join(view.tobytes() for view in views) == b"123456789"
    assert refs >= 1


def test_a_writable_view_is_filled_and_committed(make_growable):
    buf = make_growable(b"head")
    for n in (0, 1, 10, 5000):
        before = buf.writer_index
        view = buf.writable_view(n)
        assert (view.nbytes, view.readonly, view.format, view.ndim, buf.writer_index) == (n, False, "B", 1, before)
        view[:] = b"x" * n
        view.release()
        assert buf.commit(n) is None
        assert buf.writer_index == before + n
        check(buf)
    assert bytes(buf) == b"head" + b"x" * 5011


def test_less_than_the_writable_view_may_be_committed(make_growable):
    buf = make_growable(b"head")
    with buf.writable_view(100) as view:
        n = io.BytesIO(b"0123456789").readinto(view)
        buf.commit(n)
        assert bytes(buf) == b"head0123456789"
    room = buf.writable_bytes()
    with refused(zbuf.CapacityError, f"^wanted room for {room + 1} bytes, {room} available$", buf):
        buf.commit(room + 1)
    buf.commit(0)
    buf.commit(room)
    check(buf)


def test_a_writable_view_outlives_its_handle(make_growable):
    buf = make_growable(b"head")
    view = buf.writable_view(10)
    buf.release()
    view[:] = b"0123456789"
    del buf
    assert view.tobytes() == b"0123456789"


def test_a_readonly_handle_has_no_writable_view(make_readonly):
    buf = make_readonly(b"0123456789")
    for n in (0, 1):
        with refused(zbuf.ReadOnlyError, "read-only", buf):
            buf.writable_view(n)
        with refused(zbuf.ReadOnlyError, "read-only", buf):
            buf.commit(n)


def test_a_window_made_by_hand_shows_nothing():
    buf = zbuf.copied(b"abc")
    with buf.writable_view(5) as view:
        kind = type(view.obj)
    with pytest.raises(BufferError, match="on no buffer"):
        memoryview(kind())
    assert list(type(iter(buf))()) == []
    assert type(iter(buf))().__length_hint__() == 0


def test_others_take_a_buffer_as_bytes(make_one_piece):
    buf = make_one_piece(b"01234567")
    with unchanged(buf):
        assert b"".join([buf, b"!", buf]) == b"01234567!01234567"
        assert bytearray(buf) == b"01234567" and b"x" + buf == b"x01234567"
        assert struct.unpack_from(">I", buf, 2) == struct.unpack_from(">I", b"01234567", 2)
        assert int.from_bytes(buf, "big") == int.from_bytes(b"01234567", "big")
        assert array.array("B", buf).tobytes() == b"01234567"
        out = io.BytesIO()
        assert out.write(buf) == 8 and out.getvalue() == b"01234567"
        assert str(buf, "ascii") == "01234567"
        assert b"a01234567b".find(buf) == 1
    if not buf.readonly:
        assert io.BytesIO(b"ABC").readinto(buf) == 3
        struct.pack_into(">H", buf, 4, 0x5859)
        assert bytes(buf) == b"ABC3XY67"


def test_pickle_takes_the_memory_out_of_band(make_one_piece):
    buf = make_one_piece(b"0123456789")
    pickled = []
    data = pickle.dumps(buf, protocol=5, buffer_callback=pickled.append)
    assert b"0123456789" not in data and len(pickled) == 1
    with pickled[0].raw() as raw:
        assert (raw.tobytes(), raw.readonly) == (b"0123456789", buf.readonly)
    back = pickle.loads(data, buffers=pickled)
    assert (bytes(back), back.readonly) == (b"0123456789", buf.readonly)
    if not buf.readonly:
        back[0] = 0x41
        assert buf[0] == 0x41
    check(buf, back)
    back.release()
    pickled[0].release()
