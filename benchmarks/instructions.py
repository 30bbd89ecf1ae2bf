"""The calls whose instructions are counted, and a program that makes them: bench_instructions.py counts.

It imports little, for all of it runs thirty times slower under valgrind.
"""

import gc
import os
from typing import Any

import zbuf
from benchmarks._loop import Loop
from zbuf.codec import LengthFieldDecoder

PIECE = bytes(range(64))
FRAMES = 256


def pieces(count: int) -> tuple[zbuf.ByteBuf, ...]:
    return tuple(zbuf.copied(PIECE) for _ in range(count))


def connected() -> dict[str, Any]:
    import socket

    ours, theirs = socket.socketpair()
    return {
        "queue": zbuf.OutboundBuffer(), "parts": pieces(16), "data": bytes(1024), "room": bytearray(4096),
        "buf": zbuf.buffer(4096, 4096), "recv_into": zbuf.io.recv_into, "ours": ours, "theirs": theirs,
    }


def reading(data: bytes) -> dict[str, Any]:
    return {"buf": zbuf.copied(data), "read": zbuf.Layout(">BHIQ").read}


def composite() -> dict[str, Any]:
    return {"buf": zbuf.CompositeByteBuf(*[PIECE] * 8, coalesce=0)}


def stream() -> dict[str, Any]:
    frames = zbuf.copied((len(PIECE).to_bytes(4, "big") + PIECE) * FRAMES)
    return {"feed": LengthFieldDecoder(1 << 20, strip=4).feed, "buf": frames}


BEGIN = "buf.reader_index = 0"
SENT = "queue.writelines(parts); queue.flush_to(ours); theirs.recv_into(room)"
RECEIVED = "ours.send(data); recv_into(theirs, buf); buf.clear()"

WORKS = [
    Loop("allocate and drop 1 KiB", "make(1024)", lambda: {"make": zbuf.buffer}),
    Loop("buf[a:b] of 64 B", "buf[{at}:{at} + 64]", lambda: reading(bytes(6400)), step=64),
    Loop("read_slice(64)", "buf.read_slice(64)", lambda: reading(bytes(6400)), before=BEGIN),
    Loop("read_u32", "buf.read_u32()", lambda: reading(bytes(400)), before=BEGIN),
    Loop("write_u32", "buf.write_u32({k})", lambda: {"buf": zbuf.buffer(400)}, before="buf.clear()"),
    Loop("read_varint, 2 bytes", "buf.read_varint()", lambda: reading(b"\xac\x02" * 100), before=BEGIN),
    Loop('Layout(">BHIQ").read', "read(buf)", lambda: reading(bytes(1500)), before=BEGIN),
    Loop(
        "write_bytes 16 B", "buf.write_bytes(piece)", lambda: {"buf": zbuf.buffer(1600), "piece": bytes(16)},
        before="buf.clear()",
    ),
    Loop("find one byte in 64 B", "buf.find(63)", lambda: reading(PIECE)),
    Loop("a frame of 64 B, of 256 in a block", "feed(buf)", stream, times=1, of=FRAMES),
    Loop("composite of 8 x 64 B, one call", "build(*parts)", lambda: {"build": zbuf.CompositeByteBuf, "parts": pieces(8)}),
    Loop("read_u32 over 8 parts of 64 B", "buf.read_u32()", composite, before=BEGIN, times=128),
    Loop("queue and flush 16 x 64 B, receive", SENT, connected, times=20),
    Loop("send 1 KiB, zbuf.io.recv_into", RECEIVED, connected, times=20),
]


def main(rounds: int, works: list[int]) -> None:
    """A line a work: three processes that do its loop and the empty one, (n, 2n), (2n, n) and (n, 2n) times."""
    gc.disable()
    for loop in map(WORKS.__getitem__, works):
        print(*(child(loop, full, 3 * rounds - full) for full in (rounds, 2 * rounds, rounds)), flush=True)


def child(loop: Loop, full: int, empty: int) -> int:
    """The process that did so many rounds of each, and is over."""
    pid = os.fork()
    if not pid:
        work(loop, full, empty)
    if os.waitpid(pid, 0)[1]:
        raise RuntimeError(f"{loop.name} has failed")
    return pid


def work(loop: Loop, full: int, empty: int) -> None:
    status = 1
    try:
        loop.open()
        loop.run(full)
        loop.run_empty(empty)
        status = 0
    finally:
        os._exit(status)
