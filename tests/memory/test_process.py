"""What only a process of its own can show: no memory, RSS, fork, exit."""

import pytest

from processes import run

LIMIT = """
    import resource, zbuf, zbuf.stats
    def limit(more):
        with open("/proc/self/statm") as f:
            now = int(f.read().split()[0]) * 4096
        resource.setrlimit(resource.RLIMIT_AS, (now + more, resource.RLIM_INFINITY))
    def counters():
        s = a.stats()
        return s.requested, s.granted, s.live_blocks, s.cached
"""


@pytest.mark.parametrize("kind", ["PooledAllocator", "SystemAllocator"])
def test_without_memory_takes_and_growth_raise_and_change_nothing(kind):
    run(LIMIT + f"""
    a = zbuf.{kind}()
    held = a.buffer(100_000)
    held.write_bytes(b"x" * 100_000)
    limit(16 << 20)
    before = counters()
    for size in (17 << 20, 100 << 20, 1 << 40):
        try:
            a.buffer(size)
        except zbuf.PoolExhaustedError:
            raise
        except MemoryError as error:
            assert str(error) == f"no memory for a block of {{size}} bytes, 100000 are live", error
        else:
            raise AssertionError("it was granted")
        try:
            held.ensure_writable(size)
        except MemoryError:
            pass
        else:
            raise AssertionError("it grew")
        assert counters() == before
        a._check()
    assert bytes(held) == b"x" * 100_000 and held.capacity == 100_000
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert a.buffer(17 << 20).release()
    """)


@pytest.mark.parametrize("size", [100, 5000, 70_000, 1 << 20])
def test_when_no_arena_can_be_mapped_all_counters_stay_and_it_works_again_later(size):
    run(LIMIT + f"""
    import re
    a = zbuf.PooledAllocator()
    held = [None] * 400_000
    a.buffer({size})
    limit(24 << 20)
    n = 0
    for k in range(3):
        try:
            while True:
                held[n] = a.buffer({size})
                n += 1
        except MemoryError as error:
            assert re.fullmatch(rf"no memory for a block of {size} bytes, {{n * {size}}} are live", str(error)), error
        assert counters()[::2] == (n * {size}, n), (counters(), n)
        a._check()
        for k in range(n // 2, n):
            held[k] = None
        n //= 2
        a._check()
        held[n] = a.buffer({size})
        n += 1
    """)


def test_what_rests_is_given_back_before_a_take_fails():
    run(LIMIT + """
    a = zbuf.PooledAllocator()
    bufs = [a.buffer(1 << 20) for _ in range(32)]
    bufs.clear()
    assert a.stats().committed == 32 << 20
    limit(4 << 20)
    assert a.buffer(20 << 20).release()
    a._check()
    bufs = [a.buffer(3 << 20) for _ in range(2)]
    bufs.clear()
    limit(1 << 20)
    b = a.buffer(1 << 20)
    a._check()
    """)


def test_without_memory_no_allocator_is_made():
    assert run(LIMIT + """
    import re
    pools = [None] * 100_000
    limit(8 << 20)
    try:
        for k in range(len(pools)):
            pools[k] = zbuf.PooledAllocator()
    except MemoryError as error:
        text = str(error)
    del pools
    print(re.sub("[0-9]+", "N", text))
    limit(8 << 20)   # how much of the heap went back to the system is malloc's business
    zbuf.PooledAllocator().buffer(10).release()
    """) == "no memory for a pool of N bytes\n"


def test_what_the_kernel_counts_agrees_with_resident_and_falls_with_trim():
    run("""
    import re, zbuf
    def rss():
        with open("/proc/self/smaps_rollup") as f:
            return int(re.search(r"Rss: +(\\d+) kB", f.read())[1]) << 10
    a = zbuf.PooledAllocator()
    bufs = [None] * 4000
    fill = b"x" * 16_000
    start = rss()
    for k in range(4000):
        bufs[k] = a.buffer(16_000)
        bufs[k].write_bytes(fill)
    grown, resident = rss() - start, a.stats().resident
    assert abs(grown - resident) < resident * 0.05, (grown, resident)
    for k in range(0, 4000, 2):
        bufs[k] = None
    a.trim()
    grown, resident = rss() - start, a.stats().resident
    assert abs(grown - resident) < resident * 0.08, (grown, resident)
    bufs.clear()
    a.trim()
    assert a.stats().resident == 0
    assert rss() - start < 3 << 20, rss() - start
    """)


def test_parent_and_child_go_on_after_a_fork():
    assert run("""
    import os, random, zbuf
    a, s = zbuf.PooledAllocator(), zbuf.SystemAllocator()
    def work(seed):
        rng = random.Random(seed)
        for allocator in (a, s, zbuf.default_allocator()):
            live = []
            for k in range(3000):
                n = int(rng.lognormvariate(7, 2)) % (3 << 20)
                buf = allocator.buffer(n)
                buf.write_bytes(bytes([k % 256]) * n)
                live.append((buf, n, k % 256))
                if len(live) > 50:
                    buf, n, byte = live.pop(rng.randrange(50))
                    assert bytes(buf) == bytes([byte]) * n
                    buf.release()
            allocator._check()
    shared = [allocator.buffer(1000) for allocator in (a, s)]
    for buf in shared:
        buf.write_bytes(b"both" * 250)
    work(1)
    child = os.fork()
    work(2 if child else 3)
    for buf in shared:
        assert bytes(buf) == b"both" * 250
        if not child:
            buf.set_bytes(0, b"mine")
        buf.release()
    assert a.stats().requested == s.stats().requested == 0
    for allocator in (a, s):
        allocator.close()
        allocator._check()
    if not child:
        os._exit(0)
    print(os.waitpid(child, 0)[1])
    """) == "0\n"


def test_buffers_and_allocators_that_live_to_the_very_end_harm_nothing():
    run("""
    import sys, zbuf
    a = zbuf.PooledAllocator(sensitive=True)
    s = zbuf.SystemAllocator()
    zbuf.set_default_allocator(a)
    class Late:
        def __init__(self):
            self.bufs = [x.buffer(n) for x in (a, s, zbuf.default_allocator()) for n in (10, 5000, 3 << 20)]
            self.bufs += [a.composite(), zbuf.copied(b"abc")]
            self.bufs[-2].write_bytes(b"x" * 1000)
        def __del__(self):
            for buf in self.bufs:
                buf.release()
    late, sys.late, zbuf.late = Late(), Late(), Late()
    loop = Late()
    loop.me = loop
    left = a.buffer(100), s.buffer(100)
    """)


def test_threads_may_share_an_allocator():
    run("""
    import random, sys, threading, zbuf
    sys.setswitchinterval(1e-5)
    a = zbuf.PooledAllocator()
    wrong = []
    meeting = threading.Barrier(4, action=a._check)    # right only while nobody is about to give a block back
    def work(seed):
        rng, live = random.Random(seed), []
        for k in range(4000):
            n = rng.randrange(1, 5000)
            buf = a.buffer(n)
            buf.write_bytes(bytes([seed]) * n)
            live.append(buf)
            if len(live) > 40:
                buf = live.pop(rng.randrange(40))
                if set(bytes(buf)) != {seed}:
                    wrong.append(seed)
                buf.release()
            if k % 500 == 0:
                a.trim(10_000), a.stats(), a.live()
                meeting.wait()
    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads: t.start()
    for t in threads: t.join()
    assert not wrong
    a._check()
    assert a.stats().live_blocks == 0
    """)
