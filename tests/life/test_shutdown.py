"""What is alive, or at work, when the interpreter ends. (Allocators: tests/memory/test_process.py.)"""

import gc
import weakref

import pytest

import zbuf
from processes import CUT_OFF, run

BEGIN = """
    import atexit, gc, os, random, socket, sys, threading, zbuf

    class Late:
        "Lives to the end, in a cycle, and works when it is let go."
        def __init__(self):
            self.me = self
            self.zbuf, self.write = zbuf, os.write
            self.buf = zbuf.wrap(bytearray(700), zbuf.copied(b"x" * 900))
            self.view = zbuf.copied(b"abc").view()
            self.queue = zbuf.OutboundBuffer()
            self.region = zbuf.FileRegion.open(zbuf.__file__)
            self.queue.writelines([self.buf, self.region, b"small"])
            self.decoder = zbuf.codec.LineDecoder(100)
            self.decoder.feed(b"unfinished")
            self.mapped = self.region.map()
        def __del__(self):
            with self.zbuf.wrap(self.buf.slice(0, 5), self.mapped) as both:
                assert len(bytes(both)) > 5
            self.kept = self.zbuf.copied(bytes(self.buf))
            self.kept.write_bytes(bytes(10_000))
            assert self.decoder.feed(b" line\\n")[0] == b"unfinished line"
            self.buf.release()
            self.queue.close()
            self.write(1, b"let go\\n")

    class Owner(bytearray):
        "Wrapped memory whose end makes more of it."
        def __del__(self, copied=zbuf.copied):
            copied(bytes(self)).release()
            Owner.kept = copied(b"kept")
"""


@pytest.mark.parametrize("late", ["late", "zbuf.late", "atexit.late"])
def test_a_cycle_in_a_module_works_to_the_end(late):
    assert run(BEGIN + f"""
    {late} = Late()
    """) == "let go\n"


def test_what_is_begun_and_never_let_go_harms_nothing():
    run(BEGIN + """
    late, sys.late, zbuf.late = Late(), Late(), Late()   # what sys holds, Python never collects
    begun = zbuf.buffer(100).length_prefixed("u8")
    begun.__enter__().write_u8(1)
    """)


def test_memory_whose_end_is_python_code_may_end_as_the_last():
    run(BEGIN + """
    held = zbuf.wrap(Owner(b"x" * 900)), zbuf.CompositeByteBuf(Owner(b"y" * 900))   # never: its class knows this module
    sys.held = zbuf.wrap(Owner(b"x" * 900)), zbuf.CompositeByteBuf(Owner(b"y" * 900))
    zbuf.held = [zbuf.wrap(Owner(b"z" * 900)).view()]
    sys.queue = zbuf.OutboundBuffer()
    sys.queue.write(Owner(b"z" * 9000))
    """)


def test_exit_handlers_may_use_all_of_it():
    assert run(BEGIN + """
    ours, theirs = socket.socketpair()
    def last():
        with ours, theirs, zbuf.PooledAllocator() as pool, pool.composite() as parts:
            parts.write_bytes(b"from the end")
            zbuf.io.send(ours, parts, zbuf.FileRegion.open(zbuf.__file__, 0, 4))
            print(theirs.recv(100)[:12].decode())
        atexit.kept = zbuf.SystemAllocator().buffer(1000)
        zbuf.default_allocator()._check()
    atexit.register(last)
    atexit.register(zbuf.copied(b"abc").release)
    """) == "from the end\n"


@pytest.mark.parametrize("pause", [0, 0.01, 0.05])
def test_daemon_threads_may_be_anywhere(pause):
    run(BEGIN + f"""
    import time
    sys.setswitchinterval(1e-5)
    region = zbuf.FileRegion.open(zbuf._buf.__file__)
    system = zbuf.SystemAllocator()
    ready = threading.Barrier(8)
    def forever(work):
        ready.wait()
        while True:
            work()
    def churn():
        held = [zbuf.wrap(zbuf.copied(b"z" * n), bytes(600)).slice(0, 200) for n in range(50)]
        zbuf.codec.LineDecoder(100).feed(b"a\\nb\\n" * 10)
        zbuf.CompositeByteBuf(*held, Owner(b"x" * 900)).consolidate()
    def allocate():
        system.buffer(5000).write_zeros(9000)
        zbuf.PooledAllocator().buffer(10)
    def between(work):
        ours, theirs = socket.socketpair()
        sockets.extend((ours, theirs))
        return lambda: work(ours)
    def collect():
        Cycle()
        gc.collect(0)
    class Cycle:
        def __init__(self):
            self.me, self.buf = self, zbuf.copied(b"x")
    sockets = []
    jobs = [churn, churn, allocate, collect,
            between(lambda ours: zbuf.io.send(ours, bytes(1 << 22))),
            between(lambda ours: zbuf.io.send(ours, region)),
            between(lambda ours: zbuf.io.recv_into(ours, zbuf.buffer(100)))]
    for job in jobs:
        threading.Thread(target=forever, args=(job,), daemon=True).start()
    ready.wait()
    time.sleep({pause})
    """, **CUT_OFF)


def test_a_loop_that_is_left_with_its_connections_ends_quietly():
    run("""
    import asyncio, socket, warnings, zbuf
    warnings.simplefilter("ignore", ResourceWarning)   # asyncio's, of what was left open
    ours, theirs = socket.socketpair()
    loop = asyncio.new_event_loop()
    async def begin():
        global stream
        stream = await zbuf.aio.open_connection(sock=ours)
        stream.write(zbuf.copied(bytes(1 << 22)))
        theirs.send(b"something")
        return await stream.read(4)
    got = loop.run_until_complete(begin())
    """)


def test_a_cycle_through_wrapped_memory_stays_until_its_buffer_is_released():
    class Memory(bytearray):
        pass

    owner = Memory(b"abc")
    owner.buf, seen = zbuf.wrap(owner), weakref.ref(owner)
    del owner
    gc.collect()
    assert bytes(seen().buf) == b"abc"
    seen().buf.release()
    gc.collect()
    assert seen() is None
