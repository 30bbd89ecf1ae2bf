"""What each callable is called on, and with which other arguments, when one integer of it is swept."""

import asyncio
import os
import socket
import tempfile
from contextlib import ExitStack

import zbuf
from calls import CALLS
from kinds import KINDS

CONTENT = b"\x01" * 26
MOST = 64 << 20        # what the default allocator lends: more than any call here should ask for
KIND = {kind.name: kind for kind in KINDS}


class Recorder:
    """Stands for a buffer in a call of CALLS, and keeps what it was called with."""

    reader_index = 8

    def __getattr__(self, name):
        return lambda *args: args

    def __getitem__(self, key):
        return (key,)


def usual(name):
    """The arguments that CALLS gives a method of a buffer."""
    given = CALLS[name](Recorder())
    return given if isinstance(given, tuple) else ()


# Other arguments of Python's own methods, and of what takes more than CALLS gives.
MORE = {"__setitem__": (1, 1), "__getitem__": (1,), "__contains__": (1,), "__reduce_ex__": (4,), "__buffer__": (0,),
        "length_prefixed": ("u8",), "read_prefixed": ("u8",), "try_read_prefixed": ("u8",)}


def buffer_of(kind):
    """With bytes before the reader and behind the writer."""
    buf = KIND[kind](CONTENT)
    buf.skip(8)
    if not buf.readonly:
        buf.writer_index -= 4
    return buf


class World:
    """Files and sockets that calls are made on; all gone at the end."""

    def __init__(self):
        self.stack = ExitStack()
        self.path = self.file().name
        self.ours, self.theirs = self.sockets()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.stack.close()

    def allocator_bytes(self):
        return zbuf.default_allocator().stats().requested

    def keep(self, thing):
        return self.stack.enter_context(thing)

    def file(self):
        file = self.keep(tempfile.NamedTemporaryFile())
        os.write(file.fileno(), bytes(range(256)) * 64)
        return file

    def sockets(self):
        ours, theirs = map(self.keep, socket.socketpair())
        for sock in (ours, theirs):
            sock.setblocking(False)
        return ours, theirs

    def region(self):
        return self.keep(zbuf.FileRegion.open(self.path, 10, 100))

    def written(self):
        """A region that is mapped and may be written back."""
        with open(self.path, "r+b") as file:
            return self.keep(zbuf.FileRegion(file, 0))

    def queue(self):
        queue = self.keep(zbuf.OutboundBuffer(high=10_000, low=10))
        queue.writelines([b"small", bytes(5000), self.region()])
        return queue

    def direct(self, mode="r+"):
        return self.keep(zbuf.direct.DirectFile(self.path, mode, buffered=True))

    def relay(self):
        source, ours = self.sockets()
        target, theirs = self.sockets()
        self.keep(ours), self.keep(theirs)
        return self.keep(zbuf.relay.Relay(source, target))

    def ended(self):
        """A socket from which no more comes."""
        ours, theirs = self.sockets()
        theirs.shutdown(socket.SHUT_WR)
        return ours

    def plain(self):
        return self.keep(zbuf.copied(CONTENT))

    def aligned(self):
        return self.keep(zbuf.direct.aligned_buffer(8192))


async def stream_of(world, limit=1 << 16):
    """A stream whose peer has sent ten bytes and the end."""
    ours, theirs = world.sockets()
    theirs.send(bytes(10))
    theirs.shutdown(socket.SHUT_WR)
    return await zbuf.aio.open_connection(sock=ours, limit=limit)


def read_by(name):
    async def read(world, value):
        async with await stream_of(world) as stream:
            return await getattr(stream, name)(value)

    return lambda world: (world, lambda value: asyncio.run(read(world, value)), {})


async def opened(world, limit):
    async with await stream_of(world, limit) as stream:
        return await stream.read_exactly(10)


async def served(world, limit):
    listening = world.keep(socket.create_server(("127.0.0.1", 0)))
    async with await zbuf.aio.start_server(print, sock=listening, limit=limit):
        pass


def entered(cls):
    """The call is complete once the block is entered and left."""
    def call(*args, **kwargs):
        with cls(*args, **kwargs) as fault:
            return fault

    return call


def on(make, name, **others):
    """A method of what `make` makes in the world, with these other arguments."""
    def case(world):
        subject = make(world)
        return subject, getattr(subject, name), {key: value(world) for key, value in others.items()}

    return case


def of(call, **others):
    """A function or a class."""
    return lambda world: (None, call, {key: value(world) for key, value in others.items()})


def allocator(world):
    return world.keep(zbuf.SystemAllocator(max_live=MOST))


def just(value):
    return lambda world: value


def ours(world):
    return world.ours


def ranges(world):
    region = world.region()
    return region, lambda end: region.ranges([(0, end)]), {}


