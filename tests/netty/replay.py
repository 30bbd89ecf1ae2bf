"""Replay scenarios: do what was recorded, and compare what comes out."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import adapter, codecs
from .adapter import ERRORS, TABLE
from .recordings import Scenario, Step, scenarios
from .deviations import ADDS, RULES, Situation, impossible, readable
from .totals import Totals
from .world import Handle, State, World, differences, observe

import zbuf

VIEWS = {"slice", "slice_range", "retained_slice", "retained_slice_range", "read_slice", "read_retained_slice",
         "duplicate", "retained_duplicate", "as_read_only"}


@dataclass(slots=True)
class Outcome:
    """What zbuf did in one step."""

    before: dict[str, State]
    result: Any = None
    error: Exception | None = None
    after: dict[str, State] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)      # in what it is not as recorded


def decoded(world: World, handle: Handle | None, kinds: str, args: list[Any]) -> list[Any]:
    """Arguments as zbuf takes them."""
    left = list(args)
    made: list[Any] = []
    for kind in kinds.split():
        if kind == "marks":
            made.append(handle.marks)
        else:
            made.append(ARGUMENTS[kind](world, left.pop(0)))
    assert not left, f"arguments that the table does not name: {left}"
    return made


ARGUMENTS = {
    "int": lambda world, value: value,
    "bool": lambda world, value: value,
    "text": lambda world, value: value,
    "hex": lambda world, value: bytes.fromhex(value),
    "f32": lambda world, value: adapter.f32(value),
    "f64": lambda world, value: adapter.f64(value),
    "buf": lambda world, value: world.handles[value].buf,
    "bufs": lambda world, values: [world.handles[value].buf for value in values],
}

RESULTS = {
    "none": lambda handle, value: None,
    "int": lambda handle, value: int(value),
    "bool": lambda handle, value: bool(value),
    "text": lambda handle, value: value,
    "hex": lambda handle, value: bytes(value).hex(),
    "f32": lambda handle, value: adapter.bits32(value),
    "f64": lambda handle, value: adapter.bits64(value),
    "list_hex": lambda handle, values: [bytes(value).hex() for value in values],
    "refcnt": lambda handle, value: value - handle.lag if value else 0,
}


def recorded_result(kind: str, step: Step) -> Any:
    return adapter.netty_bits(step.result) if kind in ("f32", "f64") else step.result


def made(world: World, step: Step) -> zbuf.ByteBuf | None:
    """What the operations that make a buffer make."""
    match step.op:
        case "new_direct":
            capacity, max_capacity, content, reader, writer = step.args
            return world.direct(capacity, max_capacity, bytes.fromhex(content), reader, writer)
        case "new_composite":
            return world.composite()
        case "empty_buffer":
            return zbuf.EMPTY
    return None


def perform(world: World, step: Step) -> Outcome:
    handle = world.handles[step.on] if step.on else None
    outcome = Outcome(world.observed())
    outcome.result = made(world, step)
    if outcome.result is None:
        spelling = TABLE[step.op]
        args = decoded(world, handle, spelling.args, step.args)
        try:
            outcome.result = spelling.call(handle.buf, *args) if handle else spelling.call(*args)
        except Exception as error:
            outcome.error = error.with_traceback(None)      # its frames hold handles
        else:
            count_held(handle, step)
    return outcome


def count_held(handle: Handle | None, step: Step) -> None:
    n = step.args[0] if step.op.endswith("_n") else 1
    if step.op in ("retain", "retain_n"):
        handle.held += n
    elif step.op in ("release", "release_n"):
        handle.held -= n


def compare(world: World, step: Step, outcome: Outcome) -> None:
    """Note in what the outcome is not as recorded."""
    handle = world.handles[step.on] if step.on else None
    kind = TABLE[step.op].result if step.op in TABLE else "buf"
    if step.raises or outcome.error:
        if not (step.raises and isinstance(outcome.error, ERRORS[step.raises])):
            outcome.wrong.append("error")
    elif kind == "buf":
        adopt(world, step, outcome.result, handle)
    elif not step.undefined and RESULTS[kind](handle, outcome.result) != recorded_result(kind, step):
        outcome.wrong.append("result")
    world.record(step.state)
    world.forget(step.forget)
    outcome.after = world.observed()
    for name, handle in world.handles.items():
        if name in step.capacity_chosen:
            handle.chosen = outcome.after[name].get("capacity") != outcome.before[name]["capacity"]
        outcome.wrong += [f"{name}.{what}" for what in differences(handle, outcome.after[name])]


def adopt(world: World, step: Step, buf: zbuf.ByteBuf, handle: Handle | None) -> None:
    seen = step.state[step.result]
    if step.op in VIEWS and handle is not None:
        index = step.args[0] if "range" in step.op else handle.seen["reader"] if "slice" in step.op else 0
        if step.op == "retained_slice" and seen.get("capacity") != handle.seen["writer"] - handle.seen["reader"]:
            index = 0       # a pooled view of a view forgets its indices
        world.adopt_view(step.result, buf, seen, handle, step.op, index)
    else:
        world.adopt(step.result, buf, seen)


def adopt_missing(world: World, step: Step) -> None:
    """A handle that Netty made and zbuf did not: put right when the worlds are made equal."""
    if isinstance(step.result, str) and step.result in step.state and step.result not in world.handles:
        gone = zbuf.buffer(0)
        gone.release()
        adopt(world, step, gone, world.handles[step.on] if step.on else None)


def note_sharing(world: World, step: Step, was: dict[str, State]) -> None:
    if step.op in ADDS and not step.raises:
        added = step.args[-1]
        at = next((arg for arg in step.args if type(arg) is int), None)
        world.share(world.handles[step.on], at, added if isinstance(added, list) else [added], was)
    elif step.op == "consolidate" and not step.raises and len(was[step.on]["components"]) > 1:
        world.handles[step.on].shares.clear()


def cover(situation: Situation) -> str:
    """The name of the rule that covers a step which is not as recorded; AssertionError if none does."""
    rule = next((rule for rule in RULES if rule.applies(situation)), None)
    assert rule is not None, "no rule covers it"
    rule.holds(situation)
    if situation.error is None:
        beyond = {wrong.rpartition(".")[2] for wrong in situation.wrong} - rule.differs
        assert not beyond, f"{rule.name} does not explain {sorted(beyond)}"
    return rule.name


def added_bytes(step: Step, before: dict[str, State]) -> bytes:
    if step.op not in ADDS:
        return b""
    names = step.args[-1] if isinstance(step.args[-1], list) else [step.args[-1]]
    return b"".join(readable(before[name]) for name in names)


def replay_step(world: World, step: Step) -> str:
    """Do the step; both worlds are equal after it. Returns "" if it was as recorded, or the rule that covers it."""
    was = {name: dict(handle.seen) for name, handle in world.handles.items()}
    outcome = perform(world, step)
    compare(world, step, outcome)
    note_sharing(world, step, was)
    if not outcome.wrong:
        return ""
    try:
        name = cover(Situation(world, step, was, outcome.before, outcome.after, outcome.result, outcome.error, outcome.wrong))
    except Exception as failure:
        raise Disagreement(step, outcome, repr(failure)) from None
    finally:
        adopt_missing(world, step)
        world.resync(outcome.before, added_bytes(step, outcome.before))
    apart = [name for name, handle in world.handles.items()
             if not impossible(handle.seen) and differences(handle, observe(handle.buf))]
    if apart:
        raise Disagreement(step, outcome, f"{apart} could not be brought to what was recorded")
    return name


class Disagreement(Exception):
    """A step that is neither as recorded nor covered by a rule."""

    def __init__(self, step: Step, outcome: Outcome, why: str) -> None:
        super().__init__(f"{step.op} on {step.on} {step.args}: recorded {step.result!r}, raises {step.raises}; zbuf "
                         f"{outcome.result!r}, {outcome.error!r}; wrong: {', '.join(outcome.wrong)}; {why}")


def replay(scenario: Scenario, file: str, totals: Totals) -> None:
    """All steps of a scenario, to its end whatever happens."""
    world = World(scenario)
    for number, step in enumerate(scenario.steps):
        try:
            verdict: str | None = replay_step(world, step)
        except Disagreement as failure:
            verdict = None
            totals.failures.append(f"{file} {scenario.id} step {number}: {failure}")
        totals.add(file, step.op, verdict)
    world.close()
    lost = world.allocator.live()
    if lost:
        totals.failures.append(f"{file} {scenario.id}: {len(lost)} blocks are still held at the end")


def replay_files(paths: Iterable[Path]) -> Totals:
    totals = Totals()
    for path in paths:
        for scenario in scenarios(path):
            replay_this = codecs.replay if scenario.kind == "codec" else replay
            replay_this(scenario, path.name.partition(".")[0], totals)
    return totals
