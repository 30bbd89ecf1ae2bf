"""Netty's handles and their counterparts in zbuf, while one scenario is replayed."""

import hashlib
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import zbuf

from .recordings import Scenario

UNLIMITED = 2**31 - 1
LIVE_AT_MOST = 1 << 30      # what a scenario may hold: a size of 2 GiB is refused, not taken from the machine

State = dict[str, Any]      # as recorded; content is bytes with None for what nobody has set


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
    lag: int = 0                    # zbuf's refcnt minus the recorded one
    chosen: bool = False            # its capacity was each allocator's own choice
    marks: dict[str, int] = field(default_factory=dict)

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
    if "components" in seen and [n for n in seen["components"] if n] != got.get("components", seen["components"]):
        found.append("components")
    return found


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
            of.readonly or op == "as_read_only", of.lag)

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

    def resync(self) -> None:
        """Make zbuf's handles what the recording says they are."""
        got = self.observed()
        memories = {handle.memory for name, handle in self.handles.items() if differences(handle, got[name])}
        for memory in memories:
            self.rebuild([handle for handle in self.handles.values() if handle.memory == memory])

    def rebuild(self, family: list[Handle]) -> None:
        known = {id(handle): observe(handle.buf).get("content") for handle in family if "content_sha1" in handle.seen}
        for handle in family:
            close(handle.buf)
        alive = [handle for handle in family if handle.alive]
        if alive:
            with self.memory_of(alive, known) as whole:
                for handle in alive:
                    handle.buf = view_of(whole, handle)
            for handle in alive:
                if handle.counted_by == handle.name and handle.seen["refcnt"] > 1:
                    handle.buf.retain(handle.seen["refcnt"] - 1)
            for handle in alive:
                handle.lag = handle.buf.refcnt - handle.seen["refcnt"]

    def memory_of(self, alive: list[Handle], known: dict[int, bytes | None]) -> zbuf.ByteBuf:
        """A buffer that has under each handle what the recording says is there."""
        extent = max(handle.start + handle.seen["capacity"] for handle in alive)
        content = bytearray(extent)
        for handle in alive:
            for i, byte in enumerate(known.get(id(handle)) or unhex(handle.seen.get("content", ""))):
                if byte is not None and i < handle.seen["capacity"]:
                    content[handle.start + i] = byte
        roots = [handle for handle in alive if not handle.fixed]
        most = roots[0].seen["max_capacity"] if roots else extent
        pieces = next((handle.seen["components"] for handle in alive if "components" in handle.seen), None)
        if pieces is None:
            return self.direct(extent, most, bytes(content), 0, extent)
        composite = self.composite()
        for n in pieces:
            with self.direct(n, UNLIMITED, bytes(content[len(composite) : len(composite) + n]), 0, n) as part:
                composite.append(part)
        return composite

    def close(self) -> None:
        """Give everything back; what the allocator then still holds was lost."""
        for handle in self.handles.values():
            close(handle.buf)
        for buf in self.forgotten:
            close(buf)


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
