"""What only a composite does: parts, and how they come and go."""

import pytest

import zbuf
from kinds import JUNK, check, refused, shared, spans, unchanged


def test_what_is_appended_is_readable_and_stays_the_callers(make_pieces, make):
    buf = make_pieces(b"head")
    if buf.readonly:
        with refused(zbuf.ReadOnlyError, "read-only", buf):
            buf.append(b"x")
        return
    if buf.max_capacity < 100:
        with refused(zbuf.CapacityError, "^wanted room for 4 bytes, 0 available$", buf):
            buf.append(b"body")
        return
    body = make(b"body")
    refs, at = body.refcnt, buf.writer_index
    assert buf.append(body) is None
    assert (bytes(buf), buf.writer_index, bytes(body)) == (b"headbody", at + 4, b"body")
    assert body.refcnt in (refs, refs + 1)
    body.release()
    assert bytes(buf) == b"headbody"
    buf.append(b"")
    buf.append(zbuf.EMPTY)
    buf.append(b"!" * 1000)
    assert bytes(buf) == b"headbody" + b"!" * 1000
    check(buf)


@pytest.mark.parametrize("coalesce, copies", [(0, False), (4, False), (5, True), (512, True)])
def test_short_pieces_are_copied_and_longer_ones_shared(coalesce, copies):
    buf, piece = zbuf.CompositeByteBuf(coalesce=coalesce), zbuf.copied(b"abcd")
    buf.append(piece)
    buf.append(piece)
    assert piece.refcnt == (1 if copies else 3)
    assert len(buf.parts()) == (1 if copies else 2)
    piece[0] = 0x41
    assert bytes(buf) == (b"abcdabcd" if copies else b"AbcdAbcd")


def test_many_appends_are_kept_apart_and_found_again():
    buf = shared([k.to_bytes(2, "big") for k in range(10_000)])
    assert len(buf.parts()) == 10_000
    for k in (0, 9_999, 5_000, 5_001, 4_999, 1):
        assert buf.get_u16(2 * k) == k
    assert buf.get_u32(2 * 77) == (77 << 16) + 78
    assert [buf.read_u16() for _ in range(5_000)] == list(range(5_000))
    assert buf.discard_read_parts() == 10_000
    assert (buf.reader_index, len(buf.parts()), buf.read_u16()) == (0, 5_000, 5_000)
    assert len(buf.views()) == 1024 and len(buf.views(10_000)) == 4_999
    check(buf)


def test_a_composite_is_appended_to_itself():
    buf = zbuf.CompositeByteBuf(b"ab", b"cd", coalesce=0)
    buf.append(buf)
    buf.append(buf)
    assert bytes(buf) == b"abcd" * 4
    buf = zbuf.CompositeByteBuf(b"ab", b"cd")
    for _ in range(10):
        buf.append(buf)
    assert bytes(buf) == b"abcd" * 1024
    buf.insert(0, buf)
    assert bytes(buf) == b"abcd" * 2048
    check(buf)


def test_a_part_is_inserted_anywhere_and_an_index_stays_with_its_byte():
    for k in range(4):
        for r in range(7):
            buf = zbuf.CompositeByteBuf(b"ab", b"cd", b"ef", coalesce=0)
            buf.reader_index = r
            buf.insert(k, b"XYZ")
            whole = b"abcdef"[: 2 * k] + b"XYZ" + b"abcdef"[2 * k :]
            assert buf.get_bytes(0, 9) == whole
            assert buf.reader_index == (r + 3 if 2 * k < r else r)
            assert [len(part) for part in buf.parts()] == [2] * k + [3] + [2] * (3 - k)
            check(buf)


def test_many_parts_are_inserted_at_once():
    buf = shared(spans(b"0123456789", 2))
    buf.insert(3, shared(spans(b"abcdefghij", 1)))
    assert bytes(buf) == b"012345abcdefghij6789" and len(buf.parts()) == 15
    buf.insert(0, zbuf.EMPTY)
    buf.insert(15, b"!")
    assert bytes(buf) == b"012345abcdefghij6789!"
    check(buf)


