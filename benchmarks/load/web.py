"""Static files as Python frameworks serve them: python -m benchmarks.load.web NAME DIR PORT."""

import sys


def with_aiohttp(root: str, port: int) -> None:
    from aiohttp import web

    app = web.Application()
    app.router.add_static("/", root)
    web.run_app(app, host="127.0.0.1", port=port, access_log=None, print=None)


def with_starlette(root: str, port: int) -> None:
    import uvicorn
    from starlette.staticfiles import StaticFiles

    uvicorn.run(StaticFiles(directory=root), host="127.0.0.1", port=port, log_level="error", access_log=False)


if __name__ == "__main__":
    {"aiohttp": with_aiohttp, "starlette": with_starlette}[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
