"""Where zbuf differs from Netty on purpose: every rule, its reason, when it applies, what zbuf does instead.

A step that is not as recorded must be covered by one of these. `applies` looks
at the recording alone, never at what zbuf answered; `holds` asserts zbuf's own
behaviour, and `differs` names the only fields in which the two may differ then.
The first rule that applies is the one that has to hold.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import zbuf

from .adapter import CODECS, ERRORS, NUMBERS, stops, text_of, units
from .recordings import Step
from .world import UNLIMITED, Handle, State, World

WIDTHS = {"boolean": 1, "byte": 1, "unsigned_byte": 1, "short": 2, "unsigned_short": 2, "char": 2, "medium": 3,
          "unsigned_medium": 3, "int": 4, "unsigned_int": 4, "float": 4, "long": 8, "double": 8}
LIMITS = {"i8": (-128, 255), "i16": (-(2**15), 2**16 - 1), "i24": (-(2**23), 2**24 - 1), "i32": (-(2**31), 2**31 - 1),
          "i64": (-(2**63), 2**63 - 1), "u16": (0, 2**16 - 1)}


@dataclass(slots=True)
class Situation:
    """One step: what was recorded, and what zbuf did."""

    world: World
    step: Step
    was: dict[str, State]           # as recorded before the step
    before: dict[str, State]        # as observed before it
    after: dict[str, State]
    result: Any
    error: Exception | None
    wrong: list[str]                # `handle.field` that is not as recorded

    @property
    def op(self) -> str:
        return self.step.op

    @property
    def args(self) -> list[Any]:
        return self.step.args

    @property
    def on(self) -> State:
        """What the recording said about the handle that is called."""
        return self.was.get(self.step.on or "", {"refcnt": 0})

    @property
    def now(self) -> State:
        return self.after[self.step.on]

    @property
    def handle(self) -> Handle:
        return self.world.handles[self.step.on]

    @property
    def composite(self) -> bool:
        return "components" in self.on

    def of_composite(self, name: str) -> bool:
        """A composite, or a view of one."""
        root = self.was.get(self.world.handles[name].memory) if name in self.world.handles else None
        return root is None or "components" in root

    def named(self) -> list[str]:
        """The handles among the arguments."""
        flat = [x for arg in self.args for x in (arg if isinstance(arg, list) else [arg])]
        return [x for x in flat if isinstance(x, str) and x in self.was]

    def pairs(self) -> Iterator[tuple[str, State, State]]:
        """Every handle that is there before and after, with both its states."""
        for name, old in self.before.items():
            if name in self.after:
                yield name, old, self.after[name]

    def unchanged(self) -> None:
        for name, old, new in self.pairs():
            assert new == old, f"{name}: {old} became {new}"

    def refused(self, *kinds: type[Exception]) -> None:
        """zbuf raised, and nothing has changed."""
        assert isinstance(self.error, kinds), f"{self.error!r} is not one of {kinds}"
        self.unchanged()

    def went_well(self) -> None:
        assert self.error is None, repr(self.error)


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    reason: str
    applies: Callable[[Situation], bool]
    holds: Callable[[Situation], None]
    differs: frozenset[str]


RULES: list[Rule] = []


def rule(name: str, reason: str, applies: Callable[[Situation], bool], differs: str = "") -> Any:
    """Register what it decorates as the check of a rule."""
    def register(holds: Callable[[Situation], None]) -> Callable[[Situation], None]:
        RULES.append(Rule(name, reason, applies, holds, frozenset(differs.split())))
        return holds
    return register


def number(op: str) -> str:
    """The kind of number in an operation's name."""
    return op.partition("_")[2].removesuffix("_le")


# -- what zbuf cannot be brought to


def impossible(state: State) -> bool:
    return state["refcnt"] > 0 and not state["reader"] <= state["writer"] <= state["capacity"]


@rule("indices_stay_inside", "reader <= writer <= capacity, whatever is removed: Netty's may lie outside",
      lambda s: any(map(impossible, s.was.values())) or any(impossible(handle.seen) for handle in s.world.handles.values()),
      differs="reader writer capacity result components content error refcnt")
