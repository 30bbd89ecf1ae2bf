"""What a thread keeps for itself of the default pool is the pool's again when somebody asks, and when the thread ends."""

import os
import subprocess
import sys
import threading

import pytest

import zbuf
from zbuf._pool import _thread_caches


@pytest.fixture
def allocator():
    """A default allocator that nobody else has used, of which no thread keeps anything yet."""
    before = zbuf.default_allocator()
    with zbuf.PooledAllocator() as mine:
        zbuf.set_default_allocator(mine)
        before.stats()
        yield mine
        zbuf.set_default_allocator(before)


def churn(rounds=10, sizes=(64, 1000, 5000)):
    for _ in range(rounds):
        for buf in [zbuf.buffer(size) for size in sizes]:
            buf.release()


def in_thread(function):
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()


class Waiting:
    """A thread that has kept blocks and waits."""

    def __enter__(self):
        self.ready, self.over = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        self.ready.wait()

    def run(self):
        churn()
        self.ready.set()
        self.over.wait()
        churn()

    def __exit__(self, *error):
        self.over.set()
        self.thread.join()


def test_a_thread_keeps_what_it_gave_back(allocator):
    with Waiting():
        assert _thread_caches() == [3]


def test_what_a_thread_keeps_is_bounded(allocator):
    churn(rounds=1, sizes=[64] * 1000)
    assert _thread_caches() == [32]
    churn(rounds=1, sizes=[100_000] * 4)
    assert _thread_caches() == [32 + 2]    # 256 KiB


def test_when_a_thread_ends_it_keeps_nothing(allocator):
    in_thread(churn)
    assert _thread_caches() == []
    assert allocator.stats().cached > 0


def test_statistics_count_what_threads_keep(allocator):
    with Waiting():
        stats = allocator.stats()
        assert (stats.live_blocks, stats.requested) == (0, 0)
        assert stats.hits + stats.misses == 30
        assert sum(size.cached for size in stats.classes) == 3
        assert _thread_caches() == []
        allocator._check()


def test_a_trim_reaches_what_threads_keep(allocator):
    with Waiting():
        allocator.trim(0)
        assert allocator.stats().committed == 0


def test_a_closed_allocator_is_forgotten_by_all_threads(allocator):
    with Waiting():
        allocator.close()
        assert _thread_caches() == []
        zbuf.set_default_allocator(zbuf.PooledAllocator())
    assert allocator.stats().committed == 0


def test_a_block_may_be_given_back_by_another_thread(allocator):
    made = [zbuf.buffer(5000) for _ in range(100)]
    in_thread(lambda: [buf.release() for buf in made])
    assert (allocator.stats().live_blocks, allocator.stats().requested) == (0, 0)
    allocator._check()


def test_an_allocator_with_a_limit_is_counted_at_once():
    before = zbuf.default_allocator()
    with zbuf.PooledAllocator(max_live=10_000) as limited:
        zbuf.set_default_allocator(limited)
        try:
            churn()
            assert _thread_caches() == []
            with zbuf.buffer(10_000), pytest.raises(zbuf.PoolExhaustedError):
                zbuf.buffer(1)
        finally:
            zbuf.set_default_allocator(before)


def test_a_child_has_what_other_threads_kept(allocator):
    with Waiting():
        assert _thread_caches() == [3]
        child = os.fork()
        if child == 0:
            try:
                assert _thread_caches() == []
                churn()
                allocator._check()
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitpid(child, 0)[1] == 0
        churn()
        allocator._check()


def test_zeros_are_zeros_out_of_a_cache():
    before = zbuf.default_allocator()
    with zbuf.PooledAllocator(zeroed=True) as zeroed:
        zbuf.set_default_allocator(zeroed)
        try:
            for _ in range(3):
                with zbuf.buffer(100) as buf:
                    buf.commit(100)
                    assert bytes(buf) == bytes(100)
                    buf.set_bytes(0, b"x" * 100)
            assert _thread_caches() == [1]
        finally:
            zbuf.set_default_allocator(before)


def test_threads_that_come_and_go_leave_nothing(allocator):
    for _ in range(50):
        threads = [threading.Thread(target=churn) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert _thread_caches() == []
    assert allocator.stats().live_blocks == 0
    allocator._check()


def test_time_that_passes_while_a_cache_is_emptied_stops_nobody():
    # Each class looks at the clock once in 4,096 gives: that one comes while stats() empties the cache, too.
    program = """if True:
        import zbuf
        from zbuf._pool import _advance_clock

        for _ in range(300):
            for buf in [zbuf.buffer(64) for _ in range(32)]:
                buf.release()
            _advance_clock(100)
            zbuf.default_allocator().stats()
    """
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
