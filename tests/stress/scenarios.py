"""What threads do to each other: every function here is one scenario.

Bytes that one thread writes while another reads them through a handle of its
own are the program's affair, here as with bytearray. So no scenario does that:
then ThreadSanitizer has nothing to say that is not zbuf's.
"""

import queue
import socket
import tempfile

import zbuf

from .threads import any_of, together

THREADS = 4
ALL = []


def scenario(function):
    ALL.append(function)
    return function


class Cell:
    """A buffer that all threads use, and replace when one of them has released it."""

    def __init__(self, make):
        self.make, self.buf = make, make()

    def replace(self):
        self.buf.release()
        self.buf = self.make()

    def close(self):
        getattr(self.buf, "_check", lambda: None)()
        if not self.buf.released:
            self.buf.release()


READS = [
    lambda buf, r: buf.read_u8(), lambda buf, r: buf.read_u32(), lambda buf, r: buf.try_read_u64_le(), lambda buf, r: buf.read_f64(),
    lambda buf, r: buf.read_bytes(r.randrange(9)), lambda buf, r: buf.try_read_bytes(r.randrange(9)),
    lambda buf, r: buf.read_slice(r.randrange(9)), lambda buf, r: buf.split_to(r.randrange(9)),
    lambda buf, r: buf.read_varint(), lambda buf, r: buf.read_str(r.randrange(9), "latin-1"), lambda buf, r: buf.skip(r.randrange(9)),
    lambda buf, r: buf.read_prefixed("u8"), lambda buf, r: buf.read_into(bytearray(r.randrange(9))),
]
LOOKS = [
    lambda buf, r: buf.peek_u16(r.randrange(9)), lambda buf, r: buf.get_u64(r.randrange(99)), lambda buf, r: buf.get_bytes(r.randrange(99), 8),
    lambda buf, r: buf[r.randrange(-9, 9)], lambda buf, r: buf[r.randrange(9) :], lambda buf, r: bytes(buf), lambda buf, r: len(buf),
    lambda buf, r: buf.find(b"ab"), lambda buf, r: buf.rfind(0x61), lambda buf, r: buf.count(b"a"), lambda buf, r: 0x62 in buf,
    lambda buf, r: buf == b"abab", lambda buf, r: buf.startswith(b"ab"), lambda buf, r: repr(buf), lambda buf, r: buf.hexdump(),
    lambda buf, r: list(buf), lambda buf, r: buf.copy(), lambda buf, r: buf.duplicate(), lambda buf, r: buf.as_readonly(),
    lambda buf, r: buf.view().release(), lambda buf, r: buf.refcnt, lambda buf, r: buf.retained_bytes(), lambda buf, r: buf._check(),
    lambda buf, r: buf.get_str(r.randrange(9), 4), lambda buf, r: (buf.reader_index, buf.writer_index, buf.capacity, buf.max_capacity),
]
WRITES = [
    lambda buf, r: buf.write_u8(0x61), lambda buf, r: buf.write_u32(0x61626162), lambda buf, r: buf.write_f64_le(1.5),
    lambda buf, r: buf.write_bytes(b"ab" * r.randrange(99)), lambda buf, r: buf.write_zeros(r.randrange(99)),
    lambda buf, r: buf.write_varint(r.getrandbits(40)), lambda buf, r: buf.write_str("abab"), lambda buf, r: buf.prepend_u16(7),
    lambda buf, r: buf.set_u32(r.randrange(99), 7), lambda buf, r: buf.set_bytes(r.randrange(99), b"abab"), lambda buf, r: prefix(buf),
    lambda buf, r: buf.commit(r.randrange(9)),
]
SHAPES = [
    lambda buf, r: buf.clear(), lambda buf, r: buf.reclaim(), lambda buf, r: buf.ensure_writable(r.randrange(999)),
    lambda buf, r: buf.compact_if(0.5), lambda buf, r: setattr(buf, "capacity", r.randrange(999)),
    lambda buf, r: setattr(buf, "writer_index", r.randrange(99)), lambda buf, r: setattr(buf, "reader_index", r.randrange(9)),
    lambda buf, r: buf.set_indices(0, r.randrange(9)), lambda buf, r: buf.retain().release(), lambda buf, r: buf.writable_view(9).release(),
]
PARTS = [
    lambda buf, r: buf.append(b"ab" * r.randrange(99)), lambda buf, r: buf.append(zbuf.copied(b"ab" * 400)),
    lambda buf, r: buf.insert(0, b"abab"), lambda buf, r: buf.remove(r.randrange(3)), lambda buf, r: buf.discard_read_parts(),
    lambda buf, r: buf.parts(), lambda buf, r: [view.release() for view in buf.views()], lambda buf, r: buf.part_at(r.randrange(99)),
    lambda buf, r: buf.consolidate(),
]


