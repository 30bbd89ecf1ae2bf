"""Every kind of buffer in every nasty layout, and what all tests ask of one.

A kind makes a buffer whose readable bytes are the content it is given. What
it cannot do is declared here, so that a test takes only the kinds it is about
and none is skipped.
"""

import re
from dataclasses import dataclass
from typing import Callable

import zbuf
from zbuf import _foreign

JUNK = b"\xa5\x5a\xff\x80\x00"   # what lies around the content: no test content looks like it


SYSTEM = zbuf.SystemAllocator()


def live_blocks():
    """How many blocks have references, wherever they are from."""
    return _foreign.live_foreign_blocks() + len(zbuf.default_allocator().live()) + len(SYSTEM.live())


@dataclass(frozen=True)
class Kind:
    name: str
    make: Callable[[bytes], zbuf.ByteBuf]
    writable: bool = True    # its bytes may be overwritten
    growable: bool = True    # it takes more bytes than it has
    pieces: bool = False     # its bytes may lie in several parts

    def __call__(self, content=b""):
        buf = self.make(bytes(content))
        assert bytes(buf) == content
        check(buf)
        return buf


def check(*bufs):
    """The invariants hold."""
    for buf in bufs:
        buf._check()


def state(buf):
    """All that a call which raises must leave as it was."""
    if buf.released:
        return "released"
    seen = (buf.reader_index, buf.writer_index, buf.capacity, buf.max_capacity, buf.refcnt, buf.readonly)
    with buf.duplicate() as twin:
        twin.writer_index = twin.capacity
        return *seen, twin.get_bytes(0, twin.capacity)


class unchanged:
    """Whatever the block does, nothing of the buffers has changed after it."""

    def __init__(self, *bufs):
        self.bufs = bufs

    def __enter__(self):
        self.before = [state(buf) for buf in self.bufs]
        return self

    def __exit__(self, kind, error, trace):
        if error is None:
            self.compare()

    def compare(self):
        assert [state(buf) for buf in self.bufs] == self.before
        check(*self.bufs)


class refused(unchanged):
    """The block raises just this error, and nothing of the buffers has changed."""

    def __init__(self, error, match=None, *bufs):
        super().__init__(*bufs)
        self.error, self.match = error, match

    def __exit__(self, kind, error, trace):
        assert kind is not None, f"{self.error.__name__} was not raised"
        if kind is not self.error:
            return False
        self.value = error.with_traceback(None)   # whose frames would keep buffers alive
        assert self.match is None or re.search(self.match, str(error)), f"{self.match!r} is not in {str(error)!r}"
        self.compare()
        return True


def spans(content, *sizes):
    """Cuts the content into pieces of these sizes, over and over."""
    cut, i, k = [], 0, 0
    while i < len(content):
        cut.append(content[i : i + sizes[k % len(sizes)]])
        i += sizes[k % len(sizes)]
        k += 1
    return cut


# -- one region


def spare(content):
    buf = zbuf.copied(content + JUNK * 4)
    buf.writer_index = len(content)
    return buf


def consumed(content):
    buf = zbuf.copied(JUNK * 3 + content)
    buf.skip(len(JUNK) * 3)
    return buf


def grown(content):
    buf = zbuf.copied(b"")
    for byte in content[:70]:
        buf.write_u8(byte)
    buf.write_bytes(content[70:])
    return buf


