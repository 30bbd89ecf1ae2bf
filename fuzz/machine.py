"""Drives a state machine of tests/model by a Reader, in place of Hypothesis.

The machines keep their own models and compare them after each step. All that
is done here is to choose: which rule comes next, and its arguments, which the
rules describe as strategies of Hypothesis.
"""

from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from fuzz.reader import Reader

STEPS = 60


def drive(machine: RuleBasedStateMachine, data: Reader) -> None:
    try:
        for rule in machine.setup_state().initializers:
            step(machine, rule, data)
        for _ in range(STEPS):
            if not data.left:
                break
            step(machine, data.choice(machine.rules), data)
    finally:
        machine.teardown()


def step(machine: RuleBasedStateMachine, rule: object, data: Reader) -> None:
    if all(holds(machine) for holds in rule.preconditions):
        rule.function(machine, **{name: draw(strategy, data) for name, strategy in rule.arguments.items()})
        for invariant in machine.invariants:
            invariant.function(machine)


def draw(strategy: st.SearchStrategy, data: Reader) -> object:
    plain = getattr(strategy, "wrapped_strategy", strategy)
    return DRAW[type(plain).__name__](plain, data)


def integer(plain: st.SearchStrategy, data: Reader) -> int:
    return data.between(plain.start, plain.end)


def some_bytes(plain: st.SearchStrategy, data: Reader) -> bytes:
    return data.bytes(int(plain.max_size)).ljust(plain.min_size, b"\x55")


def some(plain: st.SearchStrategy, data: Reader) -> list[object]:
    return [draw(plain.element_strategy, data) for _ in range(data.between(plain.min_size, int(plain.max_size)))]


DRAW: dict[str, Callable[[st.SearchStrategy, Reader], object]] = {
    "IntegersStrategy": integer,
    "BytesStrategy": some_bytes,
    "BooleansStrategy": lambda plain, data: data.flag(),
    "JustStrategy": lambda plain, data: plain.value,
    "SampledFromStrategy": lambda plain, data: data.choice(plain.elements),
    "OneOfStrategy": lambda plain, data: draw(data.choice(plain.original_strategies), data),
    "TupleStrategy": lambda plain, data: tuple(draw(part, data) for part in plain.element_strategies),
    "ListStrategy": some,
}
