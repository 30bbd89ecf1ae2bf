"""What mypy --strict must refuse: just the lines that say so."""

import socket

import zbuf
from zbuf import ByteBuf, CompositeByteBuf, FileRegion, Layout, OutboundBuffer


def numbers(buf: ByteBuf) -> None:
    buf.write_u32("1")  # error
    buf.write_u32(1.5)  # error
    buf.write_u32(value=1)  # error
    buf.write_f64("1")  # error
    buf.read_u32(4)  # error
    buf.read_u128()  # error
    name: str = buf.read_u8()  # error
    size: int = buf.try_read_u32()  # error
    buf.skip(buf.try_read_varint())  # error
    buf.get_u8()  # error
    buf.set_u8(0)  # error


def pieces(buf: ByteBuf) -> None:
    buf.write_bytes("text")  # error
    buf.write_bytes(5)  # error
    buf.write_str(b"bytes")  # error
    buf.read_into("text")  # error
    buf.read_bytes()  # error
    buf.read_bytes(1).release()  # error
    buf.try_read_slice(1).release()  # error
    buf.readable_bytes + 1  # error
    buf.length_prefixed(4)  # error
    buf.length_prefixed("u32", max_length="1")  # error
    buf.read_prefixed("u32", True)  # error
    buf.try_read_prefixed("u32").release()  # error
    buf.release("all")  # error
    with buf.view() as view:
        view.read_u8()  # error


def like_bytes(buf: ByteBuf) -> None:
    buf["a"]  # error
    buf[0] = b"a"  # error
    buf[0:1] = 65  # error
    buf.find("text")  # error
    buf.startswith([b"a"])  # error
    buf.max_capacity = 10  # error
    buf.refcnt = 0  # error
    buf.reader_index = "0"  # error
    buf.hint = 1  # error


def made() -> None:
    ByteBuf(b"abc")  # error
    zbuf.buffer("64")  # error
    zbuf.buffer(capacity=64)  # error
    zbuf.copied("text")  # error
    zbuf.wrap()  # error
    zbuf.wrap("text")  # error
    zbuf.Flushed(1, 2, 3)  # error
    zbuf.missing()  # error


def allocators() -> None:
    zbuf.PooledAllocator(1 << 20)  # error
    zbuf.PooledAllocator(max_cached="64 MiB")  # error
    zbuf.PooledAllocator(decay="soon")  # error
    zbuf.SystemAllocator(decay=1.0)  # error
    zbuf.set_default_allocator(None)  # error
    with zbuf.PooledAllocator() as pool:
        pool.stats().live  # error
        pool.stats().requested = 0  # error
        pool.closed = True  # error


def others(sock: socket.socket, buf: ByteBuf) -> None:
    CompositeByteBuf("text")  # error
    CompositeByteBuf(b"abc", coalesce="no")  # error
    buf.append(b"abc")  # error
    Layout(5)  # error
    Layout(">I").read(b"abcd")  # error
    class Mine(Layout):  # error
        pass
    FileRegion("path", 0)  # error
    FileRegion.open("path", stable="mtime")  # error
    FileRegion.open("path").map(True)  # error
    FileRegion.open(5)  # error
    FileRegion.open("path")[0]  # error
    queue = OutboundBuffer(65536)  # error
    OutboundBuffer(on_writable=5)  # error
    queue = OutboundBuffer(high=65536)
    queue.write("text")  # error
    queue.writelines(b"bytes")  # error
    queue.flush_to("sock")  # error
    queue.flush_to(sock, 100)  # error
    queue.flush_to(sock) + 1  # error
    queue.pending_bytes = 0  # error


def codecs(buf: ByteBuf) -> None:
    zbuf.codec.FrameDecoder().feed("text")  # error
    zbuf.codec.LengthFieldDecoder()  # error
    zbuf.codec.LengthFieldDecoder(10, 4)  # error
    zbuf.codec.LengthFieldDecoder(10, byteorder=">")  # error
    zbuf.codec.LengthFieldDecoder(max_frame_length=10)  # error
    zbuf.codec.LineDecoder("80")  # error
    zbuf.codec.DelimiterDecoder(80, "text")  # error
    zbuf.codec.LineDecoder(80).decode(b"abc")  # error
    zbuf.codec.LineDecoder(80).pending = 5  # error
    zbuf.codec.LengthFieldPrepender().encode("text")  # error
    zbuf.codec.LengthFieldPrepender().encode_into(b"abc", bytearray())  # error
    class Mine(zbuf.codec.LineDecoder):  # error
        pass
    zbuf.audit.assert_zero_copy(lambda sock: sock.write(b""), bytearray(4096))  # error
    zbuf.audit.assert_zero_copy(lambda: None, bytearray(4096))  # error
    zbuf.audit.assert_zero_copy(lambda sock: None, 1.5)  # error
    zbuf.Searcher("text")  # error
    zbuf.Searcher(b"a").find(b"abc", 1)  # error
    zbuf.testing.fail_after()  # error
    zbuf.testing.fail_after(1, 2)  # error
    zbuf.testing.fail_after(1).fired = 0  # error
    zbuf.testing.syscalls(["short:1"])  # error
    zbuf.testing.syscalls([], only=[5])  # error
    zbuf.testing.Short("1")  # error
    zbuf.testing.fragmented("text")  # error
    zbuf.testing.odd_aligned(b"abc", 1)  # error
    zbuf.io.send(sock, "text")  # error
    zbuf.io.send("sock", b"bytes")  # error
    zbuf.io.recv_into(sock, bytearray(4))  # error
    zbuf.io.read_into("path", buf)  # error


async def streams(stream: zbuf.aio.Stream) -> None:
    stream.write("text")  # error
    await stream.read("all")  # error
    await stream.read_frame(5)  # error
    await stream.send_file(b"bytes")  # error
    await zbuf.aio.start_server(5)  # error
async def trios(stream: zbuf.trio.Stream) -> None:
    await stream.write("text")  # error
    stream.write_nowait(5)  # error
    await stream.read("all")  # error
    await stream.read_frame(5)  # error
    await stream.send_file(b"bytes")  # error
    zbuf.trio.Stream(5)  # error
    await zbuf.trio.serve(5, "localhost", 80)  # error


def relays(sock: socket.socket, buf: ByteBuf) -> None:
    zbuf.relay.Relay(sock)  # error
    zbuf.relay.Relay(sock, "text")  # error
    zbuf.relay.Relay(sock, sock, tap=b"log")  # error
    zbuf.relay.Relay(sock, sock).step("all")  # error
    zbuf.relay.Relay(sock, sock).moved = 0  # error
    zbuf.relay.run(sock)  # error
    zbuf.zerocopy.ZeroCopySender(sock).send(b"bytes")  # error
    zbuf.zerocopy.ZeroCopySender(sock, 100)  # error
    zbuf.direct.DirectFile("name", "w")  # error
    zbuf.direct.DirectFile(3)  # error
    zbuf.direct.DirectFile("name").write(b"bytes", 0)  # error
    zbuf.direct.aligned_buffer(100, allocator="pool")  # error


def watching(buf: ByteBuf) -> None:
    zbuf.leak.set_level(3)  # error
    zbuf.leak.level = "simple"  # error
    buf.touch(hint="x")  # error
    buf.compact_if()  # error
    buf.compact_if("half")  # error
    buf.retained_bytes = 5  # error
    zbuf.DebugAllocator(zeroed=True)  # error
