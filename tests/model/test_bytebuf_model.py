"""ByteBuf against a model: bytearrays, offsets and counts, over handles that share memory.

The model knows every byte of every block, written or not, where each handle's
window lies, and who holds what. After each step all of it is compared.
"""

import copy
import gc
import pickle
from dataclasses import dataclass, field

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import zbuf
from foreign import WAYS, Foreign

NO_LIMIT = 2**63 - 1


@dataclass(eq=False)
class Memory:
    data: bytearray
    foreign: bool = False
    refs: int = 0


@dataclass(eq=False)
class Handle:
    buf: zbuf.ByteBuf
    mem: Memory
    off: int
    cap: int
    most: int
    r: int = 0
    w: int = 0
    readonly: bool = False
    own: int = 1
    exports: int = 0

    def __post_init__(self):
        self.mem.refs += 1

    def bytes(self, i, n):
        return bytes(self.mem.data[self.off + i : self.off + i + n])

    @property
    def readable(self):
        return self.bytes(self.r, self.w - self.r)

    def put(self, i, data):
        self.mem.data[self.off + i : self.off + i + len(data)] = data

    # -- growth, as the contract tells it

    def in_place(self):
        return len(self.mem.data) - self.off

    def writing(self, n):
        """The error that making room for n bytes raises, or None; then there is room."""
        if self.readonly:
            return zbuf.ReadOnlyError
        if n <= self.cap - self.w:
            return None
        if n > self.most - self.w:
            return zbuf.CapacityError
        least, wish = self.w + n, 64
        while wish < least:
            wish *= 2
        wish = min(wish, self.most)
        if least <= self.in_place():
            self.cap = min(wish, self.in_place())
            return None
        return self.move(wish)

    def move(self, capacity):
        if self.exports:
            return BufferError
        self.mem.refs -= self.own
        data = bytearray(capacity)
        data[: self.cap] = self.bytes(0, self.cap)
        self.mem, self.off, self.cap = Memory(data, refs=self.own), 0, capacity
        return None


@dataclass(eq=False)
class View:
    view: memoryview
    handle: Handle
    mem: Memory
    off: int
    n: int
    refs: int = field(default=1)

    def __post_init__(self):
        self.mem.refs += self.refs
        self.handle.exports += 1


def sources():
    return st.binary(max_size=40)


ANY = st.integers(0, 1000)     # which handle, modulo how many there are
SMALL = st.integers(0, 80)
ASKING = st.sampled_from((
    "slice", "read_slice", "split_to", "set_reader", "set_writer", "set_capacity", "ensure_writable", "read",
))
DEEDS = st.sampled_from((
    "slice", "read_slice", "split_to", "twin", "copy", "look", "retain", "release", "clear", "reclaim", "set_reader",
    "set_writer", "set_capacity", "ensure_writable", "read", "write",
))