def _(s: Situation) -> None:
    for state in s.after.values():
        assert state["refcnt"] == 0 or 0 <= state["reader"] <= state["writer"] <= state["capacity"]


# -- bounds and values

@rule("empty_is_read_only", "EMPTY is everybody's, so it refuses every write, also of nothing",
      lambda s: bool(s.step.on) and s.handle.buf is zbuf.EMPTY and s.op.startswith((
          "write_", "set_", "ensure_", "discard_")) and "index" not in s.op)
def _(s: Situation) -> None:
    s.refused(zbuf.ReadOnlyError)


RANGED = {"get_bytes_array", "get_bytes_stream", "to_bytes", "nio_buffer", "nio_buffers", "slice_range",
          "retained_slice_range", "copy_range", "hex_dump_range", "pretty_hex_dump_range", "get_char_sequence",
          "to_string_range", "is_text_range", "for_each_byte_range", "for_each_byte_desc_range", "decompose",
          "bytes_before_range"}


def reads(s: Situation) -> Iterator[tuple[str, int, int]]:
    """Which bytes of which handles an operation reads by absolute index: handle, start, length."""
    op, args, on = s.op, s.args, s.step.on
    if op.startswith("get_") and number(op) in WIDTHS:
        yield on, args[0], WIDTHS[number(op)]
    elif op in RANGED:
        yield on, args[0], args[1]
    elif op == "get_bytes_array_range":
        yield on, args[0], args[3]
    elif op == "get_bytes_buf":
        yield on, args[0], s.was[args[1]]["capacity"] - s.was[args[1]]["writer"]
    elif op == "get_bytes_buf_len":
        yield on, args[0], args[2]
    elif op == "get_bytes_buf_range":
        yield on, args[0], args[3]
    elif op == "set_bytes_buf_range":
        yield args[1], args[2], args[3]
    elif op == "write_bytes_buf_range":
        yield args[0], args[1], args[2]
    elif op == "index_of":
        yield on, min(args[:2]), abs(args[0] - args[1])
    elif op == "equals_range":
        yield on, args[0], args[3]
        yield args[1], args[2], args[3]
    elif op == "read_char_sequence":
        yield on, s.on["reader"], args[0]


def unwritten(s: Situation) -> bool:
    return s.step.raises is None and any(
        s.was[name]["refcnt"] and start >= 0 and length >= 0 and start + length > s.was[name]["writer"]
        for name, start, length in reads(s))


@rule("written_bytes_only", "recycled memory is other people's data: gets, slices and copies end at the writer", unwritten)
def _(s: Situation) -> None:
    s.refused(IndexError)


@rule("no_negative_index", "an index before the start is an error, and is not moved to 0",
      lambda s: s.step.raises is None and any(start < 0 or n < 0 for _, start, n in reads(s)))
def _(s: Situation) -> None:
    s.refused(IndexError, ValueError)


def too_large(s: Situation) -> bool:
    kind = number(s.op)
    if s.step.raises or not s.op.startswith(("write_", "set_")) or kind not in NUMBERS:
        return False
    low, high = LIMITS.get(NUMBERS[kind][0], (0, 0))
    return isinstance(s.args[-1], int) and low < high and not low <= s.args[-1] <= high


@rule("never_truncates", "a value that does not fit its width is an OverflowError, as everywhere in Python", too_large)
def _(s: Situation) -> None:
    s.refused(OverflowError)


@rule("strong_guarantee", "a call that raises has changed nothing; Netty had grown, moved an index or taken a reference",
      lambda s: s.step.raises is not None and bool(s.step.state))
def _(s: Situation) -> None:
    s.refused(*ERRORS[s.step.raises])


# -- references

VIEWS = {"slice", "slice_range", "read_slice", "duplicate", "as_read_only",
         "retained_slice", "retained_slice_range", "read_retained_slice", "retained_duplicate"}


