"""What the tests of memory share."""

import ctypes
import re

import zbuf

MIB = 1 << 20
ARENA = 2 * MIB
SIZES = sorted(
    [64 * k for k in range(1, 9)]
    + [quarters << k for k in range(7, 18) for quarters in (5, 6, 7, 8)]
    + [(1 << k) + 64 for k in range(10, 17)]
)


def class_for(n):
    """The size class by looking at each in turn."""
    return next(size for size in SIZES if size >= n)


def address(buf):
    """Where the first writable byte lies."""
    return ctypes.addressof(ctypes.c_char.from_buffer(buf.writable_view(max(buf.writable_bytes(), 1))))


def counters(allocator):
    """What a failed call must leave as it was."""
    stats = allocator.stats()
    return stats.requested, stats.granted, stats.live_blocks, sorted(block[:3] for block in allocator.live())


def at_rest(allocator):
    """Bytes that are kept: blocks, large blocks and idle pages."""
    return int(re.search(r"(\d+) at rest", repr(allocator))[1])


def row(allocator, size):
    return next(row for row in allocator.stats().classes if row.size == size)


def wait(allocator, seconds):
    """Lets time pass, and the allocator see it."""
    zbuf._pool._advance_clock(seconds)
    allocator.buffer(9 * MIB).release()   # too large to be kept
