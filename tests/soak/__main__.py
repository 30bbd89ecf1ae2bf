"""Serve peers that behave badly, and show that nothing is held and memory does not grow.

    python -m tests.soak --seconds 60 --connections 1000 [--loop asyncio | uvloop]

Fails if a byte was wrong, a block or a descriptor is held at the end, the loop
was told of an error, or the resident memory of the server was larger in the
last quarter of the time than in the one before by more than GROWTH, if there
was time enough for it to settle.
"""

import argparse
import asyncio
import collections
import gc
import json
import os
import random
import resource
import statistics
import sys
import tempfile
import time

import zbuf

from .server import Server

GROWTH = 0.03, 4 << 20    # of the quarter before, or bytes: the larger
SETTLED = 30.0            # seconds of a run whose last half is judged
FILE = 1 << 20            # bytes
EVERY = 0.1               # seconds between two looks at the memory

LOOPS = {"asyncio": asyncio.SelectorEventLoop}


def resident():
    """Bytes of this process in memory."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def descriptors():
    return len(os.listdir("/proc/self/fd"))


async def soak(path, connections, seconds, troubles):
    """What the peers did, what the server did, and the samples that were taken."""
    server, samples = Server(path), []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: troubles.append(str(context)))
    async with await zbuf.aio.start_server(server.serve, "127.0.0.1", 0, backlog=connections) as listening:
        port = listening.sockets[0].getsockname()[1]
        peers = await asyncio.create_subprocess_exec(
            sys.executable, "-m", f"{__package__}.clients", *map(str, (port, path, connections, seconds)), stdout=-1)
        telling = asyncio.create_task(peers.communicate())
        while not telling.done():
            samples.append((time.monotonic(), resident(), server.connections, len(zbuf.default_allocator().live())))
            await asyncio.sleep(EVERY)
        if peers.returncode:
            troubles.append(f"the peers ended with {peers.returncode}")
        while server.connections:
            await asyncio.sleep(EVERY)
    server.close()
    return json.loads((await telling)[0] or "{}"), server, samples


def quarters(samples):
    """The median of the resident memory in each quarter of the time."""
    start, end = samples[0][0], samples[-1][0]
    parts = collections.defaultdict(list)
    for at, size, *_ in samples:
        parts[min(int(4 * (at - start) / (end - start)), 3)].append(size)
    return [statistics.median(parts[k]) for k in range(4)]


def faults(before, sizes, seconds, troubles):
    """What is not as it should be, as sentences."""
    yield from troubles
    if left := len(zbuf.default_allocator().live()):
        yield f"{left} blocks are live at the end"
    if descriptors() != before:
        yield f"{descriptors()} descriptors are open, {before} were"
    grown = sizes[3] - sizes[2]
    if seconds >= SETTLED and grown > max(GROWTH[0] * sizes[2], GROWTH[1]):
        yield f"resident memory grew by {grown / 1e6:.1f} MB in the last quarter"


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--loop", choices=["asyncio", "uvloop"], default="asyncio")
    options = parser.parse_args()
    if options.loop == "uvloop":
        import uvloop

        LOOPS["uvloop"] = uvloop.new_event_loop
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    troubles = []
    with tempfile.NamedTemporaryFile() as file:
        file.write(random.Random(1).randbytes(FILE))
        file.flush()
        LOOPS[options.loop]().close()    # a first loop may open some for good
        before = descriptors()
        with asyncio.Runner(loop_factory=LOOPS[options.loop]) as runner:
            done, server, samples = runner.run(soak(file.name, options.connections, options.seconds, troubles))
        gc.collect()
        sizes = quarters(samples)
        wrong = list(faults(before, sizes, options.seconds, troubles))
    print(f"{options.loop}: {server.served} connections, {max(s[2] for s in samples)} at once; {server.frames} frames answered,")
    print(f"  {server.stalled} connections ended for taking nothing, {server.cut_short} were cut short; {max(s[3] for s in samples)} blocks live at the most")
    print("  peers: " + ", ".join(f"{count} {name}" for name, count in sorted(done.items())))
    print("  resident MB, median of each quarter: " + ", ".join(f"{size / 1e6:.1f}" for size in sizes)
          + f"; at the end {resident() / 1e6:.1f}")
    print(f"  live blocks at the end: {len(zbuf.default_allocator().live())}; " + ("; ".join(wrong) or "all well"))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
