from types import TracebackType
from typing import Self, SupportsIndex

from typing_extensions import disjoint_base

from zbuf._buf import ByteBuf
from zbuf._composite import CompositeByteBuf
from zbuf.stats import LiveBlock, PoolStats

@disjoint_base
class Allocator:
    def buffer(
        self,
        capacity: SupportsIndex = 256,
        max_capacity: SupportsIndex | None = None,
        /,
        *,
        headroom: SupportsIndex = 0,
    ) -> ByteBuf: ...
    def composite(self, *, coalesce: SupportsIndex = 512) -> CompositeByteBuf: ...
    def stats(self) -> PoolStats: ...
    def live(self) -> list[LiveBlock]: ...
    def trim(self, target: SupportsIndex = 0, /) -> int: ...
    def close(self) -> None: ...
    @property
    def closed(self) -> bool: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...
    def _check(self) -> None: ...

class PooledAllocator(Allocator):
    def __new__(
        cls,
        *,
        max_cached: SupportsIndex = 67108864,
        max_live: SupportsIndex | None = None,
        decay: float = 10.0,
        zeroed: bool = False,
        sensitive: bool = False,
    ) -> Self: ...

class SystemAllocator(Allocator):
    def __new__(
        cls, *, max_live: SupportsIndex | None = None, zeroed: bool = False, sensitive: bool = False
    ) -> Self: ...

class DebugAllocator(Allocator):
    def __new__(cls, *, max_live: SupportsIndex | None = None, quarantine: SupportsIndex = 16777216) -> Self: ...
    def verify(self) -> None: ...

def buffer(
    capacity: SupportsIndex = 256, max_capacity: SupportsIndex | None = None, /, *, headroom: SupportsIndex = 0
) -> ByteBuf: ...
def default_allocator() -> Allocator: ...
def set_default_allocator(allocator: Allocator, /) -> Allocator: ...
