"""KeyboardInterrupt wherever Python can raise it: whatever was begun is given back, and all goes on."""

import os
import socket
import sys

import pytest

import zbuf
from kinds import live_blocks
from processes import run

PACKAGE = os.path.dirname(zbuf.__file__)


def held():
    return live_blocks(), len(os.listdir("/proc/self/fd"))


class Interrupt:
    """Raises at the n-th instruction that Python runs in modules of zbuf."""

    def __init__(self, n):
        self.left = n

    def __enter__(self):
        self.before = sys.gettrace()
        sys._getframe().f_trace_opcodes = True   # for Python 3.12 to see to them at all
        sys.settrace(self.entered)
        return self

    def __exit__(self, kind, error, trace):
        sys.settrace(self.before)
        return kind is KeyboardInterrupt

    def entered(self, frame, event, arg):
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        frame.f_trace = self.step                # first, for Python 3.13
        frame.f_trace_opcodes = True
        return self.step

    def step(self, frame, event, arg):
        if event == "opcode":
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt
        return self.step


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def send(ours, theirs):
    with zbuf.FileRegion.open(zbuf.__file__, 0, 100) as region:
        zbuf.io.send(ours, b"head", zbuf.copied(b"x" * 3000), region)


def receive(ours, theirs):
    ours.send(b"abcdef")
    with zbuf.buffer() as buf:
        zbuf.io.recv_into(theirs, buf, 4)


def scatter(ours, theirs):
    ours.send(b"abcdef")
    with zbuf.buffer(2) as head, zbuf.buffer(16) as body:
        zbuf.io.recv_scatter(theirs, head, body)


def read(ours, theirs):
    with open(zbuf.__file__, "rb") as file, zbuf.buffer() as buf:
        zbuf.io.read_into(file, buf, 40)


# With how many instructions at the least: what receives is compiled but for the call of it.
@pytest.mark.parametrize(("job", "least"), [(send, 11), (receive, 6), (scatter, 11), (read, 11)])
def test_at_every_instruction_of_zbufs_own_python(job, least, pair):
    job(*pair)
    before, n, hits = held(), 0, 0
    while True:
        n += 1
        with Interrupt(n) as interrupt:
            job(*pair)
        assert held() == before, f"interrupted at instruction {n}"
        if interrupt.left > 0:
            break
        hits += 1
        pair[1].setblocking(False)
        try:
            while pair[1].recv(1 << 20):
                pass
        except BlockingIOError:
            pair[1].setblocking(True)
    assert hits >= least
    job(*pair)


STORM = """
    import gc, os, signal, socket, sys, threading, zbuf
    from zbuf import _foreign

    how, switch, rounds = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    sys.setswitchinterval(switch)
    sys.unraisablehook = lambda _: None                # a __del__ that was interrupted
    ours, theirs = socket.socketpair()   # not made anew: an interrupt in it loses a descriptor of Python's
    ours.setblocking(False)
    region = zbuf.FileRegion.open(zbuf.__file__)
    system = zbuf.SystemAllocator()
    layout = zbuf.Layout(">IBH")
    searcher = zbuf.Searcher(b"yy", b"x" * 50)

    class Named(str):
        "Foreign code in the middle of a call."
        def __eq__(self, other):
            return all([str.__eq__(self, other) for _ in range(50)])
        __hash__ = str.__hash__

    class Owner(bytearray):
        def __del__(self):
            zbuf.copied(bytes(self[:50])).release()

    def work():
        buf = zbuf.buffer(64)
        with buf.length_prefixed("u16"):
            buf.write_bytes(b"x" * 300)
            buf.write_str("hello", Named("utf-8"))
        parts = zbuf.CompositeByteBuf(buf, bytes(700), Owner(b"y" * 900))
        parts.insert(1, bytearray(800))
        for k in range(5):
            with parts.slice(k, 100) as part, part[3:50] as less:
                less.find(b"x"), bytes(less), less.view().release()
        searcher.find_all(parts)
        decoder = zbuf.codec.LengthFieldDecoder(1000, width=2)
        assert len(decoder.feed(parts.read_slice(200))) == 0
        assert len(decoder.feed(parts.read_slice(107 + 500))) == 251
        layout.read_many(zbuf.wrap(bytes(7 * 50)), 50)
        with system.buffer(3000) as big:
            big.write_zeros(2000)
            zbuf.wrap(big, big).consolidate()
        with zbuf.OutboundBuffer(on_writable=lambda now: [buf for _ in range(9)]) as queue:
            queue.writelines([buf, parts, region, region[5:50], b"tail" * 20_000])
            with zbuf.FileRegion.open(zbuf.__file__) as opened:
                queue.write(opened)
            while queue:
                if queue.flush_to(ours, max_bytes=50_000).full:
                    theirs.recv(1 << 20)

    def held():
        gc.collect()
        counts = _foreign.live_foreign_blocks(), len(zbuf.default_allocator().live()), len(system.live()), region.refcnt
        return *counts, len(os.listdir("/proc/self/fd"))

    armed, hits, whole = False, 0, 0

    def interrupt(*_):
        global armed, hits
        if armed:
            armed, hits = False, hits + 1
            raise KeyboardInterrupt

    def until_interrupted():
        global armed, whole
        armed = True
        while armed:
            work()
            whole += 1

    def poke():
        while not stop.wait(0.0005):
            signal.pthread_kill(threading.main_thread().ident, signal.SIGALRM)

    work()
    before = held()
    signal.signal(signal.SIGALRM, interrupt)
    stop = threading.Event()
    poker = threading.Thread(target=poke)
    if how == "kill":
        poker.start()
    else:
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.0007)
    while hits < rounds:
        try:
            until_interrupted()
        except KeyboardInterrupt:
            pass
    stop.set()
    signal.setitimer(signal.ITIMER_REAL, 0)
    if how == "kill":
        poker.join()
    assert held() == before, (held(), before)
    zbuf.default_allocator()._check()
    system._check()
    work()
    print(hits, whole)
"""


@pytest.mark.parametrize("switch", ["1e-6", "0.005", "10"])
@pytest.mark.parametrize("how", ["timer", "kill"])
def test_a_storm_of_them_leaves_nothing_behind(how, switch):
    rounds = "100" if (how, switch) == ("kill", "10") else "400"
    hits, whole = map(int, run(STORM, how, switch, rounds).split())
    assert hits == int(rounds)
