"""A program that mypy --strict accepts, and that does what its types say."""

import errno
import os
import asyncio
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, assert_type

import trio
from typing_extensions import Buffer

import zbuf
from zbuf import ByteBuf, CompositeByteBuf, FileRegion, Layout, OutboundBuffer
from zbuf.codec import FrameDecoder, FramePrepender, LengthFieldDecoder, LengthFieldPrepender
from zbuf.errors import UnderflowError
from zbuf.stats import ClassStats, LiveBlock, PoolStats

HEAD = Layout(">HB")


class Index:
    """What counts as a number wherever Python takes one."""

    def __index__(self) -> int:
        return 1


def encode(buf: ByteBuf, name: str, body: bytes | bytearray | memoryview | ByteBuf) -> None:
    HEAD.write(buf, len(body), 7)
    assert_type(buf.write_str(name), int)
    assert_type(buf.write_str(name, "latin-1", "replace"), int)
    buf.write_varint(300)
    buf.write_u32(Index())
    buf.write_f64(1)
    buf.write_bool("any object has a truth")
    buf.write_bytes(body)
    buf.prepend_u16_le(2)


def numbers(buf: ByteBuf) -> None:
    assert_type(buf.read_u16(), int)
    assert_type(buf.read_bool(), bool)
    assert_type(buf.read_f32_le(), float)
    assert_type(buf.peek_i24(), int)
    assert_type(buf.peek_u64(1), int)
    assert_type(buf.get_i8(0), int)
    assert_type(buf.try_read_u32(), int | None)
    assert_type(buf.try_read_f64(), float | None)
    assert_type(buf.try_read_varint(), int | None)
    buf.set_i32(0, -1)


def pieces(buf: ByteBuf) -> None:
    assert_type(buf.read_bytes(1), bytes)
    assert_type(buf.try_read_bytes(100), bytes | None)
    assert_type(buf.read_into(bytearray(1)), int)
    assert_type(buf.read_str(1), str)
    with buf.read_slice(1) as part:
        assert_type(part, ByteBuf)
    with buf.length_prefixed("u16", includes_length=True, max_length=Index()) as same:
        assert_type(same, ByteBuf)
    with buf.copy() as some:
        some.skip(len(some) - 2)
        assert_type(some.try_read_prefixed("u32", max_length=None), ByteBuf | None)
        with some.read_prefixed("u16", includes_length=True) as frame:
            assert_type(frame, ByteBuf)
    if (maybe := buf.try_read_slice(1)) is not None:
        assert_type(maybe.release(), bool)
    with buf.duplicate() as twin, buf.as_readonly() as fixed, buf.copy() as other, buf.slice(0, 1) as cut:
        assert_type((twin, fixed, other, cut), tuple[ByteBuf, ByteBuf, ByteBuf, ByteBuf])
    assert_type(buf.retain(), ByteBuf)
    assert_type(buf.release(), bool)


def like_bytes(buf: ByteBuf) -> None:
    assert_type(len(buf), int)
    assert_type(buf[0], int)
    assert_type(buf[Index()], int)
    with buf[1:] as rest:
        assert_type(rest, ByteBuf)
    buf[0] = 65
    buf[0:2] = b"AB"
    assert_type(buf.find(b"A"), int)
    assert_type(buf.find(65, 0, None), int)
    assert_type(buf.startswith((b"A", bytearray(b"B"))), bool)
    assert_type(b"A" in buf and 65 in buf, bool)
    assert_type(buf == b"AB", bool)
    assert_type(bytes(buf), bytes)
    assert_type(iter(buf), Iterator[int])
    with buf.view() as view, memoryview(buf) as same:
        assert_type((view[0], same[0]), tuple[int, int])
    assert_type(struct.unpack_from(">B", buf), tuple[Any, ...])
    buf.reader_index = buf.writer_index
    assert_type((buf.capacity, buf.max_capacity, buf.refcnt), tuple[int, int, int])
    assert_type((buf.readonly, buf.released), tuple[bool, bool])


def short(buf: ByteBuf) -> tuple[int, int, int]:
    try:
        buf.read_u64()
    except UnderflowError as error:
        return error.wanted, error.readable, error.at
    raise AssertionError("there were bytes enough")


