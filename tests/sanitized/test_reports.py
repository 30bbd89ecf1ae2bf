"""AddressSanitizer sees what goes wrong in zbuf's memory: planted here, and reported."""

import subprocess
import sys

import pytest

PRELUDE = """
import ctypes, sys
import zbuf
def address(buf):
    return ctypes.addressof(ctypes.c_char.from_buffer(buf.writable_view(1)))
pool, system = zbuf.PooledAllocator(), zbuf.SystemAllocator()
"""

# Where each goes wrong, and what it is called.
FAULTS = {
    "past a cell of the pool": ("ctypes.memset(address(pool.buffer(64)) + 64, 1, 1)", "use-after-poison"),
    "a cell after its release": ("buf = pool.buffer(64); at = address(buf); buf.release(); ctypes.memset(at, 1, 1)", "use-after-poison"),
    "a large block after its release": (
        "buf = pool.buffer(2 << 20); at = address(buf); buf.release(); ctypes.memset(at, 1, 1)", "use-after-poison"),
    "past a block of malloc": ("ctypes.memset(address(system.buffer(64)) + 64, 1, 1)", "heap-buffer-overflow"),
    "a block of malloc after its release": (
        "buf = system.buffer(64); at = address(buf); buf.release(); ctypes.memset(at, 1, 1)", "heap-use-after-free"),
    "a block that nobody gives back": ("ctypes.CDLL(None).malloc(12345)", "12345 byte"),
}

# The same memory, used as one may.
FINE = """
for allocator in pool, system:
    for size in 1, 64, 5000, 2 << 20:
        with allocator.buffer(size) as buf:
            ctypes.memset(address(buf), 1, size)
        with allocator.buffer(size) as buf:
            ctypes.memset(address(buf), 1, size)
    allocator.trim()
with zbuf.DebugAllocator() as allocator:
    allocator.buffer(0).release()
"""


def run(program):
    done = subprocess.run([sys.executable, "-c", PRELUDE + program], capture_output=True, text=True, timeout=50)
    return done.returncode, done.stderr


@pytest.mark.parametrize("program, name", FAULTS.values(), ids=FAULTS)
def test_a_fault_is_reported(program, name):
    status, said = run(program)
    assert status != 0
    assert name in said


def test_nothing_is_reported_of_what_is_right():
    assert run(FINE) == (0, "")


def test_a_fault_in_a_test_is_reported_and_the_test_named(tmp_path, pytestconfig):
    planted = tmp_path / "test_planted.py"
    planted.write_text(PRELUDE + "def test_that_writes_past_a_block():\n    " + FAULTS["past a block of malloc"][0])
    capture = f"--capture={pytestconfig.getoption('capture')}"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", tmp_path, capture, planted],
        cwd=tmp_path, capture_output=True, text=True, timeout=50)
    assert done.returncode != 0
    assert "heap-buffer-overflow" in done.stderr
    assert "in test_that_writes_past_a_block" in done.stderr