@rule("duplicates_stay_in_their_slice", "a duplicate or slice of a slice never reaches beyond it",
      lambda s: s.op in ("duplicate", "retained_duplicate", "retained_slice", "retained_slice_range")
      and s.step.raises is None and s.step.state[s.step.result]["refcnt"] > 0 and s.handle.fixed
      and s.step.state[s.step.result]["capacity"] != {"duplicate": s.on["capacity"], "retained_duplicate": s.on["capacity"],
                                                      "retained_slice": s.on["writer"] - s.on["reader"]}.get(
          s.op, s.step.state[s.step.result]["capacity"]),
      differs="capacity max_capacity reader writer refcnt content")
def _(s: Situation) -> None:
    s.went_well()
    assert readable(s.after[s.step.result]) == readable(s.before[s.step.on])
    assert s.after[s.step.result]["capacity"] <= s.on["capacity"]


@rule("released_handles_refuse", "every use of a released handle is a ReleasedError",
      lambda s: s.step.raises is None and bool(s.step.on) and s.on["refcnt"] == 0)
def _(s: Situation) -> None:
    s.refused(zbuf.ReleasedError)


@rule("views_own_their_reference", "slice() borrows and retainedSlice() owns, and the two pools count differently: here every "
      "view has one reference of its own, and refcnt counts those of the memory",
      lambda s: s.op in VIEWS and s.step.raises is None, differs="refcnt")
def _(s: Situation) -> None:
    s.went_well()
    for handle in s.world.family(s.handle):
        if handle.name in s.before:
            counted = s.after[handle.name]["refcnt"] - s.before[handle.name]["refcnt"]
            assert counted in ((0, 1) if s.of_composite(handle.name) else (1,))
    if not s.of_composite(s.step.on):
        assert s.after[s.step.result]["refcnt"] == s.now["refcnt"]


@rule("one_count_for_all_handles", "refcnt counts what keeps the memory alive, through whatever handle it came",
      lambda s: s.op in ("retain", "retain_n", "ref_cnt") and s.step.raises is None, differs="refcnt result")
def _(s: Situation) -> None:
    s.went_well()
    assert s.op == "ref_cnt" or "result" not in s.wrong
    n = 0 if s.op == "ref_cnt" else s.args[0] if s.args else 1
    for handle in s.world.family(s.handle):
        more = s.after[handle.name]["refcnt"] - s.before[handle.name]["refcnt"]
        assert more in ((0, n) if s.of_composite(handle.name) and handle is not s.handle else (n,))


@rule("release_ends_one_handle", "release() gives back what came through this handle and ends this handle alone; other "
      "views of the memory go on, and it is True only if nothing keeps the memory",
      lambda s: s.op in ("release", "release_n") and s.step.raises in (None, "IllegalReferenceCount") and s.on["refcnt"] > 0,
      differs="refcnt result error")
def _(s: Situation) -> None:
    n = s.args[0] if s.args else 1
    held = s.handle.held if s.error else s.handle.held + n
    if n > held:
        s.refused(zbuf.ReleasedError)
        return
    s.went_well()
    left = s.before[s.step.on]["refcnt"] - n
    assert s.result is (left == 0)
    assert s.handle.buf.released is (n == held)
    for name, old, new in s.pairs():
        if name != s.step.on and old["refcnt"]:
            fewer = old["refcnt"] - new["refcnt"]
            assert fewer >= 0 if s.of_composite(s.step.on) else fewer in (0, n)
            assert {**new, "refcnt": 0} == {**old, "refcnt": 0}
        elif name == s.step.on and n < held:
            assert {**new, "refcnt": 0} == {**old, "refcnt": 0} and new["refcnt"] == left


# -- moving bytes in place, growing

@rule("reclaim_when_alone_and_worth_it", "reclaim() slides the unread bytes only if nobody else looks at them and as many "
      "were consumed; what others see never moves under them",
      lambda s: s.op in ("discard_read_bytes", "discard_some_read_bytes") and s.step.raises is None,
      differs="reader writer capacity max_capacity content components refcnt")
