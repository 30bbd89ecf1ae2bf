"""What composites, and views, once did halfway when memory ran out."""

import pytest

import zbuf
from faults import each_fault, survives
from kinds import check, refused

pytestmark = pytest.mark.usefixtures("from_malloc")


def with_room(*parts):
    """A composite with room behind its writer."""
    buf = zbuf.CompositeByteBuf(*parts, coalesce=4)
    buf.ensure_writable(100)
    buf.set_bytes(buf.writer_index, b"room")
    return buf


def first_failure(buf, call):
    with refused(MemoryError, "^no memory for a new (ByteBuf|Window)$", buf), zbuf.testing.fail_after(1):
        call(buf)


def test_a_removed_part_that_finds_no_handle_leaves_the_room_behind_the_writer():
    buf = with_room(b"head", b"body")
    first_failure(buf, lambda buf: buf.remove(0))
    assert (bytes(buf.remove(0)), bytes(buf)) == (b"head", b"body")


def test_an_append_that_fails_at_a_later_piece_leaves_the_room_behind_the_writer():
    pieces = zbuf.CompositeByteBuf(*[b"one", b"more piece"] * 20, coalesce=0)
    for count in range(1, 41):
        source = pieces[: 13 * count // 2]
        survives(lambda: with_room(bytes(10), bytearray(10)), lambda buf: buf.append(source))


def test_a_view_that_cannot_be_made_makes_no_room():
    buf = zbuf.copied(b"abc")
    first_failure(buf, lambda buf: buf.writable_view(5000))
    assert buf.writable_view(5000).nbytes == 5000


def test_a_composite_that_is_made_once_more_appends_all_or_nothing():
    def more(buf):
        buf.__init__(b"small", bytes(700), zbuf.wrap(b"x" * 700, b"y"), bytearray(700), coalesce=30)

    for fault in each_fault():
        buf = zbuf.CompositeByteBuf(b"head")
        with fault:
            try:
                more(buf)
            except MemoryError:
                assert bytes(buf) == b"head" and buf.refcnt == 1
            else:
                assert len(buf) == 4 + 5 + 700 + 701 + 700
        check(buf)
