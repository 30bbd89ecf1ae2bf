"""Replay scenarios: do what was recorded, and compare what comes out."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from . import adapter
from .adapter import ERRORS, TABLE
from .recordings import Scenario, Step
from .world import Handle, State, World, close, differences, observe

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
        elif kind == "allocator":
            made.append(world.allocator)
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
            outcome.error = error
    return outcome


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
    outcome.after = world.observed()
    for name, handle in world.handles.items():
        handle.chosen |= name in step.capacity_chosen
        outcome.wrong += [f"{name}.{what}" for what in differences(handle, outcome.after[name])]


def adopt(world: World, step: Step, buf: zbuf.ByteBuf, handle: Handle | None) -> None:
    seen = step.state[step.result]
    if step.op in VIEWS and handle is not None:
        index = step.args[0] if "range" in step.op else handle.seen["reader"] if "slice" in step.op else 0
        world.adopt_view(step.result, buf, seen, handle, step.op, index)
    else:
        world.adopt(step.result, buf, seen)
