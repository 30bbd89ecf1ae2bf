"""An echo server: python -m benchmarks.load NAME. Says its port, and ends with its input."""

import asyncio
import json
import os
import socket
import sys
import threading

from benchmarks.load import bare, loops


def end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)


def main(name: str) -> None:
    threading.Thread(target=end_with_input, daemon=True).start()
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
    if name == "zbuf":
        bare.serve(listener, bare.WithZbuf)
    elif name == "bytes":
        bare.serve(listener, bare.WithBytes)
    elif name == "uvloop":
        import uvloop

        uvloop.run(loops.serve_protocol(listener))
    else:
        asyncio.run({"protocol": loops.serve_protocol, "streams": loops.serve_streams}[name](listener))


if __name__ == "__main__":
    main(*sys.argv[1:])
