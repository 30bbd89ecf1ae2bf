"""For tests: memory that runs out, system calls that say what they are told, buffers left behind, odd layouts.

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

This module is a pytest plugin too. With `pytest -p zbuf.testing` a test that
uses the fixture no_zbuf_leaks fails, at its teardown, if it leaves more live
buffers behind than there were; with --zbuf-leaks every test does. The places
where they were allocated are told with --zbuf-leak-level=paranoid.
"""

import sys
from collections.abc import Iterable
from itertools import cycle
from operator import index
from types import TracebackType
from typing import NamedTuple, Self

from zbuf import _memory, _script
from zbuf._buf import ByteBuf, copied
from zbuf._composite import CompositeByteBuf

__all__ = ["Short", "fail_after", "fragmented", "odd_aligned", "syscalls"]

pytest_plugins = ["zbuf._pytest"]    # for pytest alone: zbuf does not need it

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
    """Say how the next system calls of zbuf go, one outcome a call.

    >>> ours, theirs = socket.socketpair()
    >>> queue = zbuf.OutboundBuffer()
    >>> queue.write(b"abc")
    >>> with ours, theirs, zbuf.testing.syscalls([zbuf.testing.Short(1), errno.EAGAIN]) as script:
    ...     queue.flush_to(ours), queue.flush_to(ours), script.left
    (Flushed(sent=1, full=True, calls=2), Flushed(sent=2, full=False, calls=1), 0)

    A number is an errno, that the call fails with and moves nothing; a Short
    moves a part of what it was to; None is a call that nothing is done to. So
    are all calls when the outcomes are used up or the block has ended.

    Calls that move bytes have the outcomes: sendmsg (and send), sendfile,
    splice, tee, recv, read, write, pread, preadv2, pwrite and pwritev. With
    `only`, those that it names, which may also be pipe2, fcntl, fstat,
    ftruncate, lseek, fdatasync, mmap, msync, shutdown, getsockopt, setsockopt
    and recvmsg: there a Short is None.

    >>> with zbuf.FileRegion.open(zbuf.__file__) as region, zbuf.testing.syscalls([errno.EIO], only=["msync"]):
    ...     region.flush()
    Traceback (most recent call last):
    OSError: [Errno 5] Input/output error

    Raises: ValueError for a number below 1, an errno above 4,095, or a name that
            is none of these; on entry, with nothing changed, RuntimeError if a
            script is under way, ValueError for one of more than 1,024 outcomes.
    """

    def __init__(self, outcomes: Iterable[int | Short | None], /, *, only: Iterable[str] | None = None) -> None:
        self._outcomes = [_code_and_most(outcome) for outcome in outcomes]
        self._calls = list(_script.MOVING) if only is None else [_known(name) for name in only]
        self._inside = False
        self._left = len(self._outcomes)

    def __enter__(self) -> Self:
        _script._begin(self._outcomes, self._calls)
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


def _known(name: str) -> str:
    if name not in _script.MOVING and name not in _script.OTHERS:
        raise ValueError(f"{name!r} is no system call of zbuf")
    return name


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


def fragmented(data: bytes | bytearray | memoryview | ByteBuf, /, *sizes: int) -> CompositeByteBuf:
    """Make a buffer of these bytes that lie in many small parts, each a block of its own.

    >>> buf = zbuf.testing.fragmented(b"0123456789", 1, 4)
    >>> [bytes(part) for part in buf.parts()]
    [b'0', b'1234', b'5', b'6789']

    So every read, search or send meets the seams. The parts are of `sizes`
    bytes, in turn and over again; of 1, 2, 3 and 5 if there are none.
    Raises: ValueError for a size below 1.
    """
    sizes = sizes or (1, 2, 3, 5)
    if min(sizes) < 1:
        raise ValueError(f"a part has 1 byte or more, not {min(sizes)}")
    content, made, turns = bytes(data), CompositeByteBuf(coalesce=0), cycle(sizes)
    while (at := len(made)) < len(content):
        with copied(content[at : at + next(turns)]) as part:
            made.append(part)
    return made


def odd_aligned(data: bytes | bytearray | memoryview | ByteBuf, /) -> ByteBuf:
    """Make a buffer of these bytes whose memory begins at an odd address.

    >>> zbuf.testing.odd_aligned(b"0123456789").read_u64_le() == int.from_bytes(b"01234567", "little")
    True

    For code that takes pointers: no number in it is aligned. Its capacity is
    fixed, and other bytes lie right before and behind.
    """
    with copied(b"?" + bytes(data) + b"!") as whole:
        return whole.slice(1, len(data))
