"""Where the reader and the writer stand, and what moves them."""

import pytest

import zbuf
from kinds import check, refused, unchanged


def test_the_readable_bytes_lie_between_the_indices(make):
    buf = make(b"0123456789")
    assert 0 <= buf.reader_index <= buf.writer_index <= buf.capacity <= buf.max_capacity
    assert buf.readable_bytes() == len(buf) == buf.writer_index - buf.reader_index == 10
    assert buf.writable_bytes() == buf.capacity - buf.writer_index


def test_the_reader_goes_anywhere_up_to_the_writer(make):
    buf = make(b"0123456789")
    start = buf.reader_index
    for k in (10, 0, 7, 3, 4, 9, 1):
        buf.reader_index = start + k
        assert (buf.reader_index, bytes(buf)) == (start + k, b"0123456789"[k:])
        check(buf)


def test_the_reader_goes_nowhere_else(make):
    buf = make(b"0123456789")
    written = buf.writer_index
    for index, named in ((-1, "-1"), (written + 1, str(written + 1)), (-(2**200), "-9223372036854775808")):
        with refused(IndexError, rf"reader_index {named} is outside 0 \.\. {written}", buf):
            buf.reader_index = index


def test_the_writer_goes_anywhere_between_reader_and_capacity(make):
    buf = make(b"0123456789")
    start, end = buf.reader_index, buf.writer_index
    for index in (start, end - 1, buf.capacity, start + 5, end):
        buf.writer_index = index
        assert (buf.writer_index, len(buf)) == (index, index - start)
        assert bytes(buf)[:10] == b"0123456789"[: index - start]
        check(buf)


def test_the_writer_goes_nowhere_else(make):
    buf = make(b"0123456789")
    buf.skip(1)
    start, capacity = buf.reader_index, buf.capacity
    for index in (start - 1, -1, capacity + 1, 2**63, 2**64):
        with refused(IndexError, rf"is outside {start} \.\. {capacity}", buf):
            buf.writer_index = index


def test_both_indices_go_at_once_past_where_the_other_was(make):
    buf = make(b"0123456789")
    start = buf.reader_index
    for reader, writer in ((6, 9), (0, 3), (4, 10), (3, 3), (10, 10), (0, 10)):
        buf.set_indices(start + reader, start + writer)
        assert (buf.reader_index, buf.writer_index) == (start + reader, start + writer)
        assert bytes(buf) == b"0123456789"[reader:writer]
        check(buf)


def test_of_two_indices_out_of_order_or_place_neither_moves(make):
    buf = make(b"0123456789")
    capacity = buf.capacity
    for reader, writer in ((5, 4), (-1, 4), (0, capacity + 1), (capacity + 1, capacity + 1), (0, -1), (2**64, 2**64)):
        with refused(IndexError, rf"are not in order inside 0 \.\. {capacity}", buf):
            buf.set_indices(reader, writer)
    with refused(TypeError, None, buf):
        buf.set_indices(0, 1.0)


def test_indices_are_whole_numbers(make):
    buf = make(b"0123456789")
    for wrong in (1.0, "1", None, b"1", []):
        for name in ("reader_index", "writer_index"):
            with refused(TypeError, None, buf):
                setattr(buf, name, wrong)


def test_an_index_cannot_be_deleted(make):
    buf = make(b"abc")
    for name in ("reader_index", "writer_index", "capacity", "max_capacity", "refcnt"):
        with unchanged(buf), pytest.raises((AttributeError, TypeError, NotImplementedError)):
            delattr(buf, name)


def test_what_is_only_told_cannot_be_set(make):
    buf = make(b"abc")
    for name in ("max_capacity", "readonly", "released", "refcnt", "unheard_of"):
        with refused(AttributeError, None, buf):
            setattr(buf, name, 1)


def test_clear_puts_both_indices_to_0_and_keeps_the_memory(make):
    buf = make(b"0123456789")
    end, capacity, written = buf.writer_index, buf.capacity, buf.get_bytes(0, buf.writer_index)
    buf.clear()
    assert (buf.reader_index, buf.writer_index, buf.capacity) == (0, 0, capacity)
    check(buf)
    buf.writer_index = end
    assert bytes(buf) == written
    check(buf)


def test_skip_moves_the_reader(make):
    buf = make(b"0123456789")
    for n in (0, 1, 2, 0, 3, 4):
        before = buf.reader_index
        buf.skip(n)
        assert buf.reader_index == before + n
        check(buf)
    assert bytes(buf) == b""
    with refused(zbuf.UnderflowError, f"wanted 1 bytes at {buf.reader_index}, 0 readable", buf):
        buf.skip(1)


def test_readonly_tells_whether_writes_are_refused(make_readonly):
    buf = make_readonly(b"abc")
    assert buf.readonly
    with refused(zbuf.ReadOnlyError, "is read-only", buf):
        buf.write_u8(1)


def test_what_takes_writes_is_not_readonly(make_writable):
    assert not make_writable(b"abc").readonly


def test_what_is_fixed_ends_at_its_content(make_fixed):
    buf = make_fixed(b"abc")
    assert buf.capacity == buf.max_capacity == buf.writer_index
    with refused(zbuf.CapacityError, "wanted room for 1 bytes, 0 available", buf):
        buf.write_u8(1)