def allocators() -> None:
    with zbuf.PooledAllocator(max_live=1 << 20, decay=1, zeroed=True) as pool:
        assert_type(pool, zbuf.PooledAllocator)
        with pool.buffer(64, 128, headroom=8) as buf, pool.composite() as whole:
            assert_type(buf, ByteBuf)
            assert_type(whole, CompositeByteBuf)
            assert_type(pool.live(), list[LiveBlock])
            stats = pool.stats()
        assert_type(stats, PoolStats)
        assert_type(stats.classes, tuple[ClassStats, ...])
        assert_type(pool.trim(), int)
    before = zbuf.set_default_allocator(zbuf.SystemAllocator(sensitive=True))
    assert_type(zbuf.set_default_allocator(before), zbuf.Allocator)


def composites() -> None:
    with CompositeByteBuf(b"head", zbuf.copied(b"body"), coalesce=0) as whole:
        whole.append(memoryview(b"tail"))
        whole.insert(0, b"first")
        assert_type(whole.remove(0), ByteBuf)
        assert_type(whole.parts(), list[ByteBuf])
        assert_type(whole.part_at(0), ByteBuf)
        for view in whole.views():
            view.release()
        with whole.duplicate() as twin:
            assert_type(twin, CompositeByteBuf)
        whole.consolidate()
    with zbuf.wrap(b"one", bytearray(b"two")) as wrapped:
        assert_type(wrapped, ByteBuf)


def layouts(buf: ByteBuf) -> None:
    assert_type(HEAD.size, int)
    assert_type(HEAD.get(buf, 0), tuple[Any, ...])
    assert_type(HEAD.try_read(buf), tuple[Any, ...] | None)
    assert_type(HEAD.read_many(buf, 0), list[tuple[Any, ...]])


