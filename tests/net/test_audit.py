"""zbuf.audit: the witness tells shared pages from copies, and `python -m zbuf audit` says so of every way."""

import contextlib
import errno
import json
import mmap
import os
import pty
import socket
import subprocess
import sys
import tempfile
import threading

import pytest

import zbuf
from wire import PATIENCE
from zbuf.audit import Sighting, assert_zero_copy, command, proof, report, witness
from zbuf.audit.ways import WAYS
from zbuf.audit.zerocopy import SO_ZEROCOPY, Wire
from zbuf.demo.frames import DemoError, Frame, Plan

SIZE = 65536
ENDS = 120.0  # seconds within which every run must have ended
SHARING = ["splice", "sendfile", "zbuf, sendfile"]


@pytest.fixture
def file(tmp_path):
    """An open file of SIZE bytes, all different enough to be told apart."""
    path = tmp_path / "file"
    path.write_bytes(os.urandom(SIZE))
    with path.open("r+b", buffering=0) as opened:
        yield opened


def by_sendfile(file, offset=0, size=SIZE):
    return lambda sock: os.sendfile(sock.fileno(), file.fileno(), offset, size)


def by_queue(*parts):
    """Send by an OutboundBuffer, and see that the socket took it all."""

    def send(sock):
        with zbuf.OutboundBuffer() as queue:
            queue.writelines(parts)
            assert not queue.flush_to(sock).full

    return send


# -- the witness


def test_bytes_that_are_sent_are_copied():
    source = bytearray(SIZE)
    assert witness(lambda sock: sock.sendall(bytes(source)), source) == Sighting(SIZE, 0, SIZE)
    assert witness(lambda sock: sock.sendall(source), source) == Sighting(SIZE, 0, SIZE)


def test_a_buffer_that_is_sent_is_copied():
    with zbuf.copied(bytes(SIZE)) as source:
        assert witness(by_queue(source), source) == Sighting(SIZE, 0, SIZE)


def test_pages_of_a_file_that_sendfile_sends_are_shared(file):
    assert witness(by_sendfile(file), file) == Sighting(SIZE, SIZE, 0)


def test_a_region_in_a_queue_is_shared(file):
    with zbuf.FileRegion(file, 0) as region:
        assert witness(by_queue(region), region) == Sighting(SIZE, SIZE, 0)


def test_the_same_pages_are_a_source_however_they_are_named(file, tmp_path):
    with mmap.mmap(file.fileno(), SIZE) as mapping, open(file.name, "rb") as unwritable:
        for source in (file.name, tmp_path / "file", file, file.fileno(), mapping, unwritable):
            assert witness(by_sendfile(file), source) == Sighting(SIZE, SIZE, 0)


def test_a_file_without_a_name_is_a_source():
    with tempfile.TemporaryFile() as file:
        file.truncate(SIZE)
        assert witness(by_sendfile(file), file).verdict == "shared"


def test_a_copy_that_the_kernel_makes_on_arrival_is_seen(file):
    def send(sock):
        WAYS["MSG_ZEROCOPY"].send(Wire(sock, PATIENCE), Frame(file.name, SIZE, 0))

    assert witness(send, file) == Sighting(SIZE, 0, SIZE)


def test_other_bytes_may_go_before_and_behind(file):
    with zbuf.FileRegion(file, 0) as region:
        assert witness(by_queue(b"head", region, bytes(5000)), region) == Sighting(SIZE, SIZE, 0)


@pytest.mark.parametrize("size", [4096, 4097, 5000, 65535])
def test_sizes_that_are_not_whole_steps(file, size):
    with zbuf.FileRegion(file, 1, size) as region:
        assert witness(by_queue(region), region) == Sighting(size, size, 0)
    source = bytearray(size)
    assert witness(lambda sock: sock.sendall(source), source) == Sighting(size, 0, size)


def test_a_part_that_is_copied_is_counted(file):
    def send(sock):
        sock.sendall(os.pread(file.fileno(), 8192, 0))
        by_sendfile(file, 8192, SIZE - 8192)(sock)

    sighting = witness(send, file)
    assert sighting == Sighting(SIZE, SIZE - 8192, 8192)
    assert sighting.verdict == "mixed"


def test_what_goes_both_ways_is_copied(file):
    def send(sock):
        by_sendfile(file)(sock)
        sock.sendall(os.pread(file.fileno(), SIZE, 0))

    assert witness(send, file) == Sighting(SIZE, 0, SIZE)


def test_what_is_not_sent_is_not_seen(file):
    sighting = witness(by_sendfile(file, 0, 8192), file)
    assert sighting == Sighting(SIZE, 8192, 0)
    assert sighting.verdict == "incomplete"
    assert witness(lambda sock: None, file) == Sighting(SIZE, 0, 0)