def _(s: Situation) -> None:
    if s.handle.readonly:
        s.refused(zbuf.ReadOnlyError)
        return
    s.went_well()
    old, new = s.before[s.step.on], s.now
    assert new["content"][new["reader"] : new["writer"]] == old["content"][old["reader"] : old["writer"]]
    pieces = isinstance(s.handle.buf, zbuf.CompositeByteBuf)
    alone = pieces or old["refcnt"] == s.handle.held
    worth = pieces or 0 < old["reader"] >= old["writer"] - old["reader"]
    assert new["reader"] == (0 if alone and worth else old["reader"])
    for name, before, after in s.pairs():
        assert name == s.step.on or after.get("content") == before.get("content")


@rule("no_forced_growth", "room that max_capacity does not allow is refused; nothing grows to the limit on the way",
      lambda s: s.op == "ensure_writable_force" and s.step.result == 3, differs="result capacity content refcnt")
def _(s: Situation) -> None:
    s.went_well()
    assert s.result == 1
    s.unchanged()


def resized(s: Situation) -> bool:
    """Did the capacity of the handle that is called change in Netty?"""
    now = s.step.state.get(s.step.on or "", {})
    return s.step.raises is None and not s.composite and "capacity" in now and now["capacity"] != s.on["capacity"]


@rule("capacity_is_each_handles_own", "growing or cutting one handle changes no other; growth that must move takes a new block, "
      "and other handles keep the old one, as in Go and Rust; the whole block is used before anything moves",
      resized, differs="refcnt content capacity")
def _(s: Situation) -> None:
    s.went_well()
    assert s.now["writer"] <= s.now["capacity"] <= s.now["max_capacity"]
    assert not any(wrong.startswith(f"{s.step.on}.") and wrong.endswith("content") for wrong in s.wrong)
    for handle in s.world.family(s.handle):
        if handle is not s.handle and handle.name in s.before:
            old, new = s.before[handle.name], s.after[handle.name]
            here = s.handle.start - handle.start
            shared = bytearray(old["content"])
            for i in range(max(here, 0), min(here + s.now["capacity"], old["capacity"])):
                shared[i] = s.now["content"][i - here]
            moved = s.now["refcnt"] == s.handle.held < s.before[s.step.on]["refcnt"]
            assert new["content"] == (old["content"] if moved else shared)
            assert [new[x] for x in ("reader", "writer", "capacity")] == [old[x] for x in ("reader", "writer", "capacity")]


@rule("writing_grows_the_target", "write_bytes() grows its target, whoever the bytes come from",
      lambda s: s.op in ("read_bytes_buf_len", "get_bytes_buf_len") and s.step.raises == "IndexOutOfBounds",
      differs="error reader writer capacity content refcnt components")
def _(s: Situation) -> None:
    s.went_well()
    target, n = s.named()[0], s.args[-1]
    old, new = s.before[target], s.after[target]
    start = s.args[0] if s.op.startswith("get") else s.before[s.step.on]["reader"]
    assert joined(new) == joined(old) + s.before[s.step.on]["content"][start : start + n]


@rule("copies_keep_this_handles_limit", "copy() gives the limit of the handle that is copied, also of a slice",
      lambda s: s.op in ("copy", "copy_range", "read_bytes") and s.step.raises is None, differs="max_capacity")
def _(s: Situation) -> None:
    s.went_well()
    assert s.after[s.step.result]["max_capacity"] == s.now["max_capacity"]


# -- composites

ADDS = {"add_component", "add_component_inc", "add_component_at", "add_component_inc_at", "add_components",
        "add_components_inc", "add_components_at", "add_flattened_components"}


def joined(state: State) -> bytes:
    return state["content"][: state["writer"]]


def readable(state: State) -> bytes:
    return state["content"][state["reader"] : state["writer"]]


@rule("append_extends_and_consumes_nothing", "append() and insert() make the bytes readable, leave the caller's handle the "
      "caller's, and never consolidate",
      lambda s: s.op in ADDS and s.step.raises is None, differs="refcnt writer reader capacity content components")
