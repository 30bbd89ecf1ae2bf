"""Other handles on the same memory, and how long the memory lives."""

import gc
import sys
import weakref

import pytest

import zbuf
from kinds import check, refused, unchanged
from zbuf import _foreign

VIEWS = {
    "slice": lambda buf: buf.slice(),
    "slice by index": lambda buf: buf.slice(buf.reader_index, len(buf)),
    "duplicate": lambda buf: buf.duplicate(),
    "subscript": lambda buf: buf[:],
    "read_slice": lambda buf: buf.duplicate().read_slice(len(buf)),
    "wrap": zbuf.wrap,
}


@pytest.fixture(params=VIEWS.values(), ids=VIEWS)
def view_of(request):
    return request.param


def test_a_view_shows_the_same_bytes_and_has_indices_of_its_own(make, view_of):
    buf = make(b"0123456789")
    with unchanged(buf):
        view = view_of(buf)
        assert bytes(view) == b"0123456789"
        check(view)
        view.skip(3)
        view.writer_index -= 2
        assert (bytes(view), bytes(buf)) == (b"34567", b"0123456789")
        view.release()


def test_what_is_set_through_one_handle_is_seen_through_the_other(make_writable, view_of):
    buf = make_writable(b"0123456789")
    view = view_of(buf)
    buf[2] = 0x41
    assert view[2] == 0x41
    view[8:] = b"YZ"
    assert bytes(buf) == bytes(view) == b"01A34567YZ"
    check(buf, view)


def test_a_view_outlives_its_parent_and_the_parent_its_view(make, view_of):
    buf = make(b"0123456789")
    view = view_of(buf)
    buf.release()
    assert (bytes(view), view.released, buf.released) == (b"0123456789", False, True)
    again = view_of(view)
    del view, buf
    assert bytes(again) == b"0123456789"
    check(again)


def test_a_slice_is_what_it_was_cut_from_and_fixed(make):
    buf = make(b"0123456789")
    at, written = buf.reader_index, buf.writer_index
    for k in range(11):
        for n in range(11 - k):
            part = buf.slice(at + k, n)
            assert bytes(part) == b"0123456789"[k : k + n]
            assert (part.reader_index, part.writer_index, part.capacity, part.max_capacity) == (0, n, n, n)
            check(part)
    assert bytes(buf.slice(at + 4)) == b"456789"
    assert bytes(buf.slice(None, 3)) == b"012"
    assert len(buf.slice(written)) == len(buf.slice(written, 0)) == 0
    for index, size in ((written + 1, 0), (written - 1, 2), (-1, 0), (0, written + 1), (2**63 - 1, 2**63 - 1),
                        (1, 2**63 - 1), (2**64, 1), (-(2**64), 5)):
        with refused(IndexError, f"are not inside the {written} written ones", buf):
            buf.slice(index, size)
        with refused(IndexError, f"are not inside the {written} written ones", buf):
            buf.copy(index, size)
    for index in (written + 1, 2**63 - 1, 2**64, -1, -(2**64)):
        with refused(IndexError, "^[0-9]+ bytes at -?[0-9]+ are not inside the", buf):
            buf.slice(index)


def test_a_slice_reaches_consumed_bytes_but_not_unwritten_ones(make):
    buf = make(b"0123456789")
    at = buf.reader_index
    buf.skip(5)
    assert bytes(buf.slice(at, 3)) == b"012"
    buf.writer_index -= 1
    with refused(IndexError, "are not inside", buf):
        buf.slice(at, 10)


def test_a_slice_of_a_readonly_handle_is_readonly(make_readonly, view_of):
    view = view_of(make_readonly(b"0123456789"))
    assert view.readonly and view[2:4].readonly and view.as_readonly().readonly
    with refused(zbuf.ReadOnlyError, "read-only", view):
        view.set_u8(0, 1)


