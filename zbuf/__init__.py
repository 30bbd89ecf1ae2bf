from zbuf import errors, hexdump, stats
from zbuf._alloc import (
    Allocator, PooledAllocator, SystemAllocator, buffer, default_allocator, set_default_allocator,
)
from zbuf._buf import EMPTY, ByteBuf, copied
from zbuf._composite import CompositeByteBuf, wrap
from zbuf._layout import Layout
from zbuf.errors import *
from zbuf.outbound import Flushed, OutboundBuffer
from zbuf.region import FileRegion
