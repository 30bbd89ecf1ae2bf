"""Capacity: how buffers grow, move, shrink and reclaim."""

import pytest

import zbuf
from kinds import KINDS, check, refused, unchanged

MIB = 1 << 20


def policy(least):
    """What Netty takes for `least` bytes."""
    if least > 4 * MIB:
        return least - least % (4 * MIB) + 4 * MIB
    n = 64
    while n < least:
        n *= 2
    return n


WHOLE = [kind for kind in KINDS if kind.growable and not kind.pieces]


@pytest.fixture(params=WHOLE, ids=lambda kind: kind.name)
def make_grower(request):
    """Kinds on one region that may grow."""
    return request.param


def test_a_buffer_grows_by_doubling(make_grower):
    for least in (11, 64, 65, 100, 128, 129, 1000, 4096, 5000):
        buf = make_grower(b"0123456789")
        at, most_before = buf.reader_index, buf.capacity
        buf.ensure_writable(least - len(buf))
        assert (buf.reader_index, bytes(buf)) == (at, b"0123456789")
        assert buf.writable_bytes() >= least - len(buf)
        assert buf.capacity == most_before or at + least <= buf.capacity <= policy(at + least)
        check(buf)


def test_beyond_4_mib_a_buffer_grows_by_4_mib():
    for least, capacity in ((2 * MIB + 1, 4 * MIB), (4 * MIB, 4 * MIB), (4 * MIB + 1, 8 * MIB), (8 * MIB, 12 * MIB),
                            (9 * MIB, 12 * MIB)):
        buf = zbuf.copied(b"x")
        buf.ensure_writable(least - 1)
        assert buf.capacity == capacity == policy(least)
        assert bytes(buf) == b"x"
        buf.release()


def test_growth_ends_at_max_capacity():
    buf = zbuf.buffer(0, 10)
    assert (buf.capacity, buf.max_capacity) == (0, 10)
    buf.write_u8(1)
    assert buf.capacity == 10
    buf.write_bytes(b"x" * 9)
    with refused(zbuf.CapacityError, "^wanted room for 1 bytes, 0 available$", buf) as caught:
        buf.write_u8(1)
    assert (caught.value.wanted, caught.value.available) == (1, 0)
    copy = buf.copy(2, 3)
    assert (copy.capacity, copy.max_capacity) == (3, 10)


def test_headroom_lies_before_the_reader_and_counts_in_all_indices():
    buf = zbuf.buffer(16, 32, headroom=8)
    assert (buf.reader_index, buf.writer_index, buf.capacity, buf.max_capacity) == (8, 8, 24, 40)
    buf.write_bytes(b"x" * 32)
    buf.prepend_u64(1)
    with refused(zbuf.CapacityError, "0 available", buf):
        buf.prepend_u8(1)
    with refused(zbuf.CapacityError, "0 available", buf):
        buf.write_u8(1)
    assert len(buf) == 40
    check(buf)


def test_an_allocator_that_is_full_or_closed_grows_no_buffer():
    with zbuf.PooledAllocator(max_live=2000) as allocator:
        buf = allocator.buffer(100)
        buf.write_bytes(b"0123456789")
        part = buf[2:5]
        with refused(zbuf.PoolExhaustedError, "^wanted 3010 bytes, 100 of at most 2000 are live$", buf, part):
            buf.write_zeros(3000)
        composite = allocator.composite()
        with refused(zbuf.PoolExhaustedError, "wanted 3000 bytes, 100 of at most 2000 are live", composite):
            composite.write_zeros(3000)
        with refused(zbuf.PoolExhaustedError, "wanted 3000 bytes", composite):
            composite.capacity = 3000
    for call in (lambda: buf.write_zeros(3000), lambda: buf.copy(), lambda: composite.write_zeros(10)):
        with refused(zbuf.ReleasedError, "allocator was closed", buf, part, composite):
            call()
    buf.write_zeros(90)
    assert bytes(part) == b"234"


