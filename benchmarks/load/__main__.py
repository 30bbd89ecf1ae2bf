"""An echo server: python -m benchmarks.load NAME. Says its port; ends when it is killed."""

import asyncio
import json
import socket
import sys

from benchmarks.load import bare, loops


def main(name: str) -> None:
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
