"""Every exception of zbuf: a message for people, the numbers as attributes.

Each has a built-in parent, so that ``except EOFError`` and the like go on
working for code that never heard of zbuf. Whatever raises one of these has
changed nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False    # typing itself takes 12 ms to import
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "CapacityError",
    "ConcurrentUseError",
    "CorruptFrameError",
    "CorruptMemoryError",
    "FileChangedError",
    "FrameTooLongError",
    "LayoutError",
    "PoolExhaustedError",
    "ReadOnlyError",
    "ReleasedError",
    "TruncatedFileError",
    "UnderflowError",
    "VarintError",
    "ZbufError",
]


class ZbufError(Exception):
    """What all errors of zbuf have in common."""

    def __reduce__(self) -> tuple[Any, ...]:
        # An Exception is made again from its message; these are made from numbers.
        return _again, (type(self), self.args), self.__dict__


def _again(kind: type[ZbufError], args: tuple[Any, ...]) -> ZbufError:
    """Make a pickled error again, without its __init__."""
    base: Any = kind
    while issubclass(base, ZbufError):
        base = base.__base__  # whose layout it has: not always where its name is looked up
    error: ZbufError = base.__new__(kind)
    error.args = args
    return error


class ReleasedError(ZbufError, ValueError):
    """This handle was released, or is asked to give back more than it holds."""


class UnderflowError(ZbufError, EOFError, IndexError):
    """Fewer bytes are readable than were asked for; nothing has moved."""

    def __init__(self, wanted: int, readable: int, at: int) -> None:
        super().__init__(f"wanted {wanted} bytes at {at}, {readable} readable")
        self.wanted, self.readable, self.at = wanted, readable, at


class CapacityError(ZbufError, BufferError):
    """More room was asked for than this buffer may ever have; nothing was written."""

    def __init__(self, wanted: int, available: int) -> None:
        super().__init__(f"wanted room for {wanted} bytes, {available} available")
        self.wanted, self.available = wanted, available


class ReadOnlyError(ZbufError, TypeError):
    """A write to a handle that may only read."""


class PoolExhaustedError(ZbufError, MemoryError):
    """The allocator's ``max_live`` would be exceeded; nothing was allocated."""

    def __init__(self, wanted: int, live: int, max_live: int) -> None:
        super().__init__(f"wanted {wanted} bytes, {live} of at most {max_live} are live")
        self.wanted, self.live, self.max_live = wanted, live, max_live


class ConcurrentUseError(ZbufError, RuntimeError):
    """Under ZBUF_DEBUG=1: a thread called a method of a buffer in which another thread was.

    `thread` and `method` name the call that was refused and has done nothing,
    `other_thread` and `other_method` the one that was there before it.
    """

    def __init__(self, kind: str, thread: str, other_thread: str, method: str, other_method: str) -> None:
        super().__init__(f"thread {thread!r} calls {method} of a {kind} while thread {other_thread!r} is in its {other_method}")
        self.thread, self.other_thread, self.method, self.other_method = thread, other_thread, method, other_method


class CorruptMemoryError(ZbufError, RuntimeError):
    """A DebugAllocator found memory of its buffers overwritten by something that is no handle.

    `what` says where, `size` is that of the buffer, `at` the first byte found,
    counted from the buffer's first, `byte` what it is now. Notes tell where
    the buffer was allocated and where it was given back.
    """

    def __init__(self, what: str, size: int, at: int, byte: int) -> None:
        super().__init__(f"a buffer of {size} bytes was {what}: byte {at} is 0x{byte:02x}")
        self.what, self.size, self.at, self.byte = what, size, at, byte


class TruncatedFileError(ZbufError, EOFError):
    """A file ended before its region did, or before the memory it is mapped to: then `sent` is what was found."""

    def __init__(self, expected: int, sent: int, size: int, verb: str = "sent") -> None:
        super().__init__(f"expected {expected} bytes of the file, {verb} {sent}, its size is {size}")
        self.expected, self.sent, self.size = expected, sent, size


class FileChangedError(ZbufError, OSError):
    """A file is not what it was when its region was made; some of its bytes may have gone."""

    def __init__(self, was: int, size: int) -> None:
        super().__init__(f"the file has changed since its region was made, its size was {was} and is {size}")
        self.was, self.size = was, size


class VarintError(ZbufError, ValueError):
    """A variable-length integer is longer than its type allows; nothing has moved."""

    def __init__(self, kind: str, at: int) -> None:
        super().__init__(f"malformed {kind} at {at}")
        self.kind, self.at = kind, at


class LayoutError(ZbufError, ValueError):
    """A layout's format cannot be understood."""

    def __init__(self, format: str, at: int, reason: str) -> None:
        super().__init__(f"layout {format!r}: {reason} at {at}")
        self.format, self.at, self.reason = format, at, reason


class FrameTooLongError(ZbufError, ValueError):
    """A frame exceeds the decoder's limit; its bytes are discarded, and decoding goes on behind them.

    `position` is where it begins in the stream, `length` its length in bytes
    if that is known, `limit` the most allowed, `frames` what was decoded
    before it in the same call.
    """

    def __init__(self, position: int, length: int | None, limit: int, frames: list[Any] | None = None) -> None:
        size = "longer" if length is None else f"{length} bytes long, more"
        super().__init__(f"frame at {position} is {size} than {limit}")
        self.position, self.length, self.limit = position, length, limit
        self.frames: list[Any] = frames or []


class CorruptFrameError(ZbufError, ValueError):
    """What should be a frame is none; decoding goes on behind what was looked at.

    `position` is where it begins in the stream, `reason` says what is wrong,
    `length` is what the stream says of its length, `pending` how many bytes
    of an unfinished frame the stream ended with, `frames` what was decoded
    before it in the same call.
    """

    def __init__(
        self, position: int, reason: str, length: int | None = None, pending: int = 0, frames: list[Any] | None = None
    ) -> None:
        super().__init__(f"frame at {position}: {reason}")
        self.position, self.reason, self.length, self.pending = position, reason, length, pending
        self.frames: list[Any] = frames or []