def test_a_readonly_handle_refuses_to_write_and_shows_what_others_write(make_writable):
    buf = make_writable(b"0123456789")
    view = buf.as_readonly()
    assert (view.readonly, buf.readonly) == (True, False)
    assert (view.reader_index, view.writer_index, view.capacity) == (buf.reader_index, buf.writer_index, buf.capacity)
    buf[0] = 0x41
    assert view[0] == 0x41
    with refused(zbuf.ReadOnlyError, "read-only", buf, view):
        view[0] = 0
    assert view.slice().readonly and view.duplicate().readonly and view.read_slice(1).readonly
    assert view.split_to(1).readonly and view.readonly
    assert not view.copy().readonly
    check(view, buf)


def test_a_readonly_copy_is_writable(make):
    buf = make(b"0123456789")
    copy = buf.copy()
    copy[0] = 0x41
    assert (bytes(copy), bytes(buf), copy.readonly) == (b"A123456789", b"0123456789", False)
    check(copy)


def test_a_copy_has_its_own_memory(make_writable):
    buf = make_writable(b"0123456789")
    at = buf.reader_index
    copy, part = buf.copy(), buf.copy(at + 2, 3)
    assert (bytes(copy), bytes(part)) == (b"0123456789", b"234")
    assert (part.reader_index, part.capacity, part.max_capacity) == (0, 3, buf.max_capacity)
    buf.set_zeros(at, 10)
    assert (bytes(copy), bytes(part)) == (b"0123456789", b"234")
    assert bytes(buf.copy(at + 4)) == bytes(6) and bytes(buf.copy(None, 1)) == bytes(1)
    copy.release()
    check(buf, part)


def test_read_slice_moves_the_reader(make):
    buf = make(b"0123456789")
    at = buf.reader_index
    parts = [buf.read_slice(n) for n in (0, 1, 2, 3)] + [buf.try_read_slice(4), buf.try_read_slice(0)]
    assert [bytes(part) for part in parts] == [b"", b"0", b"12", b"345", b"6789", b""]
    assert (buf.reader_index, buf.try_read_slice(1)) == (at + 10, None)
    check(buf, *parts)
    buf.release()
    assert [bytes(part) for part in parts] == [b"", b"0", b"12", b"345", b"6789", b""]


def test_split_to_cuts_a_buffer_in_two(make):
    for n in range(11):
        buf = make(b"0123456789")
        at, capacity, most, readonly = buf.reader_index, buf.capacity, buf.max_capacity, buf.readonly
        front = buf.split_to(n)
        assert (bytes(front), bytes(buf)) == (b"0123456789"[:n], b"0123456789"[n:])
        assert (buf.reader_index, buf.writer_index) == (0, 10 - n)
        assert (front.reader_index, front.capacity, front.max_capacity) == (0, n, n)
        assert buf.capacity == capacity - at - n
        assert buf.max_capacity == (most if most == 2**63 - 1 else most - at - n)
        assert buf.readonly == readonly
        check(buf, front)
        front.release()
        assert bytes(buf) == b"0123456789"[n:]


def test_both_halves_of_a_split_go_on_by_themselves(make_mutable):
    buf = make_mutable(b"0123456789")
    front = buf.split_to(4)
    buf.write_bytes(b"more")
    with refused(zbuf.CapacityError, "0 available", front):
        front.write_u8(1)
    assert (bytes(front), bytes(buf)) == (b"0123", b"456789more")
    second = buf.split_to(2)
    buf.write_bytes(b"!" * 500)
    assert (bytes(front), bytes(second), bytes(buf)) == (b"0123", b"45", b"6789more" + b"!" * 500)
    check(buf, front, second)


def test_references_are_counted(make):
    buf = make(b"0123456789")
    start = buf.refcnt
    assert start >= 1
    assert buf.retain() is buf and buf.refcnt == start + 1
    assert buf.retain(3) is buf and buf.refcnt == start + 4
    assert buf.release() is False and buf.release(2) is False and buf.release() is False
    assert (buf.refcnt, buf.released) == (start, False)
    check(buf)
    buf.release()
    assert (buf.refcnt, buf.released) == (0, True)
    check(buf)


def test_every_handle_counts_for_the_memory(make_whole):
    buf = make_whole(b"0123456789")
    start = buf.refcnt
    handles = [buf[1:], buf.duplicate(), buf.as_readonly(), buf.slice(), memoryview(buf), buf.view()]
    assert buf.refcnt == start + 6 and handles[0].refcnt == start + 6
    check(buf, *handles[:4])
    while handles:
        handles.pop().release()
        assert buf.refcnt == start + len(handles)
    buf[2:]
    assert buf.refcnt == start
    assert buf.release() is True


