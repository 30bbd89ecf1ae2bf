"""`python -m zbuf demo`, as a user runs it: good input, bad input, broken processes."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from zbuf.demo.ways import WAYS

ENDS = 60.0  # seconds within which every run must have ended


def command(*arguments):
    return [sys.executable, "-m", "zbuf", "demo", *map(str, arguments)]


def demo(*arguments, **more):
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=ENDS, check=False, **more)


@pytest.fixture
def files(tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "small").write_bytes(b"abc")
    (tmp_path / "large").write_bytes(os.urandom(900_001))
    return [tmp_path / name for name in ("empty", "small", "large", "empty")]


# -- good input


def test_every_way_is_verified(files):
    done = demo("--json", "--megabytes", 3, *files)
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert (report["files"], report["times"], report["frames"]) == (4, 4, 16)
    assert report["body_bytes"] == 4 * 900_004
    assert [row["way"] for row in report["ways"]] == list(WAYS)
    for row in report["ways"]:
        assert row["verified"] is True
        assert row["mb_per_second"] > 0 and row["system_calls"] > 0 and row["peak_memory"] > 0


def test_the_table_says_the_same(files):
    done = demo("--megabytes", 1, *files)
    assert done.returncode == 0
    for way in WAYS:
        row = next(line for line in done.stdout.splitlines() if line.startswith(way))
        assert row.endswith("yes")
    assert done.stderr.splitlines() == [f"{way} ..." for way in WAYS]


def test_an_empty_file_is_a_frame_like_any_other(files):
    done = demo("--json", "--megabytes", 1, "--", files[0])
    report = json.loads(done.stdout)
    assert done.returncode == 0
    assert report["body_bytes"] == 0 and report["frames"] > 1
    assert all(row["verified"] for row in report["ways"])


def test_without_files_it_sends_pythons_own(tmp_path):
    done = demo("--json", "--megabytes", 1)
    report = json.loads(done.stdout)
    assert done.returncode == 0
    assert report["files"] > 50 and all(row["verified"] for row in report["ways"])


def test_names_of_any_bytes_go_through(tmp_path):
    odd = os.fsencode(tmp_path) + b"/\xff \n name"
    Path(os.fsdecode(odd)).write_bytes(b"abc")
    done = subprocess.run(
        [*command("--json", "--megabytes", 1), odd], capture_output=True, text=True, timeout=ENDS, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_one_call_for_a_header_and_one_for_its_file(files):
    done = demo("--json", "--megabytes", 1, files[1])
    report = json.loads(done.stdout)
    calls = {row["way"]: row["system_calls"] for row in report["ways"]}
    assert calls["zbuf, sendfile"] <= 2 * report["frames"]
    assert calls["join + sendall"] == 2 * report["frames"]


# -- bad input: a message, a status, no traceback


@pytest.fixture(params=[[], ["--json"]], ids=["table", "json"])
def mode(request):
    return request.param


def fails(done, *words):
    assert done.returncode == 1
    assert done.stdout == ""
    message = done.stderr.splitlines()[-1]
    assert message.startswith("zbuf demo: ")
    assert "Traceback" not in done.stderr
    for word in words:
        assert str(word) in message


def test_a_missing_file(files, mode, tmp_path):
    fails(demo(*mode, files[1], tmp_path / "nothing"), tmp_path / "nothing", "No such file")


def test_a_directory(mode, tmp_path):
    fails(demo(*mode, tmp_path), tmp_path, "Is a directory")


def test_an_unreadable_file(mode, tmp_path):
    # Root may read any file of a disk, but not a process's memory at 0.
    fails(demo(*mode, "/proc/self/mem"), "/proc/self/mem", "Input/output error")


def test_wrong_arguments():
    for wrong in (["--megabytes", "0"], ["--megabytes", "many"], ["--timeout", "-1"], ["--nonsense"]):
        done = demo(*wrong)
        assert done.returncode == 2
        assert done.stderr.startswith("usage: python -m zbuf")
        assert "Traceback" not in done.stderr


@contextlib.contextmanager
def running(*arguments):
    """A demonstration under way: its process, once the first way has begun."""
    process = subprocess.Popen(
        command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        # Who runs tests in the background ignores it, and so would the children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def child_of(process, module):
    """Wait for the process that runs zbuf.demo.<module>."""
    deadline = time.monotonic() + ENDS
    while time.monotonic() < deadline:
        for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                if f"zbuf.demo.{module}" in Path(f"/proc/{pid}/cmdline").read_text():
                    return int(pid)
    raise AssertionError(f"no {module} was started")


def outcome(process):
    out, err = process.communicate(timeout=ENDS)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def test_a_file_that_is_truncated_while_it_is_sent(mode, tmp_path):
    big = tmp_path / "big"
    big.write_bytes(b"")
    os.truncate(big, 50_000_000)
    with running(*mode, "--megabytes", 20_000, big) as process:
        child_of(process, "sender")
        os.truncate(big, 1_000_000)
        fails(outcome(process), f"{big}: became shorter than its 50000000 bytes")


def test_a_receiver_that_dies(mode, files):
    with running(*mode, "--megabytes", 20_000, *files) as process:
        receiver = child_of(process, "receiver")
        child_of(process, "sender")
        os.kill(receiver, signal.SIGKILL)
        fails(outcome(process), "receiver")


def test_a_sender_that_dies(mode, files):
    with running(*mode, "--megabytes", 20_000, *files) as process:
        os.kill(child_of(process, "sender"), signal.SIGKILL)
        fails(outcome(process), "the sender")


def test_a_receiver_that_stops_listening(mode, files):
    with running(*mode, "--megabytes", 20_000, "--timeout", 1, *files) as process:
        receiver = child_of(process, "receiver")
        child_of(process, "sender")
        os.kill(receiver, signal.SIGSTOP)
        fails(outcome(process), "for 1 seconds")


def test_an_interrupted_run_leaves_no_process(mode, files):
    with running(*mode, "--megabytes", 20_000, *files) as process:
        children = [child_of(process, "receiver"), child_of(process, "sender")]
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        done = outcome(process)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (130, "zbuf demo: interrupted")
    assert "Traceback" not in done.stderr
    deadline = time.monotonic() + ENDS
    while any(Path(f"/proc/{pid}").exists() for pid in children):
        assert time.monotonic() < deadline


def test_results_that_nobody_reads(files):
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        command("--megabytes", 1, *files), stdout=write, stderr=subprocess.PIPE, text=True, timeout=ENDS, check=False
    )
    os.close(write)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr and "Exception" not in done.stderr