def sockets(path: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, OutboundBuffer(high=1 << 20, low=1 << 10) as queue, FileRegion.open(path, 0, 4) as region:
        assert_type(region[1:], FileRegion)
        assert_type(region.ranges([(0, 1)]), list[FileRegion])
        queue.write(zbuf.copied(b"head"))
        queue.writelines([b"bytes", region, bytearray(b"more")])
        done = queue.flush_to(ours, max_bytes=1 << 20, max_calls=5)
        assert_type((done.copied, done.referenced, done.ways), tuple[int, int, tuple[str, ...]])
        assert_type((queue.sent_bytes, queue.cancel()), tuple[int, int])
        assert_type((region.map(), region.path_used), tuple[ByteBuf, str | None])
        assert_type(region.receive_from(ours, 0), int)
        assert_type(done, zbuf.Flushed)
        assert_type((done.sent, done.full, done.calls), tuple[int, bool, int])
        assert_type(queue.flush_to(ours.fileno()), zbuf.Flushed)
        with zbuf.buffer() as buf, buf.writable_view(100) as room:
            buf.commit(theirs.recv_into(room))
        with path.open("rb") as file:
            assert_type(FileRegion(file, 0).release(), bool)


def relays() -> None:
    taps: list[ByteBuf] = []
    ours, theirs = socket.socketpair()
    source, target = socket.socketpair()
    with ours, theirs, source, target, zbuf.relay.Relay(theirs, source.fileno(), tap=taps.append, half_close=False) as relay:
        theirs.setblocking(False)
        ours.sendall(b"abc")
        state = relay.step(1 << 20)
        assert state == "read"
        assert_type((relay.taken, relay.moved, relay.held, relay.done), tuple[int, int, int, bool])
        assert_type(relay.pipe_size, int | None)
        assert relay.path_used == "splice"
        with relay.leftover() as rest:
            assert_type(rest, ByteBuf)
        relay.untap()
        ours.close()
        zbuf.relay.run(relay, timeout=1.0)
        assert_type(zbuf.relay.one_way(theirs, source), int)
        theirs.close()
    taps.clear()
    assert_type(zbuf.relay.trim(), int)


def direct(path: Path) -> None:
    with zbuf.direct.DirectFile(path, "r", buffered=True) as file:
        assert_type((file.size, file.memory_align, file.offset_align), tuple[int, int, int])
        with file.read(0, file.offset_align) as page, file.buffer(8192) as buf:
            assert_type(page, ByteBuf)
            assert_type(file.read_into(buf, 0), int)
    assert_type(zbuf.direct.aligned_buffer(100, 512, allocator=zbuf.default_allocator()), ByteBuf)


def uncopied() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs = listener.accept()[0]
    with ours, theirs, zbuf.zerocopy.ZeroCopySender(ours, least=1) as sender, zbuf.copied(b"abc") as buf:
        assert_type((sender.send(buf), sender.sent, sender.pending), tuple[int, int, int])
        assert_type((sender.drain(0), sender.active, sender.close(10.0)), tuple[bool, bool, bool])


def frames(decoder: FrameDecoder, prepender: FramePrepender) -> None:
    stream = zbuf.buffer()
    prepender.encode_into(b"hello", stream)
    assert_type(prepender.encode(memoryview(b"world")), ByteBuf)
    assert_type(decoder.decode(stream), list[ByteBuf])
    assert_type(decoder.feed(prepender.encode(b"there")), list[ByteBuf])
    assert_type((decoder.pending, decoder.finish()), tuple[int, list[ByteBuf]])
    decoder.close()
    try:
        zbuf.codec.DelimiterDecoder(2, b"\0", bytearray(b"\1"), strip=False).feed(b"one")
    except zbuf.FrameTooLongError as error:
        assert_type((error.position, error.length, error.limit), tuple[int, int | None, int])
        assert error.frames == []
    try:
        zbuf.codec.LineDecoder(10, fail_fast=True).feed(b"one\r\n")[0].release()
        zbuf.codec.FixedLengthDecoder(10).finish()
    except zbuf.CorruptFrameError as error:
        assert_type((error.reason, error.pending, error.position, error.length), tuple[str, int, int, int | None])


def proofs() -> None:
    source = bytearray(4096)
    sighting = zbuf.audit.witness(lambda sock: sock.sendall(source), source)
    assert_type(sighting, zbuf.audit.Sighting)
    assert_type((sighting.shared, sighting.verdict), tuple[int, str])
    with TemporaryFile() as file:
        file.truncate(4096)
        with FileRegion(file, 0) as region:
            for same in (file, file.fileno(), region):
                zbuf.audit.assert_zero_copy(lambda sock: os.sendfile(sock.fileno(), region.fileno(), 0, 4096), same)


def searches() -> None:
    searcher = zbuf.Searcher(b"a", bytearray(b"b"))
    assert_type(searcher.find(b"xb"), tuple[int, int] | None)
    assert_type(searcher.find_all(zbuf.copied(b"xb")), list[tuple[int, int]])
    assert_type(searcher.patterns, tuple[bytes, ...])
    scan = searcher.scan()
    assert_type(scan.feed(b"abc"), list[tuple[int, int]])
    assert_type(scan.position, int)


def watched(buf: ByteBuf) -> None:
    before = zbuf.leak.set_level("advanced")
    assert_type(before, str)
    assert_type(zbuf.leak.level(), str)
    assert_type(buf.touch().touch(("any", "hint")), ByteBuf)
    assert_type((buf.retained_bytes(), buf.compact_if(0.5), buf.compact_if(0)), tuple[int, bool, bool])
    with zbuf.DebugAllocator(max_live=None, quarantine=Index()) as debug:
        debug.verify()
        with debug.buffer() as some:
            assert some.capacity == 256
            assert_type((debug.live()[0].age, debug.live()[0].place), tuple[float | None, str | None])
    zbuf.leak.set_level(before)
    assert_type(zbuf.leak.report(), int)
    with zbuf.testing.fragmented(buf, 1, 2) as parts, zbuf.testing.odd_aligned(b"abc") as odd:
        assert_type((parts, odd), tuple[CompositeByteBuf, ByteBuf])


def corrupt(error: zbuf.CorruptMemoryError) -> tuple[str, int, int, int]:
    return error.what, error.size, error.at, error.byte


def faults() -> None:
    with zbuf.testing.fail_after(1, times=None) as fault:
        try:
            zbuf.buffer()
        except MemoryError:
            assert_type(fault.fired, int)
    with zbuf.testing.syscalls([None, errno.EAGAIN, zbuf.testing.Short(1)]) as script:
        assert_type(script.left, int)
    with zbuf.testing.syscalls([errno.ENOSPC], only=["pwrite", "splice"]):
        pass


def blocking(path: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, FileRegion.open(path, 0, 4) as region, zbuf.buffer() as buf:
        assert_type(zbuf.io.send(ours, b"bytes", zbuf.copied(b"buffer"), region, *[bytearray(b"more")]), int)
        assert_type(zbuf.io.recv_into(theirs, buf, 4), int)
        assert_type(zbuf.io.recv_scatter(theirs, buf, zbuf.buffer(4)), int)
        with path.open("rb") as file:
            assert_type(zbuf.io.read_into(file, buf), int)
            assert_type(zbuf.io.read_into(file.fileno(), buf, 1), int)
class Echo(zbuf.aio.Receiver):
    def received(self, buf: ByteBuf) -> None:
        self.write(buf)
        self.writelines([buf, b"bytes"])
class Lines:
    pending = 0
    def feed(self, data: Buffer, /) -> list[bytes]:
        return bytes(data).splitlines()
    def finish(self) -> list[bytes]:
        return []
async def serve(stream: zbuf.aio.Stream) -> None:
    assert_type(await stream.read(100), ByteBuf)
    stream.write(b"one\ntwo\n" + b"x" * 100)
    await stream.drain()
async def connections(path: Path) -> None:
    server = await zbuf.aio.start_server(serve, "127.0.0.1", 0, limit=1 << 20)
    assert_type(server, asyncio.Server)
    async with server, await zbuf.aio.open_connection(*server.sockets[0].getsockname()) as stream:
        assert_type(stream, zbuf.aio.Stream)
        assert_type(stream.transport, asyncio.Transport)
        assert_type((stream.pending_bytes, stream.waiting_bytes, stream.error), tuple[int, int, BaseException | None])
        with FileRegion.open(path, 0, 4) as region:
            await stream.send_file(region)
        lines = Lines()
        assert_type(await stream.read_frame(lines), bytes | None)
        assert_type(await stream.read_frames(lines), list[bytes])
        assert_type(await stream.read_exactly(0), ByteBuf)
        stream.abort()
async def answer(stream: zbuf.trio.Stream) -> None:
    while data := await stream.read():
        await stream.write(data, b"bytes", bytearray(b"more"))
async def nursery(path: Path) -> None:
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(zbuf.trio.serve, answer, "127.0.0.1", 0)
        transport = await trio.open_tcp_stream(*listeners[0].socket.getsockname())
        async with zbuf.trio.Stream(transport) as stream:
            assert_type((stream.pending_bytes, stream.waiting_bytes), tuple[int, int])
            assert_type((stream.error, stream.transport), tuple[trio.BrokenResourceError | None, trio.SocketStream])
            with FileRegion.open(path, 0, 4) as region:
                await stream.send_file(region)
                stream.write_nowait(b"x", region)
            await stream.send_eof()
            lines = Lines()
            assert_type(await stream.read_exactly(0), ByteBuf)
            assert_type(await stream.read_frame(lines), bytes | None)
            assert_type(await stream.read_frames(lines), list[bytes])
        nursery.cancel_scope.cancel()


def main() -> None:
    with zbuf.buffer(64, headroom=8) as buf:
        encode(buf, "name", b"body")
        with buf.copy() as some:
            numbers(some)
        with buf.copy() as some:
            pieces(some)
        with buf.copy() as some:
            layouts(some)
        with buf.copy() as some:
            like_bytes(some)
    with zbuf.copied(b"abc") as three:
        watched(three)
        assert short(three) == (8, 3, 0)
    assert_type(zbuf.EMPTY, ByteBuf)
    assert_type(zbuf.__version__, str)
    assert_type(zbuf.hexdump.hexdump(b"abc"), str)
    allocators()
    composites()
    searches()
    proofs()
    frames(LengthFieldDecoder(100, offset=0, width=2, strip=2, byteorder="little"), LengthFieldPrepender(2, byteorder="little"))
    frames(zbuf.codec.VarintLengthDecoder(100), zbuf.codec.VarintLengthPrepender())
    sockets(Path(__file__))
    faults()
    blocking(Path(__file__))
    asyncio.run(connections(Path(__file__)))
    trio.run(nursery, Path(__file__))
    relays()
    uncopied()
    direct(Path(__file__))


if __name__ == "__main__":
    main()
