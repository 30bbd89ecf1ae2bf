"""Allocators against a model: who holds how many bytes, and which content must be in them."""

import gc
from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import zbuf
from foreign import WAYS, Foreign

MIB = 1 << 20
SIZES = st.one_of(st.integers(0, 200), st.integers(0, 20_000), st.sampled_from((MIB - 1, MIB, MIB + 1, 3 * MIB)))
ANY = st.integers(0, 1000)
OPTIONS = st.sampled_from((
    (zbuf.PooledAllocator, {}), (zbuf.PooledAllocator, {"max_cached": 0}), (zbuf.PooledAllocator, {"max_cached": 100_000}),
    (zbuf.PooledAllocator, {"max_live": 5 * MIB}), (zbuf.PooledAllocator, {"zeroed": True, "sensitive": True}),
    (zbuf.SystemAllocator, {}), (zbuf.SystemAllocator, {"max_live": 5 * MIB}),
))
DEEDS = st.sampled_from(("take", "give", "grow", "trim", "count", "close"))
MOST_HANDLES = 12


@dataclass(eq=False)
class Handle:
    buf: zbuf.ByteBuf
    byte: bytes
    n: int
    own: int = 1


class Allocators(Foreign, RuleBasedStateMachine):
    @initialize(options=OPTIONS)
    def begin(self, options):
        kind, named = options
        self.allocator, self.limit, self.zeroed = kind(**named), named.get("max_live"), named.get("zeroed")
        self.handles, self.next = [], 0

    def teardown(self):
        self.deed = None
        for h in self.handles:
            h.buf.release()
        assert self.allocator.live() == []
        assert self.allocator.stats().requested == self.allocator.stats().live_blocks == 0
        self.allocator.close()
        assert self.allocator.stats().committed == 0
        self.allocator._check()

    def possible(self):
        return True

    def live(self):
        return sum(h.buf.capacity for h in self.handles)

    def refusal(self, more):
        """The error that asking for so many bytes raises."""
        if self.allocator.closed:
            return zbuf.ReleasedError
        return zbuf.PoolExhaustedError if self.limit is not None and self.live() + more > self.limit else None

    def asked(self, more, call, *args):
        try:
            result = self.collecting(call, *map(self.number, args))
        except (zbuf.ReleasedError, zbuf.PoolExhaustedError) as error:
            assert type(error) is self.refusal(more), (error, self.refusal(more))
            return None
        return result

    @rule(n=SIZES)
    def take(self, n):
        if len(self.handles) >= MOST_HANDLES:
            return
        buf = self.asked(n, self.allocator.buffer, n)
        if buf is not None:
            assert buf.capacity == n and len(buf) == 0
            if self.zeroed:
                buf.writer_index = n
                assert bytes(buf) == bytes(n)
                buf.clear()
            self.next = self.next % 255 + 1
            self.handles.append(Handle(buf, bytes([self.next]), n))
            buf.write_bytes(bytes([self.next]) * n)

    def pick(self, k):
        free = self.free()
        return self.taken(free[k % len(free)]) if free else None

    @rule(k=ANY)
    def give(self, k):
        h = self.pick(k)
        if h is not None:
            self.handles.remove(h)
            h.own = 0
            assert h.buf.release()

    @rule(k=ANY, n=st.integers(1, 30_000))
    def grow(self, k, n):
        h = self.pick(k)
        if h is None:
            return
        before = h.buf.capacity
        try:
            self.collecting(h.buf.write_bytes, h.byte * n)
        except (zbuf.ReleasedError, zbuf.PoolExhaustedError) as error:
            assert h.buf.capacity == before and self.allocator.closed == (type(error) is zbuf.ReleasedError)
            assert self.allocator.closed or self.limit is not None
        else:
            h.n += n

    @rule(n=SIZES)
    def trim(self, n):
        if not self.allocator.closed:
            assert self.asked(0, self.allocator.trim, n) >= 0

    @rule()
    def count(self):
        live = self.collecting(self.allocator.live)
        stats = self.collecting(self.allocator.stats)
        assert sum(block.requested for block in live) >= 0 and stats.requested <= stats.granted

    @rule(seconds=st.sampled_from((0.1, 3, 20)))
    def time_passes(self, seconds):
        zbuf._pool._advance_clock(seconds)

    @rule()
    def collect(self):
        gc.collect(0)

    @rule(chance=st.integers(0, 9))
    def close(self, chance):
        if chance == 0:
            self.allocator.close()

    # -- foreign code

    def deeds(self, k, n):
        return {
            "take": lambda: self.take(n=n),
            "give": lambda: self.give(k=k),
            "grow": lambda: self.grow(k=k, n=n % 3000 + 1),
            "trim": lambda: self.trim(n=n),
            "count": self.count,
            "close": lambda: self.close(chance=n % 10),
        }

    @rule(way=st.sampled_from([way for way in WAYS if way != "end"]), deed=DEEDS, k=ANY, n=SIZES,
          call=st.sampled_from(("take", "trim", "grow", "count")), m=SIZES)
    def foreign_code_does(self, way, deed, k, n, call, m):
        self.arm(way, self.deeds(k, n)[deed])
        self.deeds(k + 1, m)[call]()
        self.deed = None

    # -- after every step

    @invariant()
    def all_is_as_the_model_has_it(self):
        self.step_is_over()
        self.allocator._check()
        assert self.allocator.stats().requested == self.live()
        assert sorted(block.requested for block in self.allocator.live()) == sorted(h.buf.capacity for h in self.handles)
        for h in self.handles:
            h.buf._check()
            assert len(h.buf) == h.n
            for start, end in ((0, 5000), (h.n // 2, h.n // 2 + 100), (max(h.n - 5000, 0), h.n)):
                assert h.buf.count(h.byte, start, end) == min(end, h.n) - min(start, h.n)


TestAllocators = Allocators.TestCase
