"""Which size is granted, and what a span of it wastes."""

import pytest

import zbuf
from tools import MIB, SIZES, class_for, row

EDGES = sorted({n for size in SIZES for n in (size - 1, size, size + 1) if n <= MIB})
SAMPLES = sorted({*EDGES, *range(1, 5000), *range(5000, MIB, 997)})


def granted(pool, n):
    buf = pool.buffer(n)
    (block,) = pool.live()
    buf.release()
    return block.granted


def test_every_size_gets_the_smallest_class_that_holds_it(pool):
    for n in SAMPLES:
        assert granted(pool, n) == class_for(n), n


def test_no_size_from_512_up_wastes_more_than_a_fifth(pool):
    for n in SAMPLES:
        assert granted(pool, n) < n + 64 or granted(pool, n) * 4 <= n * 5, n


def test_a_payload_of_a_power_of_two_with_a_header_wastes_nothing(pool):
    for k in range(10, 17):
        assert granted(pool, (1 << k) + 64) == (1 << k) + 64


def test_no_bytes_at_all_get_a_block(pool):
    assert granted(pool, 0) == 64


def test_above_the_classes_whole_pages_are_granted(pool):
    for n in (MIB + 1, MIB + 4096, 3 * MIB - 1, 20 * MIB + 1):
        assert granted(pool, n) == (n + 4095) // 4096 * 4096


def test_the_system_grants_what_was_asked(made):
    system = made(zbuf.SystemAllocator)
    for n in (0, 1, 64, 4096, MIB + 1):
        assert granted(system, n) == n


def test_the_table_lists_all_59_classes(pool):
    assert [each.size for each in pool.stats().classes] == SIZES
    assert len(SIZES) == 59


@pytest.mark.parametrize("size", SIZES)
def test_a_span_wastes_nothing_at_its_end_or_little_with_headers(pool, size):
    buf = pool.buffer(size)
    pages, used = pool.stats().active, row(pool, size).places * size
    if size - 64 in [1 << k for k in range(10, 17)]:
        assert 0 <= pages - used < pages / 20
    else:
        assert pages == used
    assert row(pool, size).places >= (4 if size < 16 << 10 else 1)
    buf.release()