def test_a_sender_may_close_its_socket(file):
    def send(sock):
        with sock:
            by_sendfile(file)(sock)

    assert witness(send, file) == Sighting(SIZE, SIZE, 0)


def test_the_source_has_its_bytes_again(file):
    before = os.pread(file.fileno(), SIZE, 0)
    sent = []

    def send(sock):
        sent.append(os.pread(file.fileno(), SIZE, 0))
        raise KeyError("mine")

    witness(by_sendfile(file), file)
    assert os.pread(file.fileno(), SIZE, 0) == before
    with zbuf.FileRegion(file, 4096, 8192) as region, pytest.raises(KeyError, match="mine"):
        witness(send, region)
    assert os.pread(file.fileno(), SIZE, 0) == before
    (then,) = sent  # the region was filled, and nothing beside it
    assert (then[:4096], then[12288:]) == (before[:4096], before[12288:])
    assert then[4096:12288] != before[4096:12288]


@pytest.mark.parametrize("size", [0, 4095, 65537])
def test_a_source_of_another_size_is_refused(size):
    source = bytearray(b"x" * size)
    with pytest.raises(ValueError, match=f"a source must have 4096 to 65536 bytes, not {size}"):
        witness(lambda sock: pytest.fail("it was sent"), source)
    assert source == b"x" * size


def test_memory_that_cannot_be_overwritten_is_refused():
    for source in (bytes(SIZE), memoryview(bytes(SIZE))):
        with pytest.raises(TypeError, match="a source is overwritten: its memory must be writable"):
            witness(lambda sock: pytest.fail("it was sent"), source)
    with pytest.raises(TypeError):
        witness(lambda sock: pytest.fail("it was sent"), None)


def test_what_is_no_file_that_can_be_overwritten_is_refused(tmp_path):
    with pytest.raises(IsADirectoryError):
        witness(lambda sock: pytest.fail("it was sent"), tmp_path)
    with socket.socket() as sock, pytest.raises(OSError):
        witness(lambda sock: pytest.fail("it was sent"), sock)


def test_more_than_a_connection_holds_does_not_hang(monkeypatch):
    monkeypatch.setattr(proof, "PATIENCE", 0.01)
    source = bytearray(b"x" * SIZE)
    with pytest.raises(BlockingIOError):
        witness(lambda sock: sock.sendall(bytes(100 << 20)), source)
    assert source == b"x" * SIZE


def test_bytes_that_do_not_arrive_are_not_waited_for(monkeypatch):
    monkeypatch.setattr(proof, "PATIENCE", 0.01)
    with contextlib.ExitStack() as stack:
        # While a descriptor of the socket stays open, no end arrives.
        def send(sock):
            stack.enter_context(sock.dup())
            sock.close()

        with pytest.raises(TimeoutError, match="what was sent did not arrive within 0.01 seconds"):
            witness(send, bytearray(SIZE))


def test_assert_zero_copy_passes_where_nothing_is_copied(file):
    with zbuf.FileRegion(file, 0) as region:
        assert_zero_copy(by_queue(b"head", region), file)


def test_assert_zero_copy_says_what_it_saw(file):
    source = bytearray(SIZE)
    with pytest.raises(AssertionError, match="^not zero-copy: of 65536 bytes 0 were shared, 65536 copied, 0 not seen$"):
        assert_zero_copy(by_queue(source), source)
    with pytest.raises(AssertionError, match="^not zero-copy: of 65536 bytes 8192 were shared, 0 copied, 57344 not seen$"):
        assert_zero_copy(by_sendfile(file, 0, 8192), file)


# -- the ways


@pytest.fixture
def wire(connect_tcp):
    """A wire, and the bytes that another thread receives from it until its end."""
    ours, theirs = connect_tcp()
    got = bytearray()
    reader = threading.Thread(target=lambda: got.extend(b"".join(iter(lambda: theirs.recv(SIZE), b""))))
    reader.start()

    def finish():
        ours.shutdown(socket.SHUT_WR)
        reader.join()
        return bytes(got)

    yield Wire(ours, PATIENCE), finish
    with contextlib.suppress(OSError):
        finish()


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("size", [1, 65536, 300_001])
def test_a_way_sends_the_whole_file(wire, tmp_path, name, size):
    to, finish = wire
    data = os.urandom(size)
    (tmp_path / "file").write_bytes(data)
    WAYS[name].send(to, Frame(str(tmp_path / "file"), size, 0))
    assert finish() == data
    assert to.calls >= WAYS[name].calls_for(size) - (name == "MSG_ZEROCOPY")