def prefix(buf):
    try:
        with buf.length_prefixed("varint_u32", max_length=300):
            buf.write_bytes(b"body")
    except RuntimeError as error:
        assert "no longer in the buffer" in str(error)


def on(cell, operations):
    return any_of([lambda r, do=do: do(cell.buf, r) for do in operations] + [lambda r: r.random() < 0.2 and cell.replace()])


@scenario
def one_handle(turns, seed):
    cell = Cell(lambda: zbuf.buffer(64, 4096, headroom=16))
    together(turns, seed, *[on(cell, READS + LOOKS + WRITES + SHAPES)] * THREADS)
    cell.close()


@scenario
def one_composite(turns, seed):
    cell = Cell(lambda: zbuf.CompositeByteBuf(b"ab" * 40, b"ab" * 400))
    together(turns, seed, *[on(cell, READS + LOOKS + WRITES + SHAPES + PARTS)] * THREADS)
    cell.close()


@scenario
def two_handles_into_each_other(turns, seed):
    one, two = Cell(lambda: zbuf.buffer(64, 4096)), Cell(lambda: zbuf.CompositeByteBuf())
    pairs = [(one, two), (two, one), (one, one), (two, two)]
    operations = [
        lambda to, of: to.write_bytes(of), lambda to, of: to.set_bytes(0, of), lambda to, of: of.read_into(to), lambda to, of: to == of,
        lambda to, of: to.find(of), lambda to, of: to.clear(), lambda to, of: to.write_u64(0x6162636465666768),
        lambda to, of: to.startswith(of), lambda to, of: of in to, lambda to, of: to.prepend_bytes(of), lambda to, of: to.skip(8),
    ]

    def of_a_pair(random):
        to, of = random.choice(pairs)
        random.choice(operations)(to.buf, of.buf)

    together(turns, seed, *[any_of([of_a_pair] * 9 + [lambda r: one.replace(), lambda r: two.replace()])] * THREADS)
    one.close()
    two.close()


