"""A level for the test alone, and what it is told."""

import warnings

import pytest

import zbuf
from zbuf import leak


@pytest.fixture(autouse=True)
def the_level_stays():
    leak.report()
    before = leak.set_level("disabled")
    yield
    leak.report()
    leak.set_level(before)


@pytest.fixture
def told():
    """The messages of the leaks that are reported, as they come."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        yield Told(caught)


class Told:
    def __init__(self, caught):
        self.caught = caught

    def all(self):
        """Those since the last time, whoever reported them."""
        leak.report()
        messages = [str(warning.message) for warning in self.caught if warning.category is ResourceWarning]
        self.caught.clear()
        return messages


@pytest.fixture(params=[zbuf.PooledAllocator, zbuf.SystemAllocator, zbuf.DebugAllocator], ids=["pooled", "system", "debug"])
def allocator(request):
    with request.param() as allocator:
        yield allocator
        allocator._check()
