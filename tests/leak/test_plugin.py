"""The pytest plugin: the test that leaves buffers behind fails, and no other."""

import ctypes
import os
import re
import subprocess
import sys
import textwrap

import pytest

import zbuf
from kinds import check

# Without what changes zbuf or Python; but what a sanitizer needs stays.
CLEAN = {
    name: value for name, value in os.environ.items()
    if name == "PYTHONMALLOC" or not name.startswith(("ZBUF_", "PYTHON"))
}

TESTS = """
    import pytest, zbuf

    kept = []

    @pytest.fixture(scope="module")
    def shared():
        with zbuf.buffer(33) as buf:
            yield buf

    @pytest.fixture
    def own():
        with zbuf.buffer(44) as buf:
            yield buf

    def test_clean(shared, own):
        shared.write_bytes(bytes(1000))
        zbuf.buffer(10)

    def test_leaves_one(shared):
        kept.append(zbuf.buffer(100))

    def test_clean_again(own):
        pass

    def test_leaves_what_it_wrapped():
        kept.append(zbuf.wrap(b"abc"))

    def test_leaves_some_of_another_allocator():
        kept.append(zbuf.SystemAllocator())
        kept.append([kept[-1].buffer(5), kept[-1].buffer(6)])

    def test_fails_anyway():
        buf = zbuf.buffer(77)
        raise LookupError

    def test_cycle():
        cycle = [zbuf.buffer(7)]
        cycle.append(cycle)

    def test_marked(no_zbuf_leaks):
        kept.append(zbuf.buffer(9))
"""


@pytest.fixture
def run(tmp_path):
    """Run the tests above with these options; (what failed, the output)."""
    (tmp_path / "test_them.py").write_text(textwrap.dedent(TESTS))
    (tmp_path / "pytest.ini").write_text("[pytest]\n")

    def run(*options):
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "zbuf.testing", "-p", "no:cacheprovider", "-c", str(tmp_path / "pytest.ini"),
             "--rootdir", str(tmp_path), "--confcutdir", str(tmp_path), "-rfE", "-q", *options, str(tmp_path)],
            capture_output=True, text=True, timeout=50, env={**CLEAN, "PYTHONPATH": ":".join(sys.path)})
        return re.findall(r"^(ERROR|FAILED) .*::test_(\w+)", done.stdout, re.MULTILINE), done.stdout

    return run


def test_with_the_option_every_test_is_looked_at(run):
    bad, output = run("--zbuf-leaks")
    assert bad == [("FAILED", "fails_anyway"), ("ERROR", "leaves_one"), ("ERROR", "leaves_what_it_wrapped"),
                   ("ERROR", "leaves_some_of_another_allocator"), ("ERROR", "marked")]
    assert "live buffers that the test left behind: 1\n  100 bytes, 1 references, from a place that only" in output
    assert "live buffers that the test left behind: 2\n" in output
    assert "wrapped objects that the test left behind: 1\n" in output


def test_without_it_only_those_that_ask(run):
    bad, output = run()
    assert bad == [("FAILED", "fails_anyway"), ("ERROR", "marked")]


def test_places_are_told_where_they_are_known(run):
    bad, output = run("--zbuf-leaks", "--zbuf-leak-level=paranoid", "-W", "ignore::ResourceWarning")
    assert len(bad) == 5
    assert re.search(r"^  100 bytes, 1 references, from /.*/test_them\.py:\d+ in test_leaves_one$", output, re.MULTILINE)


def test_leaks_are_warned_of_if_a_level_is_set(run):
    bad, output = run("--zbuf-leak-level=paranoid", "-W", "error::ResourceWarning", "-W", "error::pytest.PytestUnraisableExceptionWarning")
    assert ("FAILED", "clean") in bad and "a buffer of 10 bytes was dropped without release()" in output
    assert ("FAILED", "clean_again") not in bad


# -- builders

def test_fragmented_parts_have_the_sizes_in_turn():
    with zbuf.testing.fragmented(bytes(range(20))) as buf:
        assert [len(part) for part in buf.parts()] == [1, 2, 3, 5, 1, 2, 3, 3]
        assert bytes(buf) == bytes(range(20))
        assert buf.retained_bytes() == sum(part.retained_bytes() for part in buf.parts())    # no block twice
        check(buf)
    assert [len(part) for part in zbuf.testing.fragmented(b"abcdefg", 3).parts()] == [3, 3, 1]
    assert zbuf.testing.fragmented(b"").parts() == []


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, zbuf.copied, zbuf.testing.fragmented])
def test_they_take_all_that_has_bytes(kind):
    data = kind(b"0123456789")
    for buf in (zbuf.testing.fragmented(data), zbuf.testing.odd_aligned(data)):
        assert bytes(buf) == b"0123456789"
        check(buf)


def test_no_part_is_empty():
    for sizes in ((0,), (3, -1)):
        with pytest.raises(ValueError, match=f"^a part has 1 byte or more, not {min(sizes)}$"):
            zbuf.testing.fragmented(b"abc", *sizes)


@pytest.mark.parametrize("n", [0, 1, 1000, 3 << 20])
def test_odd_aligned_lies_at_an_odd_address(n):
    with zbuf.testing.odd_aligned(bytes(n)) as buf:
        assert len(buf) == buf.max_capacity == n
        if n:
            assert ctypes.addressof(ctypes.c_char.from_buffer(buf.view())) % 2 == 1
