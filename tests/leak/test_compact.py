"""Small slices that keep large blocks: how much, and how that ends."""

import pytest

import zbuf
from kinds import check, refused, state, unchanged


def test_a_handle_keeps_the_whole_block():
    buf = zbuf.PooledAllocator().buffer(60_000)
    assert buf.retained_bytes() == 65_536
    buf.write_bytes(b"x" * 100)
    for handle in (buf[:1], buf.slice(0, 0), buf.duplicate(), buf.as_readonly()):
        assert handle.retained_bytes() == 65_536


def test_wrapped_memory_counts_as_it_is():
    assert zbuf.wrap(bytes(777)).retained_bytes() == 777
    assert zbuf.wrap(bytes(777))[5:10].retained_bytes() == 777
    assert zbuf.EMPTY.retained_bytes() == 0


def test_a_composite_counts_each_block_once():
    one, other = zbuf.PooledAllocator().buffer(1000), zbuf.wrap(bytes(5000))
    one.write_bytes(bytes(1000))
    whole = zbuf.CompositeByteBuf(one[:10], other, one[20:30], one[50:60], other[1:7], coalesce=0)
    assert whole.retained_bytes() == 1024 + 5000
    whole.write_bytes(b"x")
    assert whole.retained_bytes() == 1024 + 5000 + 1024
    whole.skip(whole.readable_bytes())
    whole.discard_read_parts()
    assert whole.retained_bytes() == 1024
    assert zbuf.CompositeByteBuf().retained_bytes() == 0


