"""trio, with TLS and without."""

import pytest
import trio
from ends import tls_contexts
from trio_ends import PLAIN, Kind

import zbuf

# No test waits longer than this; only a broken one waits at all.
PATIENCE = 60.0


@pytest.fixture(autouse=True)
def allocator():
    """Memory of the test's own, and none of it is left."""
    before = zbuf.set_default_allocator(zbuf.PooledAllocator())
    yield
    zbuf.set_default_allocator(before)


@pytest.fixture
def run():
    """A function that runs an async function."""

    def run(main, *arguments):
        async def guarded():
            with trio.fail_after(PATIENCE):
                return await main(*arguments)

        return trio.run(guarded)

    return run


@pytest.fixture(scope="session")
def tls():
    return Kind(*tls_contexts())


@pytest.fixture(params=["plain", "tls"])
def kind(request):
    return request.getfixturevalue("tls") if request.param == "tls" else PLAIN
