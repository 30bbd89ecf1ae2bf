"""Programs that go on when memory runs out: what they make in the end is what it always is.

Each step that raises MemoryError is taken once more. At every point one
allocation fails, and in another run two in a row, so that a pool that tries
twice is refused too. Nothing is lost, nothing comes twice, nothing stays.
"""

import random
import socket

import pytest

import zbuf
from faults import each_fault
from kinds import check, live_blocks


def step(call, *args):
    """The call, once more if there was no memory for it."""
    for _ in range(2):
        try:
            return call(*args)
        except MemoryError:
            pass
    return call(*args)


def frames(count):
    rng = random.Random(7)
    return [rng.randbytes(rng.choice((3, 40, 600, 5000))) for _ in range(count)]


def a_composite_of_100_parts(allocator):
    message = step(lambda: allocator.composite(coalesce=0))
    for k, body in enumerate(frames(18)):
        step(message.write_u32, len(body))
        step(message.append, body)
        step(message.append, step(zbuf.wrap, b"a", body, b"z"))
        step(message.insert, k, bytearray(body))
        step(message.write_str, "text" * k)
    assert len(step(message.parts)) >= 100
    check(message)
    return bytes(message)


def a_codec_that_finds_lines_and_frames(allocator):
    """Input in odd pieces; frames behind a head in a Layout, then lines, each cut out and copied."""
    wire = b"".join(len(body).to_bytes(3, "big") + b"\x07" + body for body in frames(20)) + b"line one\r\nline two\r\n"
    inbound, head, got = step(allocator.composite), step(zbuf.Layout, "MB"), []
    rng = random.Random(3)
    while wire:
        n = rng.choice((1, 7, 2000))
        piece, wire = step(zbuf.copied, wire[:n]), wire[n:]
        step(inbound.append, piece)
        while len(got) < 20 and len(inbound) >= 4 and len(inbound) - 4 >= head.get(inbound, inbound.reader_index)[0]:
            size, kind = head.read(inbound)
            frame = step(inbound.read_slice, size)
            got.append((kind, bytes(step(frame.copy))))
            step(inbound.discard_read_parts)
    while (end := step(inbound.find, b"\r\n")) >= 0:
        line = step(inbound.split_to, end)
        got.append(step(line.read_str, end))
        inbound.skip(2)
    check(inbound)
    return got


def a_pool_that_grows_and_is_trimmed(allocator):
    bufs, seen = [], []
    for n in (0, 64, 1000, 20_000, 120_000, 600_000):
        bufs.append(step(allocator.buffer, n))
        step(bufs[-1].write_bytes, b"x" * (n + 1))
        step(bufs[-1].write_zeros, n)
        seen.append(step(bufs[-1].copy, n, 1).get_u8(0))
        allocator._check()
    for buf in bufs[::2]:
        buf.release()
    step(allocator.trim)
    allocator._check()
    return seen, [bytes(buf)[:2] for buf in bufs[1::2]]


def a_view_of_everything(allocator):
    buf = step(allocator.buffer, 10)
    step(buf.writable_view, 5000)[:3] = b"abc"
    buf.commit(3)
    views = step(step(zbuf.wrap, buf, b"!" * 700, buf).views)
    shares = [step(buf.slice, 0, 2), step(buf.duplicate), step(buf.as_readonly), step(lambda: buf[1:])]
    return [bytes(part) for part in (*views, *shares)]


@pytest.mark.parametrize("kind", [zbuf.PooledAllocator, zbuf.SystemAllocator], ids=["pooled", "system"])
@pytest.mark.parametrize("program", [
    a_composite_of_100_parts, a_codec_that_finds_lines_and_frames, a_pool_that_grows_and_is_trimmed, a_view_of_everything,
], ids=lambda program: program.__name__)
def test_a_program_that_tries_again_does_what_it_always_does(program, kind):
    expected = run(program, kind)
    for fault in each_fault(times=(1, 2)):
        with fault:
            assert run(program, kind) == expected


def run(program, kind):
    before, made = live_blocks(), []
    with step(kind) as allocator:
        default = zbuf.set_default_allocator(allocator)
        try:
            made.append(program(allocator))
        finally:
            zbuf.set_default_allocator(default)
        allocator._check()
        assert allocator.live() == []
    assert live_blocks() == before
    return made[0]


def test_a_queue_that_tries_again_sends_every_byte_once(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 20)
    parts = [b"head", b"x" * 2900, bytearray(b"y" * 4000), zbuf.wrap(b"small", b"z" * 3000, b"end"), bytes(100)] * 5
    expected = b"".join([b"".join(map(bytes, parts)), path.read_bytes()[5:], path.read_bytes(), b"last"])

    def program():
        queue, region = step(zbuf.OutboundBuffer), step(zbuf.FileRegion.open, path)
        step(queue.writelines, parts)
        step(queue.write, step(lambda: region[5:]))
        step(queue.write, region)
        step(queue.write, b"last")
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            got = bytearray()
            while queue:
                step(queue.flush_to, ours)
                got += theirs.recv(1 << 20)
            while len(got) < len(expected):
                got += theirs.recv(1 << 20)
        return bytes(got)

    before = live_blocks()
    for fault in each_fault(times=(1, 2)):
        with fault:
            assert program() == expected
        assert live_blocks() == before
