"""Every integer argument there is, swept over the ends of all ranges: a result or an error of the docs, and nothing lost."""

import inspect
import re
import resource

import pytest

import zbuf
import zbuf.aio.stream
from given import AS, CASES, CONTENT, MORE, MOST, NOT_OURS, OPERATORS, World, buffer_of, usual
from kinds import check, live_blocks, state
from stubs import REQUIRED, arguments

CAPACITY = len(CONTENT)
VALUES = [-2**63 - 1, -2**63, -1, 0, 1, CAPACITY, 2**31 - 1, 2**31, 2**63 - 1, 2**63, 2**64, True, 1.0, "1", None]
DESCRIPTORS = {"_HasFileno", "_File", "_Readable"}    # an integer beside these is a descriptor
ARGUMENTS = [argument for argument in arguments() if argument.name not in NOT_OURS]
OF_BUFFERS = [each for each in ARGUMENTS if each.owner in ("ByteBuf", "CompositeByteBuf") and each.call != "__init__"]
OTHERS = [each for each in ARGUMENTS if each not in OF_BUFFERS]


@pytest.fixture(autouse=True)
def little_memory():
    """The allocator lends little, and Python itself finds not much more: what asks for 2**31 bytes gets none."""
    before = zbuf.set_default_allocator(zbuf.SystemAllocator(max_live=MOST))
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm") as file:
        resource.setrlimit(resource.RLIMIT_AS, (int(file.read().split()[0]) * resource.getpagesize() + 8 * MOST, hard))
    yield
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    zbuf.set_default_allocator(before)


def values(argument):
    """What the argument is swept over: no descriptor that is open."""
    if argument.kinds & DESCRIPTORS:
        return [value for value in VALUES if isinstance(value, str | None) or not 0 <= value < 1000]
    return VALUES


def accepted(argument, value):
    """May the value be given at all, by its type?"""
    if value is None:
        return "None" in argument.kinds
    return isinstance(value, int) or isinstance(value, float) and "SupportsFloat" in argument.kinds


def judge(argument, value, outcome):
    """The outcome is one of those that the docs have."""
    if not accepted(argument, value):
        assert isinstance(outcome, TypeError | AttributeError), outcome
        return
    if argument.kinds & DESCRIPTORS:
        assert not isinstance(outcome, Exception) or type(outcome) in (OSError, OverflowError, ValueError), outcome
    elif isinstance(outcome, Exception):
        assert documented(argument, outcome), f"{type(outcome).__name__} is not in the docs: {outcome}"
        assert re.search(r"\d", str(outcome)), f"without a number: {outcome}"


def documented(argument, error):
    names = {base.__name__ for base in type(error).__mro__[:-3]}
    if isinstance(error, MemoryError):   # any call may be without memory
        return True
    return names & set(re.findall(r"\w+", docs(argument.callable)))


def docs(name, seen=()):
    """What is written about it, and about those that it is like: `Raises as write_bytes does`."""
    owner, _, member = name.rpartition(".")
    thing = found(owner or name)
    own = thing.__doc__ if member in (name, "__init__", "__new__") else getattr(thing, member).__doc__ or ""
    own += OPERATORS.get(member, "")
    others = [f"{of or owner}.{word}" for of, word in LIKE.findall(own) if hasattr(found(of or owner), word)]
    others += [AS[name]] if name in AS else []
    return own + "".join(docs(other, (*seen, name)) for other in others if other not in seen)


LIKE = re.compile(r"\b(?:[Aa]s|what) (?:([A-Z]\w+)\.)?([a-z_]+)")


def found(name):
    return next((getattr(module, name) for module in MODULES if hasattr(module, name)), None)


MODULES = [zbuf, zbuf.aio, zbuf.aio._inbox, zbuf.codec, zbuf.direct, zbuf.io, zbuf.relay, zbuf.testing, zbuf.zerocopy]


def attempt(call):
    try:
        return call()
    except Exception as error:
        return error.with_traceback(None)