class Buffers(Foreign, RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.allocator = zbuf.SystemAllocator(zeroed=True)
        self.before = zbuf.set_default_allocator(self.allocator)
        self.handles, self.views = [], []

    def teardown(self):
        self.deed = None
        for view in self.views:
            view.view.release()
        for handle in self.handles:
            handle.buf.release(handle.own)
        self.views.clear()
        self.handles.clear()
        zbuf.set_default_allocator(self.before)
        if self.allocator.live():
            gc.collect()
        assert self.allocator.live() == []

    def pick(self, k):
        free = self.free()
        return self.taken(free[k % len(free)])

    def add(self, *args, **kwargs):
        handle = Handle(*args, **kwargs)
        if len(self.handles) < 8:
            self.handles.append(handle)
        else:
            handle.buf.release()
            handle.mem.refs -= 1

    def expect(self, error, call, *args):
        """Calls; it raises just that error if there is one."""
        try:
            result = self.collecting(call, *args)
        except Exception as raised:
            if error is None:
                raise
            assert type(raised) is error, (raised, error)
            return None
        assert error is None, f"{error} was not raised"
        return result

    def asked(self, h, error, call, *args):
        """Calls with arguments that may be foreign: what is right shows once they were asked."""
        try:
            result = call(*map(self.number, args))
        except Exception as raised:
            wanted = error() if h.own else zbuf.ReleasedError
            assert type(raised) is wanted, (raised, wanted)
            return None
        wanted = error() if h.own else zbuf.ReleasedError
        assert wanted is None, f"{wanted} was not raised"
        return result

    # -- foreign code

    def deeds(self, k, n):
        return {
            "slice": lambda: self.slice(k=k, i=n // 2, n=n // 2),
            "read_slice": lambda: self.read_slice(k=k, n=n),
            "split_to": lambda: self.split_to(k=k, n=n),
            "twin": lambda: self.twin(k=k, readonly=False),
            "copy": lambda: self.again(k=k, how="copy"),
            "look": lambda: len(self.views) < 5 and self.look(k=k),
            "retain": lambda: self.retain(k=k, n=1 + n % 3),
            "release": lambda: len(self.handles) > 1 and self.release(k=k, n=1 + n % 3),
            "clear": lambda: self.clear(k=k),
            "reclaim": lambda: self.reclaim(k=k),
            "set_reader": lambda: self.set_reader(k=k, i=n),
            "set_writer": lambda: self.set_writer(k=k, i=n),
            "set_capacity": lambda: self.set_capacity(k=k, n=n),
            "ensure_writable": lambda: self.ensure_writable(k=k, n=n),
            "read": lambda: self.read(k=k, n=n),
            "write": lambda: self.write(k=k, data=b"?" * n),
        }

    @rule(way=st.sampled_from(WAYS), deed=DEEDS, k=ANY, n=SMALL)
    def foreign_code_is_about(self, way, deed, k, n):
        self.arm(way, self.deeds(k, n)[deed])

    @rule(signal=st.booleans(), deed=DEEDS, n=SMALL, k=ANY, other=st.integers(0, 2), call=ASKING, m=SMALL)
    def an_argument_does(self, signal, deed, n, k, other, call, m):
        """Mostly to the handle that asks for it."""
        self.arm("signal" if signal else "argument", self.deeds(k + other // 2, n)[deed])
        self.deeds(k, m)[call]()

    @rule(content=sources(), deed=DEEDS, k=ANY, n=SMALL)
    def an_owner_is_about_to_do(self, content, deed, k, n):
        self.wrap(content=content, kind="owned")
        self.arm("end", self.deeds(k, n)[deed])

    # -- where handles come from

    @initialize()
    def begin(self):
        self.make(10, None, 0)

    @rule(capacity=SMALL, room=st.one_of(st.none(), SMALL), headroom=st.sampled_from((0, 0, 5)))
    def make(self, capacity, room, headroom):
        buf = zbuf.buffer(capacity, None if room is None else capacity + room, headroom=headroom)
        most = NO_LIMIT if room is None else capacity + room + headroom
        size = capacity + headroom
        self.add(buf, Memory(bytearray(size)), 0, size, most, headroom, headroom)

    @rule(content=sources(), kind=st.sampled_from((bytes, bytearray, "owned")))
    def wrap(self, content, kind):
        n = len(content)
        self.add(zbuf.wrap(self.owned(content) if kind == "owned" else kind(content)), Memory(bytearray(content), True), 0, n, n, 0, n, kind is bytes)

    @rule(content=sources())
    def copied(self, content):
        n = len(content)
        self.add(zbuf.copied(content), Memory(bytearray(content)), 0, n, NO_LIMIT, 0, n)

    def part(self, h, buf, i, n):
        self.add(buf, h.mem, h.off + i, n, n, 0, n, h.readonly)

    @rule(k=ANY, i=SMALL, n=SMALL)
    def slice(self, k, i, n):
        h = self.pick(k)
        buf = self.asked(h, lambda: None if i + n <= h.w else IndexError, h.buf.slice, i, n)
        if buf is not None:
            self.part(h, buf, i, n)

    @rule(k=ANY, i=st.integers(-90, 90), j=st.integers(-90, 90))
    def subscript(self, k, i, j):
        h = self.pick(k)
        start, stop, _ = slice(i, j).indices(h.w - h.r)
        self.part(h, h.buf[i:j], h.r + start, max(stop - start, 0))

    @rule(k=ANY, readonly=st.booleans())
    def twin(self, k, readonly):
        h = self.pick(k)
        buf = h.buf.as_readonly() if readonly else h.buf.duplicate()
        self.add(buf, h.mem, h.off, h.cap, h.most, h.r, h.w, readonly or h.readonly)

    @rule(k=ANY, n=SMALL)
    def read_slice(self, k, n):
        h = self.pick(k)
        buf = self.asked(h, lambda: None if n <= h.w - h.r else zbuf.UnderflowError, h.buf.read_slice, n)
        if buf is not None:
            self.part(h, buf, h.r, n)
            h.r += n

    @rule(k=ANY, n=SMALL)
    def split_to(self, k, n):
        h = self.pick(k)
        buf = self.asked(h, lambda: None if n <= h.w - h.r else zbuf.UnderflowError, h.buf.split_to, n)
        if buf is not None:
            self.part(h, buf, h.r, n)
            gone = h.r + n
            h.off, h.cap, h.w, h.r = h.off + gone, h.cap - gone, h.w - gone, 0
            h.most -= gone if h.most != NO_LIMIT else 0

    @rule(k=ANY, how=st.sampled_from(("copy", "copy.copy", "pickle 4", "pickle 5", "out of band")))
    def again(self, k, how):
        h = self.pick(k)
        content, n = h.readable, h.w - h.r
        if how == "copy":
            self.add(h.buf.copy(), Memory(bytearray(content)), 0, n, h.most, 0, n)
        elif how == "copy.copy":
            self.add(copy.copy(h.buf), Memory(bytearray(content)), 0, n, h.most, 0, n)
        elif how == "pickle 4":
            self.add(pickle.loads(pickle.dumps(h.buf, 4)), Memory(bytearray(content)), 0, n, NO_LIMIT, 0, n)
        elif how == "pickle 5":
            back = pickle.loads(pickle.dumps(h.buf, 5))
            self.add(back, Memory(bytearray(content), True), 0, n, n, 0, n, h.readonly)
        else:
            raw = []
            data = pickle.dumps(h.buf, 5, buffer_callback=raw.append)
            back = pickle.loads(data, buffers=[bytes(raw[0].raw())])
            raw[0].release()
            self.add(back, Memory(bytearray(content), True), 0, n, n, 0, n, True)

    # -- references

    @rule(k=ANY, n=st.integers(1, 3))
    def retain(self, k, n):
        h = self.pick(k)
        assert h.buf.retain(n) is h.buf
        h.own += n
        h.mem.refs += n

    @precondition(lambda self: len(self.handles) > 1)
    @rule(k=ANY, n=st.integers(1, 4))
    def release(self, k, n):
        h = self.pick(k)
        last = self.expect(None if n <= h.own else zbuf.ReleasedError, h.buf.release, n)
        if n <= h.own:
            h.own -= n
            h.mem.refs -= n
            assert last == (h.mem.refs == 0)
            if h.own == 0:
                assert h.buf.released and h.buf.refcnt == 0
                self.handles.remove(h)

    @precondition(lambda self: len(self.handles) > 1)
    @rule(k=ANY)
    def drop(self, k):
        h = self.pick(k)
        self.handles.remove(h)
        if h.exports:
            h.buf.release(h.own)   # its views keep the object
        h.mem.refs -= h.own
        h.buf = None

    # -- indices and room

    @rule(k=ANY, i=SMALL)
    def set_reader(self, k, i):
        h = self.pick(k)
        self.asked(h, lambda: None if i <= h.w else IndexError, lambda i: setattr(h.buf, "reader_index", i), i)
        h.r = i if h.own and i <= h.w else h.r

    @rule(k=ANY, i=SMALL)
    def set_writer(self, k, i):
        h = self.pick(k)
        self.asked(h, lambda: None if h.r <= i <= h.cap else IndexError, lambda i: setattr(h.buf, "writer_index", i), i)
        h.w = i if h.own and h.r <= i <= h.cap else h.w

    @rule(k=ANY)
    def clear(self, k):
        h = self.pick(k)
        h.buf.clear()
        h.r = h.w = 0

    @rule(k=ANY, n=st.integers(0, 300))
    def set_capacity(self, k, n):
        h = self.pick(k)

        def resizing():
            error = zbuf.ReadOnlyError if h.readonly else zbuf.CapacityError if n > h.most else None
            if error is None and n > h.in_place():
                error = h.move(n)
            elif error is None:
                h.cap, h.r, h.w = n, min(h.r, n), min(h.w, n)
            return error

        self.asked(h, resizing, lambda n: setattr(h.buf, "capacity", n), n)

    @rule(k=ANY, n=st.integers(0, 300))
    def ensure_writable(self, k, n):
        h = self.pick(k)
        self.asked(h, lambda: h.writing(n), h.buf.ensure_writable, n)

    @rule(k=ANY)
    def reclaim(self, k):
        h = self.pick(k)
        if h.readonly:
            return self.expect(zbuf.ReadOnlyError, h.buf.reclaim)
        front = h.off if h.mem.foreign else 0
        content, moved = h.readable, 0
        if h.mem.refs == h.own and h.r and h.off + h.r - front >= len(content):
            h.cap, h.off = min(h.cap + h.off - front, h.most), front
            moved, h.r, h.w = h.r, 0, len(content)
            h.put(0, content)
        assert h.buf.reclaim() == moved

    # -- bytes

    @rule(k=ANY, n=SMALL)
    def read(self, k, n):
        h = self.pick(k)
        got = self.asked(h, lambda: None if n <= h.w - h.r else zbuf.UnderflowError, h.buf.read_bytes, n)
        if got is not None:
            assert got == h.bytes(h.r, n)
            h.r += n

    @rule(k=ANY, data=sources())
    def write(self, k, data):
        h = self.pick(k)
        error = h.writing(len(data))
        self.expect(error, h.buf.write_bytes, data)
        if error is None:
            h.put(h.w, data)
            h.w += len(data)

    @rule(k=ANY, j=ANY)
    def write_from(self, k, j):
        h, source = self.pick(k), self.pick(j)
        if source.w > 1500:    # or it doubles, until growth is no longer by powers of two
            return
        data = source.readable
        if len(data) > 1000:
            return      # it would double with each step
        error = h.writing(len(data))
        self.expect(error, h.buf.write_bytes, source.buf)
        if error is None:
            h.put(h.w, data)
            h.w += len(data)

    @rule(k=ANY, j=ANY)
    def read_into(self, k, j):
        h, target = self.pick(k), self.pick(j)
        n = target.cap - target.w
        error = zbuf.ReadOnlyError if target.readonly else zbuf.UnderflowError if n > h.w - h.r else None
        self.expect(error, h.buf.read_into, target.buf)
        if error is None:
            data = h.bytes(h.r, n)
            target.put(target.w, data)
            target.w += n
            h.r += n

    @rule(k=ANY, value=st.integers(0, 2**64 - 1))
    def write_number(self, k, value):
        h = self.pick(k)
        error = h.writing(8)
        self.expect(error, h.buf.write_u64_le, value)
        if error is None:
            h.put(h.w, value.to_bytes(8, "little"))
            h.w += 8

    @rule(k=ANY, i=SMALL, data=sources(), source=st.one_of(st.none(), ANY))
    def set(self, k, i, data, source):
        h = self.pick(k)
        given = data
        if source is not None:
            given, data = self.pick(source).buf, self.pick(source).readable
        error = zbuf.ReadOnlyError if h.readonly else IndexError if i + len(data) > h.cap else None
        self.expect(error, h.buf.set_bytes, i, given)
        if error is None:
            h.put(i, data)

    @rule(k=ANY, data=sources(), source=st.one_of(st.none(), ANY))
    def prepend(self, k, data, source):
        h = self.pick(k)
        given = data
        if source is not None:
            given, data = self.pick(source).buf, self.pick(source).readable
        error = zbuf.ReadOnlyError if h.readonly else zbuf.CapacityError if len(data) > h.r else None
        self.expect(error, h.buf.prepend_bytes, given)
        if error is None:
            h.r -= len(data)
            h.put(h.r, data)

    @rule(k=ANY, i=SMALL, n=SMALL, j=ANY)
    def assign(self, k, i, n, j):
        h, source = self.pick(k), self.pick(j)
        data = source.readable[:n]
        part = source.buf[:n]
        fits = len(data) == max(min(i + n, h.w - h.r) - i, 0)
        error = ValueError if not fits else zbuf.ReadOnlyError if h.readonly else None
        self.expect(error, h.buf.__setitem__, slice(i, i + n), part)
        part.release()
        if error is None:
            h.put(h.r + i, data)

    # -- views

    @precondition(lambda self: len(self.views) < 5)
    @rule(k=ANY)
    def look(self, k):
        h = self.pick(k)
        view = h.buf.view()
        assert view.readonly == h.readonly
        self.views.append(View(view, h, h.mem, h.off + h.r, h.w - h.r))

    @precondition(lambda self: len(self.views) < 5)
    @rule(k=ANY, n=st.integers(0, 200))
    def look_ahead(self, k, n):
        h = self.pick(k)
        view = self.expect(h.writing(n), h.buf.writable_view, n)
        if view is not None:
            self.views.append(View(view, h, h.mem, h.off + h.w, n, refs=2))

    @precondition(lambda self: self.views)
    @rule(k=ANY, byte=st.integers(0, 255))
    def write_through_a_view(self, k, byte):
        v = self.views[k % len(self.views)]
        if v.n and not v.view.readonly:
            v.view[k % v.n] = v.mem.data[v.off + k % v.n] = byte

    @precondition(lambda self: self.views)
    @rule(k=ANY)
    def look_away(self, k):
        v = self.views.pop(k % len(self.views))
        v.view.release()
        v.mem.refs -= v.refs
        v.handle.exports -= 1

    @rule(k=ANY, n=SMALL)
    def commit(self, k, n):
        h = self.pick(k)

        def committing():
            error = zbuf.ReadOnlyError if h.readonly else zbuf.CapacityError if n > h.cap - h.w else None
            h.w += n if error is None else 0
            return error

        self.asked(h, committing, h.buf.commit, n)

    # -- after every step

    @invariant()
    def all_is_as_the_model_has_it(self):
        self.step_is_over()
        for h in self.handles:
            buf = h.buf
            buf._check()
            assert (buf.reader_index, buf.writer_index, buf.capacity, buf.max_capacity) == (h.r, h.w, h.cap, h.most)
            assert (buf.refcnt, buf.readonly) == (h.mem.refs, h.readonly)
            assert bytes(buf) == h.readable
            with buf.duplicate() as twin:
                twin.writer_index = h.cap
                assert twin.get_bytes(0, h.cap) == h.bytes(0, h.cap)
        for v in self.views:
            assert v.view.tobytes() == bytes(v.mem.data[v.off : v.off + v.n])

    @invariant()
    def the_allocator_holds_just_what_is_referred_to(self):
        mems = {id(m.mem): m.mem for m in (*self.handles, *self.views) if not m.mem.foreign}
        live = self.allocator.live()
        assert sorted(block.refs for block in live) == sorted(mem.refs for mem in mems.values())


TestBuffers = Buffers.TestCase
