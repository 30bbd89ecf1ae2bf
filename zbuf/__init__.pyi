from zbuf import (
    aio as aio,
    audit as audit,
    codec as codec,
    direct as direct,
    errors as errors,
    hexdump as hexdump,
    io as io,
    leak as leak,
    outbound as outbound,
    region as region,
    relay as relay,
    stats as stats,
    testing as testing,
    trio as trio,
    zerocopy as zerocopy,
)
from zbuf._alloc import (
    Allocator as Allocator,
    DebugAllocator as DebugAllocator,
    PooledAllocator as PooledAllocator,
    SystemAllocator as SystemAllocator,
    buffer as buffer,
    default_allocator as default_allocator,
    set_default_allocator as set_default_allocator,
)
from zbuf._buf import EMPTY as EMPTY, ByteBuf as ByteBuf, copied as copied
from zbuf._composite import CompositeByteBuf as CompositeByteBuf, wrap as wrap
from zbuf._layout import Layout as Layout
from zbuf._searcher import Searcher as Searcher
from zbuf.errors import (
    CapacityError as CapacityError,
    ConcurrentUseError as ConcurrentUseError,
    CorruptFrameError as CorruptFrameError,
    CorruptMemoryError as CorruptMemoryError,
    FileChangedError as FileChangedError,
    FrameTooLongError as FrameTooLongError,
    LayoutError as LayoutError,
    PoolExhaustedError as PoolExhaustedError,
    ReadOnlyError as ReadOnlyError,
    ReleasedError as ReleasedError,
    TruncatedFileError as TruncatedFileError,
    UnderflowError as UnderflowError,
    VarintError as VarintError,
    ZbufError as ZbufError,
)
from zbuf.outbound import Flushed as Flushed, OutboundBuffer as OutboundBuffer
from zbuf.region import FileRegion as FileRegion

__version__: str

__all__ = [
    "EMPTY", "Allocator", "ByteBuf", "CompositeByteBuf", "DebugAllocator", "FileRegion", "Flushed", "Layout", "OutboundBuffer",
    "PooledAllocator", "Searcher", "SystemAllocator", "buffer", "copied", "default_allocator", "set_default_allocator", "wrap",
    "CapacityError", "ConcurrentUseError", "CorruptFrameError", "CorruptMemoryError", "FileChangedError", "FrameTooLongError", "LayoutError", "PoolExhaustedError", "ReadOnlyError", "ReleasedError", "TruncatedFileError",
    "UnderflowError", "VarintError", "ZbufError",
]
