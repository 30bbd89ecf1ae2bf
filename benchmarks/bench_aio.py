"""I6b: what does an echo cost a server of asyncio, on either loop?

A server runs in a process of its own and says how much processor time it took;
its clients are in another one.
"""

import asyncio
import importlib.util
import subprocess
import sys
import time
from typing import Any

import zbuf
from benchmarks._peer import LOAD
from benchmarks._row import Figure, Row

CONNECTIONS, SIZE, SECONDS = 50, 68, 0.5


class Receiver(zbuf.aio.Receiver):
    def received(self, buf: Any) -> None:
        self.write(buf)


class Protocol(asyncio.Protocol):
    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


async def stream(stream: zbuf.aio.Stream) -> None:
    while data := await stream.read():
        stream.write(data)
        await stream.drain()


async def reader_and_writer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass    # the clients end so
    writer.close()


async def serve(kind: str) -> Any:
    loop = asyncio.get_running_loop()
    if kind == "stream":
        return await zbuf.aio.start_server(stream, "127.0.0.1", 0)
    if kind == "reader_and_writer":
        return await asyncio.start_server(reader_and_writer, "127.0.0.1", 0)
    return await loop.create_server({"Receiver": Receiver, "Protocol": Protocol}[kind], "127.0.0.1", 0)


async def measure(kind: str, depth: int) -> float:
    """Nanoseconds of processor time that the server takes for a message."""
    server = await serve(kind)
    arguments = (server.sockets[0].getsockname()[1], CONNECTIONS, depth, SIZE, SECONDS)
    before = time.process_time()
    load = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LOAD, *map(str, arguments), stdout=subprocess.PIPE
    )
    echoed = int((await load.communicate())[0])
    spent = time.process_time() - before
    server.close()
    return spent / echoed * 1e9


class Server(Figure):
    def __init__(self, title: str, kind: str, loop: str, depth: int) -> None:
        super().__init__(f"{title}, {loop}", lambda: float(subprocess.run(
            [sys.executable, "-m", "benchmarks.bench_aio", kind, loop, str(depth)],
            check=True, stdout=subprocess.PIPE).stdout))
        self._loop = loop

    def present(self) -> bool:
        return importlib.util.find_spec(self._loop) is not None


def row(depth: int) -> Row:
    return Row(
        "I6b",
        f"echo, {CONNECTIONS} connections x {depth} x {SIZE} B",
        [
            Server("zbuf Receiver", "Receiver", "uvloop", depth),
            Server("zbuf Receiver", "Receiver", "asyncio", depth),
            Server("zbuf Stream", "stream", "uvloop", depth),
            Server("zbuf Stream", "stream", "asyncio", depth),
            Server("Protocol", "Protocol", "uvloop", depth),
            Server("Protocol", "Protocol", "asyncio", depth),
            Server("streams", "reader_and_writer", "uvloop", depth),
            Server("streams", "reader_and_writer", "asyncio", depth),
        ],
        samples=3,
    )


ROWS = [row(32)]


def main(kind: str, loop: str, depth: str) -> None:
    if loop == "uvloop":
        import uvloop as runner
    else:
        import asyncio as runner  # type: ignore[no-redef]
    print(runner.run(measure(kind, int(depth))))


if __name__ == "__main__":
    main(*sys.argv[1:])
