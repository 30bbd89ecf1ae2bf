"""A process that runs out of address space: MemoryError, nothing lost, and on once there is room. (Allocators: tests/memory.)"""

import pytest

from processes import run

LIMITED = """
    import gc, os, random, resource, socket, zbuf
    from zbuf import _foreign

    def limit(more):
        with open("/proc/self/statm") as f:
            now = int(f.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + more, resource.RLIM_INFINITY))

    def held():
        return _foreign.live_foreign_blocks(), len(zbuf.default_allocator().live()), len(os.listdir("/proc/self/fd"))

    def until_full(work):
        "How often it went well before memory ran out; what it raises knows numbers."
        for n in range(100_000):
            try:
                work(n)
            except MemoryError as error:
                return n, str(error)
        raise AssertionError("there was memory for all of it")

    def rounds(work, check, release):
        "Full, given back, and full again: each time whole, and at last nothing is left."
        before = held()
        limit(64 << 20)
        counts = []
        for _ in range(3):
            n, text = until_full(work)
            assert n and any(c.isdigit() for c in text) or not text, (n, text)
            check()
            release()
            counts.append(n)
        gc.collect()
        zbuf.default_allocator()._check()
        assert held() == before, (held(), before)
        zbuf.default_allocator().trim()
        assert counts[2] > counts[0] // 4, counts      # what was given back could be had again
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        work(0)
        check()
        release()
"""

CASES = {
    "buffers that grow": """
    bufs = [zbuf.buffer(0) for _ in range(7)]
    written = [0] * 7
    def work(n):
        bufs[n % 7].write_bytes(b"x" * 100_000)
        written[n % 7] += 100_000
    def check():
        for buf, n in zip(bufs, written):
            buf._check()
            assert len(buf) == n and (n == 0 or buf.get_u8(n - 1) == 120)
    def release():
        for k in range(7):
            bufs[k].release()
            bufs[k], written[k] = zbuf.buffer(0), 0
    """,
    "a composite of what is shared, copied and written": """
    parts, size = zbuf.CompositeByteBuf(), 0
    def work(n):
        global size
        piece = (b"s" * 100, bytes(50_000), zbuf.copied(b"c" * 50_000))[n % 3]
        parts.append(piece)
        size += len(piece)
        parts.write_bytes(b"w" * 3000)
        size += 3000
    def check():
        parts._check()
        assert len(parts) == size and parts.find(b"?", max(size - 5000, 0)) == -1
    def release():
        global parts, size
        parts.release()
        parts, size = zbuf.CompositeByteBuf(), 0
    """,
    "a queue": """
    queue, pending = zbuf.OutboundBuffer(), 0
    region = zbuf.FileRegion.open(zbuf.__file__)
    def work(n):
        global pending
        queue.write(b"small")
        pending += 5
        queue.write(zbuf.copied(bytes(70_000)))
        pending += 70_000
        queue.write(region)
        pending += len(region)
    def check():
        assert queue.pending_bytes == pending
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            assert queue.flush_to(ours, max_bytes=1000).sent == 1000
            assert theirs.recv(1000)[:5] == b"small"
    def release():
        global queue, pending
        queue.cancel()
        pending = 0
    """,
    "maps of a file": """
    import tempfile
    with tempfile.TemporaryFile() as file:
        file.truncate(3 << 20)
        region = zbuf.FileRegion(os.dup(file.fileno()), 0, close=True)
    maps = [None] * 1000
    def work(n):
        maps[n] = region.map()
    def check():
        assert all(len(each) == 3 << 20 and each.get_u8(1 << 20) == 0 for each in maps if each)
    def release():
        maps[:] = [None] * 1000
    """,
    "a decoder": """
    decoder = zbuf.codec.LengthFieldDecoder(1 << 30, strip=4)
    piece = (100_000).to_bytes(4, "big") + bytes(100_000)
    kept = [None] * 10_000
    def work(n):
        kept[n] = decoder.feed(bytearray(piece) if n % 2 else piece)
    def check():
        assert all(len(got[0]) == 100_000 for got in kept if got) and decoder.pending == 0
    def release():
        kept[:] = [None] * 10_000
        decoder.close()
        globals()["decoder"] = zbuf.codec.LengthFieldDecoder(1 << 30, strip=4)
    """,
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_full_given_back_and_full_again(case):
    run(LIMITED + case + """
    rounds(work, check, release)
    """)


def test_a_map_without_room_is_a_memory_error_that_knows_its_size():
    run(LIMITED + """
    import tempfile
    with tempfile.TemporaryFile() as file:
        file.truncate(1 << 40)
        with zbuf.FileRegion(file, 5) as region:
            limit(64 << 20)
            try:
                region.map()
            except MemoryError as error:
                assert str(error) == f"no room for a map of {(1 << 40) - 5} bytes at 5", error
            else:
                raise AssertionError("it was mapped")
            assert region.refcnt == 1 and region[:10].map().release()
    """)
