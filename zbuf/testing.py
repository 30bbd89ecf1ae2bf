"""For tests: memory that runs out, and system calls that say what they are told.

Code that only ever saw things go well is wrong where they do not. Here every
allocation of zbuf and every call that moves its bytes can be made to fail, one
after the other, with nothing in the program but the test changed:

>>> def make():
...     return zbuf.CompositeByteBuf(zbuf.copied(bytes(1000)), b"tail")
>>> for n in range(1, 100):
...     with zbuf.testing.fail_after(n) as fault:
...         try:
...             made = make()
...         except MemoryError:
...             made = None
...     if not fault.fired:
...         break
>>> len(made)
1004

Both work on the whole process, whichever thread asks, and one at a time.
"""

import sys
from collections.abc import Iterable
from operator import index
from types import TracebackType
from typing import NamedTuple, Self

from zbuf import _memory, _script

__all__ = ["Short", "fail_after", "syscalls"]

LAST_ERRNO = 4095  # Linux's MAX_ERRNO


class fail_after:
    """Let the `n`-th piece of memory that zbuf asks for fail, counted from the start of the block.

    >>> with zbuf.testing.fail_after(1) as fault:
    ...     zbuf.buffer(64)
    Traceback (most recent call last):
    MemoryError: no memory for a new ByteBuf
    >>> fault.fired
    1

    Pieces are blocks of malloc and of mmap, and zbuf's own objects: handles,
    views, regions, queues. What Python makes for it, bytes and tuples say,
    does not count, nor does what a pool takes from what it has at rest. With
    `times`, as many in a row fail from the n-th on; None is all of them.

    A pool that is refused memory gives back what rests in it and asks once
    more, so a single failure may be survived, where all of them are not.
    Raises: ValueError for less than 1; RuntimeError on entry, nothing
            changed, if memory is made to fail already.
    """

    def __init__(self, n: int, /, *, times: int | None = 1) -> None:
        if n < 1 or times is not None and times < 1:
            raise ValueError(f"the first or a later one fails, once or more often, not number {n}, {times} times")
        self._n = min(n, sys.maxsize)
        self._times = sys.maxsize if times is None else min(times, sys.maxsize)
        self._inside = False
        self._fired = 0

    def __enter__(self) -> Self:
        _memory._fail_after(self._n, self._times)
        self._inside = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._fired = _memory._fail_no_more()
        self._inside = False

    @property
    def fired(self) -> int:
        """How many failed: 0 says that the block asked for less."""
        return _memory._failed() if self._inside else self._fired


class Short(NamedTuple):
    """An outcome for `syscalls`: a real call, that is given `most` bytes to move and no more.

    >>> zbuf.testing.Short(1)
    Short(most=1)
    """

    most: int


class syscalls:
    """Say how the next system calls that move bytes of zbuf go, one outcome a call.

    >>> ours, theirs = socket.socketpair()
    >>> queue = zbuf.OutboundBuffer()
    >>> queue.write(b"abc")
    >>> with ours, theirs, zbuf.testing.syscalls([zbuf.testing.Short(1), errno.EAGAIN]) as script:
    ...     queue.flush_to(ours), queue.flush_to(ours), script.left
    (Flushed(sent=1, full=True, calls=2), Flushed(sent=2, full=False, calls=1), 0)

    A number is an errno, that the call fails with and moves nothing; a Short
    moves a part of what it was to; None is a call that nothing is done to. So
    are all calls when the outcomes are used up or the block has ended.

    Raises: ValueError for a number below 1, or an errno above 4,095; on entry,
            with nothing changed, RuntimeError if a script is under way,
            ValueError for one of more than 1,024 outcomes.
    """

    def __init__(self, outcomes: Iterable[int | Short | None], /) -> None:
        self._outcomes = [_code_and_most(outcome) for outcome in outcomes]
        self._inside = False
        self._left = len(self._outcomes)

    def __enter__(self) -> Self:
        _script._begin(self._outcomes)
        self._inside = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._left = _script._end()
        self._inside = False

    @property
    def left(self) -> int:
        """How many outcomes no call has had."""
        return _script._left() if self._inside else self._left


def _code_and_most(outcome: int | Short | None) -> tuple[int, int]:
    """What the call fails with, or 0, and how many bytes it may move."""
    if outcome is None:
        return 0, sys.maxsize
    if isinstance(outcome, Short):
        if index(outcome.most) >= 1:
            return 0, min(outcome.most, sys.maxsize)
    elif 1 <= index(outcome) <= LAST_ERRNO:
        return outcome, sys.maxsize
    raise ValueError(f"an outcome is an errno or Short(1 byte or more), not {outcome}")
