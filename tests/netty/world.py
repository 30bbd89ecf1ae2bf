"""Netty's handles and their counterparts in zbuf, while one scenario is replayed."""

import hashlib
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any

import zbuf

from .recordings import Scenario

UNLIMITED = 2**31 - 1
LIVE_AT_MOST = 1 << 30      # what a scenario may hold: a size of 2 GiB is refused, not taken from the machine

State = dict[str, Any]              # as recorded


@dataclass(frozen=True, slots=True)
class Window:
    """What a composite was given: a part of a memory, all of it or what is left of it."""

    memory: str
    start: int
    length: int
    readonly: bool = False
    inner: bool = False         # it came as a part of a composite, which may have been cut at either end

    def places(self, n: int, first: bool, last: bool) -> list[int]:
        """Where n bytes of it can begin: only a first part loses its front, and only a last one its end."""
        if n > self.length or n < self.length and not (first or last or self.inner):
            return []
        return [self.start + self.length - n] * (first or self.inner) + [self.start] * (not first or self.inner)


@dataclass(slots=True)
class Handle:
    """A handle of the recording, and zbuf's handle that stands for it."""

    name: str
    buf: zbuf.ByteBuf
    seen: State                     # what the recording says about it now
    memory: str                     # the handle whose memory it looks at: itself, or what it is a view of
    counted_by: str                 # the handle whose reference count Netty gives it
    start: int = 0                  # where its index 0 lies there
    fixed: bool = False             # a slice: ends where it ended when it was made
    readonly: bool = False
    held: int = 1                   # references that zbuf's handle holds: 1, retained, released
    lag: int = 0                    # zbuf's refcnt minus the recorded one
    chosen: bool = False            # its capacity was each allocator's own choice
    marks: dict[str, int] = field(default_factory=dict)
    shares: list[Window] = field(default_factory=list)      # a composite: what was added to it
    flat: bool = False              # a composite that another was added to: Netty nests them

    @property
    def alive(self) -> bool:
        return self.seen["refcnt"] > 0


def unhex(content: str) -> list[int | None]:
    return [None if pair == "??" else int(pair, 16) for pair in map("".join, zip(*[iter(content)] * 2, strict=True))]


def same_bytes(recorded: State, content: bytes) -> bool:
    """Compare as far as both go, but for bytes that have no defined value."""
    if "content_sha1" in recorded:
        plain = bytearray(content)
        for start, end in recorded["undefined_ranges"]:
            plain[start:end] = bytes(end - start)
        return hashlib.sha1(plain).hexdigest() == recorded["content_sha1"]
    expected = recorded["content"]
    if "?" not in expected:
        return content.hex() == expected
    return all(want is None or want == got for want, got in zip(unhex(expected), content, strict=True))


def observe(buf: zbuf.ByteBuf) -> State:
    """A handle's whole state as the recordings have it, with `content` as bytes."""
    if buf.released:
        return {"refcnt": 0}
    state = {"refcnt": buf.refcnt, "reader": buf.reader_index, "writer": buf.writer_index,
             "capacity": buf.capacity, "max_capacity": buf.max_capacity}
    with buf.duplicate() as whole:
        whole.set_indices(0, whole.capacity)
        state["content"] = bytes(whole)
        if isinstance(buf, zbuf.CompositeByteBuf):
            state["components"] = [len(part) for part in whole.parts()]
    return state


def differences(handle: Handle, got: State) -> list[str]:
    """The fields in which zbuf's handle is not what was recorded."""
    seen = handle.seen
    if seen["refcnt"] == 0 or got["refcnt"] == 0:
        return [] if seen["refcnt"] == got["refcnt"] else ["refcnt"]
    if handle.chosen and seen["writer"] <= got["capacity"] <= seen["max_capacity"]:
        got = {**got, "capacity": seen["capacity"], "content": got["content"][: seen["capacity"]].ljust(seen["capacity"])}
    found = [name for name in ("reader", "writer", "capacity") if seen[name] != got[name]]
    if got["refcnt"] - handle.lag != seen["refcnt"]:
        found.append("refcnt")
    if seen["max_capacity"] != min(got["max_capacity"], UNLIMITED):
        found.append("max_capacity")
    if seen["capacity"] == got["capacity"] and not same_bytes(seen, got["content"]):
        found.append("content")
    if "components" in seen and not same_cuts(handle, got["components"]):
        found.append("components")
    return found