def _(s: Situation) -> None:
    parts = s.named()
    added = b"".join(readable(s.before[name]) for name in parts)
    old, new = s.before[s.step.on], s.now
    at = len(joined(old))
    if s.op.endswith("_at"):
        k = next(x for x in s.args if type(x) is int)
        written = [len(part) for part in cut(joined(old), old["components"])]
        if k > len(written):
            s.refused(IndexError)
            return
        at = sum(written[:k])
    s.went_well()
    assert joined(new) == joined(old)[:at] + added + joined(old)[at:]
    for name in set(parts):
        assert s.after[name]["refcnt"] >= s.before[name]["refcnt"] > 0
        assert {**s.after[name], "refcnt": 0} == {**s.before[name], "refcnt": 0}


def cut(content: bytes, lengths: list[int]) -> list[bytes]:
    """The written bytes of each part."""
    made, at = [], 0
    for n in lengths:
        made.append(content[at : at + n])
        at += n
    return [part for part in made if part]


REMOVES = ("remove_component", "remove_components")


@rule("parts_are_those_of_written_bytes", "a composite's parts hold its written bytes, and none is empty: what lies behind the "
      "writer is room, which goes when something follows",
      lambda s: s.op in REMOVES and (s.step.raises is None or s.handle.flat and s.args[0] >= 0),
      differs="capacity components reader writer refcnt content error")
def _(s: Situation) -> None:
    old, new = s.before[s.step.on], s.now
    parts = cut(joined(old), old["components"])
    k, count = s.args[0], s.args[1] if len(s.args) > 1 else 1
    if k + count > len(parts):
        s.refused(IndexError)
        return
    s.went_well()
    assert joined(new) == b"".join(parts[:k] + parts[k + count :])


@rule("composites_are_flat", "a composite that is added to another gives it its parts; no part is empty, and a view's parts "
      "are its own",
      lambda s: (s.step.raises is None or bool(s.step.on) and s.handle.flat and s.args != [] and s.args[0] >= 0) and (
          s.op in ("num_components", "component_list", "nio_buffer_count", "nio_buffers", "decompose", "to_component_index",
                   "to_byte_index", "component_bytes", "component_bytes_at_offset") and s.of_composite(s.step.on)),
      differs="result error")
def _(s: Situation) -> None:
    s.went_well()
    s.unchanged()
    state = s.now
    parts = cut(state["content"], state.get("components", [state["capacity"]]))
    expected = {
        "num_components": lambda: len(parts), "nio_buffer_count": lambda: len(parts),
        "component_list": lambda: parts,
        "nio_buffers": lambda i, n: within_range(parts, i, n), "decompose": lambda i, n: within_range(parts, i, n),
        "to_component_index": lambda i: next(k for k in range(len(parts)) if i < sum(map(len, parts[: k + 1]))),
        "to_byte_index": lambda k: sum(map(len, parts[:k])),
        "component_bytes": lambda k: parts[k],
        "component_bytes_at_offset": lambda i: next(
            parts[k] for k in range(len(parts)) if i < sum(map(len, parts[: k + 1]))),
    }[s.op](*s.args)
    assert s.result == expected or s.op == "nio_buffers" and s.args[1] == 0 and s.result in ([], [b""])


def within_range(parts: list[bytes], index: int, length: int) -> list[bytes]:
    """The pieces of a range over many parts."""
    made, at = [], 0
    for part in parts:
        made.append(part[max(index - at, 0) : max(index + length - at, 0)])
        at += len(part)
    return [piece for piece in made if piece]


@rule("parts_are_handles_on_written_bytes", "parts() and part_at() give handles on what is written of each part, not the buffers "
      "that were added",
      lambda s: s.op in ("component", "component_at_offset") and s.step.raises is None,
      differs="capacity max_capacity reader writer refcnt content")
def _(s: Situation) -> None:
    s.went_well()
    parts = cut(joined(s.now), s.now["components"])
    k = s.args[0]
    if s.op == "component_at_offset":
        k = next(k for k in range(len(parts)) if s.args[0] < sum(map(len, parts[: k + 1])))
    assert readable(s.after[s.step.result]) == parts[k]


@rule("parts_keep_only_their_own_reference", "a composite that lets a part go gives back its own reference: the caller's handle on "
      "it stays open",
      lambda s: s.op == "discard_read_components" and s.step.raises is None, differs="refcnt")
