"""`python -m examples.resp_server`."""

from __future__ import annotations

import argparse
import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress

from .database import Database
from .server import Connection, sweep_for_ever


def main() -> None:
    options = parsed()
    with asyncio.Runner(loop_factory=loop_factory(options.uvloop)) as runner, suppress(KeyboardInterrupt):
        runner.run(serve(options))


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m examples.resp_server", description="Keep data as Redis does.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=6379, help="0 for any that is free")
    parser.add_argument("--uvloop", action="store_true")
    return parser.parse_args()


def loop_factory(fast: bool) -> Callable[[], asyncio.AbstractEventLoop] | None:
    if not fast:
        return None
    import uvloop

    return uvloop.new_event_loop


async def serve(options: argparse.Namespace) -> None:
    loop, database = asyncio.get_running_loop(), Database()
    server = await loop.create_server(lambda: Connection(database), options.host, options.port)
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    sweeping = loop.create_task(sweep_for_ever(database))
    host, port = server.sockets[0].getsockname()[:2]
    print(f"serving redis://{host}:{port}/", flush=True)
    await stopped.wait()
    sweeping.cancel()
    server.close()


if __name__ == "__main__":
    main()
