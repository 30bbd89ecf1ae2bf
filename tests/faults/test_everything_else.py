"""Every public operation that is not one of a buffer's own, without memory at every point."""

import errno
import os
import socket
import tempfile

import pytest

import zbuf
from faults import outcome, survives
from kinds import check

pytestmark = pytest.mark.usefixtures("from_malloc")

FORMAT = ">" + "BHIQ" * 20
FIELDS = [1, 2, 3, 4] * 20


def open_files():
    zbuf.relay.trim()
    return len(os.listdir("/proc/self/fd"))


class Layouts:
    make = staticmethod(lambda: (zbuf.Layout(FORMAT), zbuf.buffer(0)))

    @staticmethod
    def state(subject):
        layout, buf = subject
        check(buf)
        return layout.format, layout.size, bytes(buf), buf.capacity

    calls = {
        "Layout": lambda pair: zbuf.Layout(FORMAT),
        "Layout.format": lambda pair: pair[0].format,
        "Layout.size": lambda pair: pair[0].size,
        "Layout.write": lambda pair: pair[0].write(pair[1], *FIELDS),
        "Layout.set": lambda pair: pair[0].set(zbuf.copied(bytes(400)), 3, *FIELDS),
        "Layout.get": lambda pair: pair[0].get(zbuf.wrap(bytes(200), bytes(200)), 3),
        "Layout.read": lambda pair: pair[0].read(zbuf.wrap(bytes(200), bytes(200))),
        "Layout.try_read": lambda pair: pair[0].try_read(zbuf.wrap(bytes(200), bytes(200))),
        "Layout.read_many": lambda pair: pair[0].read_many(zbuf.wrap(bytes(700), bytes(200)), 2),
    }


class Regions:
    make = staticmethod(lambda: zbuf.FileRegion.open(__file__, 10, 100))

    @staticmethod
    def state(region):
        return region.released, region.offset, region.count, region.refcnt, open_files()

    @staticmethod
    def from_file(region, close=False):
        with open(__file__, "rb") as file:
            try:
                return zbuf.FileRegion(file, 5, close=close)
            finally:
                assert close or not file.closed

    @staticmethod
    def received(region):
        ours, theirs = socket.socketpair()
        with ours, theirs, tempfile.TemporaryFile() as file, zbuf.testing.syscalls([errno.EINVAL]):
            file.truncate(10)
            ours.sendall(b"hello")
            ours.close()
            return zbuf.FileRegion(file, 5).receive_from(theirs)

    calls = {
        "FileRegion": from_file,
        "FileRegion.count": lambda region: region.count,
        "FileRegion.fileno": lambda region: region.fileno(),
        "FileRegion.flush": lambda region: region.flush(5, 20),
        "FileRegion.map": lambda region: region.map(),
        "FileRegion.offset": lambda region: region.offset,
        "FileRegion.open": lambda region: zbuf.FileRegion.open(__file__),
        "FileRegion.path_used": lambda region: region.path_used,
        "FileRegion.ranges": lambda region: region.ranges([(5, 10), (0, 100)]),
        "FileRegion.receive_from": received,
        "FileRegion.refcnt": lambda region: region.refcnt,
        "FileRegion.release": lambda region: region.release(),
        "FileRegion.released": lambda region: region.released,
        "FileRegion.retain": lambda region: region.retain(5),
        "a region of an open file that is then closed": lambda region: Regions.from_file(region, close=True),
        "a part of a region": lambda region: region[5:50],
        "queue": lambda region: zbuf.OutboundBuffer().write(region),
    }


class Directs:
    make = staticmethod(lambda: zbuf.direct.DirectFile(__file__, buffered=True))
    state = staticmethod(lambda file: (file.size, open_files()))

    calls = {
        "DirectFile": lambda file: zbuf.direct.DirectFile(__file__, buffered=True),
        "DirectFile.read": lambda file: file.read(0, 4096),
        "DirectFile.buffer": lambda file: file.buffer(8192),
        "aligned_buffer": lambda file: zbuf.direct.aligned_buffer(100, 8192),
    }


