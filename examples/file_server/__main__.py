"""`python -m examples.file_server DIR`."""

from __future__ import annotations

import argparse
import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress

from .root import Root
from .request import Request
from .response import Response
from .server import FileServer


def main() -> None:
    options = parsed()
    with asyncio.Runner(loop_factory=loop_factory(options.uvloop)) as runner, suppress(KeyboardInterrupt):
        runner.run(serve(options))


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m examples.file_server", description="Serve a directory over HTTP.")
    parser.add_argument("root", metavar="DIR")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000, help="0 for any that is free")
    parser.add_argument("--patience", type=float, default=15.0, metavar="SECONDS", help="for idle and slow clients")
    parser.add_argument("--slowest", type=int, default=16 << 10, metavar="BYTES", help="a second that a client must take")
    parser.add_argument("--open-files", type=positive, default=128, metavar="N", help="as many stay open, to be asked for again")
    parser.add_argument("--uvloop", action="store_true")
    parser.add_argument("--access-log", action="store_true")
    return parser.parse_args()


def positive(said: str) -> int:
    number = int(said)
    if number < 1:
        raise argparse.ArgumentTypeError(f"1 or more, not {said}")
    return number


def loop_factory(fast: bool) -> Callable[[], asyncio.AbstractEventLoop] | None:
    if not fast:
        return None
    import uvloop

    return uvloop.new_event_loop


async def serve(options: argparse.Namespace) -> None:
    loop, root = asyncio.get_running_loop(), Root(options.root, options.open_files)
    files = FileServer(root, patience=options.patience, slowest=options.slowest, log=log if options.access_log else None)
    server = await loop.create_server(files, options.host, options.port)
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    host, port = server.sockets[0].getsockname()[:2]
    print(f"serving {options.root} on http://{host}:{port}/", flush=True)
    await stopped.wait()
    server.close()


def log(request: Request, response: Response) -> None:
    print(request.method.decode(), ascii(request.target)[2:-1], response.status, response.size, flush=True)


if __name__ == "__main__":
    main()
