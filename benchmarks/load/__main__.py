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
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
    serve(listener, *SERVICES[service], kind)


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
