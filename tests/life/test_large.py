"""Indices beyond 2**32, over memory that is there only where it is touched."""

import mmap
import os
import socket
import tempfile

import pytest

import zbuf
from kinds import check

GIB = 1 << 30
SIZE = 32 * GIB
END = SIZE - 100                 # where a few bytes are written
CONTENT = b"needle in the hay"
NORESERVE = 0x4000               # MAP_NORESERVE


@pytest.fixture
def file():
    with tempfile.TemporaryFile() as file:
        file.truncate(SIZE)
        yield file


def mapped(file):
    with zbuf.FileRegion(file, 0) as region:
        return region.map(writable=True)


def anonymous(file):
    return zbuf.wrap(mmap.mmap(-1, SIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | NORESERVE))


def in_parts(file):
    with mapped(file) as whole:
        return zbuf.CompositeByteBuf(whole[: 5 * GIB], whole[5 * GIB : 5 * GIB + 7], whole[5 * GIB + 7 :])


@pytest.fixture(params=[mapped, anonymous, in_parts])
def large(request, file):
    with request.param(file) as buf:
        yield buf


def test_numbers_and_bytes_are_where_they_were_set(large):
    assert len(large) == large.capacity == large.writer_index == SIZE
    large.set_u64(5 * GIB + 3, 2**64 - 2)
    large.set_bytes(END, CONTENT)
    assert (large.get_u64(5 * GIB + 3), large.get_u32(GIB + 3), large.get_bytes(END, 6)) == (2**64 - 2, 0, b"needle")
    large.reader_index = END
    assert (large.read_bytes(6), large.read_u8(), large.reader_index) == (b"needle", ord(" "), END + 7)
    large.prepend_u16(0xBEEF)
    assert large.get_bytes(END, 9) == b"needl\xbe\xefin"
    large.skip(len(large))
    with pytest.raises(zbuf.UnderflowError, match=f"^wanted 1 bytes at {SIZE}, 0 readable$"):
        large.read_u8()
    with pytest.raises(IndexError, match=f"^1 bytes at {SIZE} are not inside the {SIZE} written ones$"):
        large.get_u8(SIZE)
    check(large)


def test_searches_find_them(large):
    large.set_bytes(END, CONTENT)
    assert large.find(b"hay", END - 5000) == END + 14
    assert large.find(ord("h"), END - 5000) == END + 11
    assert large.rfind(b"needle", END - 5000) == END
    assert large.find(b"needle", 31 * GIB, 31 * GIB + 5000) == -1
    assert large.count(b"n", END - 5000) == 2
    assert large[END : END + 6] == b"needle"
    assert large[END - SIZE] == ord("n")
    assert zbuf.Searcher(b"hay", b"?").find(large[END - 5000 :]) == (5014, 0)
    assert zbuf.Layout(">H").get(large, END) == (0x6E65,)


def test_slices_and_views_reach_them(large):
    large.set_bytes(END, CONTENT)
    with large.slice(6 * GIB, SIZE - 6 * GIB) as rest, rest.slice(END - 6 * GIB, 6) as word:
        assert (len(rest), bytes(word)) == (26 * GIB, b"needle")
    large.skip(6 * GIB)
    with large.duplicate() as twin:
        assert twin.split_to(20 * GIB).release() is False and twin.reader_index == 0
        assert twin.get_bytes(END - 26 * GIB, 6) == b"needle"
    with large.slice(6 * GIB, SIZE - 6 * GIB) as rest, rest.view() as view:
        assert view.nbytes == 26 * GIB and bytes(view[END - 6 * GIB :][:6]) == b"needle"


def test_a_composite_of_large_parts_adds_their_sizes(large):
    large.set_bytes(END, CONTENT)
    with zbuf.CompositeByteBuf(large, b"between" * 200, large.slice(4 * GIB, 28 * GIB)) as both:
        second = SIZE + 1400
        assert len(both) == second + 28 * GIB
        assert both.get_bytes(SIZE - 1, 8) == b"\0between" and both.get_bytes(second - 1, 2) == b"n\0"
        assert both.get_bytes(second + END - 4 * GIB, 6) == b"needle"
        assert both.find(b"needle", second + END - 4 * GIB - 3000) == second + END - 4 * GIB
        assert len(both.part_at(second)) in (28 * GIB, GIB)
        both.skip(SIZE + 700)
        assert both.discard_read_parts() == SIZE
        assert both.get_bytes(1400 + END - 4 * GIB, 6) == b"needle"
        check(both)


def test_a_large_region_is_sent_from_beyond_4_gib(file):
    os.pwrite(file.fileno(), CONTENT, END)
    ours, theirs = socket.socketpair()
    with ours, theirs, zbuf.OutboundBuffer() as queue, zbuf.FileRegion(file, 5) as region:
        queue.writelines([region[END - 5 : END + 1], region])
        assert queue.pending_bytes == SIZE + 1
        assert queue.flush_to(ours, max_bytes=10).sent == 10
        assert theirs.recv(100) == b"needle" + bytes(4)
        assert queue.pending_bytes == SIZE - 9


def test_a_write_behind_4_gib_of_a_buffer_that_may_grow_is_refused_without_memory(file):
    with mapped(file) as large, zbuf.SystemAllocator(max_live=1 << 20) as allocator, allocator.buffer(10) as buf:
        with pytest.raises(zbuf.PoolExhaustedError, match=f"^wanted {SIZE} bytes, 10 of at most {1 << 20} are live$"):
            buf.write_bytes(large)
        assert (len(buf), buf.capacity) == (0, 10)
