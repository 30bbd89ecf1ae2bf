"""Each error for want of memory says for what."""

import re
import sysconfig

import pytest

import zbuf
from faults import each_fault, outcome

pytestmark = pytest.mark.usefixtures("from_malloc")

PIECES = zbuf.CompositeByteBuf(zbuf.copied(b"ab" * 200), zbuf.copied(b"cd" * 200), coalesce=0)
LARGE = zbuf.copied(bytes(5000))


def private(*messages):
    """What only handles need that a call makes for itself where there is no GIL."""
    return messages if sysconfig.get_config_var("Py_GIL_DISABLED") else ()


@pytest.mark.parametrize(("call", "messages"), [
    (lambda: zbuf.buffer(100), ["a new ByteBuf", "a block of 100 bytes, 0 are live", "a block of 100 bytes, 0 are live"]),
    (lambda: zbuf.wrap(b"ab"), ["a new ByteBuf", r"a record of \d{3} bytes"]),
    (lambda: PIECES.find(b"no such"), ["a window of 65536 bytes"]),
    (lambda: PIECES.views(), ["a new Window"] * 2),
    (lambda: list(PIECES), ["a new ByteIterator"]),
    (lambda: zbuf.wrap(PIECES, PIECES, PIECES), [*private("a new CompositeByteBuf") * 3, "a new CompositeByteBuf", "10 parts"]),
    (lambda: zbuf.Layout("3BxH"), ["a new Layout", "3 fields", "4 fields"]),
    (zbuf.PooledAllocator, ["a new PooledAllocator", r"a pool of \d{4} bytes"]),
    (zbuf.SystemAllocator, ["a new SystemAllocator", r"a pool of \d{4} bytes"]),
    (lambda: zbuf.FileRegion.open(__file__), ["a new FileRegion", "a record of 64 bytes"]),
    (lambda: queue_of(1), ["a new OutboundBuffer", *private("a new ByteBuf"), "a queue of 16 items"]),
    (lambda: queue_of(17), ["a new OutboundBuffer", *private("a new ByteBuf") * 17, "a queue of 16 items", "a queue of 32 items"]),
    (lambda: zbuf.OutboundBuffer().flush_to(0), ["a new OutboundBuffer", "a new Flushed"]),
])
def test_an_error_says_what_there_was_no_memory_for(call, messages):
    for fault, what in zip(each_fault(times=(1,)), [*messages, None], strict=True):
        with fault:
            error = outcome(call)
        assert what is None or re.fullmatch(f"no memory for {what}", str(error))
    assert not fault.fired


def queue_of(count):
    queue = zbuf.OutboundBuffer()
    queue.writelines([LARGE] * count)