def test_every_write_beyond_max_capacity_changes_nothing(make_fixed):
    buf = make_fixed(b"0123456789")
    buf.writer_index -= 3
    for call, arg, n in ((buf.write_bytes, b"abcd", 4), (buf.write_u32, 1, 4), (buf.write_zeros, 4, 4),
                         (buf.write_str, "abcd", 4), (buf.write_f64, 1.0, 8), (buf.ensure_writable, 4, 4),
                         (buf.writable_view, 4, 4), (buf.write_varint, 2**21, 4), (buf.write_quic_varint, 2**14, 4),
                         (buf.write_bytes, buf[:4], 4), (buf.write_bytes, bytearray(4), 4), (buf.commit, 4, 4),
                         (buf.ensure_writable, 2**63 - 1, 2**63 - 1), (buf.write_zeros, 2**64, 2**63 - 1),
                         (buf.commit, 2**64, 2**63 - 1)):
        with refused(zbuf.CapacityError, f"^wanted room for {n} bytes, 3 available$", buf) as caught:
            call(arg)
        assert (caught.value.wanted, caught.value.available) == (n, 3)
    buf.write_u24(0x414243)
    assert bytes(buf) == b"0123456ABC"


def test_more_than_there_can_ever_be_is_refused(make_mutable):
    buf = make_mutable(b"0123456789")
    for n in (2**63 - 1, 2**64, 10**5000):
        if n > 2**63 - 1 - buf.writer_index:
            for call in (buf.ensure_writable, buf.write_zeros, buf.writable_view):
                with refused(zbuf.CapacityError, "^wanted room for 9223372036854775807 bytes, ", buf):
                    call(n)
    for call in (buf.ensure_writable, buf.write_zeros, buf.writable_view):
        with refused(MemoryError, None, buf):
            call(2**62)
    with refused(MemoryError, None, buf):
        buf.capacity = 2**62


def test_a_negative_size_is_refused(make):
    buf = make(b"0123456789")
    for call in (buf.ensure_writable, buf.write_zeros, buf.writable_view, buf.commit, buf.skip, buf.read_bytes,
                 buf.try_read_bytes, buf.peek_bytes, buf.read_slice, buf.try_read_slice, buf.split_to, buf.read_str,
                 lambda n: buf.get_bytes(0, n), lambda n: buf.slice(0, n), lambda n: buf.copy(0, n),
                 lambda n: buf.set_zeros(0, n), lambda n: buf.get_str(0, n), lambda n: setattr(buf, "capacity", n)):
        for n, shown in ((-1, "-1"), (-(2**63), "-9223372036854775808"), (-(10**5000), "-9223372036854775808")):
            with refused(ValueError, f"^size {shown} is negative$", buf):
                call(n)
        for wrong in (1.0, "1", b"1", [1]):
            with refused(TypeError, None, buf):
                call(wrong)


def test_growth_in_place_keeps_sharing_and_growth_that_moves_ends_it(make_grower):
    buf = make_grower(b"0123456789")
    part = buf[:]
    buf.write_bytes(b"x" * 100_000)
    part[0] = 0x41
    assert (bytes(part), buf[0]) == (b"A123456789", 0x30)
    assert part.refcnt == 1
    check(buf, part)


def test_a_whole_block_is_used_before_anything_moves():
    buf = zbuf.copied(b"0123456789")
    buf.ensure_writable(1000)
    part = buf[:4]
    capacity = buf.capacity
    buf.capacity = 4
    assert (buf.capacity, bytes(buf)) == (4, b"0123")
    buf.write_bytes(b"x" * (capacity - 4))
    part[0] = 0x41
    assert (buf.capacity, buf[0]) == (capacity, 0x41)
    check(buf, part)


