"""Threads that take turns as often as Python can, or as seldom: with objects of their own over memory they share."""

import pytest

from processes import run

THREADS = """
    import random, socket, sys, threading, time, zbuf
    from zbuf import _foreign

    content = random.Random(1).randbytes(20_000)
    shared = zbuf.copied(content)
    parts = zbuf.CompositeByteBuf(*[shared[n : n + 700] for n in range(0, 14_000, 700)], bytearray(6000))
    region = zbuf.FileRegion.open(zbuf._buf.__file__, 0, 50_000)
    mapped = bytes(region.map())
    whole = bytes(parts)

    def views(rng):
        "Slices, twins and views of the same memory, made and dropped."
        i, n = rng.randrange(14_000), rng.randrange(4000)
        with parts.slice(i, n) as part, part.duplicate() as twin, shared.slice(i, n) as plain:
            assert bytes(twin) == whole[i : i + n] and plain.view()[:50] == content[i : i + n][:50]
            assert part.find(whole[i + 5 : i + 9]) <= 5

    def growth(rng):
        buf = zbuf.buffer(0)
        for k in range(20):
            buf.write_bytes(b"x" * rng.randrange(1000))
            buf.write_varint(k)
        gathered = zbuf.CompositeByteBuf(buf, parts, b"tail")
        gathered.skip(len(buf))
        gathered.discard_read_parts()
        gathered.consolidate()
        assert bytes(gathered) == whole + b"tail"

    def frames(rng):
        decoder, stream = zbuf.codec.LengthFieldDecoder(5000, width=2, strip=2), zbuf.buffer()
        sizes = [rng.randrange(2000) for _ in range(9)]
        for size in sizes:
            stream.write_u16(size)
            stream.write_bytes(shared[:size])
        got = [frame for piece in (stream[:3000], stream[3000:]) for frame in decoder.feed(piece)]
        assert [bytes(frame) for frame in got] == [content[:size] for size in sizes]

    def queues(rng):
        ours, theirs = socket.socketpair()
        with ours, theirs, zbuf.OutboundBuffer() as queue:
            queue.writelines([b"head", parts, region, shared[:3000]])
            ours.setblocking(False)
            got = bytearray()
            while queue:
                if queue.flush_to(ours, max_bytes=rng.randrange(1, 40_000)).full:
                    got += theirs.recv(1 << 20)
            ours.close()
            while more := theirs.recv(1 << 20):
                got += more
        assert got == b"head" + whole + mapped + content[:3000]

    def references(rng):
        n = rng.randrange(1, 50)
        twin = shared.duplicate().retain(n)
        assert twin.refcnt > n and not twin.release(n) and not twin.release()

    def work(seed):
        rng = random.Random(seed)
        try:
            for _ in range(rounds):
                rng.choice((views, growth, frames, queues, references))(rng)
                time.sleep(0)
        except BaseException as error:
            wrong.append(repr(error))

    wrong, rounds = [], int(sys.argv[2])
    sys.setswitchinterval(float(sys.argv[1]))
    threads = [threading.Thread(target=work, args=(k,)) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong
    parts.release()
    assert shared.release() and region.release()
    assert (_foreign.live_foreign_blocks(), zbuf.default_allocator().live()) == (0, [])
    zbuf.default_allocator()._check()
"""


@pytest.mark.parametrize("switch", ["1e-6", "10"])
def test_threads_share_memory_and_nothing_else(switch):
    run(THREADS, switch, "150")
