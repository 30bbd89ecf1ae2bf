r"""Pooled, reference-counted, zero-copy byte buffers for network programs.

Read from one end, write at the other; what is cut off shares the memory.

>>> with zbuf.buffer() as buf:
...     buf.write_u16(5)
...     buf.write_bytes(b"hello, world")
...     size = buf.read_u16()
...     with buf.read_slice(size) as word:
...         bytes(word), buf.read_bytes(buf.readable_bytes())
(b'hello', b', world')
"""

from os import environ as _environ

from zbuf import errors, hexdump
from zbuf._alloc import (
    Allocator, DebugAllocator, PooledAllocator, SystemAllocator, buffer, default_allocator, set_default_allocator,
)
from zbuf._buf import EMPTY, ByteBuf, copied
from zbuf._composite import CompositeByteBuf, wrap
from zbuf._layout import Layout
from zbuf._searcher import Searcher
from zbuf.errors import *
from zbuf.outbound import Flushed, OutboundBuffer
from zbuf.region import FileRegion

__version__ = "0.1.0"   # as in pyproject.toml; importlib.metadata costs 10 ms

__all__ = [
    "EMPTY", "Allocator", "ByteBuf", "CompositeByteBuf", "DebugAllocator", "FileRegion", "Flushed", "Layout", "OutboundBuffer",
    "PooledAllocator", "Searcher", "SystemAllocator", "buffer", "copied", "default_allocator", "set_default_allocator", "wrap",
    *errors.__all__,
]


def __getattr__(name):
    # What not every program uses: they bring typing and asyncio, 12 and 70 ms of
    # import, or compiled modules, 2 ms; leak has something to do at exit.
    if name in ("aio", "audit", "codec", "direct", "io", "leak", "relay", "stats", "testing", "trio", "zerocopy"):
        from importlib import import_module

        return import_module(f"zbuf.{name}")
    raise AttributeError(f"module 'zbuf' has no attribute {name!r}")


if isinstance(default_allocator(), DebugAllocator):
    from zbuf import _trap

    _trap.watch(ByteBuf, CompositeByteBuf)

if _environ.get("ZBUF_LEAK"):
    from zbuf import leak

    leak.set_level(_environ["ZBUF_LEAK"])
