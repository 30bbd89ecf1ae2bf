"""What the tests of faults share: one failure after the other, until none is left."""

import itertools

import zbuf
from kinds import live_blocks, unchanged


def each_fault(times=(1, None)):
    """A fault for each piece of memory that the blocks ask for: `with fault: ...`; the last of each does not fire."""
    for count in times:
        for n in itertools.count(1):
            fault = zbuf.testing.fail_after(n, times=count)
            yield fault
            if not fault.fired:
                break


def outcome(call, *args):
    """What came of the call: its result, or the error it raised, without the frames that hold what they saw."""
    try:
        return call(*args)
    except Exception as error:
        return error.with_traceback(None)


def kind_of(result):
    """Enough of a result to tell whether another one is like it."""
    return (type(result), str(result)) if isinstance(result, Exception) else type(result)


def survives(make, call, state=None, times=(1, None)):
    """Each failure in the call is a MemoryError and moves nothing; after it the call does what it does.

    `make` gives what the call is made on; `state`, told of it, what a failure
    must leave as it was: of a buffer, all that can be seen.
    """
    usual = kind_of(outcome(call, make()))
    for fault in each_fault(times):
        assert attempt(make(), call, state, fault) == usual, f"after {fault.fired} failures"


def attempt(subject, call, state, fault):
    """The kind of what comes of the call in the end."""
    before, compare = live_blocks(), seen(subject, state)
    with fault:
        result = outcome(call, subject)
    if fault.fired and isinstance(result, MemoryError):
        compare()
        assert live_blocks() == before, "the call left blocks behind"
        result = outcome(call, subject)
    return kind_of(result)


def seen(subject, state):
    """A function that asserts that all is as it is now."""
    if state is None:
        return unchanged(subject).__enter__().compare
    before = state(subject)

    def compare():
        assert state(subject) == before

    return compare