def test_a_part_is_taken_out_with_its_bytes():
    for k in range(3):
        for r in range(7):
            buf = zbuf.CompositeByteBuf(b"ab", bytearray(b"cd"), b"ef", coalesce=0)
            buf.reader_index = r
            part = buf.remove(k)
            assert bytes(part) == b"abcdef"[2 * k : 2 * k + 2] and part.readonly == (k != 1)
            assert buf.get_bytes(0, 4) == b"abcdef"[: 2 * k] + b"abcdef"[2 * k + 2 :]
            assert buf.reader_index == r - min(max(r - 2 * k, 0), 2)
            check(buf, part)


def test_a_part_that_is_not_there_is_refused(make_pieces):
    buf = make_pieces(b"0123456789")
    buf.writer_index -= 1
    count = len(buf.parts())
    error = zbuf.ReadOnlyError if buf.readonly else IndexError
    for k in (-1, count, 2**63 - 1, 2**64, -(2**64), 10**5000):
        with refused(error, None if buf.readonly else f"^part -?[0-9]+ is not one of {count}$", buf):
            buf.remove(k)
    for k in (-1, count + 1, 2**64, -(2**64)):
        with refused(error, None if buf.readonly else f"^part -?[0-9]+ is not one of {count}$", buf):
            buf.insert(k, b"x")
    for index in (-1, buf.writer_index, 2**64, -(2**64)):
        with refused(IndexError, "are not inside the", buf):
            buf.part_at(index)
    for wrong in ("0", 1.0, None):
        with refused(TypeError, None, buf):
            buf.remove(wrong)
        with refused(TypeError, None, buf):
            buf.insert(wrong, b"x")
        with refused(TypeError, None, buf):
            buf.part_at(wrong)


def test_pieces_beyond_the_limit_of_a_slice_are_refused_together():
    whole = zbuf.CompositeByteBuf(b"head", b"body", coalesce=0)
    buf, pieces = whole[:], shared([b"ab", b"cd", b"ef"])
    buf.writer_index -= 5
    with refused(zbuf.CapacityError, "^wanted room for 6 bytes, 5 available$", buf, whole, pieces):
        buf.append(pieces)
    pieces.skip(1)
    buf.append(pieces)
    assert bytes(buf) == b"heabcdef"
    check(buf)


def test_what_is_not_bytes_like_is_not_appended(make_growable):
    buf = zbuf.CompositeByteBuf(make_growable(b"0123456789"), coalesce=3)
    for wrong, error in (("text", TypeError), (5, TypeError), (None, TypeError), (memoryview(b"abcd")[::2], BufferError)):
        with refused(error, None, buf):
            buf.append(wrong)
        with refused(error, None, buf):
            buf.insert(0, wrong)
    with pytest.raises(TypeError):
        zbuf.CompositeByteBuf(b"good", "bad")
    with pytest.raises(ValueError, match="size -1 is negative"):
        zbuf.CompositeByteBuf(coalesce=-1)


def test_parts_lie_end_to_end(make_pieces):
    buf = make_pieces(b"0123456789")
    buf.skip(3)
    with unchanged(buf):
        parts = buf.parts()
        assert b"".join(map(bytes, parts)) == buf.get_bytes(0, buf.writer_index)
        at = 0
        for part in parts:
            for index in range(at, at + len(part)):
                assert bytes(buf.part_at(index)) == bytes(part)
            at += len(part)
        assert all(len(part) for part in parts)
        check(*parts)
        for part in parts:
            part.release()
        del parts, part


def test_read_parts_are_discarded_and_no_byte_of_others(make_pieces):
    for n in range(11):
        buf = make_pieces(b"0123456789")
        buf.skip(n)
        r, most = buf.reader_index, buf.max_capacity
        gone = buf.discard_read_parts()
        assert 0 <= gone <= r and buf.reader_index == r - gone
        assert bytes(buf) == b"0123456789"[n:]
        assert buf.max_capacity == (most if most == 2**63 - 1 else most - gone)
        assert buf.discard_read_parts() == 0 or n == 10
        check(buf)
        if not buf.readonly and buf.max_capacity > 100:
            buf.write_bytes(b"more")
            assert bytes(buf) == b"0123456789"[n:] + b"more"
            check(buf)