PLAIN = {"buf": World.plain}
CASES = {
    "Allocator.buffer": on(allocator, "buffer"),
    "Allocator.composite": on(allocator, "composite"),
    "Allocator.trim": on(allocator, "trim"),
    "DebugAllocator.__new__": of(zbuf.DebugAllocator),
    "PooledAllocator.__new__": of(zbuf.PooledAllocator),
    "SystemAllocator.__new__": of(zbuf.SystemAllocator),
    "buffer": of(zbuf.buffer),
    "CompositeByteBuf.__init__": of(zbuf.CompositeByteBuf),
    "Layout.read_many": of(zbuf.Layout(">BH").read_many, **PLAIN),
    "Layout.get": of(zbuf.Layout(">BH").get, **PLAIN),
    "Layout.set": of(lambda buf, i: zbuf.Layout(">BH").set(buf, i, 1, 2), **PLAIN),
    "Inbox.__init__": of(zbuf.aio.Stream),
    "Stream.__init__": of(zbuf.aio.Stream),
    "Stream.read": read_by("read"),
    "Stream.read_exactly": read_by("read_exactly"),
    "open_connection": lambda world: (world, lambda limit: asyncio.run(opened(world, limit)), {}),
    "start_server": lambda world: (world, lambda handler, limit: asyncio.run(served(world, limit)), {"handler": print}),
    "DelimiterDecoder.__new__": of(lambda n: zbuf.codec.DelimiterDecoder(n, b";")),
    "FixedLengthDecoder.__new__": of(zbuf.codec.FixedLengthDecoder),
    "LengthFieldDecoder.__new__": of(zbuf.codec.LengthFieldDecoder, max_frame_length=just(1000)),
    "LengthFieldPrepender.__new__": of(zbuf.codec.LengthFieldPrepender),
    "LineDecoder.__new__": of(zbuf.codec.LineDecoder),
    "VarintLengthDecoder.__new__": of(zbuf.codec.VarintLengthDecoder),
    "DirectFile.buffer": on(World.direct, "buffer"),
    "DirectFile.read": on(World.direct, "read", offset=just(0), size=just(4096)),
    "DirectFile.read_into": on(World.direct, "read_into", buf=World.aligned, offset=just(0)),
    "DirectFile.write": on(World.direct, "write", buf=World.aligned),
    "DirectFile.write_end": on(World.direct, "write_end", buf=World.aligned),
    "aligned_buffer": of(zbuf.direct.aligned_buffer, capacity=just(100)),
    "recv_into": of(zbuf.io.recv_into, sock=ours, **PLAIN),
    "read_into": of(zbuf.io.read_into, file=World.file, **PLAIN),
    "OutboundBuffer.__init__": of(zbuf.OutboundBuffer),
    "OutboundBuffer.flush_to": on(World.queue, "flush_to", sock=ours),
    "OutboundBuffer.warm": on(World.queue, "warm"),
    "FileRegion.__init__": of(zbuf.FileRegion, file=World.file, offset=just(0)),
    "FileRegion.open": of(zbuf.FileRegion.open, path=lambda world: world.path),
    "FileRegion.flush": on(World.written, "flush"),
    "FileRegion.receive_from": on(World.written, "receive_from", sock=ours),
    "FileRegion.ranges": ranges,
    "FileRegion.retain": on(World.region, "retain"),
    "FileRegion.release": on(World.region, "release"),
    "Relay.__init__": of(zbuf.relay.Relay, source=ours, target=lambda world: world.theirs),
    "Relay.step": on(World.relay, "step"),
    "one_way": of(zbuf.relay.one_way, source=World.ended, target=ours),
    "both_ways": of(zbuf.relay.both_ways, one=ours, other=World.ended),
    "fail_after.__init__": of(entered(zbuf.testing.fail_after), n=just(1)),
    "syscalls.__init__": of(lambda outcome: entered(zbuf.testing.syscalls)([outcome])),
    "Short.most": of(lambda most: entered(zbuf.testing.syscalls)([zbuf.testing.Short(most)])),
    "ZeroCopySender.__init__": of(zbuf.zerocopy.ZeroCopySender, sock=ours),
}


# What is handed on to Python as it is, or comes from it: not ours to judge.
NOT_OURS = {"port", "flags", "sizehint", "nbytes"}

# What Python itself documents.
OPERATORS = {
    "__getitem__": "IndexError",
    "__setitem__": "IndexError ValueError ReadOnlyError",
    "__contains__": "ValueError",
}

# Where the docs of a name are those of another.
AS = {
    "buffer": "Allocator.buffer",
    "ByteBuf.write_zeros": "ByteBuf.write_bytes",
    "DirectFile.buffer": "Allocator.buffer",
    "aligned_buffer": "Allocator.buffer",
    "DirectFile.write_end": "DirectFile.write",
    "FileRegion.open": "FileRegion.__init__",
    "Short.most": "syscalls.__init__",
    "Inbox.__init__": "Stream.__init__",
    "Stream.read_exactly": "Stream.read",
    "recv_into": "ByteBuf.writable_view",
    "read_into": "ByteBuf.writable_view",
}