def call_of(argument, value, given, subject):
    """The call with the value in its place."""
    if not callable(getattr(type(subject), argument.call, None)):
        return lambda: setattr(subject, argument.call, value)
    args = [*given, *(default for _, default in argument.before[len(given):])]
    if argument.keyword:
        return lambda: getattr(subject, argument.call)(*args, **{argument.name: value})
    place = len(argument.before)
    args[place : place + 1] = [value]
    return lambda: getattr(subject, argument.call)(*args)


def swept(argument, value, kind):
    buf = buffer_of(kind)
    before = state(buf)
    outcome = attempt(call_of(argument, value, MORE.get(argument.call) or usual(argument.call), buf))
    check(buf)
    if isinstance(outcome, Exception):
        assert state(buf) == before, f"it moved, and raised {outcome!r}"
    elif not buf.released:
        assert buf.capacity < MOST
    judge(argument, value, outcome)
    return outcome


KINDS = ["pooled", "moved", "slice of a slice", "wrapped bytes", "composite with its reader inside a part", "composite slice",
         "composite tail", "composite, read-only handle"]


@pytest.mark.parametrize("kind", KINDS)
def test_of_buffers(kind):
    cls = type(buffer_of(kind))
    for argument in OF_BUFFERS:
        if issubclass(cls, getattr(zbuf, argument.owner)):
            sweep(argument, lambda value: swept(argument, value, kind))


def sweep(argument, outcome_of):
    """Each value has its outcome, and True is 1."""
    kinds = {}
    for value in values(argument):
        before = live_blocks()
        try:
            outcome = outcome_of(value)
        except AssertionError as error:
            raise AssertionError(f"{argument} of {value!r}: {error}") from error
        kinds[repr(value)] = type(outcome), str(outcome) if isinstance(outcome, Exception) else None
        outcome = None
        assert live_blocks() == before, f"{argument} of {value!r} left blocks behind"
    assert "1" not in kinds or kinds["True"] == kinds["1"], f"{argument} takes True for something else than 1"


def facts(subject):
    """All that can be read off an object, as it is now."""
    if subject is None or isinstance(subject, World):
        return None
    names = [name for name in dir(type(subject)) if name[0] != "_" and inspect.isdatadescriptor(getattr(type(subject), name))]
    return {name: getattr(subject, name) for name in names}


def called(argument, value):
    with World() as world:
        subject, call, others = CASES[argument.callable](world)
        before = facts(subject)
        args = [others[name] if default is REQUIRED else default for name, default in argument.before]
        if argument.keyword:
            outcome = attempt(lambda: call(*args, **{argument.name: value}))
        else:
            outcome = attempt(lambda: call(*args, value, *(others[name] for name in argument.others if name in others)))
        if isinstance(outcome, Exception):
            assert facts(subject) == before, f"it moved, and raised {outcome!r}"
        assert world.allocator_bytes() < MOST
        judge(argument, value, outcome)
        return outcome


@pytest.mark.parametrize("argument", OTHERS, ids=str)
def test_of_all_else(argument):
    sweep(argument, lambda value: called(argument, value))


def test_all_arguments_are_found():
    found = {str(argument) for argument in ARGUMENTS}
    assert {"ByteBuf.skip(size)", "ByteBuf.capacity(value)", "ByteBuf.set_u24_le(value)", "buffer(headroom)",
            "CompositeByteBuf.views(limit)", "Stream.read(n)", "LengthFieldDecoder.__new__(strip)"} <= found
    assert len(found) > 270


@pytest.mark.parametrize(("text", "name"), [
    ("class ByteBuf:\n    def brand_new(self, size: SupportsIndex, /) -> None: ...", "brand_new"),
    ("class Relay:\n    def brand_new(self, *, most: int | None = None) -> None: ...", "Relay.brand_new"),
])
def test_an_argument_without_a_case_fails(text, name):
    (argument,) = arguments(text)
    with pytest.raises(KeyError, match=f"^'{name}'$"):
        swept(argument, 1, "pooled") if argument.owner == "ByteBuf" else called(argument, 1)
