"""Loops of both kinds, with TLS and without."""

import asyncio

import pytest
import uvloop
from ends import tls_contexts
from peers import PLAIN, Wire

import zbuf

# No test waits longer than this; only a broken one waits at all.
PATIENCE = 60.0

LOOPS = {"asyncio": asyncio.SelectorEventLoop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(autouse=True)
def allocator():
    """Memory of the test's own: what live() lists was made by it."""
    before = zbuf.set_default_allocator(zbuf.PooledAllocator())
    yield
    zbuf.set_default_allocator(before)


@pytest.fixture(params=LOOPS.values(), ids=LOOPS)
def run(request):
    """A function that runs a coroutine on a loop of its own; nothing may go wrong unseen."""

    def run(main):
        troubles = []

        async def guarded():
            asyncio.get_running_loop().set_exception_handler(lambda loop, context: troubles.append(context))
            async with asyncio.timeout(PATIENCE):
                return await main

        with asyncio.Runner(loop_factory=request.param) as runner:
            result = runner.run(guarded())
        assert not troubles
        return result

    run.is_uvloop = request.param is uvloop.new_event_loop
    return run


@pytest.fixture(scope="session")
def tls():
    server, client = tls_contexts()
    return Wire({"ssl": server}, {"ssl": client, "server_hostname": "localhost"})


@pytest.fixture(params=["plain", "tls"])
def wire(request):
    return request.getfixturevalue("tls") if request.param == "tls" else PLAIN