def test_a_buffer_under_a_memoryview_does_not_move(make_grower):
    buf = make_grower(b"0123456789")
    for look in (buf.view, lambda: memoryview(buf), lambda: memoryview(buf)[2:], lambda: buf.writable_view(0)):
        view, capacity = look(), buf.capacity
        far = 100_000
        told = f"^{capacity} bytes cannot move to grow to [0-9]+: 1 memoryviews look at them$"
        for call in (lambda: buf.ensure_writable(far), lambda: buf.write_zeros(far), lambda: buf.write_bytes(bytes(far)),
                     lambda: buf.writable_view(far), lambda: buf.write_str("x" * far),
                     lambda: setattr(buf, "capacity", far)):
            with refused(BufferError, told, buf):
                call()
        view.release()
    del view
    buf.write_zeros(100_000)
    check(buf)


def test_a_buffer_under_a_memoryview_writes_what_fits(make_grower):
    buf = make_grower(b"0123456789")
    buf.ensure_writable(100)
    with buf.view() as view:
        buf.write_bytes(b"!" * 100)
        buf.capacity = buf.writer_index
        assert view.tobytes() == b"0123456789"
    assert bytes(buf) == b"0123456789" + b"!" * 100


def test_the_view_of_another_handle_does_not_hold_a_buffer(make_grower):
    buf = make_grower(b"0123456789")
    with buf.duplicate() as twin, twin.view() as view:
        buf.write_zeros(100_000)
        assert view.tobytes() == b"0123456789"
        with refused(BufferError, "cannot move", twin):
            twin.write_zeros(100_000)


def test_capacity_is_cut_and_the_indices_with_it(make_mutable):
    buf = make_mutable(b"0123456789")
    at = buf.reader_index
    buf.capacity = at + 7
    assert (buf.capacity, buf.reader_index, buf.writer_index, bytes(buf)) == (at + 7, at, at + 7, b"0123456")
    check(buf)
    buf.skip(5)
    buf.capacity = at + 2
    assert (buf.capacity, buf.reader_index, buf.writer_index) == (at + 2, at + 2, at + 2)
    check(buf)
    buf.capacity = 0
    assert (buf.capacity, buf.reader_index, buf.writer_index) == (0, 0, 0)
    check(buf)
    buf.write_bytes(b"again")
    assert bytes(buf) == b"again"
    check(buf)


def test_capacity_grows_and_keeps_all_bytes(make_mutable):
    buf = make_mutable(b"0123456789")
    at, end = buf.reader_index, buf.writer_index
    before = buf.capacity
    for capacity in (before, before + 1, before + 1000, 100_000):
        buf.capacity = capacity
        assert (buf.capacity, buf.reader_index, buf.writer_index) == (capacity, at, end)
        assert bytes(buf) == b"0123456789"
        check(buf)
    buf.set_u8(99_999, 7)
    buf.writer_index = 100_000
    assert buf[-1] == 7


def test_a_capacity_is_set_to_what_is_possible(make_fixed):
    buf = make_fixed(b"0123456789")
    with refused(zbuf.CapacityError, "^wanted room for 11 bytes, 10 available$", buf):
        buf.capacity = 11
    with refused(zbuf.CapacityError, "9223372036854775807", buf):
        buf.capacity = 2**64
    for wrong in ("1", None, 1.5):
        with refused(TypeError, None, buf):
            buf.capacity = wrong
    buf.capacity = 4
    assert bytes(buf) == b"0123"


def test_bytes_set_beyond_the_writer_stay_when_less_is_written(make_mutable):
    buf = make_mutable(b"0123456789")
    at = buf.writer_index
    buf.capacity = at + 20
    buf.set_bytes(at + 10, b"later")
    buf.write_bytes(b"now")
    buf.writer_index = at + 15
    assert buf.get_bytes(at, 3) == b"now"
    assert buf.get_bytes(at + 10, 5) == b"later"


def test_bytes_set_beyond_the_writer_move_with_the_rest(make_grower):
    buf = make_grower(b"0123456789")
    at = buf.writer_index
    buf.capacity = at + 20
    buf.set_bytes(at + 10, b"later")
    buf.ensure_writable(5000)
    buf.writer_index = at + 15
    assert buf.get_bytes(at + 10, 5) == b"later"


