"""Keys, and what they hold."""

from __future__ import annotations

import time
from collections import deque
from typing import TypeVar

import zbuf

from .deadlines import Deadlines
from .reply import CommandError, String

List = deque[bytes]
Set = set[bytes]
Hash = dict[bytes, bytes]
Value = String | List | Set | Hash

V = TypeVar("V", List, Set, Hash)


class Database:
    """Values by key. Those whose time has come are there until the next sweep()."""

    def __init__(self) -> None:
        self.values: dict[bytes, Value] = {}
        self.deadlines = Deadlines()
        self.now = time.monotonic()  # of the last sweep

    def sweep(self) -> None:
        """Drop the keys whose time has come."""
        self.now = time.monotonic()
        if self.now >= self.deadlines.first:
            for key in self.deadlines.passed(self.now):
                del self.values[key]

    def string(self, key: bytes) -> String | None:
        value = self.values.get(key)
        if isinstance(value, bytes) or value is None or isinstance(value, zbuf.ByteBuf):
            return value
        raise wrong_type()

    def get(self, key: bytes, kind: type[V]) -> V:
        """Give what a key holds, something empty and apart if there is nothing."""
        value = self.values.get(key)
        if value is None:
            return kind()
        if isinstance(value, kind):
            return value
        raise wrong_type()

    def make(self, key: bytes, kind: type[V]) -> V:
        """Give what a key holds, from now on something empty if there was nothing."""
        value = self.values[key] = self.get(key, kind)
        return value

    def put(self, key: bytes, value: Value) -> None:
        """Let a key hold something else, for ever."""
        self.values[key] = value
        if self.deadlines:
            self.deadlines.pop(key, None)

    def expire(self, key: bytes, seconds: float) -> None:
        """Let a key that is there be dropped after a time."""
        self.deadlines.put(key, self.now + seconds)

    def drop(self, key: bytes) -> bool:
        self.deadlines.pop(key, None)
        return self.values.pop(key, None) is not None

    def drop_if_empty(self, key: bytes) -> None:
        if not self.values.get(key, True):
            self.drop(key)

    def clear(self) -> None:
        self.values.clear()
        self.deadlines.clear()


def wrong_type() -> CommandError:
    return CommandError("WRONGTYPE Operation against a key holding the wrong kind of value")
