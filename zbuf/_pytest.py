"""The pytest plugin of zbuf.testing: the very test that leaves buffers behind fails."""

import gc
import sys
from collections.abc import Generator

import pytest

from zbuf import _foreign, _poolstats, leak
from zbuf.stats import LiveBlock

LEVEL_BEFORE = pytest.StashKey[str]()
FAILED = pytest.StashKey[bool]()         # of a test
JUST_FAILED = pytest.StashKey[bool]()    # some test, and nobody has looked since


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("zbuf")
    group.addoption("--zbuf-leaks", action="store_true", help="no test may leave live buffers behind: no_zbuf_leaks for all")
    group.addoption("--zbuf-leak-level", choices=leak.LEVELS, help="what zbuf.leak watches, so that places are known")


def pytest_configure(config: pytest.Config) -> None:
    """Begin to watch, if asked to."""
    level = config.getoption("--zbuf-leak-level")
    if level is not None:
        config.stash[LEVEL_BEFORE] = leak.set_level(level)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Watch as before."""
    if LEVEL_BEFORE in config.stash:
        leak.set_level(config.stash[LEVEL_BEFORE])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember which tests failed."""
    report = yield
    if report.failed:
        item.stash[FAILED] = item.config.stash[JUST_FAILED] = True
    return report


@pytest.fixture
def no_zbuf_leaks(request: pytest.FixtureRequest) -> Generator[None, None, None]:
    """Fail the test if more buffers are live after it than before, with their places where zbuf.leak knows them."""
    if JUST_FAILED in request.config.stash:
        del request.config.stash[JUST_FAILED]
        _forget_last_error()
    before = _Live()
    yield
    if FAILED in request.node.stash:
        return   # its traceback keeps what its frames held
    if _Live().count > before.count:
        gc.collect()
    complaint = _Live().since(before)
    if complaint:
        pytest.fail(complaint, pytrace=False)


@pytest.fixture(autouse=True)
def _zbuf_leaks_option(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--zbuf-leaks"):
        request.getfixturevalue("no_zbuf_leaks")


def _forget_last_error() -> None:
    """A traceback keeps what its frames held: let it go before the test, for pytest does it within."""
    for name in ("last_type", "last_value", "last_traceback", "last_exc"):
        if hasattr(sys, name):
            delattr(sys, name)
    gc.collect()


class _Live:
    """What is live now, of all allocators and of wrapped objects."""

    def __init__(self) -> None:
        self.wrapped = _foreign.live_foreign_blocks()
        self.blocks = _poolstats._live_anywhere()
        self.count = self.wrapped + len(self.blocks)

    def since(self, before: "_Live") -> str:
        """Say what there is more of than before; nothing if there is not."""
        lines = []
        if len(self.blocks) > len(before.blocks):
            lines.append(f"live buffers that the test left behind: {len(self.blocks) - len(before.blocks)}")
            lines += [_line(block) for address, block in self.blocks.items() if address not in before.blocks]
        if self.wrapped > before.wrapped:
            lines.append(f"wrapped objects that the test left behind: {self.wrapped - before.wrapped}")
        return "\n".join(lines)


def _line(block: LiveBlock) -> str:
    place = block.place or "a place that only --zbuf-leak-level=paranoid tells"
    return f"  {block.requested} bytes, {block.refs} references, from {place}"