class Queues:
    @staticmethod
    def make(high=10_000, low=10):
        queue = zbuf.OutboundBuffer(high=high, low=low)
        queue.writelines([b"small", bytes(5000)])
        return queue

    @staticmethod
    def state(queue):
        return queue.closed, not queue.closed and (queue.pending_bytes, queue.writable, bool(queue)), open_files()

    @staticmethod
    def flushed(queue):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            return queue.flush_to(ours)

    @staticmethod
    def warmed(queue):
        with zbuf.OutboundBuffer() as other, zbuf.FileRegion.open(__file__) as region:
            other.write(region)
            return other.warm()

    @staticmethod
    def write_mixed(queue):
        with zbuf.FileRegion.open(__file__) as region, zbuf.wrap(bytes(9000), b"y" * 700, b"z") as pieces:
            queue.writelines([b"small", b"x" * 2900, bytes(5000), region, pieces] * 10)

    calls = {
        "OutboundBuffer": lambda queue: zbuf.OutboundBuffer(),
        "OutboundBuffer.cancel": lambda queue: queue.cancel(),
        "OutboundBuffer.close": lambda queue: queue.close(),
        "OutboundBuffer.closed": lambda queue: queue.closed,
        "OutboundBuffer.flush_to": flushed,
        "OutboundBuffer.pending_bytes": lambda queue: queue.pending_bytes,
        "OutboundBuffer.sent_bytes": lambda queue: queue.sent_bytes,
        "OutboundBuffer.warm": warmed,
        "OutboundBuffer.writable": lambda queue: queue.writable,
        "OutboundBuffer.write": lambda queue: queue.write(bytearray(5000)),
        "OutboundBuffer.writelines": write_mixed,
        "write bytes that are copied": lambda queue: queue.write(b"x" * 2900),
        "write many pieces": lambda queue: queue.write(zbuf.wrap(*[b"small", bytes(5000)] * 20)),
        "write beyond the high watermark": lambda queue: queue.writelines([bytes(5000), b"x" * 5000] * 20),
        "Flushed": lambda queue: zbuf.Flushed(),
        "Flushed.calls": lambda queue: Queues.flushed(queue).calls,
        "Flushed.cold": lambda queue: Queues.flushed(queue).cold,
        "Flushed.copied": lambda queue: Queues.flushed(queue).copied,
        "Flushed.referenced": lambda queue: Queues.flushed(queue).referenced,
        "Flushed.ways": lambda queue: Queues.flushed(queue).ways,
        "Flushed.full": lambda queue: Queues.flushed(queue).full,
        "Flushed.sent": lambda queue: Queues.flushed(queue).sent,
    }


class Searchers:
    @staticmethod
    def make():
        searcher = zbuf.Searcher(b"\r\n", b"\n", b";")
        scan = searcher.scan()
        scan.feed(b"abc\r")
        return searcher, scan, zbuf.wrap(b"abc\r" * 50, b"\nabc;" * 50)

    state = staticmethod(lambda subject: (subject[0].patterns, subject[1].position, bytes(subject[2])))

    calls = {
        "Searcher": lambda subject: zbuf.Searcher(*[bytes([k, k + 1]) for k in range(100)]),
        "Searcher.patterns": lambda subject: subject[0].patterns,
        "Searcher.find": lambda subject: subject[0].find(subject[2]),
        "Searcher.find_all": lambda subject: subject[0].find_all(subject[2]),
        "Searcher.scan": lambda subject: subject[0].scan(),
        "a scan's feed": lambda subject: subject[1].feed(subject[2]),
    }


FRAMES = b"\0\3one\0\5three" * 50


class Codecs:
    @staticmethod
    def make(held=b"\0\x09unfi"):
        decoder = zbuf.codec.LengthFieldDecoder(10_000, width=2)
        decoder.feed(held)
        return decoder, zbuf.codec.LengthFieldPrepender(2)

    state = staticmethod(lambda subject: subject[0].pending)

    calls = {
        "LengthFieldDecoder": lambda subject: zbuf.codec.LengthFieldDecoder(10),
        "LineDecoder": lambda subject: zbuf.codec.LineDecoder(10),
        "DelimiterDecoder": lambda subject: zbuf.codec.DelimiterDecoder(10, b";", b",,"),
        "FixedLengthDecoder": lambda subject: zbuf.codec.FixedLengthDecoder(10),
        "VarintLengthDecoder": lambda subject: zbuf.codec.VarintLengthDecoder(10),
        "LengthFieldPrepender": lambda subject: zbuf.codec.LengthFieldPrepender(),
        "VarintLengthPrepender": lambda subject: zbuf.codec.VarintLengthPrepender(),
        "feed": lambda subject: subject[0].feed(b"nished" + FRAMES),
        "feed of a piece": lambda subject: subject[0].feed(b"n" * 5),
        "feed of pieces": lambda subject: subject[0].feed(zbuf.wrap(b"nished" + FRAMES, b"\x20\0", bytes(5000))),
        "feed of bytes that are shared": lambda subject: subject[0].feed(zbuf.wrap(b"nished\x20\0" + bytes(5000))),
        "decode": lambda subject: zbuf.codec.LineDecoder(10).decode(zbuf.copied(b"one\ntwo\n" * 50)),
        "finish": lambda subject: outcome(subject[0].finish),
        "pending": lambda subject: subject[0].pending,
        "close": lambda subject: subject[0].close(),
        "encode": lambda subject: subject[1].encode(b"hello"),
        "encode without a copy": lambda subject: subject[1].encode(zbuf.wrap(bytes(5000), bytes(5000))),
        "encode_into": lambda subject: subject[1].encode_into(b"hello" * 100, zbuf.buffer(0)),
    }