@pytest.mark.parametrize("name", WAYS)
def test_a_file_that_became_shorter(wire, tmp_path, name):
    to, _ = wire
    (tmp_path / "file").write_bytes(bytes(100_000))
    with pytest.raises((DemoError, zbuf.TruncatedFileError)):
        WAYS[name].send(to, Frame(str(tmp_path / "file"), 100_001, 0))


class Pinned:
    """A socket some of whose sends may not pin pages."""

    def __init__(self, sock, refuse):
        self._sock, self._refuse = sock, refuse

    def __getattr__(self, name):
        return getattr(self._sock, name)

    def send(self, data, flags=0):
        if flags and self._refuse:
            raise OSError(self._refuse.pop(), "refused")
        return self._sock.send(data, flags)


def zerocopy_wire(to, *refuse):
    to.sock.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
    return Wire(Pinned(to.sock, list(refuse)), PATIENCE)


def test_pages_that_cannot_be_pinned_are_sent_all_the_same(wire):
    to, finish = wire
    limited = zerocopy_wire(to, errno.ENOBUFS)
    limited.send_all_shared(memoryview(b"a" * SIZE))
    limited.send_all_shared(memoryview(b"b" * SIZE))
    limited.hear_all()
    assert (limited.sends, limited.ended, limited.copied, limited.refused) == (1, 1, 1, 1)
    assert finish() == b"a" * SIZE + b"b" * SIZE


def test_pages_are_waited_for_when_no_more_can_be_pinned(wire):
    to, finish = wire
    limited = zerocopy_wire(to)
    limited.send_all_shared(memoryview(b"a" * SIZE))
    limited.sock._refuse.append(errno.ENOBUFS)
    limited.send_all_shared(memoryview(b"b" * SIZE))
    assert (limited.sends, limited.ended, limited.refused) == (2, 1, 0)
    limited.hear_all()
    assert limited.ended == 2
    assert finish() == b"a" * SIZE + b"b" * SIZE


def test_another_error_of_a_send_is_raised(wire):
    limited = zerocopy_wire(wire[0], errno.EFAULT)
    with pytest.raises(OSError, match="refused"):
        limited.send_all_shared(memoryview(b"a"))
    assert (limited.sends, limited.refused) == (0, 0)


def test_a_kernel_that_keeps_pages_is_not_waited_for(wire):
    to = Wire(wire[0].sock, 0.01)
    to.sends = 1
    with pytest.raises(DemoError, match="the kernel did not give pages back for 0.01 seconds"):
        to.hear_all()


def test_a_receiver_that_is_gone_is_not_waited_for(connect_tcp):
    ours, theirs = connect_tcp()
    to = Wire(ours, PATIENCE)
    to.send_all(b"unread")
    theirs.close()  # which resets the connection
    to.sends = 1
    with pytest.raises(ConnectionResetError):
        to.hear_all()


# -- the command


COMMAND = [sys.executable, "-m", "zbuf", "audit"]


def audit(*arguments, **more):
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], stdout=subprocess.PIPE, text=True, timeout=ENDS, check=False, **more
    )