def lonely(allocator, n=60_000, used=100):
    """A small slice of a large block that nobody else has."""
    with allocator.buffer(n) as block:
        block.write_bytes(bytes(range(256)) * (used // 256 + 1))
        return block.slice(1, used)


def test_a_small_slice_moves_and_the_block_goes():
    allocator = zbuf.PooledAllocator()
    part = lonely(allocator)
    part.skip(7)
    before = state(part)
    assert part.compact_if(0.25)
    assert state(part) == before
    assert part.retained_bytes() == 128
    assert [(block.requested, block.granted) for block in allocator.live()] == [(100, 128)]
    assert not part.compact_if(1)
    check(part)


@pytest.mark.parametrize(("used", "ratio", "moves"), [
    (250, 0.25, False), (249, 0.25, True), (250, 0.2501, True), (1, 0, False), (0, 0, False), (0, 1e-9, True),
    (999, 1, True), (1000, 1, False), (500, 0.5, False), (499, 0.5, True),
])
def test_the_ratio_is_of_what_was_asked_for(used, ratio, moves):
    with zbuf.SystemAllocator() as allocator, allocator.buffer(1000) as block:
        block.write_bytes(bytes(1000))
        part = block.slice(0, used)
        assert part.compact_if(ratio) is moves
        assert part.retained_bytes() == (used if moves else 1000)
        assert block.refcnt == (1 if moves else 2)


def test_all_of_a_handle_stays(make):
    buf = make(b"0123456789" * 3)
    buf.skip(3)
    buf.writer_index -= 4
    seen = (buf.reader_index, buf.writer_index, bytes(buf), buf.readonly, buf.max_capacity, buf.refcnt > 0)
    buf.compact_if(1)
    assert seen == (buf.reader_index, buf.writer_index, bytes(buf), buf.readonly, buf.max_capacity, buf.refcnt > 0)
    check(buf)


def test_it_moves_every_kind_that_keeps_more_than_it_has(make_whole):
    with make_whole(b"0123456789" * 400) as buf:
        part = buf[5:10]
        assert part.compact_if(0.5) and bytes(part) == b"56789"
        assert not part.compact_if(1)
        check(part, buf)


def test_references_held_through_the_handle_move_with_it():
    allocator = zbuf.PooledAllocator()
    part = lonely(allocator).retain(3)
    assert part.compact_if(0.5)
    assert [part.release() for _ in range(4)] == [False, False, False, True]


def test_it_shares_with_nobody_afterwards():
    block = zbuf.copied(b"0123456789" * 100)
    part, twin = block[:5], block[:5]
    assert part.compact_if(0.5)
    part[0:1] = b"x"
    assert (bytes(block[:5]), bytes(twin), bytes(part)) == (b"01234", b"01234", b"x1234")


def test_a_readonly_handle_stays_readonly():
    for part in (zbuf.wrap(bytes(1000))[:5], zbuf.copied(bytes(1000)).as_readonly()[:5],
                 zbuf.wrap(bytes(1000), b"x").as_readonly()[990:1001]):
        assert part.compact_if(0.5)
        with refused(zbuf.ReadOnlyError, None, part):
            part.set_u8(0, 1)
        check(part)


def test_a_memoryview_keeps_it_where_it_is():
    allocator = zbuf.PooledAllocator()
    part = lonely(allocator)
    with part.view(), memoryview(part):
        with refused(BufferError, "^100 bytes cannot move to a block of their own: 2 memoryviews look at them$", part):
            part.compact_if(0.5)
        assert not part.compact_if(0.0001)
    assert part.compact_if(0.5)
    whole = zbuf.CompositeByteBuf(zbuf.copied(bytes(1000))[:10], coalesce=0)
    with whole.view():
        with refused(BufferError, "^10 bytes cannot move to a block of their own: 1 memoryviews look at them$", whole):
            whole.compact_if(0.5)
    assert whole.compact_if(0.5)


@pytest.mark.parametrize(("ratio", "error", "message"), [
    (-0.1, ValueError, "^a ratio is a number from 0 to 1, not -0.1$"), (1.5, ValueError, "not 1.5$"),
    (float("nan"), ValueError, "not nan$"), (float("inf"), ValueError, "not inf$"), ("half", TypeError, None), (None, TypeError, None),
])
def test_no_other_ratio_is_taken(make, ratio, error, message):
    buf = make(b"abc")
    with refused(error, message, buf):
        buf.compact_if(ratio)


def test_without_room_nothing_moves():
    allocator = zbuf.PooledAllocator(max_live=60_050)
    part = lonely(allocator)
    with refused(zbuf.PoolExhaustedError, "^wanted 100 bytes, 60000 of at most 60050 are live$", part):
        part.compact_if(0.5)
    allocator.close()
    with refused(zbuf.ReleasedError, "^this allocator was closed$", part):
        part.compact_if(0.5)


def test_a_composite_lets_all_it_kept_go():
    allocator = zbuf.PooledAllocator()
    whole = allocator.composite(coalesce=0)
    for _ in range(3):
        whole.append(lonely(allocator))
    whole.write_bytes(b"written")
    before, content = whole.retained_bytes(), bytes(whole)
    assert whole.compact_if(0.5)
    assert (before, whole.retained_bytes()) == (3 * 65_536 + 1024, 320)
    assert (bytes(whole), whole.capacity, len(allocator.live()), len(whole.parts())) == (content, 307, 1, 1)
    whole.write_bytes(b"more")
    assert bytes(whole) == content + b"more"
    check(whole)


def test_an_empty_composite_lets_its_store_go():
    allocator = zbuf.PooledAllocator()
    whole = allocator.composite()
    whole.write_bytes(bytes(1000))
    whole.skip(1000)
    whole.reclaim()
    assert whole.retained_bytes() == 1024
    assert whole.compact_if(0.5)
    assert (whole.retained_bytes(), whole.capacity, allocator.live()) == (0, 0, [])
    whole.write_bytes(b"abc")
    assert bytes(whole) == b"abc"
    check(whole)


def test_a_length_that_is_open_stays_with_its_bytes():
    with zbuf.copied(bytes(5000)) as block:
        whole = zbuf.CompositeByteBuf(block[:100], coalesce=0)
    with whole.length_prefixed("u16"):
        whole.write_bytes(b"body")
        assert whole.compact_if(0.9)
        whole.write_bytes(b"!")
    assert bytes(whole) == bytes(100) + b"\x00\x05body!"


class Owner(bytearray):
    """Foreign memory whose end runs code."""

    def __del__(self):
        self.end()


def test_the_owner_of_what_is_left_may_do_anything():
    for act in (lambda buf: buf.release(), lambda buf: buf.write_bytes(b"more"), lambda buf: buf.compact_if(1),
                lambda buf: buf.clear()):
        for make in (zbuf.wrap, lambda owner: zbuf.CompositeByteBuf(owner, coalesce=0)):
            owner = Owner(b"x" * 1000)
            with make(owner) as whole:
                buf = whole.slice(0, 100) if make is zbuf.wrap else whole.retain()
            if make is not zbuf.wrap:
                buf.writer_index = 100
            errors = []
            owner.end = lambda: attempt(act, buf, errors)
            del owner, whole
            assert buf.compact_if(0.5)
            assert len(errors) == 1
            check(buf)


def attempt(act, buf, errors):
    try:
        act(buf)
        errors.append(None)
    except zbuf.CapacityError as error:
        errors.append(error.with_traceback(None))
