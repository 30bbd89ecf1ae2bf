"""zeroed and sensitive: what new and old memory holds."""

import pytest

import zbuf
from tools import MIB, at_rest

SIZES = [1, 64, 1000, 4096, 65_600, MIB, MIB + 1, 3 * MIB, 9 * MIB]


@pytest.fixture(params=[zbuf.PooledAllocator, zbuf.SystemAllocator], ids=["pooled", "system"])
def any_kind(request):
    """Those that have the two options."""
    return request.param


def whole(buf):
    buf.writer_index = buf.capacity
    return bytes(buf)


def dirty(allocator, n, count=1):
    bufs = [allocator.buffer(n) for _ in range(count)]
    for buf in bufs:
        buf.write_bytes(b"\xee" * n)


@pytest.mark.parametrize("size", SIZES)
def test_zeroed_memory_is_zeros_however_often_it_was_used(made, any_kind, size):
    allocator = made(any_kind, zeroed=True)
    for _ in range(3):
        dirty(allocator, size, 2)
        assert whole(allocator.buffer(size)) == bytes(size)


def test_zeroed_memory_is_zeros_where_a_buffer_grows_into_it(made):
    pool = made(zeroed=True)
    dirty(pool, 640)
    buf = pool.buffer(600)
    buf.ensure_writable(630)
    assert whole(buf) == bytes(buf.capacity)
    dirty(pool, 2048)
    buf.ensure_writable(1500)
    assert whole(buf) == bytes(buf.capacity)


def test_zeroed_takes_still_come_from_the_cache(made):
    pool = made(zeroed=True)
    for _ in range(5):
        pool.buffer(100).release()
    assert (pool.stats().hits, pool.stats().misses) == (4, 1)


def test_without_zeroed_recycled_memory_is_as_it_was(pool):
    # What the tests above and below would see if they looked at nothing.
    dirty(pool, 1000)
    assert whole(pool.buffer(1000)) == b"\xee" * 1000


@pytest.mark.parametrize("size", [n for n in SIZES if n <= 8 * MIB])
def test_sensitive_memory_is_zeros_once_released(made, size):
    pool = made(sensitive=True)
    dirty(pool, size)
    hits = pool.stats().hits
    buf = pool.buffer(size)
    assert pool.stats().hits == hits + 1
    assert whole(buf) == bytes(size)


def test_sensitive_memory_stays_while_anyone_looks(made, any_kind):
    allocator = made(any_kind, sensitive=True)
    buf = allocator.buffer(100)
    buf.write_bytes(b"secret")
    view, part = buf.view(), buf.slice(0, 6)
    assert not buf.release()
    assert (view.tobytes(), bytes(part)) == (b"secret", b"secret")
    view.release()
    assert part.release()


def test_sensitive_memory_left_behind_by_growth_is_zeros(made):
    pool = made(sensitive=True)
    buf = pool.buffer(640)
    buf.write_bytes(b"s" * 640)
    buf.write_bytes(b"s" * 1000)
    assert whole(pool.buffer(640)) == bytes(640)
    assert bytes(buf) == b"s" * 1640


def test_sensitive_memory_is_zeros_in_spans_too(made):
    pool = made(sensitive=True)
    held = [pool.buffer(1024) for _ in range(8)]
    dirty(pool, 1024, 100)
    pool.trim()
    for _ in range(100):
        held.append(pool.buffer(1024))
        assert whole(held[-1]) == bytes(1024)
    assert at_rest(pool) == 0


def test_the_flags_take_any_truth(made, any_kind):
    allocator = made(any_kind, zeroed="yes", sensitive=[])
    assert allocator.buffer(5).release()


def test_recycled_memory_cannot_be_read_before_it_is_written(pool):
    dirty(pool, 100)
    buf = pool.buffer(100)
    with pytest.raises(zbuf.UnderflowError, match="wanted 1 bytes at 0, 0 readable"):
        buf.read_u8()
    with pytest.raises(IndexError):
        buf.get_u8(0)


def test_headroom_shows_nothing_of_what_used_its_memory_before(made, any_kind):
    allocator = made(any_kind)
    for size in SIZES:
        dirty(allocator, size + 48)
        buf = allocator.buffer(size, headroom=48)
        assert buf.get_bytes(0, 48) == bytes(48)
