from collections.abc import Callable
from typing import TypeVar

from zbuf._buf import ByteBuf

_Filled = TypeVar("_Filled", int, int | None)

def fill(buf: ByteBuf, size: int | None, step: Callable[[memoryview], _Filled], /) -> _Filled: ...