@scenario
def many_handles_that_others_release(turns, seed):
    """Composites, queues and wraps of buffers, in calls that take any number of them."""
    cells = [Cell(lambda: zbuf.copied(b"abcd" * 100)) for _ in range(5)]

    def take(random):
        made = random.choice([zbuf.wrap, zbuf.CompositeByteBuf, queued])(*(cell.buf for cell in cells))
        assert bytes(made) == b"abcd" * (len(made) // 4)
        made.release()

    def queued(*bufs):
        with zbuf.OutboundBuffer() as waiting:
            waiting.writelines(bufs)
        return zbuf.copied(b"abcd")

    together(turns, seed, *[any_of([take, lambda r: r.choice(cells).replace(), lambda r: r.choice(cells).buf.duplicate()])] * THREADS)
    for cell in cells:
        cell.close()


@scenario
def one_block(turns, seed):
    """Each thread has a part of the block to itself, through handles that it makes and lets go of."""
    whole = zbuf.buffer(THREADS * 64)
    whole.write_zeros(THREADS * 64)
    parts = [whole.slice(k * 64, 64) for k in range(THREADS)]

    def write(part):
        def worker(random, turns):
            for turn in turns:
                mine = part.duplicate()
                mine.set_u64(8 * random.randrange(8), turn)
                piece = mine[8:16]
                mine.release()
                assert len(piece) == 8 and piece.retain().release() is False

        return worker

    together(turns, seed, *map(write, parts))
    for part in parts:
        part.release()
    assert whole.refcnt == 1
    assert whole.release()


@scenario
def through_queues(turns, seed):
    """Allocated in one thread, passed on, read and released in another."""
    ways = [queue.SimpleQueue() for _ in range(THREADS)]

    def worker(number):
        def work(random, turns):
            for turn in turns:
                buf = zbuf.buffer(random.choice([16, 300, 5000, 70000]))
                buf.write_u64(turn)
                buf.write_u64(turn)
                random.choice(ways).put(buf)
                try:
                    got = ways[number].get_nowait()
                except queue.Empty:
                    continue
                assert got.read_u64() == got.read_u64()
                assert got.release()

        return work

    together(turns, seed, *map(worker, range(THREADS)))
    for way in ways:
        while not way.empty():
            way.get().release()


@scenario
def trimmed_and_counted(turns, seed):
    with zbuf.PooledAllocator(max_cached=1 << 20) as pool, zbuf.SystemAllocator() as system:
        allocators = [pool, system]

        def take(random):
            buf = random.choice(allocators).buffer(random.choice([1, 100, 1000, 10000, 100000, 3 << 20]))
            buf.write_bytes(b"abcd")
            buf.ensure_writable(random.randrange(9999))
            assert bytes(buf) == b"abcd"

        def look(random):
            allocator = random.choice(allocators)
            random.choice([allocator.trim, allocator.stats, allocator.live, lambda: repr(allocator), lambda: allocator.closed])()

        together(turns, seed, *[any_of([take] * 9 + [look])] * THREADS)
        pool._check()
        system._check()


@scenario
def closed_while_others_take(turns, seed):
    class Shared:
        allocator = zbuf.PooledAllocator()

    def take(random):
        buf = Shared.allocator.buffer(random.choice([100, 10000]))
        buf.write_bytes(b"abcd")
        assert bytes(buf) == b"abcd"

    def close(random):
        if random.random() < 0.1:
            Shared.allocator.close()
            Shared.allocator = random.choice([zbuf.PooledAllocator, zbuf.SystemAllocator, zbuf.DebugAllocator])()

    together(turns, seed, *[any_of([take] * 9 + [close])] * THREADS)
    Shared.allocator.close()


@scenario
def exported_while_others_release(turns, seed):
    """A memoryview shows what was there when it was made, whatever becomes of the handle."""
    cell = Cell(lambda: zbuf.copied(b"abcd" * 16))

    def show(random):
        with cell.buf.view() as view:
            assert bytes(view[:64]) == b"abcd" * 16

    together(turns, seed, *[any_of([
        show, show, lambda r: cell.replace(), lambda r: cell.buf.write_bytes(b"abcd" * 99), lambda r: cell.buf.duplicate().release(),
        lambda r: cell.buf.compact_if(1),
    ])] * THREADS)
    cell.close()


@scenario
def one_queue_to_a_socket(turns, seed):
    """All write, one of them at a time flushes: every message arrives whole."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    waiting, got = zbuf.OutboundBuffer(), zbuf.CompositeByteBuf()
    sent, arrived = [0] * (THREADS - 1), []
    message = zbuf.Layout(">QQ")

    def write(number):
        def work(random, turns):
            for turn in turns:
                buf = zbuf.buffer(16)
                message.write(buf, turn, turn)
                waiting.write(random.choice([buf, bytes(buf)]))
                sent[number] += 1
                try:
                    waiting.flush_to(ours)
                except RuntimeError as error:
                    assert "under way" in str(error)

        return work

    def read(random, turns):
        theirs.setblocking(False)
        for _ in turns:
            receive()

    def receive():
        try:
            got.append(theirs.recv(1 << 16))
        except BlockingIOError:
            return
        while len(got) >= 16:
            one, two = message.read(got)
            assert one == two
            arrived.append(one)
        got.discard_read_parts()

    with ours, theirs, waiting, got:
        together(turns, seed, *map(write, range(THREADS - 1)), read)
        while len(arrived) < sum(sent):
            waiting.flush_to(ours)
            receive()


@scenario
def one_decoder(turns, seed):
    """Whole messages are fed: so all frames are whole, however the threads take turns."""
    decoder = zbuf.codec.LengthFieldDecoder(1000, width=2, strip=2)

    def feed(random):
        data = zbuf.copied(b"\0\4abcd" * random.randrange(9))
        for frame in decoder.feed(random.choice([data, bytes(data)])):
            assert bytes(frame) == b"abcd"

    together(turns, seed, *[any_of([feed, feed, lambda r: decoder.pending, lambda r: repr(decoder)])] * THREADS)
    decoder.close()


@scenario
def one_region(turns, seed):
    with tempfile.TemporaryFile() as file:
        file.write(b"abcd" * 1000)
        file.flush()
        cell = Cell(lambda: zbuf.FileRegion(file, 0))

        def mapped(random):
            with cell.buf[4:8] as part, part.map() as buf:
                assert bytes(buf) == b"abcd"

        def queued(random):
            with zbuf.OutboundBuffer() as waiting:
                waiting.writelines([cell.buf, cell.buf])
                waiting.write(cell.buf)
                assert waiting.pending_bytes == 12000

        together(turns, seed, *[any_of([
            mapped, queued, lambda r: cell.replace(), lambda r: cell.buf.retain().release(), lambda r: (repr(cell.buf), len(cell.buf)),
        ])] * THREADS)
        cell.close()


@scenario
def the_default_allocator_changes(turns, seed):
    before = zbuf.default_allocator()

    def change(random):
        zbuf.set_default_allocator(random.choice([zbuf.PooledAllocator, zbuf.SystemAllocator])())

    def take(random):
        assert bytes(zbuf.copied(b"abcd")) == b"abcd" and not zbuf.default_allocator().buffer(9).released

    try:
        together(turns, seed, *[any_of([take] * 20 + [change])] * THREADS)
    finally:
        zbuf.set_default_allocator(before)
