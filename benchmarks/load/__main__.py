"""A server to be measured: python -m benchmarks.load SERVICE KIND. Says its port, and ends with its input."""

import asyncio
import importlib
import json
import os
import socket
import sys
import threading
from typing import Any

from benchmarks.load import bare, gets, loops

SERVICES = {"echo": (bare, loops), "get": (gets, gets)}


def end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)


def main(service: str, kind: str) -> None:
    threading.Thread(target=end_with_input, daemon=True).start()
    listener = listening()
    print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
    serve(listener, *SERVICES[service], kind)


def listening() -> socket.socket:
    """As asyncio makes it of a host and a port: of a socket that does not say it is TCP, it leaves Nagle's algorithm on."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    return listener


def serve(listener: socket.socket, on_sockets: Any, on_loops: Any, kind: str) -> None:
    """Serve for ever."""
    if kind in ("WithZbuf", "WithBytes", "WithCython"):
        bare.serve(listener, getattr(on_sockets, kind))
    elif kind == "streams":
        asyncio.run(loops.serve_streams(listener, on_loops.streams))
    else:
        kind, loop = kind.split("/")
        run = importlib.import_module(loop).run
        run(loops.serve_protocol(listener, getattr(on_loops, kind)))


if __name__ == "__main__":
    main(*sys.argv[1:])
