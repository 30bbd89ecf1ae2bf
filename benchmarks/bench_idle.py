"""I9: what memory does a connection hold that says nothing?"""

import asyncio
import importlib
import importlib.util
import json
import subprocess
import sys

import zbuf
from benchmarks._resident import resident
from benchmarks._row import Figure, Row
from benchmarks.load import loops
from zbuf.codec import LengthFieldDecoder

CONNECTIONS = 1000

# Each connection says a message and gets it back; then they are silent.
CLIENTS = """
import socket, sys
port, count = map(int, sys.argv[1:])
message = (64).to_bytes(4, "big") + bytes(64)
socks = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
for sock in socks:
    sock.sendall(message)
    assert sock.recv(68, socket.MSG_WAITALL) == message
print("idle", flush=True)
sys.stdin.read()
"""


async def held(kind: str) -> dict[str, float]:
    """Bytes for a connection: of live pooled memory, and of all that is resident."""
    server = await serve(kind)
    before = resident()
    clients = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CLIENTS, str(server.sockets[0].getsockname()[1]), str(CONNECTIONS),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert clients.stdout is not None and await clients.stdout.readline() == b"idle\n"
    made = {"pooled": zbuf.default_allocator().stats().granted, "resident": resident() - before}
    await clients.communicate(b"")    # the end of its input is the end of it
    server.close()
    return {name: size / CONNECTIONS for name, size in made.items()}


async def serve(kind: str) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    if kind == "zbuf.aio.Stream":
        return await zbuf.aio.start_server(echo, "127.0.0.1", 0, backlog=CONNECTIONS)
    if kind == "asyncio streams":
        return await asyncio.start_server(loops.streams, "127.0.0.1", 0, backlog=CONNECTIONS)
    protocols = {"zbuf.aio.Receiver": loops.Receiver, "Protocol": loops.Protocol}
    return await loop.create_server(protocols[kind], "127.0.0.1", 0, backlog=CONNECTIONS)


async def echo(stream: zbuf.aio.Stream) -> None:
    frames = LengthFieldDecoder(1 << 20)
    while (frame := await stream.read_frame(frames)) is not None:
        stream.write(frame)
        await stream.drain()


def contestant(kind: str, loop: str, what: str) -> Figure:
    def measure() -> float:
        command = [sys.executable, "-m", "benchmarks.bench_idle", kind, loop]
        found: dict[str, float] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        return found[what]

    return Figure(f"{kind}, {loop}", measure)


def row(work: str, what: str, kinds: list[str], limit: float | None = None) -> Row:
    there = [loop for loop in ("uvloop", "asyncio") if importlib.util.find_spec(loop) is not None]
    contestants = [contestant(kind, loop, what) for kind in kinds for loop in there]
    return Row("I9", work, contestants, limit=limit, unit="B", samples=3)


OURS = ["zbuf.aio.Receiver", "zbuf.aio.Stream"]
ROWS = [
    row("pooled memory of an idle connection", "pooled", OURS, limit=1024),
    row("resident memory of an idle connection", "resident", [*OURS, "Protocol", "asyncio streams"]),
]


def main(kind: str, loop: str) -> None:
    print(json.dumps(importlib.import_module(loop).run(held(kind))))


if __name__ == "__main__":
    main(*sys.argv[1:])