def _(s: Situation) -> None:
    s.went_well()
    for name, old, new in s.pairs():
        if name != s.step.on and old["refcnt"]:
            assert 0 < new["refcnt"] <= old["refcnt"]
            assert {**new, "refcnt": 0} == {**old, "refcnt": 0}


GROWS = ("write_", "ensure_writable", "set_capacity", "reserve_and_write", "read_bytes_buf", "get_bytes_buf")


@rule("composites_write_to_their_own_memory", "what is written to a composite goes to memory of its own, never over the bytes of "
      "an appended part; its room is what that memory has",
      lambda s: s.step.raises is None and s.op.startswith(GROWS) and any(
          s.of_composite(name) for name in [s.step.on, *s.named()] if name),
      differs="capacity components content refcnt")
def _(s: Situation) -> None:
    s.went_well()
    target = s.step.on if s.op.startswith(("write_", "ensure", "set_", "reserve")) else s.named()[0]
    for name, old, new in s.pairs():
        handle = s.world.handles[name]
        if name == target:
            assert new["writer"] == handle.seen["writer"] <= new["capacity"]
            recorded = handle.seen.get("content", joined(new).hex())[: 2 * new["writer"]]
            assert all(a == "?" or a == b for a, b in zip(recorded, joined(new).hex(), strict=True))
        elif f"{name}.content" in s.wrong:
            assert new["content"] == old["content"]


@rule("no_limit_of_parts", "a composite has no limit of parts, so none to ask for", lambda s: s.op == "max_num_components")
def _(s: Situation) -> None:
    s.refused(AttributeError)


@rule("consolidates_whole", "consolidate() copies all written bytes into one part; there is no form for some of them",
      lambda s: s.op in ("consolidate", "consolidate_range"), differs="components capacity result error refcnt")
def _(s: Situation) -> None:
    s.went_well()
    assert joined(s.now) == joined(s.before[s.step.on])
    assert len(cut(joined(s.now), s.now["components"])) <= 1


# -- text

WRITES_TEXT = {"write_utf8", "write_utf8_range", "write_char_sequence", "set_char_sequence", "write_ascii", "utf8_bytes",
               "utf8_bytes_range"}


@rule("text_is_cut_by_slices", "a range of a text is a slice of it, as Python cuts: to what there is",
      lambda s: s.op in ("write_utf8_range", "utf8_bytes_range") and s.step.raises == "IndexOutOfBounds",
      differs="error writer content capacity components")
def _(s: Situation) -> None:
    s.went_well()
    text, start, end = s.args
    assert s.result == len(encoded(units(text)[start:end], "utf-8"))


@rule("exact_room_for_text", "text takes the room of its bytes, not three times that of its characters, and half a surrogate pair "
      "is one question mark, whatever follows it",
      lambda s: s.op in WRITES_TEXT and s.step.raises in (None, "IndexOutOfBounds"),
      differs="capacity components error writer content result refcnt")
def _(s: Situation) -> None:
    s.went_well()
    text, charset = next(x for x in s.args if isinstance(x, str)), s.args[-1] if "sequence" in s.op else "utf-8"
    if s.op.endswith("_range"):
        text = text_of(units(text)[s.args[1] : s.args[2]])
    data = encoded(text, "latin-1" if s.op == "write_ascii" else CODECS[charset])
    assert s.result == len(data)
    if s.op.startswith("set"):
        assert s.now["content"][s.args[0] : s.args[0] + len(data)] == data
    elif s.op.startswith("write"):
        assert joined(s.now) == joined(s.before[s.step.on]) + data


def encoded(text: str, codec: str) -> bytes:
    return (units(text) if codec == "latin-1" else text).encode(codec, "replace")


@rule("hexadecimal_is_pythons", "hexadecimal is read by bytes.fromhex, which allows blanks, and of a slice of the text",
      lambda s: s.op.startswith("decode_hex") and s.step.raises is not None, differs="error")
