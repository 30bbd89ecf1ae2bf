from zbuf import errors, hexdump
from zbuf._alloc import (
    Allocator, PooledAllocator, SystemAllocator, buffer, default_allocator, set_default_allocator,
)
from zbuf._buf import EMPTY, ByteBuf, copied
from zbuf._composite import CompositeByteBuf, wrap
from zbuf._layout import Layout
from zbuf.errors import *
from zbuf.outbound import Flushed, OutboundBuffer
from zbuf.region import FileRegion


def __getattr__(name):
    # It brings typing, 12 ms of import for what most programs never look at.
    if name == "stats":
        import zbuf.stats as stats

        return stats
    raise AttributeError(f"module 'zbuf' has no attribute {name!r}")
