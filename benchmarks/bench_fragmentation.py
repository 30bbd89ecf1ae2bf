"""C18: how much memory does the pool hold for what is asked of it, over a life of two phases?"""

import zbuf
from benchmarks._row import Figure, Row
from benchmarks._trace import Trace

ARENA = 2 << 20


def life(allocator: zbuf.PooledAllocator, mib: int) -> Trace:
    return Trace(allocator.buffer, zbuf.ByteBuf.release, allocator.stats, mib)


def peak(mib: int) -> float:
    """Pages held over bytes asked for, when most is asked for."""
    with zbuf.PooledAllocator() as allocator:
        trace = life(allocator, mib)
        requested, stats = max(trace.run(), key=lambda phase: phase[0])
        return stats.active / requested


def arenas_left(mib: int) -> float:
    """Arenas that stay after all is released and what rests is returned."""
    with zbuf.PooledAllocator() as allocator:
        trace = life(allocator, mib)
        trace.run()
        trace.drain()
        allocator.trim()
        return allocator.stats().committed / ARENA


ROWS = [
    Row("C18", "active/requested at 6 MiB", [Figure("zbuf", lambda: peak(6))], limit=1.3, unit="", samples=1),
    Row("C18", "active/requested at 35 MiB", [Figure("zbuf", lambda: peak(35))], limit=1.18, unit="", samples=1),
    Row("C18", "arenas after drain and trim", [Figure("zbuf", lambda: arenas_left(35))], limit=1, unit="", samples=1),
]
