"""Every system call of zbuf says every kind of no, at any point of every piece of work: nothing is lost."""

import contextlib
import errno
import os
import re
from pathlib import Path

import pytest

import zbuf
from kinds import live_blocks
from works import WORKS
from zbuf import _script
from zbuf.testing import Short, syscalls

NOES = (errno.EAGAIN, errno.EINTR, errno.EINVAL, errno.EIO, errno.EMFILE, errno.ENOBUFS, errno.ENOSPC, errno.EPIPE)
MOST_TIMES = 8     # of one call in one work: the later ones are like the first
CALLS = [*_script.MOVING, *_script.OTHERS]
INTERRUPTED = {*_script.MOVING, "ftruncate", "fdatasync", "msync"}    # others never wait


@pytest.fixture(autouse=True)
def allocator():
    """What live() lists was made by the test."""
    before = zbuf.set_default_allocator(zbuf.PooledAllocator())
    yield
    zbuf.set_default_allocator(before)


@pytest.fixture
def attempt(tmp_path):
    """A function that does a new piece of work with a script: (the errors it raised, the outcomes that were left)."""

    def attempt(make, outcomes, call):
        before = descriptors(), live_blocks()
        with contextlib.ExitStack() as stack:
            work, codes = make(tmp_path, stack), []
            with syscalls(outcomes, only=[call]) as script:
                while raised(work, codes) and work.again:
                    assert len(codes) < 3, codes
            work.check(codes)
            del work
        (tmp_path / "target").unlink(missing_ok=True)
        (tmp_path / "log").unlink(missing_ok=True)
        assert (descriptors(), live_blocks()) == before
        return codes, script.left

    return attempt


def raised(work, codes):
    try:
        work.go()
    except OSError as error:
        codes.append(error.errno)
        return True
    return False


def descriptors():
    zbuf.relay.trim()
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture
def calls_of(attempt):
    """A function that tells how often a piece of work makes each call."""

    def calls_of(make):
        made = {call: 200 - attempt(make, [None] * 200, call)[1] for call in CALLS}
        return {call: times for call, times in made.items() if times}

    return calls_of


@pytest.mark.parametrize("make", WORKS, ids=lambda make: make.__name__)
def test_nothing_is_lost_whatever_a_call_says(attempt, calls_of, make):
    for call, times in calls_of(make).items():
        for at in range(min(times, MOST_TIMES)):
            for outcome in [*map(Short, make.shorts), *NOES]:
                try:
                    codes, left = attempt(make, [None] * at + [outcome], call)
                    assert left == 0
                    # It is survived (another way, another try), or told as it is.
                    assert codes in ([], [outcome])
                    assert not codes or outcome in NOES and not (outcome == errno.EINTR and call in INTERRUPTED)
                except Exception as error:
                    raise AssertionError(f"{call} number {at} said {outcome}: {error}") from error


def test_every_call_is_made_by_some_work(calls_of):
    assert set().union(*map(calls_of, WORKS)) == set(CALLS)


# -- no call goes past the gate

KNOWN = set((Path(__file__).parent / "system_calls.txt").read_text().split())    # of Linux, and of the C library
SOURCES = sorted(path for end in ("pyx", "pxd", "h") for path in (Path(__file__).parents[2] / "zbuf").rglob(f"*.{end}"))
VERBATIM = re.compile(r'^cdef extern from [^\n]*:\n    """(.*?)"""', re.M | re.S)
EXTERN = re.compile(r"^cdef extern from [^\n]*:\n((?:    [^\n]*\n|\n)+)", re.M)
CIMPORT = re.compile(r"^from (?:posix|libc)[.\w]* cimport (\([^)]*\)|[^\n]*)", re.M)

# Calls of which nobody hears whether they failed, or whose failure ends the process in any case.
PAST_THE_GATE = {
    "_arena": {"madvise", "mincore", "munmap"},         # gives pages back, and counts them
    "_leak": {"clock_gettime"},
    "_memory": {"mmap"},                                # has a gate of its own: fail_after
    "_mapping": {"close", "munmap",                     # the end of a mapping
                 "fstat", "mmap",                       # inside a signal handler
                 "getpid", "raise", "sigaction"},       # the handler itself
    "_pool": {"clock_gettime"},
    "_sigpipe": {"pthread_sigmask", "sigaction", "sigpending", "sigtimedwait"},    # of this thread: they cannot fail
    "_splice": {"close"},
    "_sys": {"getsockopt", "setsockopt"},               # a push: an attempt to be quick
    "_trap": {"sched_yield"},
    "direct": {"close", "fstatfs", "syscall"},          # statx: what is not told has a default
    "region": {"close"},
}


def past_the_gate(text):
    """The system calls that a source declares or makes by itself."""
    names = set()
    for verbatim in VERBATIM.findall(text):
        names.update(re.findall(r"\b(\w+)\(", verbatim))
    for block in EXTERN.findall(VERBATIM.sub("cdef extern from *:\n", text)):
        for line in block.splitlines():
            names.update(re.findall(r'\b(\w+)"? *\(', line))
    for listing in CIMPORT.findall(text):
        names.update(name.split()[0] for name in listing.strip("() \n").replace("\n", " ").split(",") if name.strip())
    return names & KNOWN


def test_no_system_call_goes_past_the_gate():
    found = {}
    for path in SOURCES:
        if path.stem != "_calls" and (names := past_the_gate(path.read_text())):
            found[path.stem] = found.get(path.stem, set()) | names
    assert found == PAST_THE_GATE


@pytest.mark.parametrize(("text", "names"), [
    ("from posix.unistd cimport _SC_PAGESIZE, close as shut, pread\n", {"close", "pread"}),
    ("from posix.mman cimport (\n    MS_SYNC, msync,\n)\n", {"msync"}),
    ('cdef extern from "<fcntl.h>" nogil:\n    int F_OK\n    Py_ssize_t my_tee "tee" (int a, int b)\n\nx = sync()\n', {"tee"}),
    ('cdef extern from *:\n    """\n    static int f(int fd) { return fsync(fd); }\n    """\n    int f(int fd)\n', {"fsync"}),
    ('"""splice(2), by close()"""\nfrom zbuf._calls cimport splice\n', set()),
])
def test_a_call_past_the_gate_is_found(text, names):
    assert past_the_gate(text) == names


def test_all_calls_behind_the_gate_are_called_by_their_names():
    text = next(path for path in SOURCES if path.name == "_calls.pxd").read_text()
    gated = set(re.findall(r"\b(?:told|fails)\(([A-Z]\w+)", text))
    assert gated == {name.upper() for name in CALLS}
    assert len(re.findall(r"return .*c_\w+\(", text)) == len(re.findall(r"\bc_\w+ \"", text))