@pytest.fixture(scope="module")
def reported():
    """What the command says in JSON of sending a little more than one file can hold."""
    done = audit("--json", "--size", 65, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_every_way_is_verified(reported):
    assert [row["way"] for row in reported["ways"]] == list(WAYS)
    assert (reported["times"], reported["body_bytes"]) == (2, 65 << 20)
    assert all(row["verified"] for row in reported["ways"])
    (digests,) = {tuple(row["crc32"]) for row in reported["ways"]}
    assert len(digests) == 1 and int(digests[0], 16) > 0


def test_the_figures_are_plausible(reported):
    for row in reported["ways"]:
        assert row["system_calls"]["seen"] > 0 and row["seconds"] > 0
        assert row["user_ms_per_gib"] >= 0 and row["system_ms_per_gib"] >= 0
        assert row["user_ms_per_gib"] + row["system_ms_per_gib"] > 0
        assert row["voluntary_switches"] >= 0 and row["involuntary_switches"] >= 0
        assert row["mode_switches"] == 2 * (row["system_calls"]["seen"] + row["page_faults"])
    faults = {row["way"]: row["page_faults"] for row in reported["ways"]}
    assert faults["mmap + send"] > 2 * faults["sendfile"]


def test_calls_are_those_of_theory(reported):
    for row in reported["ways"]:
        calls = row["system_calls"]
        if row["way"] in ("MSG_ZEROCOPY", "splice"):  # how often they must wait, and what a pipe holds, is the kernel's
            assert calls["seen"] >= calls["theory"]
        else:
            assert calls["seen"] == calls["theory"]


def test_the_proofs_are_those_of_theory(reported):
    body = reported["body_bytes"]
    for row in reported["ways"]:
        claims = row["way"] in SHARING
        assert row["claims_zero_copy"] is claims
        assert row["proof"]["verdict"] == ("shared" if claims else "copied")
        assert row["bytes_copied"]["seen"] == (0 if claims else body)
        assert row["bytes_copied"]["seen"] <= row["bytes_copied"]["theory"] <= 2 * body


def test_the_kernel_agrees_that_it_copied(reported):
    for row in reported["ways"]:
        said = row["kernel_says"]
        assert said["sends"] == said["copied"]
        assert (said["sends"] + said["refused"] > 0) is (row["way"] == "MSG_ZEROCOPY")


def test_the_table_fits_a_terminal_and_says_the_same(tmp_path):
    done = audit("--size", 1, stderr=subprocess.PIPE, env={**os.environ, "TMPDIR": str(tmp_path)})
    assert (done.returncode, list(tmp_path.iterdir())) == (0, [])
    assert done.stderr.splitlines() == [f"{name} ..." for name in WAYS]
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 100
    for name in WAYS:
        (row,) = (line for line in lines if line[:16].rstrip() == name)
        assert row[16:].split()[0] == ("shared" if name in SHARING else "copied")


@pytest.fixture
def terminal():
    """A terminal to write to, and a function that closes it and returns what was written."""
    outer, inner = pty.openpty()
    written = bytearray()

    def read():
        with contextlib.suppress(OSError):  # EIO, when nobody has it open any more
            while piece := os.read(outer, 1 << 16):
                written.extend(piece)

    reader = threading.Thread(target=read)
    reader.start()

    def finish():
        nonlocal inner
        if inner is not None:
            os.close(inner)
            inner = None
        reader.join()
        return written.decode()

    yield inner, finish
    finish()
    os.close(outer)


def test_without_rich_progress_is_plain(terminal, tmp_path):
    (tmp_path / "rich.py").write_text("raise ImportError('there is none')")
    stderr, finish = terminal
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    done = audit("--size", 1, stderr=stderr, env={**os.environ, "PYTHONPATH": path})
    said = finish()
    assert done.returncode == 0
    for name in WAYS:
        assert f"{name:<24} 100 %" in said


def test_wrong_arguments():
    for wrong in (["--size", "0"], ["--size", "many"], ["--timeout", "-1"], ["file"]):
        done = audit(*wrong, stderr=subprocess.PIPE)
        assert done.returncode == 2
        assert done.stderr.startswith("usage: python -m zbuf")
        assert "Traceback" not in done.stderr


def test_no_room_for_the_file():
    limited = ["sh", "-c", 'ulimit -f 8 && exec "$@"', "sh", *COMMAND, "--size", "1"]
    done = subprocess.run(limited, capture_output=True, text=True, timeout=ENDS, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "zbuf audit: File too large\n")


def row_of(name, sighting):
    spent = dict.fromkeys(["user_seconds", "system_seconds", "page_faults", "voluntary_switches", "involuntary_switches"], 0)
    measured = {**spent, "seconds": 0.5, "system_calls": 2, "zerocopy": {"sends": 0, "copied": 0, "refused": 0}}
    return report.result(name, Plan((Frame("file", SIZE, 7),), 1, 30), sighting, measured)


def test_a_way_that_breaks_its_claim_is_a_fault():
    assert report.fault(row_of("sendfile", Sighting(SIZE, SIZE, 0))) is None
    assert report.fault(row_of("mmap + send", Sighting(SIZE, 0, SIZE))) is None
    said = "sendfile claims to copy nothing, but of 65536 bytes 61440 were shared, 4096 copied, 0 not seen"
    assert report.fault(row_of("sendfile", Sighting(SIZE, SIZE - 4096, 4096))) == said


def test_a_claim_that_is_broken_is_the_exit_status(monkeypatch, capsys):
    measured = {"user_seconds": 0, "system_seconds": 1, "page_faults": 0, "voluntary_switches": 0, "involuntary_switches": 0,
                "seconds": 1, "system_calls": 2, "zerocopy": {"sends": 0, "copied": 0, "refused": 0}}
    monkeypatch.setattr(command, "run", lambda *_: measured)
    monkeypatch.setattr(command, "proof_of", lambda *_: Sighting(SIZE, 0, SIZE))
    options = command.argparse.Namespace(json=True, size=1, timeout=1)
    assert command.main(options) == 1
    out, err = capsys.readouterr()
    assert len(json.loads(out)["ways"]) == len(WAYS)
    for name in SHARING:
        assert f"{name} claims to copy nothing, but of 65536 bytes 0 were shared, 65536 copied, 0 not seen" in err
    assert err.count("claims") == len(SHARING) and err.startswith("zbuf audit: ")