def test_a_consolidated_composite_lies_in_one_piece(make_pieces):
    buf = make_pieces(b"0123456789")
    if buf.readonly:
        with refused(zbuf.ReadOnlyError, "read-only", buf):
            buf.consolidate()
        return
    buf.skip(2)
    at, end, other = buf.reader_index, buf.writer_index, buf[:]
    assert buf.consolidate() is None
    assert (buf.reader_index, buf.writer_index, bytes(buf), bytes(other)) == (at, end, b"23456789", b"23456789")
    assert buf.view().tobytes() == b"23456789" and len(buf.parts()) == 1
    check(buf, other)
    if buf.max_capacity > 100:
        buf.write_bytes(b"more")
        assert bytes(buf) == b"23456789more"
        check(buf)


def test_a_write_never_goes_over_the_bytes_of_others():
    part = bytearray(b"0123456789")
    buf = zbuf.CompositeByteBuf(part, coalesce=0)
    buf.writer_index = 4
    buf.write_bytes(b"abc")
    assert (bytes(buf), part) == (b"0123abc", b"0123456789")
    buf.clear()
    buf.write_u8(1)
    assert (bytes(buf), part) == (b"\x01", b"0123456789")
    check(buf)


def test_writes_and_shared_parts_alternate(make_pieces):
    buf, expected = zbuf.CompositeByteBuf(coalesce=3), b""
    for k in range(50):
        buf.write_u16(k)
        buf.append(make_pieces(b"shared"))
        buf.write_str("text")
        expected += k.to_bytes(2, "big") + b"sharedtext"
    assert bytes(buf) == expected and buf.find(JUNK) == -1
    assert buf.count(b"sharedtext") == 50 and buf.rfind(b"text\x00") == expected.rfind(b"text\x00")
    check(buf)


def test_numbers_that_straddle_parts_go_both_ways():
    for size in (1, 2, 3, 5, 7):
        buf = zbuf.CompositeByteBuf(*map(bytearray, spans(bytes(24), size)), coalesce=0)
        for at in range(17):
            buf.set_u64(at, 0x0102030405060708)
            assert buf.get_u64(at) == buf.peek_u64(at) == 0x0102030405060708
            assert buf.get_u64_le(at) == 0x0807060504030201
            assert buf.get_bytes(at, 8) == bytes(range(1, 9))
        check(buf)


# -- bytes that lie where they are copied to


def overlapping():
    """A composite of several parts, and a handle on the memory of the second."""
    shared = zbuf.copied(b"abcdWXYZ")
    whole = zbuf.CompositeByteBuf(bytearray(b"01234"), shared.slice(0, 4), bytearray(b"567890"), coalesce=0)
    return whole, shared


@pytest.mark.parametrize("put", [
    lambda whole, i, data: whole.set_bytes(i, data),
    lambda whole, i, data: whole.__setitem__(slice(i, i + len(data)), data),
    lambda whole, i, data: (whole.set_indices(i + len(data), 15), whole.prepend_bytes(data), whole.set_indices(0, 15)),
], ids=["set_bytes", "assigned", "prepend_bytes"])
@pytest.mark.parametrize("given", [zbuf.ByteBuf.duplicate, zbuf.ByteBuf.view], ids=["buffer", "view"])
def test_bytes_of_one_part_are_put_over_it_and_its_neighbours(put, given):
    for i in range(16):
        for start in range(5):
            whole, shared = overlapping()
            before, data = bytes(whole), bytes(shared)[start:4]
            if i + len(data) > len(before):
                continue
            shared.set_indices(start, 4)
            put(whole, i, given(shared))
            assert bytes(whole) == before[:i] + data + before[i + len(data) :]
            check(whole, shared)


def test_pieces_are_read_into_the_memory_of_one_of_them():
    for n in range(1, 9):
        whole, shared = overlapping()
        before = bytes(whole)
        with shared.view() as view:
            assert whole.read_into(view[:n]) == n
        assert bytes(shared)[:n] == before[:n]
        whole, shared = overlapping()
        shared.clear()
        shared.capacity = n
        assert whole.read_into(shared) == n
        assert bytes(shared) == before[:n]
        check(whole, shared)


def test_pieces_are_written_over_the_memory_of_one_of_them():
    for skipped in range(10):
        whole, shared = overlapping()
        whole.skip(skipped)
        whole.writer_index = min(skipped + 8, 15)
        before = bytes(whole)
        shared.clear()
        shared.write_bytes(whole)
        assert bytes(shared) == before
        check(whole, shared)
