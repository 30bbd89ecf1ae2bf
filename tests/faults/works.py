"""Whole pieces of work that make every system call of zbuf, each of which may fail at any point.

A work is done by go(), which may be called again after it raised unless
`again` is False. check() asserts that no byte was lost, doubled or misplaced,
`raised` or not.
"""

import contextlib
import os
import random
import socket

import zbuf
from scarce import no_more_descriptors

DATA = random.Random(3).randbytes(9000)


class Work:
    again = True
    shorts = (1, 7)

    def __init__(self, folder, stack):
        self.folder, self.stack = folder, stack
        self.path = str(folder / "data")
        with open(self.path, "wb") as file:
            file.write(DATA)

    def pair(self):
        """Two connected sockets that do not block."""
        both = socket.socketpair()
        for sock in both:
            sock.setblocking(False)
            self.stack.enter_context(sock)
        return both

    def region(self, *args, **options):
        return self.stack.enter_context(zbuf.FileRegion.open(self.path, *args, **options))


def received(sock):
    """All that is there now."""
    got = b""
    with contextlib.suppress(BlockingIOError, ConnectionResetError):
        while piece := sock.recv(1 << 20):
            got += piece
    return got


class Flush(Work):
    """Memory, and a file by sendfile between."""

    options = {}
    way = "sendfile"

    def __init__(self, *args):
        super().__init__(*args)
        self.ours, self.theirs = self.pair()
        self.queue = self.stack.enter_context(zbuf.OutboundBuffer())
        self.file = self.region(**self.options)
        self.queue.writelines([b"head", bytes(5000), zbuf.wrap(b"y" * 2500, b"z" * 2500), self.file, b"tail"])
        self.expected = b"head" + bytes(5000) + b"y" * 2500 + b"z" * 2500 + DATA + b"tail"
        self.got = b""

    def go(self):
        while self.queue:
            self.flush()
            self.got += received(self.theirs)
            assert len(self.got) + len(self.queue) == len(self.expected)

    def flush(self):
        self.queue.flush_to(self.ours)

    def check(self, raised):
        assert self.got + received(self.theirs) == self.expected
        assert self.file.path_used in (self.way, "splice", "pread")


class FlushStable(Flush):
    options = {"stable": "stat"}


class FlushSpliced(Flush):
    way = "splice"

    def __init__(self, *args):
        super().__init__(*args)
        with zbuf.testing.syscalls([95], only=["sendfile"]):    # EOPNOTSUPP
            self.queue.flush_to(self.ours, max_bytes=len(self.expected) - len(DATA) - 3)
        assert self.file.path_used == "splice"


class FlushRead(Flush):
    way = "pread"

    def __init__(self, *args):
        os.environ["ZBUF_NO_SENDFILE"] = "1"
        try:
            super().__init__(*args)
        finally:
            del os.environ["ZBUF_NO_SENDFILE"]


class FlushCold(Flush):
    """What is cold is read ahead first."""

    def flush(self):
        if self.queue.flush_to(self.ours, cold="stop").cold:
            self.queue.warm()


class FlushShorter(Flush):
    """A file that became shorter, and grows back."""

    def __init__(self, *args):
        super().__init__(*args)
        os.truncate(self.path, 5000)

    def flush(self):
        try:
            self.queue.flush_to(self.ours)
        except zbuf.TruncatedFileError as error:
            assert (error.expected, error.size) == (9000, 5000)
            with open(self.path, "r+b") as file:
                file.write(DATA)


class Receive(Work):
    """What a socket has to a file; bytes that the file did not take are gone."""

    again = False
    mode = "w+b"

    def __init__(self, *args):
        super().__init__(*args)
        self.ours, self.theirs = self.pair()
        self.target = self.stack.enter_context(open(self.folder / "target", self.mode))
        self.target.truncate(9000)
        self.ours.sendall(DATA)
        self.ours.close()
        self.place = self.stack.enter_context(zbuf.FileRegion(self.target, 0))

    def go(self):
        done = 0
        while done < len(DATA):
            done += self.place[done:].receive_from(self.theirs)

    def check(self, raised):
        found = self.content()
        there = found.rstrip(b"\0") if raised else found
        assert DATA.startswith(there)
        assert raised or len(there) == len(DATA)

    def content(self):
        return os.pread(self.target.fileno(), 1 << 20, 0)


class ReceiveAppended(Receive):
    """A file that splice is refused for."""

    mode = "a+b"

    def __init__(self, *args):
        super().__init__(*args)
        zbuf.relay.trim()

    def content(self):
        return super().content()[9000:]     # pwrite to such a file appends