def same_cuts(handle: Handle, got: list[int]) -> bool:
    """Is a composite cut in the same places? One that was added to another is one component there, its parts here."""
    cuts, ours = (set(accumulate(n for n in lengths if n)) for lengths in (handle.seen["components"], got))
    return cuts <= ours if handle.flat else cuts == ours


class World:
    """All handles of one scenario."""

    def __init__(self, scenario: Scenario) -> None:
        pooled = scenario.setup["allocator"] == "pooled_direct"
        self.pooled = pooled
        self.allocator = (zbuf.PooledAllocator if pooled else zbuf.SystemAllocator)(max_live=LIVE_AT_MOST)
        self.handles: dict[str, Handle] = {}
        self.forgotten: list[zbuf.ByteBuf] = []
        for made in scenario.setup["buffers"]:
            make = self.composite_of if made["type"] == "composite" else self.direct_of
            self.adopt(made["name"], make(made), scenario.setup["state"][made["name"]])

    # -- making

    def direct(self, capacity: int, max_capacity: int, content: bytes, reader: int, writer: int) -> zbuf.ByteBuf:
        buf = self.allocator.buffer(capacity, max_capacity)
        buf.set_bytes(0, content)
        buf.set_indices(reader, writer)
        return buf

    def direct_of(self, made: State) -> zbuf.ByteBuf:
        return self.direct(made["capacity"], made["max_capacity"], bytes.fromhex(made["content"]),
                           made["reader"], made["writer"])

    def composite(self) -> zbuf.CompositeByteBuf:
        return self.allocator.composite(coalesce=0)

    def composite_of(self, made: State) -> zbuf.CompositeByteBuf:
        composite = self.composite()
        for part in made["components"]:
            content = bytes.fromhex(part["content"])
            with self.direct(len(content), UNLIMITED, content, part["reader"], part["writer"]) as buf:
                composite.append(buf)
        composite.set_indices(made["reader"], made["writer"])
        return composite

    def adopt(self, name: str, buf: zbuf.ByteBuf, seen: State) -> None:
        """A handle with memory of its own."""
        self.handles[name] = Handle(name, buf, dict(seen), name, name)

    def adopt_view(self, name: str, buf: zbuf.ByteBuf, seen: State, of: Handle, op: str, start: int) -> None:
        counted_by = name if self.counts_apart(op, of) else of.counted_by
        fixed = "slice" in op or of.fixed and seen.get("capacity") == of.seen.get("capacity")
        self.handles[name] = Handle(
            name, buf, dict(seen), of.memory, counted_by, of.start + start if fixed else 0, fixed,
            of.readonly or op == "as_read_only", lag=of.lag)

    def counts_apart(self, op: str, of: Handle) -> bool:
        """Does the view that a pooled buffer gives get a reference count of its own?"""
        root = self.handles.get(of.memory, of)
        return self.pooled and "retained" in op and "components" not in root.seen and (
            of.name == of.memory or of.counted_by != of.memory)

    # -- looking

    def family(self, handle: Handle) -> list[Handle]:
        """All live handles of the same memory."""
        return [other for other in self.handles.values() if other.memory == handle.memory and other.alive]

    def observed(self) -> dict[str, State]:
        return {name: observe(handle.buf) for name, handle in self.handles.items()}

    # -- what the recording says

    def record(self, state: dict[str, State]) -> None:
        for name, change in state.items():
            if name in self.handles:
                seen = self.handles[name].seen
                if change["refcnt"] == 0:
                    seen.clear()
                if "content" in change or "content_sha1" in change:
                    seen.pop("content", None)
                    seen.pop("content_sha1", None)
                if "capacity" in change and change["capacity"] != seen.get("capacity"):
                    self.handles[name].chosen = False
                seen.update(change)

    def forget(self, names: tuple[str, ...]) -> None:
        for name in names:
            self.forgotten.append(self.handles.pop(name).buf)

    # -- after the two worlds parted

    def resync(self, before: dict[str, State], added: bytes = b"") -> None:
        """Make zbuf's handles what the recording says they are; `added` went into a composite."""
        got = self.observed()
        known = {name: by_digest(handle.seen, before.get(name, {}), got[name], added)
                 for name, handle in self.handles.items() if "content_sha1" in handle.seen}
        parted = {handle.memory for name, handle in self.handles.items() if differences(handle, got[name])}
        while more := {handle.memory for handle in self.handles.values()
                       if not parted.isdisjoint(window.memory for window in handle.shares)} - parted:
            parted |= more
        for memory in self.inner_first(parted):
            self.rebuild([handle for handle in self.handles.values() if handle.memory == memory], known)
        for handle in self.handles.values():
            handle.lag = handle.buf.refcnt - handle.seen["refcnt"]

    def inner_first(self, memories: set[str]) -> list[str]:
        """What composites share comes before them."""
        ordered: list[str] = []
        left = set(memories)
        while left:
            inner = {memory for memory in left if memory not in self.handles or left.isdisjoint(
                {window.memory for window in self.handles[memory].shares} - {memory})} or left
            ordered += sorted(inner)
            left -= inner
        return ordered

    def share(self, composite: Handle, at: int | None, names: list[str], was: dict[str, State]) -> None:
        """Remember what was added to a composite, unless it was copied together at once."""
        if len(composite.seen.get("components", ())) == 1:
            composite.shares.clear()
        for name in names:
            part = self.handles[name]
            start = part.start + was[name]["reader"]
            length = was[name]["writer"] - was[name]["reader"]
            window = Window(part.memory, start, length, part.readonly)
            composite.shares.insert(len(composite.shares) if at is None else at, window)
            composite.shares += [replace(window, inner=True) for window in part.shares]
            composite.flat |= isinstance(part.buf, zbuf.CompositeByteBuf)

    def shared(self, windows: list[Window], piece: bytes, first: bool, last: bool) -> zbuf.ByteBuf | None:
        """A handle on the memory that a piece of a composite shares with handles that are looked at."""
        for window in windows:
            lookers = [handle for handle in self.handles.values() if handle.memory == window.memory and handle.alive]
            if not lookers and window.length == len(piece) and len(set(piece)) == 1:
                windows.remove(window)      # nobody looks at it any more, and zeros would be found in any other
                return None
            for at in window.places(len(piece), first, last):
                for handle in lookers:
                    found = found_at(handle, at - handle.start, piece)
                    if found is not None:
                        windows.remove(window)
                        return found.as_readonly() if window.readonly else found
        return None

    def rebuild(self, family: list[Handle], known: dict[str, bytes]) -> None:
        alive = [handle for handle in family if handle.alive]
        whole = self.memory_of(alive, known) if alive else zbuf.EMPTY
        for handle in family:
            close(handle.buf)
        for handle in alive:
            handle.buf = view_of(whole, handle)
        close(whole)
        for handle in alive:
            handle.held = handle.seen["refcnt"] if handle.counted_by == handle.name else 1
            if handle.held > 1:
                handle.buf.retain(handle.held - 1)

    def memory_of(self, alive: list[Handle], known: dict[str, bytes]) -> zbuf.ByteBuf:
        """A buffer that has under each handle what the recording says is there."""
        extent = max(handle.start + handle.seen["capacity"] for handle in alive)
        content = bytearray(extent)
        for handle in sorted(alive, key=lambda handle: "content" in handle.seen):
            for i, byte in enumerate(known.get(handle.name) or unhex(handle.seen.get("content", ""))):
                if byte is not None and i < handle.seen["capacity"]:
                    content[handle.start + i] = byte
        composite = next((handle for handle in alive if "components" in handle.seen), None)
        if composite is not None:
            return self.composite_like(composite, bytes(content))
        roots = [handle for handle in alive if not handle.fixed]
        return self.direct(extent, roots[0].seen["max_capacity"] if roots else extent, bytes(content), 0, extent)

    def composite_like(self, handle: Handle, content: bytes) -> zbuf.CompositeByteBuf:
        """A composite of the recorded pieces, each on the memory that it shared before."""
        pieces = handle.seen["components"]
        in_order = [window.length for window in handle.shares] == pieces
        # The last ones first: what a composite had from the start lies before what was added.
        windows = [window for window in reversed(handle.shares) if window.memory != handle.memory]
        parts: list[zbuf.ByteBuf] = []
        end = sum(pieces)
        for k, n in reversed(list(enumerate(pieces))):
            piece = content[end - n : end]
            there = found_at(handle, end - n, piece) if handle.flat else None
            given = [handle.shares[k]] if in_order else windows
            parts.append(self.shared(given, piece, k == 0, k == len(pieces) - 1) or there or self.direct(n, UNLIMITED, piece, 0, n))
            end -= n
        made = self.composite()
        for part in reversed(parts):
            made.append(part)
            part.release()
        return made

    def close(self) -> None:
        """Give everything back; what the allocator then still holds was lost."""
        for handle in self.handles.values():
            close(handle.buf)
        for buf in self.forgotten:
            close(buf)


