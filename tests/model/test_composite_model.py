"""CompositeByteBuf against a model: every byte is a place in some memory.

A handle is a list of places, so that sharing shows by itself: who shares a
place sees what is set there. Parts, stores and spare room are the composite's
own affair; the model asks only where that is part of the contract.
"""

import gc
import pickle
from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import zbuf
from foreign import WAYS, Foreign
from zbuf import _foreign


@dataclass(eq=False)
class Memory:
    data: bytearray


def places(content, readonly=False):
    memory = Memory(bytearray(content))
    return [(memory, i, readonly) for i in range(len(content))]


@dataclass(eq=False)
class Handle:
    buf: zbuf.ByteBuf
    cells: list              # all written bytes
    coalesce: int | None     # None: not a composite that grows
    r: int = 0
    readonly: bool = False
    own: int = 1

    @property
    def w(self):
        return len(self.cells)

    def bytes(self, i, n):
        return bytes(memory.data[k] for memory, k, _ in self.cells[i : i + n])

    @property
    def readable(self):
        return self.bytes(self.r, self.w - self.r)

    def may_set(self, i, n):
        return not self.readonly and not any(readonly for _, _, readonly in self.cells[i : i + n])

    def put(self, i, data):
        for (memory, k, _), byte in zip(self.cells[i : i + len(data)], data):
            memory.data[k] = byte


ANY = st.integers(0, 1000)
SMALL = st.integers(0, 60)
CONTENT = st.binary(min_size=1, max_size=40)
KINDS = st.sampled_from((bytes, bytearray))
ALWAYS_COPIED = 10**6
ASKING = st.sampled_from(("slice", "split_to", "read", "set_reader"))
DEEDS = st.sampled_from(("slice", "twin", "split_to", "copy", "retain", "release", "discard", "read", "set_reader"))