def allocators(kind):
    def make():
        allocator = kind(max_live=50_000_000)
        return allocator, [allocator.buffer(n) for n in (0, 100, 5000, 3_000_000)]

    def state(subject):
        allocator, bufs = subject
        check(*bufs)
        allocator._check()
        return allocator.closed, sorted(block[:3] for block in allocator.live()), allocator.stats().requested, zbuf.default_allocator()

    if kind is zbuf.DebugAllocator:
        more = {"DebugAllocator.verify": lambda subject: subject[0].verify()}
    else:
        more = {}

    def made_default(subject):
        return zbuf.set_default_allocator(zbuf.set_default_allocator(subject[0]))

    name = kind.__name__
    calls = {
        name: lambda subject: kind(),
        f"{name}.buffer": lambda subject: subject[0].buffer(20_000),
        f"{name}.close": lambda subject: subject[0].close(),
        f"{name}.closed": lambda subject: subject[0].closed,
        f"{name}.composite": lambda subject: subject[0].composite(),
        f"{name}.live": lambda subject: subject[0].live(),
        f"{name}.stats": lambda subject: subject[0].stats(),
        f"{name}.trim": lambda subject: subject[0].trim(),
        "a large buffer": lambda subject: subject[0].buffer(2_000_000, 3_000_000, headroom=10),
        "growth of a small buffer": lambda subject: subject[1][0].write_bytes(b"x" * 700),
        "growth of a large buffer": lambda subject: subject[1][3].write_bytes(b"x" * 4_000_000),
        "a composite": lambda subject: subject[0].composite().write_bytes(b"x" * 40_000),
        "set_default_allocator": made_default,
        "default_allocator": lambda subject: zbuf.default_allocator(),
        "buffer": lambda subject: zbuf.buffer(1000, 2000, headroom=100),
        "copied": lambda subject: zbuf.copied(b"x" * 1000),
        "wrap": lambda subject: zbuf.wrap(b"x" * 1000, bytearray(1000), zbuf.copied(b"y"), b"z"),
        "CompositeByteBuf": lambda subject: zbuf.CompositeByteBuf(*[b"head", bytes(1000)] * 10),
        **more,
    }
    return make, calls, state


def cases():
    for group in (Layouts, Regions, Directs, Queues, Searchers, Codecs):
        yield group.__name__, group.make, group.calls, group.state
    for kind in (zbuf.PooledAllocator, zbuf.SystemAllocator, zbuf.DebugAllocator):
        yield kind.__name__, *allocators(kind)


CASES = list(cases())


@pytest.mark.parametrize(("make", "calls", "state"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_without_memory_a_call_raises_and_changes_nothing(make, calls, state):
    for name, call in calls.items():
        files = open_files()
        try:
            survives(make, call, state)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error
        assert open_files() == files, name


def test_every_public_name_has_a_case_here_or_among_the_buffers():
    called = {name for case in CASES for name in case[2]}
    for name in zbuf.__all__:
        thing = getattr(zbuf, name)
        if isinstance(thing, type) and issubclass(thing, zbuf.ByteBuf | Exception | zbuf.Allocator):
            continue
        members = [f"{name}.{member}" for member in dir(thing) if member[0] != "_"] if isinstance(thing, type) else []
        assert name == "EMPTY" or {name, *members} <= called
    for kind in (zbuf.PooledAllocator, zbuf.SystemAllocator, zbuf.DebugAllocator):
        assert {f"{kind.__name__}.{member}" for member in dir(kind) if member[0] != "_"} <= called
