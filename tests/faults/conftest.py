"""Memory that comes from malloc each time, so that each time it can fail."""

import pytest

import zbuf


@pytest.fixture
def from_malloc():
    before = zbuf.set_default_allocator(zbuf.SystemAllocator())
    yield
    zbuf.set_default_allocator(before)