class Composites(Foreign, RuleBasedStateMachine):
    Allocator = zbuf.SystemAllocator

    def __init__(self):
        super().__init__()
        self.allocator = self.Allocator()
        self.before = zbuf.set_default_allocator(self.allocator)
        self.foreign = _foreign.live_foreign_blocks()
        self.handles = []

    def teardown(self):
        self.deed = None
        for handle in self.handles:
            handle.buf.release(handle.own)
        zbuf.set_default_allocator(self.before)
        if self.allocator.live() or _foreign.live_foreign_blocks() != self.foreign:
            gc.collect()
        assert self.allocator.live() == [] and _foreign.live_foreign_blocks() == self.foreign

    def pick(self, k):
        free = self.free()
        return self.taken(free[k % len(free)])

    def growing(self, k):
        grow = [h for h in self.handles if h.coalesce is not None and not h.readonly]
        return self.taken(grow[k % len(grow)])

    def content(self, kind, content):
        return self.owned(content) if kind is bytearray else kind(content)

    def add(self, handle):
        if len(self.handles) < 7:
            self.handles.append(handle)
        else:
            handle.buf.release()

    def refused(self, error, call, *args):
        self.asked(None, lambda: error, call, *args)

    def asked(self, h, error, call, *args):
        """Calls; numbers may be foreign, and what is right shows once they were asked."""
        try:
            result = self.collecting(call, *(self.number(x) if type(x) is int else x for x in args))
        except Exception as raised:
            wanted = zbuf.ReleasedError if h is not None and h.own == 0 else error()
            assert type(raised) is wanted, (raised, wanted)
            return None
        wanted = zbuf.ReleasedError if h is not None and h.own == 0 else error()
        assert wanted is None, f"{wanted} was not raised"
        return result

    # -- foreign code

    def deeds(self, k, n):
        return {
            "slice": lambda: self.slice(k=k, i=n // 2, n=n // 2),
            "twin": lambda: self.twin(k=k, readonly=False),
            "split_to": lambda: self.split_to(k=k, n=n),
            "copy": lambda: self.again(k=k, how="copy"),
            "retain": lambda: self.retain(k=k, n=1 + n % 3),
            "release": lambda: len(self.handles) > 1 and self.release(k=k, drop=False),
            "discard": lambda: self.discard_read_parts(k=k),
            "read": lambda: self.read(k=k, n=n),
            "set_reader": lambda: self.set_reader(k=k, i=n),
        }

    @rule(way=st.sampled_from(WAYS), deed=DEEDS, k=ANY, n=SMALL)
    def foreign_code_is_about(self, way, deed, k, n):
        self.arm(way, self.deeds(k, n)[deed])

    @rule(signal=st.booleans(), deed=DEEDS, n=SMALL, k=ANY, other=st.integers(0, 2), call=ASKING, m=SMALL)
    def an_argument_does(self, signal, deed, n, k, other, call, m):
        """Mostly to the handle that asks for it."""
        self.arm("signal" if signal else "argument", self.deeds(k + other // 2, n)[deed])
        self.deeds(k, m)[call]()
        self.deed = None

    @rule(content=CONTENT, deed=DEEDS, k=ANY, n=SMALL)
    def an_owner_is_about_to_do(self, content, deed, k, n):
        self.append(k=k, content=content * 20, kind=bytearray)
        self.arm("end", self.deeds(k, n)[deed])

    @initialize(coalesce=st.sampled_from((0, 16, ALWAYS_COPIED)))
    def begin(self, coalesce):
        # The first is kept, so that one can always grow.
        self.handles.append(Handle(zbuf.CompositeByteBuf(coalesce=coalesce), [], coalesce))

    @rule(coalesce=st.sampled_from((0, 16, ALWAYS_COPIED)), parts=st.lists(st.tuples(CONTENT, KINDS), max_size=5))
    def make(self, coalesce, parts):
        cells = []
        for content, kind in parts:
            cells += places(content, kind is bytes and len(content) >= coalesce)
        self.add(Handle(zbuf.CompositeByteBuf(*(kind(content) for content, kind in parts), coalesce=coalesce),
                        cells, coalesce))

    @rule(content=CONTENT)
    def copied(self, content):
        self.add(Handle(zbuf.copied(content), places(content), None))

    @rule(k=ANY, content=st.one_of(CONTENT, st.just(b"long" * 200)), kind=KINDS)
    def append(self, k, content, kind):
        h = self.growing(k)
        h.buf.append(self.content(kind, content))
        h.cells += places(content, kind is bytes and len(content) >= h.coalesce)

    @rule(k=ANY, j=ANY)
    def append_a_buffer(self, k, j):
        h, source = self.growing(k), self.pick(j)
        cells, n = source.cells[source.r :], source.w - source.r
        if n > 1500 or h.coalesce == 16 and isinstance(source.buf, zbuf.CompositeByteBuf):
            return
        h.buf.append(source.buf)
        if n < h.coalesce:
            h.cells = h.cells + places(bytes(memory.data[i] for memory, i, _ in cells))
        else:
            h.cells = h.cells + [(memory, i, readonly or source.readonly) for memory, i, readonly in cells]

    def boundaries(self, h):
        at = [0]
        for part in h.buf.parts():
            at.append(at[-1] + len(part))
        assert at[-1] == h.w
        return at

    @rule(k=ANY, nth=st.integers(0, 12), content=CONTENT, kind=KINDS)
    def insert(self, k, nth, content, kind):
        h = self.growing(k)
        at = self.boundaries(h)
        if nth >= len(at):
            return self.refused(IndexError, h.buf.insert, nth, content)
        h.buf.insert(nth, self.content(kind, content))
        h.cells[at[nth] : at[nth]] = places(content, kind is bytes)
        h.r += len(content) if at[nth] < h.r else 0

    @rule(k=ANY, nth=st.integers(0, 12), j=ANY)
    def insert_a_buffer(self, k, nth, j):
        h, source = self.growing(k), self.pick(j)
        at = self.boundaries(h)
        if nth >= len(at) or source.w > 1500:
            return
        cells = [(memory, i, readonly or source.readonly) for memory, i, readonly in source.cells[source.r :]]
        h.buf.insert(nth, source.buf)
        h.cells = h.cells[: at[nth]] + cells + h.cells[at[nth] :]
        h.r += len(cells) if at[nth] < h.r else 0

    @rule(k=ANY, nth=st.integers(0, 12))
    def remove(self, k, nth):
        h = self.growing(k)
        at = self.boundaries(h)
        if nth >= len(at) - 1:
            return self.refused(IndexError, h.buf.remove, nth)
        start, end = at[nth], at[nth + 1]
        gone = h.cells[start:end]
        part = h.buf.remove(nth)
        assert len(part) == end - start
        del h.cells[start:end]
        h.r -= min(max(h.r - start, 0), end - start)
        self.add(Handle(part, gone, None))

    @rule(k=ANY)
    def discard_read_parts(self, k):
        h = self.pick(k)
        if not isinstance(h.buf, zbuf.CompositeByteBuf):
            return
        at = self.boundaries(h)
        n = h.buf.discard_read_parts()
        assert n in at and n <= h.r
        assert h.r == h.w or not any(n < start <= h.r for start in at)
        h.cells, h.r = h.cells[n:], h.r - n

    @rule(k=ANY)
    def reclaim(self, k):
        h = self.growing(k)
        assert h.buf.reclaim() == h.r
        h.cells, h.r = h.cells[h.r :], 0

    @rule(k=ANY)
    def consolidate(self, k):
        h = self.growing(k)
        if len(h.buf.parts()) > 1:
            h.cells = places(h.bytes(0, h.w))
        h.buf.consolidate()
        assert len(h.buf.parts()) <= 1 and h.buf.view().tobytes() == h.readable

    # -- other handles

    @rule(k=ANY, i=SMALL, n=SMALL)
    def slice(self, k, i, n):
        h = self.pick(k)
        buf = self.asked(h, lambda: None if i + n <= h.w else IndexError, h.buf.slice, i, n)
        if buf is not None:
            self.add(Handle(buf, h.cells[i : i + n], None, readonly=h.readonly))

    @rule(k=ANY, readonly=st.booleans())
    def twin(self, k, readonly):
        h = self.pick(k)
        buf = h.buf.as_readonly() if readonly else h.buf.duplicate()
        grows = h.coalesce if not readonly and not h.readonly else None
        self.add(Handle(buf, list(h.cells), grows, h.r, readonly or h.readonly))

    @rule(k=ANY, n=SMALL)
    def split_to(self, k, n):
        h = self.pick(k)
        front = self.asked(h, lambda: None if n <= h.w - h.r else zbuf.UnderflowError, h.buf.split_to, n)
        if front is not None:
            self.add(Handle(front, h.cells[h.r : h.r + n], None, readonly=h.readonly))
            h.cells, h.r = h.cells[h.r + n :], 0

    @rule(k=ANY, how=st.sampled_from(("copy", "pickle")))
    def again(self, k, how):
        h = self.pick(k)
        buf = h.buf.copy() if how == "copy" else pickle.loads(pickle.dumps(h.buf, 4))
        self.add(Handle(buf, places(h.readable), None))

    @rule(k=ANY, n=st.integers(1, 3))
    def retain(self, k, n):
        h = self.pick(k)
        h.buf.retain(n)
        h.own += n

    @precondition(lambda self: len(self.handles) > 1)
    @rule(k=ANY, drop=st.booleans())
    def release(self, k, drop):
        free = [h for h in self.free() if h is not self.handles[0]]
        if not free:
            return
        h = self.taken(free[k % len(free)])
        if drop:
            self.handles.remove(h)
            h.buf = None
        else:
            h.buf.release()
            h.own -= 1
            if h.own == 0:
                self.handles.remove(h)

    # -- bytes and indices

    @rule(k=ANY, data=st.one_of(CONTENT, st.just(b"much" * 300)))
    def write(self, k, data):
        h = self.growing(k)
        h.buf.write_bytes(data)
        h.cells = h.cells + places(data)

    @rule(k=ANY, j=ANY)
    def write_from(self, k, j):
        h, source = self.growing(k), self.pick(j)
        if source.w < 1500:
            data = source.readable
            h.buf.write_bytes(source.buf)
            h.cells = h.cells + places(data)

    @rule(k=ANY, data=CONTENT)
    def fill(self, k, data):
        h = self.growing(k)
        with h.buf.writable_view(len(data)) as view:
            view[:] = data
        h.buf.commit(len(data))
        h.cells = h.cells + places(data)

    @rule(k=ANY, i=SMALL, data=CONTENT, j=st.one_of(st.none(), ANY))
    def set(self, k, i, data, j):
        h = self.pick(k)
        given = data
        if j is not None:
            given, data = self.pick(j).buf, self.pick(j).readable
        if not data or i + len(data) > h.w:
            return
        if h.may_set(i, len(data)):
            h.buf.set_bytes(i, given)
            h.put(i, data)
        else:
            self.refused(zbuf.ReadOnlyError, h.buf.set_bytes, i, given)

    @rule(k=ANY, value=st.integers(0, 2**64 - 1))
    def prepend(self, k, value):
        h = self.pick(k)
        if h.r < 8:
            self.prepend_without_room(h, value, zbuf.ReadOnlyError if h.buf.readonly else zbuf.CapacityError)
        elif not h.may_set(h.r - 8, 8):
            self.refused(zbuf.ReadOnlyError, h.buf.prepend_u64, value)
        else:
            h.buf.prepend_u64(value)
            h.r -= 8
            h.put(h.r, value.to_bytes(8, "big"))

    def prepend_without_room(self, h, value, error):
        # Refused, unless the reader was moved by what a foreign number does.
        try:
            self.collecting(h.buf.prepend_u64, self.number(value))
        except zbuf.ZbufError as raised:
            assert type(raised) is error or type(raised) is zbuf.ReadOnlyError and h.r >= 8, raised
        else:
            assert h.r >= 8 and h.may_set(h.r - 8, 8), f"{error} was not raised"
            h.r -= 8
            h.put(h.r, value.to_bytes(8, "big"))

    @rule(k=ANY, n=SMALL)
    def read(self, k, n):
        h = self.pick(k)
        got = self.asked(h, lambda: None if n <= h.w - h.r else zbuf.UnderflowError, h.buf.read_bytes, n)
        if got is not None:
            assert got == h.bytes(h.r, n)
            h.r += n

    @rule(k=ANY)
    def read_a_number(self, k):
        h = self.pick(k)
        value = h.buf.try_read_u64_le()
        if h.w - h.r < 8:
            assert value is None
        else:
            assert value == int.from_bytes(h.bytes(h.r, 8), "little")
            h.r += 8

    @rule(k=ANY, i=SMALL)
    def set_reader(self, k, i):
        h = self.pick(k)
        self.asked(h, lambda: None if i <= h.w else IndexError, lambda i: setattr(h.buf, "reader_index", i), i)
        h.r = i if h.own and i <= h.w else h.r

    @rule(k=ANY, i=SMALL)
    def go_back(self, k, i):
        # Bytes that another handle sees would be overwritten or not, as the
        # composite's memory happens to lie.
        h = self.pick(k)
        gone = {(memory, at) for memory, at, _ in h.cells[i:]}
        seen = {(memory, at) for other in self.handles if other is not h for memory, at, _ in other.cells}
        if h.r <= i <= h.w and not gone & seen:
            h.buf.writer_index = i
            h.cells = h.cells[:i]

    # -- after every step

    @invariant()
    def all_is_as_the_model_has_it(self):
        self.step_is_over()
        for h in self.handles:
            buf, content = h.buf, h.bytes(0, h.w)
            buf._check()
            assert (buf.reader_index, buf.writer_index, len(buf)) == (h.r, h.w, h.w - h.r)
            assert buf.get_bytes(0, h.w) == content and bytes(buf) == content[h.r :]
            assert buf == content[h.r :] and buf.rfind(content[-3:]) == content[h.r :].rfind(content[-3:])
            if h.w >= 4:
                at = (h.w - 4) * 2 // 3
                assert buf.get_u32(at) == int.from_bytes(content[at : at + 4], "big")
            if isinstance(buf, zbuf.CompositeByteBuf):
                assert b"".join(map(bytes, buf.parts())) == content
                views = buf.views(len(content))    # 1,024 at the most if not told otherwise
                assert b"".join(views) == content[h.r :] and all(view.nbytes for view in views)
                for view in views:
                    view.release()
                if h.w:
                    assert bytes(buf.part_at(h.w - 1)) == bytes(buf.parts()[-1])


TestComposites = Composites.TestCase