def _(s: Situation) -> None:
    if s.error is not None:
        s.refused(ValueError)
    else:
        assert bytes(s.result) == bytes.fromhex(s.args[0][slice(*([s.args[1], sum(s.args[1:])] if len(s.args) > 1 else [None]))])


@rule("no_hash", "a buffer changes, so it has no hash", lambda s: s.op == "hash_code")
def _(s: Situation) -> None:
    s.refused(TypeError)


@rule("hexdump_like_hexdump", "hexdump() looks like hexdump -C, without a frame",
      lambda s: s.op.startswith("pretty_hex_dump") and s.step.raises is None, differs="result")
def _(s: Situation) -> None:
    s.went_well()
    s.unchanged()
    assert digits(s.result, slice(10, 58)) == digits(s.step.result, slice(11, 58), "|")


def digits(dump: str, columns: slice, rows: str = "") -> str:
    """The bytes of a dump, in hexadecimal."""
    return "".join("".join(row[columns].split()) for row in dump.splitlines() if row.startswith(rows) and row[columns][0] != " ")


@rule("upper_bounds_are_exact", "there is no estimate of a text's bytes: its exact number costs no more",
      lambda s: s.op == "utf8_max_bytes", differs="result")
def _(s: Situation) -> None:
    s.went_well()
    assert s.result == len(s.args[0].encode("utf-8", "replace")) <= s.step.result


# -- limits, and what Netty forgot to check

@rule("sizes_are_64_bit", "sizes are 64-bit: a limit that nobody set is no limit, and no sum overflows",
      lambda s: s.step.raises is None and (s.op == "max_writable_bytes" and s.of_composite(s.step.on)
                                           or s.op == "ensure_writable" and s.args[0] == UNLIMITED), differs="result error")
def _(s: Situation) -> None:
    s.unchanged()
    if s.op == "ensure_writable":
        s.refused(zbuf.CapacityError)
    else:
        assert s.result == sys.maxsize - s.now["writer"]


@rule("slices_can_be_cut", "a slice's capacity is its own: it may be cut, and only not grow",
      lambda s: s.op == "set_capacity" and s.step.raises == "UnsupportedOperation" and s.args[0] <= s.on["capacity"],
      differs="error capacity writer reader content")
def _(s: Situation) -> None:
    s.went_well()
    assert s.now["capacity"] == s.args[0]
    assert s.now["content"] == s.before[s.step.on]["content"][: s.args[0]]


@rule("read_only_refuses_room", "asking for room is a write: of a read-only buffer it is an error",
      lambda s: s.op == "ensure_writable_force" and s.step.result in (0, 1) and s.handle.buf.readonly)
def _(s: Situation) -> None:
    s.refused(zbuf.ReadOnlyError)


@rule("nothing_grows_for_nothing", "room for no bytes is always there", lambda s: s.op == "calculate_new_capacity" and s.args[0] == 0,
      differs="result")
def _(s: Situation) -> None:
    assert s.result == 0


@rule("searches_see_this_buffer_alone", "a search sees the readable bytes and no others",
      lambda s: s.op == "for_each_byte_desc" and s.composite, differs="result")
def _(s: Situation) -> None:
    wanted = stops(s.args[0])
    found = [i for i in range(s.now["reader"], s.now["writer"]) if s.now["content"][i] in wanted]
    assert s.result == (found[-1] if found else -1)


@rule("negative_sizes_are_values", "a negative size is a ValueError and a negative index an IndexError, whoever asks",
      lambda s: s.step.raises in ("IndexOutOfBounds", "IllegalArgument") and any(isinstance(x, int) and x < 0 for x in s.args))
def _(s: Situation) -> None:
    s.refused(ValueError, IndexError)


# -- marks

@rule("marks_are_plain_numbers", "a mark is a number that the caller keeps: nothing moves it when bytes are discarded",
      lambda s: s.op in ("reset_reader_index", "reset_writer_index"), differs="reader writer error")
def _(s: Situation) -> None:
    side = "reader" if "reader" in s.op else "writer"
    mark = s.handle.marks.get(side, 0)
    if s.error is not None:
        s.refused(IndexError)
    else:
        assert s.now[side] == mark