def by_digest(seen: State, before: State, after: State, added: bytes) -> bytes:
    """The bytes that have the recorded digest, from what zbuf had before the step and has after it.

    Contents of more than 256 bytes are recorded by their digest alone.
    """
    n = seen["capacity"]
    old, new = (state.get("content", b"")[:n].ljust(n, b"\0") for state in (before, after))
    r, w, capacity = (before.get(name, 0) for name in ("reader", "writer", "capacity"))
    candidates = [
        new, old,
        new[: seen["writer"]] + old[seen["writer"] :],                                  # written over
        old[r:w] + old[w - r :],                                                        # moved to the front
        (old[:capacity] + after.get("content", b"")[w:]).ljust(n, b"\0")[:n],          # appended behind all
    ]
    plain = before.get("content", b"")
    cuts = list(accumulate(before.get("components", ()), initial=0))
    candidates += [(plain[:cut] + added + plain[cut:]).ljust(n, b"\0")[:n] for cut in cuts]                    # inserted
    candidates += [(plain[:cut] + plain[end:]).ljust(n, b"\0")[:n] for cut, end in zip(cuts, cuts[1:])]       # removed
    return next((each for each in candidates if same_bytes(seen, each)), new)


def close(buf: zbuf.ByteBuf) -> None:
    """Give back all that came through a handle, which may be 2**31 - 1 references."""
    for bit in reversed(range(31)):
        with suppress(zbuf.ReleasedError):
            buf.release(1 << bit)


def view_of(whole: zbuf.ByteBuf, handle: Handle) -> zbuf.ByteBuf:
    seen = handle.seen
    view = whole.slice(handle.start, seen["capacity"]) if handle.fixed else whole.duplicate()
    if handle.readonly:
        view = view.as_readonly()
    writer = min(seen["writer"], view.capacity)     # Netty's may lie outside, after components were removed
    view.set_indices(min(seen["reader"], writer), writer)
    return view


def found_at(handle: Handle, index: int, piece: bytes) -> zbuf.ByteBuf | None:
    """A handle on the piece, if it lies there."""
    if handle.buf.released:
        return None
    with handle.buf.duplicate() as whole:
        whole.set_indices(0, whole.capacity)
        if piece and 0 <= index <= len(whole) - len(piece) and whole.get_bytes(index, len(piece)) == piece:
            return whole.slice(index, len(piece))
    return None
