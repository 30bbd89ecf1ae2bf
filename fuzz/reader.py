"""Reader: choices read off a fuzzer's bytes; at their end every choice is the first one."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Reader:
    """Whatever the bytes are, they are an input: each choice takes as few of them as tell it.

    >>> data = Reader(b"\\x07\\x02hello")
    >>> data.below(5), data.bytes(9), data.left, data.below(5)
    (2, b'he', 3, 3)
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, n: int) -> bytes:
        """The next n bytes, or all that are left."""
        taken = self._data[self._at : self._at + n]
        self._at += len(taken)
        return taken

    def below(self, n: int) -> int:
        """0 .. n - 1."""
        return int.from_bytes(self.take((max(n - 1, 1).bit_length() + 7) // 8), "little") % n

    def between(self, least: int, most: int) -> int:
        return least + self.below(most - least + 1)

    def flag(self) -> bool:
        return bool(self.below(2))

    def choice(self, items: Sequence[T]) -> T:
        return items[self.below(len(items))]

    def integer(self) -> int:
        """Of any size up to 9 bytes, most often just around a power of two."""
        how = self.below(4)
        if how == 0:
            return self.below(256)
        if how == 1:
            return int.from_bytes(self.take(self.below(10)), "little", signed=True)
        return (1 << self.below(66)) * (1 if how == 2 else -1) + self.between(-2, 2)

    def bytes(self, most: int) -> bytes:
        return self.take(self.below(most + 1))

    def rest(self) -> bytes:
        return self.take(self.left)
