"""Children that are forked in the middle of things: theirs is a copy, ours goes on."""

import pytest

from processes import CUT_OFF, run

FORK = """
    import gc, os, random, socket, sys, threading, time, traceback, warnings, zbuf
    from zbuf import _foreign
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)

    warnings.simplefilter("ignore", ResourceWarning)   # sockets of a child that ends

    def forked(work, end=sys.exit):
        "Does the work in a child that ends as programs do, and waits for it."
        child = os.fork()
        if not child:
            try:
                work()
                gc.collect()
                zbuf.default_allocator()._check()
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            end(0)
        assert os.waitpid(child, 0)[1] == 0

    def churn(rounds=1000):
        held = []
        for n in range(rounds):
            buf = zbuf.buffer(n * 7)
            buf.write_zeros(n * 7)
            held.append(zbuf.wrap(buf, b"x" * 600, b"y"))
            if len(held) > 30:
                assert len(held.pop(n % 30)) >= 601

    def live():
        return _foreign.live_foreign_blocks(), len(zbuf.default_allocator().live())
"""


def test_what_is_half_sent_goes_on_whatever_a_child_does_with_its_own():
    run(FORK + """
    region = zbuf.FileRegion.open(zbuf._buf.__file__, 0, 300_000)
    content = random.Random(1).randbytes(100_000)
    whole = b"head" + content + bytes(region.map()) + content
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    queue, got = zbuf.OutboundBuffer(), b""
    queue.writelines([b"head", zbuf.copied(content), region, content])

    def dropped():
        pass
    def closed():
        queue.close()
    def cancelled():
        assert queue.pending_bytes == queue.cancel()
    def released():
        region.release()
        assert queue.pending_bytes == len(whole) - queue.sent_bytes
    def sent_elsewhere():
        sent = queue.sent_bytes
        mine, peer = socket.socketpair()
        mine.setblocking(False)
        rest = b""
        while queue:
            queue.flush_to(mine)
            rest += peer.recv(1 << 20)
        while len(rest) < len(whole) - sent:
            rest += peer.recv(1 << 20)
        assert rest == whole[sent:]

    for work in (dropped, closed, cancelled, released, sent_elsewhere):
        assert queue.flush_to(ours, max_bytes=len(whole) // 7).sent > 0
        got += theirs.recv(1 << 20)
        forked(work)
    while queue:
        queue.flush_to(ours)
        got += theirs.recv(1 << 20)
    while len(got) < len(whole):
        got += theirs.recv(1 << 20)
    assert got == whole
    """)


@pytest.mark.parametrize("switch", [1e-6, 10])
def test_a_child_works_that_was_forked_while_other_threads_did(switch):
    run(FORK + f"""
    sys.setswitchinterval({switch})
    stop = threading.Event()
    def work():
        while not stop.is_set():
            churn(100)
            time.sleep(0)   # lets the others have the GIL
    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(6):
        forked(churn)
    stop.set()
    for thread in threads:
        thread.join()
    assert live() == (0, 0), live()
    zbuf.default_allocator()._check()
    """, **CUT_OFF)


def test_hooks_around_a_fork_may_use_zbuf():
    assert run("""
    import os
    early = []
    os.register_at_fork(before=lambda: early[0](), after_in_parent=lambda: early[0](), after_in_child=lambda: early[0]())
    """ + FORK + """
    kept = []
    def hook():
        kept.append(zbuf.wrap(zbuf.copied(b"abc" * 300), bytes(5000)))
        kept.append(zbuf.PooledAllocator().buffer(100))
        churn(50)
    early.append(hook)
    os.register_at_fork(before=hook, after_in_parent=hook, after_in_child=hook)
    forked(lambda: print(len(kept), flush=True))
    print(len(kept))
    kept.clear()
    assert live() == (0, 0), live()
    """) == "8\n8\n"


def test_a_child_may_be_forked_where_memory_is_let_go():
    run(FORK + """
    class Owner(bytearray):
        def __del__(self):
            forked(churn, os._exit)
    parts = zbuf.CompositeByteBuf(Owner(b"x" * 600), b"y" * 700, Owner(b"z" * 800))
    parts.skip(700)
    parts.discard_read_parts()
    forked(lambda: (parts.consolidate(), parts.release()))
    assert bytes(parts) == b"y" * 600 + b"z" * 800
    parts.release()
    assert live() == (0, 0), live()
    """)


def test_what_a_child_writes_to_copied_memory_is_its_own_and_to_shared_memory_everyones():
    run(FORK + """
    import mmap
    private, shared = zbuf.copied(b"private"), zbuf.wrap(mmap.mmap(-1, 4096))
    def write():
        private.set_bytes(0, b"changed")
        shared.set_bytes(0, b"changed")
    forked(write)
    assert bytes(private) == b"private" and shared.get_bytes(0, 7) == b"changed"
    """)
