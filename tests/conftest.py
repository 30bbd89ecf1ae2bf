"""Fixtures of all tests: the kinds of buffers, and that no test leaves memory behind."""

import gc
import sysconfig
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import zbuf
from kinds import KINDS, live_blocks

settings.register_profile("short", max_examples=60, stateful_step_count=30, deadline=None,
                          suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
settings.register_profile("deep", settings.get_profile("short"), max_examples=2000, stateful_step_count=100)
settings.load_profile("short")


# What only builds of one kind can do: see tools/sanitize and tools/test-nogil.
collect_ignore = [
    *([] if "libasan" in Path("/proc/self/maps").read_text() else ["sanitized"]),
    *([] if sysconfig.get_config_var("Py_GIL_DISABLED") else ["nogil"]),
]


def pytest_addoption(parser):
    parser.addoption("--system", action="store_true", help="SystemAllocator as the default allocator")


def pytest_configure(config):
    if config.getoption("--system"):
        zbuf.set_default_allocator(zbuf.SystemAllocator())


def kinds_fixture(wanted):
    @pytest.fixture(params=[kind for kind in KINDS if wanted(kind)], ids=lambda kind: kind.name)
    def make(request):
        return request.param

    return make


make = kinds_fixture(lambda kind: True)
make_writable = kinds_fixture(lambda kind: kind.writable)
make_growable = kinds_fixture(lambda kind: kind.growable)
make_mutable = kinds_fixture(lambda kind: kind.writable and kind.growable)
make_fixed = kinds_fixture(lambda kind: kind.writable and not kind.growable)
make_readonly = kinds_fixture(lambda kind: not kind.writable and not kind.growable)
make_whole = kinds_fixture(lambda kind: not kind.pieces)
make_pieces = kinds_fixture(lambda kind: kind.pieces)


@pytest.fixture(autouse=True)
def no_block_stays_behind():
    before = live_blocks()
    yield
    # What another thread was given goes as soon as that goes on; without the GIL at a collection, and what it held at the next.
    end = time.monotonic() + 5
    while live_blocks() != before and time.monotonic() < end:
        gc.collect()
        time.sleep(0.01)
    assert live_blocks() == before, "the test left live blocks behind"