class ReceiveWritten(Receive):
    """No descriptor is left for a pipe."""

    def go(self):
        with no_more_descriptors():
            super().go()


class Relaying(Work):
    """From socket to socket; what was taken and not moved can be had."""

    again = False

    def __init__(self, *args):
        super().__init__(*args)
        zbuf.relay.trim()     # so that it makes its pipe
        self.client, self.inside = self.pair()
        self.outside, self.server = self.pair()
        self.client.sendall(DATA)
        self.client.shutdown(socket.SHUT_WR)
        self.tapped = []
        self.relay = self.stack.enter_context(zbuf.relay.Relay(self.inside, self.outside, **self.options()))

    def options(self):
        return {}

    def go(self):
        while self.relay.step() != "done":
            pass

    def check(self, raised):
        held = bytes(self.relay.leftover())
        assert self.got() + held + received(self.inside) == DATA
        assert raised or held == b""
        self.check_tap()

    def got(self):
        return received(self.server)

    def check_tap(self):
        pass


class RelayTapped(Relaying):
    def options(self):
        return {"tap": self.tapped.append}

    def check_tap(self):
        seen = b"".join(map(bytes, self.tapped))
        assert DATA.startswith(seen) and len(seen) >= self.relay.moved


class RelayTappedBySocket(Relaying):
    def options(self):
        self.tap, self.seen = self.pair()
        return {"tap": self.tap}

    def check_tap(self):
        seen = received(self.seen)
        assert DATA.startswith(seen) and len(seen) >= self.relay.moved


class RelayCopied(Relaying):
    """To a file that splice is refused for."""

    def __init__(self, *args):
        super().__init__(*args)
        self.log = self.stack.enter_context(open(self.folder / "log", "a+b"))
        self.relay = self.stack.enter_context(zbuf.relay.Relay(self.inside, self.log))

    def got(self):
        return os.pread(self.log.fileno(), 1 << 20, 0)


class Direct(Work):
    """A file written, made longer, synced and read; a device gives and takes whole blocks."""

    shorts = (4096,)

    def go(self):
        with zbuf.direct.DirectFile(self.folder / "direct", "w+", buffered=True) as file:
            data = file.buffer(9000)
            data.write_bytes(DATA)
            assert file.write(data[:8192], 0) == 8192
            assert file.write_end(data[8192:], 8192) == 808
            file.sync()
            assert file.size == 9000
            self.read(file)

    def read(self, file):
        assert bytes(file.read(0, 12288)) == DATA
        buf = file.buffer(8192)
        assert file.read_into(buf, 0) == 8192 and bytes(buf) == DATA[:8192]

    def check(self, raised):
        assert (self.folder / "direct").read_bytes() == DATA


class ZeroCopy(Work):
    """Held bytes over TCP until the kernel is done with them."""

    def __init__(self, *args):
        super().__init__(*args)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.ours = self.stack.enter_context(socket.create_connection(listener.getsockname()))
            self.theirs = self.stack.enter_context(listener.accept()[0])
        self.buf = zbuf.copied(DATA)
        self.sender = None

    def go(self):
        if self.sender is None:
            self.sender = self.stack.enter_context(zbuf.zerocopy.ZeroCopySender(self.ours, least=4))
        while self.sender.sent < len(DATA):
            self.sender.send(self.buf[self.sender.sent:])
        assert self.sender.drain(20)

    def check(self, raised):
        assert self.theirs.recv(len(DATA), socket.MSG_WAITALL) == DATA
        assert (self.sender.pending, self.buf.refcnt) == (0, 1)


class Map(Work):
    """A file opened, mapped, written through its memory, and flushed."""

    def go(self):
        with open(self.path, "r+b") as file, zbuf.FileRegion(file, 0, 9000, stable="stat") as region:
            with region.map(writable=True) as buf:
                buf.set_bytes(0, b"new")
            region.flush(0, 3)
        with zbuf.FileRegion.open(self.path) as region, region.map() as buf:
            assert bytes(buf) == b"new" + DATA[3:]

    def check(self, raised):
        assert (self.folder / "data").read_bytes() == b"new" + DATA[3:]


WORKS = [
    Flush, FlushStable, FlushSpliced, FlushRead, FlushCold, FlushShorter, Receive, ReceiveAppended, ReceiveWritten,
    Relaying, RelayTapped, RelayTappedBySocket, RelayCopied, Direct, ZeroCopy, Map,
]