def test_only_the_last_reference_gives_the_memory_back(make_whole):
    buf = make_whole(b"0123456789")
    part, view = buf[3:], buf.view()
    assert (buf.release(), part.release()) == (False, False)
    assert view.tobytes() == b"0123456789"
    view.release()
    buf = make_whole(b"0123456789")
    twin = buf.duplicate().retain(2)
    assert (buf.release(), twin.release(2), twin.refcnt, twin.release()) == (False, False, 1, True)


def test_a_release_too_many_changes_nothing(make):
    buf = make(b"0123456789").retain(2)
    for n in (4, 5, 2**31, 2**63 - 1, 2**64, 10**5000):
        with refused(zbuf.ReleasedError, "^release of [0-9]+ references, this handle holds 3$", buf):
            buf.release(n)
    for n in (0, -1, -(2**64)):
        with refused(ValueError, "^release gives back 1 reference or more, not (0|-[0-9]+)$", buf):
            buf.release(n)
        with refused(ValueError, "^retain takes 1 reference or more, not (0|-[0-9]+)$", buf):
            buf.retain(n)
    for n in (2**31 - 3, 2**31, 2**63 - 1, 2**64):
        with refused(OverflowError, "references beyond the 3 held are more than 2147483647", buf):
            buf.retain(n)
    for wrong in (1.0, "1", None):
        with refused(TypeError, None, buf):
            buf.retain(wrong)
        with refused(TypeError, None, buf):
            buf.release(wrong)
    buf.release(3)
    for n in (1, 2):
        with pytest.raises(zbuf.ReleasedError, match="^this handle was released$"):
            buf.release(n)
    with pytest.raises(zbuf.ReleasedError):
        buf.retain()


def test_a_handle_holds_two_thousand_million_references_and_no_more(make):
    buf = make(b"abc")
    buf.retain(2**31 - 2)
    with refused(OverflowError, "1 references beyond the 2147483647 held", buf):
        buf.retain()
    assert buf.release(2**31 - 2) is False
    buf.release()
    assert buf.released


def test_retained_references_go_along_when_the_memory_moves(make_growable):
    buf = make_growable(b"0123456789").retain(2)
    buf.write_bytes(b"x" * 5000)
    check(buf)
    assert (buf.release(), buf.release(), buf.released) == (False, False, False)
    assert bytes(buf) == b"0123456789" + b"x" * 5000
    buf.release()
    assert buf.released


def test_a_dropped_handle_gives_its_references_back(make_whole):
    buf = make_whole(b"0123456789")
    start = buf.refcnt
    part = buf[1:].retain(5)
    assert buf.refcnt == start + 6
    del part
    assert buf.refcnt == start


def test_with_releases_at_its_end(make):
    with make(b"abc") as buf:
        assert bytes(buf) == b"abc"
    assert buf.released
    with pytest.raises(KeyError), make(b"abc") as buf:
        raise KeyError
    assert buf.released
    with make(b"abc") as buf:
        buf.release()
    with make(b"abc").retain() as buf:
        pass
    assert not buf.released
    buf.release()
    with pytest.raises(zbuf.ReleasedError), buf:
        raise KeyError


def test_wrapped_memory_is_held_until_the_last_handle_goes():
    class Owner(bytearray):
        pass

    owner = Owner(b"0123456789")
    gone = weakref.ref(owner)
    before = _foreign.live_foreign_blocks()
    buf = zbuf.wrap(owner)
    assert _foreign.live_foreign_blocks() == before + 1
    part = buf[2:5]
    view = part.view()
    del owner
    buf.release()
    del buf, part
    gc.collect()
    assert gone() is not None and view.tobytes() == b"234"
    view.release()
    del view
    assert gone() is None
    assert _foreign.live_foreign_blocks() == before


