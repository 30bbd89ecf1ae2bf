"""Allocators that are checked and empty at the end of each test."""

import pytest

import zbuf


@pytest.fixture
def made():
    """Makes allocators; at the end each is counted again, then closed."""
    allocators = []

    def make(kind=zbuf.PooledAllocator, **options):
        allocators.append(kind(**options))
        return allocators[-1]

    yield make
    for allocator in allocators:
        allocator._check()
        allocator.close()
        allocator._check()
        assert "0 at rest" in repr(allocator)


@pytest.fixture
def pool(made):
    return made()


@pytest.fixture(params=[zbuf.PooledAllocator, zbuf.SystemAllocator, zbuf.DebugAllocator], ids=["pooled", "system", "debug"])
def any_kind(request):
    return request.param


@pytest.fixture(autouse=True)
def the_default_allocator_stays():
    before = zbuf.default_allocator()
    yield
    zbuf.set_default_allocator(before)
    before._check()