def dirty(content):
    """Memory that someone filled and gave back, taken again."""
    for size in (0, len(content)):
        with zbuf.buffer(size) as before:
            before.write_bytes(JUNK * (before.capacity // len(JUNK)))
    return written(zbuf.buffer(len(content)), content)


def written(buf, content):
    buf.write_bytes(content)
    return buf


def headroom(content):
    return written(zbuf.buffer(0, headroom=13), content)


def moved(content):
    """Began in a smaller block than it lies in now."""
    buf = zbuf.buffer(0)
    buf.ensure_writable(1)
    buf.write_bytes(content + bytes(1000))
    buf.writer_index = len(content)
    return buf


def odd_slice(content):
    with zbuf.copied(b"?" + content + b"!") as whole:
        return whole.slice(1, len(content))


def slice_of_slice(content):
    with zbuf.copied(JUNK + content + JUNK) as whole, whole[2:-2] as part:
        return part.slice(3, len(content))


def duplicate(content):
    with consumed(content) as buf:
        return buf.duplicate()


def split_rest(content):
    with zbuf.copied(JUNK + content) as buf:
        buf.split_to(len(JUNK)).release()
        return buf.retain()


def reclaimed(content):
    buf = zbuf.copied(JUNK * (len(content) + 1) + content)
    buf.skip(len(buf) - len(content))
    assert buf.reclaim()
    return buf


def wrapped_window(content):
    return zbuf.wrap(memoryview(bytearray(b"?" + content + b"!"))[1:-1])


def readonly_handle(content):
    with consumed(content) as buf:
        return buf.as_readonly()


# -- many regions


def shared(parts):
    """A composite whose parts are just these, none of them copied."""
    return zbuf.CompositeByteBuf(*(zbuf.copied(part) for part in parts), coalesce=0)


def composite_reader_inside(content):
    buf = shared(spans(JUNK + content, 3, 4, 1))
    buf.skip(len(JUNK))
    return buf


def composite_without_first_parts(content):
    buf = composite_reader_inside(content)
    buf.discard_read_parts()
    return buf


def composite_with_empty_parts(content):
    parts = [b"", *spans(content, 2, 1), b""]
    return shared([piece for part in parts for piece in (part, b"")])


def composite_tail(content):
    """Small pieces, gathered in the composite's own memory."""
    buf = zbuf.CompositeByteBuf()
    for piece in spans(content, 3, 700):
        buf.append(bytearray(piece))    # the long ones are shared
    return buf


def composite_mixed(content):
    """Shared parts, and what is written between them."""
    buf = zbuf.CompositeByteBuf(coalesce=4)
    for piece in spans(content, 5, 2, 9, 1):
        buf.append(zbuf.copied(piece))
    return buf


def composite_written(content):
    buf = zbuf.CompositeByteBuf()
    buf.write_bytes(content)
    return buf


def composite_slice(content):
    with shared(spans(JUNK + content + JUNK, 3, 1, 2)) as whole:
        return whole.slice(len(JUNK), len(content))


def composite_twin(content):
    with composite_reader_inside(content) as whole:
        return whole.duplicate()


def composite_of_composites(content):
    return zbuf.CompositeByteBuf(*(composite_slice(part) for part in spans(content, 4, 3)), coalesce=0)


def composite_inserted(content):
    half = len(content) // 2
    buf = shared([content[half:]])
    buf.insert(0, content[:half] if half % 2 else bytearray(content[:half]))
    return buf


def composite_writable_wraps(content):
    return zbuf.CompositeByteBuf(*map(bytearray, spans(content, 1, 6)), coalesce=0)


def composite_readonly(content):
    with composite_reader_inside(content) as whole:
        return whole.as_readonly()


FIXED = {"growable": False}
READONLY = {"writable": False, "growable": False}
PIECES = {"pieces": True}

KINDS = [
    Kind("copied", zbuf.copied),
    Kind("with spare room", spare),
    Kind("with consumed bytes", consumed),
    Kind("grown", grown),
    Kind("dirty memory", dirty),
    Kind("pooled", lambda content: written(zbuf.buffer(), content)),
    Kind("with headroom", headroom),
    Kind("moved", moved),
    Kind("of the system allocator", lambda content: written(SYSTEM.buffer(len(content)), content)),
    Kind("duplicate", duplicate),
    Kind("rest of a split", split_rest),
    Kind("reclaimed", reclaimed),
    Kind("slice at an odd address", odd_slice, **FIXED),
    Kind("slice of a slice", slice_of_slice, **FIXED),
    Kind("wrapped bytearray", lambda content: zbuf.wrap(bytearray(content)), **FIXED),
    Kind("wrapped window", wrapped_window, **FIXED),
    Kind("wrapped bytes", zbuf.wrap, **READONLY),
    Kind("read-only handle", readonly_handle, **READONLY),
    Kind("composite of one part", lambda content: shared([content]), **PIECES),
    Kind("composite of single bytes", lambda content: shared(spans(content, 1)), **PIECES),
    Kind("composite with empty parts", composite_with_empty_parts, **PIECES),
    Kind("composite with its reader inside a part", composite_reader_inside, **PIECES),
    Kind("composite without its first parts", composite_without_first_parts, **PIECES),
    Kind("composite tail", composite_tail, **PIECES),
    Kind("composite of shared and written", composite_mixed, **PIECES),
    Kind("composite written", composite_written, **PIECES),
    Kind("composite of an allocator", lambda content: written(SYSTEM.composite(), content), **PIECES),
    Kind("composite twin", composite_twin, **PIECES),
    Kind("composite of composites", composite_of_composites, **PIECES),
    Kind("composite of wrapped bytearrays", composite_writable_wraps, **PIECES),
    Kind("composite slice", composite_slice, **PIECES, **FIXED),
    Kind("composite inserted", composite_inserted, writable=False, **PIECES),
    Kind("composite of wrapped bytes", lambda content: zbuf.CompositeByteBuf(*spans(content, 3), coalesce=0),
         writable=False, **PIECES),
    Kind("composite, read-only handle", composite_readonly, **READONLY, **PIECES),
]