def test_a_bytearray_keeps_its_size_while_it_is_wrapped():
    owner = bytearray(b"0123456789")
    buf = zbuf.wrap(owner)
    part = buf[3:]
    for resize in (lambda: owner.append(1), owner.clear, lambda: owner.extend(b"x"), lambda: owner.__delitem__(0)):
        with refused(BufferError, "cannot be re-sized", buf, part):
            resize()
    buf.release()
    with refused(BufferError, "cannot be re-sized", part):
        owner.append(1)
    part.release()
    owner.append(1)
    assert owner == b"0123456789\x01"


def test_wrapped_memory_is_shared_in_both_directions():
    owner = bytearray(b"0123456789")
    buf = zbuf.wrap(owner)
    owner[0] = 0x41
    buf.set_u8(9, 0x5A)
    assert bytes(buf) == owner == b"A12345678Z"
    composite = zbuf.wrap(owner, b"!", owner)
    owner[1] = 0x42
    composite.set_u8(13, 0x43)
    assert bytes(composite) == b"ABC345678Z!ABC345678Z"


def test_what_cannot_be_wrapped_is_refused():
    for wrong, error in (("text", TypeError), (5, TypeError), (None, TypeError), ([], TypeError),
                         (memoryview(b"abcdef")[::2], BufferError)):
        for call in (zbuf.wrap, zbuf.copied, lambda x: zbuf.wrap(b"ok", x), zbuf.CompositeByteBuf):
            with pytest.raises(error):
                call(wrong)
    gone = zbuf.copied(b"abc")
    gone.release()
    for call in (zbuf.wrap, zbuf.copied, lambda x: zbuf.wrap(b"ok", x), zbuf.CompositeByteBuf):
        with pytest.raises(zbuf.ReleasedError):
            call(gone)


if sys.version_info >= (3, 12):

    @pytest.mark.parametrize("error", [BufferError, TypeError, ValueError])
    def test_an_exporter_that_refuses_writers_is_wrapped_read_only(error):
        class Exporter:
            def __buffer__(self, flags):
                if flags & 1:
                    raise error("read-only")
                return memoryview(b"0123456789")

        buf = zbuf.wrap(Exporter())
        assert (bytes(buf), buf.readonly) == (b"0123456789", True)

    def test_the_error_of_an_exporter_is_passed_on():
        class Exporter:
            def __buffer__(self, flags):
                raise KeyError("mine")

        for call in (zbuf.wrap, zbuf.copied, zbuf.CompositeByteBuf, zbuf.copied(b"abc").write_bytes):
            with pytest.raises(KeyError, match="mine"):
                call(Exporter())


def test_the_empty_buffer_is_never_closed():
    before = zbuf.EMPTY.refcnt
    with zbuf.EMPTY as buf:
        assert (len(buf), buf.capacity, buf.max_capacity, buf.readonly) == (0, 0, 0, True)
        assert buf.retain(5) is buf
    for _ in range(3):
        assert zbuf.EMPTY.release() is False
    with refused(zbuf.ReleasedError, "this handle holds 1", zbuf.EMPTY):
        zbuf.EMPTY.release(2)
    twin = zbuf.EMPTY.duplicate()
    twin.release()
    assert (twin.released, zbuf.EMPTY.released, zbuf.EMPTY.refcnt) == (True, False, before)
    with refused(zbuf.ReadOnlyError, "read-only", zbuf.EMPTY):
        zbuf.EMPTY.write_u8(1)
    with zbuf.EMPTY.copy() as copy, zbuf.EMPTY.slice() as part, zbuf.EMPTY.split_to(0) as front:
        assert bytes(copy) == bytes(part) == bytes(front) == bytes(zbuf.EMPTY) == b""
    assert zbuf.EMPTY.view().tobytes() == b"" and zbuf.EMPTY.find(b"") == 0
    check(zbuf.EMPTY)


def test_a_buffer_is_not_made_by_calling_its_class():
    with pytest.raises(TypeError, match="ByteBuf is not made directly: use zbuf.buffer, wrap or copied"):
        zbuf.ByteBuf()
    buf = zbuf.copied(b"abc")
    with refused(TypeError, "is not made directly", buf):
        buf.__init__()
    blank = zbuf.ByteBuf.__new__(zbuf.ByteBuf)
    assert blank.released and repr(blank) == "<zbuf.ByteBuf released>"
    check(blank)