def test_reclaim_slides_the_unread_bytes_when_that_is_cheap(make_grower):
    buf = make_grower(b"0123456789")
    buf.skip(8)
    at, capacity = buf.reader_index, buf.capacity
    moved = buf.reclaim()
    alone = buf.refcnt == 1
    assert moved == (at if alone else 0)
    assert (buf.reader_index, bytes(buf)) == (at - moved, b"89")
    assert buf.capacity >= capacity
    check(buf)
    if alone:
        assert (buf.reclaim(), buf.reader_index) == (0, 0)


def test_reclaim_leaves_bytes_alone_that_others_see(make_grower):
    for other in (lambda buf: buf[:1], lambda buf: buf.duplicate(), lambda buf: buf.view(), lambda buf: buf.writable_view(0)):
        buf = make_grower(b"0123456789")
        buf.skip(8)
        with other(buf) as _, unchanged(buf):
            assert buf.reclaim() == 0


def test_reclaim_does_not_copy_more_than_was_consumed():
    buf = zbuf.copied(b"0123456789")
    buf.skip(4)
    with unchanged(buf):
        assert buf.reclaim() == 0
    buf.skip(1)
    assert (buf.reclaim(), bytes(buf)) == (5, b"56789")


def test_what_was_split_off_can_be_reclaimed():
    buf = zbuf.copied(b"0123456789")
    front = buf.split_to(6)
    with unchanged(buf, front):
        assert buf.reclaim() == 0
    front.release()
    buf.skip(1)
    assert (buf.reclaim(), buf.reader_index, buf.capacity, bytes(buf)) == (1, 0, 10, b"789")
    check(buf)


def test_a_composite_reclaims_what_was_consumed(make_pieces):
    buf = make_pieces(b"0123456789")
    if buf.readonly:
        with refused(zbuf.ReadOnlyError, None, buf):
            buf.reclaim()
        return
    buf.skip(3)
    at = buf.reader_index
    assert (buf.reclaim(), buf.reader_index, bytes(buf)) == (at, 0, b"3456789")
    check(buf)


def test_ensure_writable_gives_room_that_writes_then_use(make_growable):
    buf = make_growable(b"0123456789")
    for n in (0, 1, 63, 64, 1000, 70_000):
        at = buf.writer_index, buf.reader_index
        buf.ensure_writable(n)
        assert buf.writable_bytes() >= n
        assert (buf.writer_index, buf.reader_index) == at
        capacity = buf.capacity
        buf.write_zeros(n)
        assert buf.capacity == capacity
        check(buf)


def test_many_small_writes_make_one_long_buffer(make_growable):
    buf = make_growable(b"")
    expected = bytearray()
    for k in range(3000):
        buf.write_u16(k)
        expected += k.to_bytes(2, "big")
        if k % 7 == 0:
            buf.write_bytes(b"seven")
            expected += b"seven"
    assert bytes(buf) == expected
    check(buf)


def test_a_wrapped_bytearray_whose_capacity_was_cut_gets_its_own_memory_back():
    target = bytearray(b"0123456789")
    buf = zbuf.wrap(target)
    buf.capacity = 4
    buf.capacity = 10
    buf.set_bytes(8, b"XY")
    assert (target, bytes(buf), buf.max_capacity) == (b"01234567XY", b"0123", 10)
    with refused(zbuf.CapacityError, "wanted room for 7 bytes, 6 available", buf):
        buf.write_bytes(b"1234567")
    check(buf)


def test_a_composite_of_an_allocator_shares_from_the_size_it_was_told():
    with zbuf.PooledAllocator() as allocator:
        body = zbuf.copied(b"four")
        apart, shared = allocator.composite(), allocator.composite(coalesce=4)
        for composite in (apart, shared):
            composite.append(body)
        body.set_u8(0, ord("F"))
        assert (bytes(apart), bytes(shared)) == (b"four", b"Four")
        with pytest.raises(ValueError, match="-1"):
            allocator.composite(coalesce=-1)
        apart.release()
        shared.release()
