"""A disk that is full: a file system of 256 KiB, mounted in a name space of its own."""

import shutil
import subprocess
import sys

import pytest

# Without user name spaces nobody but root can mount, and there is no other full disk to be had.
MOUNTS = shutil.which("unshare") and not subprocess.run(
    ["unshare", "-rm", "sh", "-c", "mount -t tmpfs none /mnt"], capture_output=True).returncode
pytestmark = pytest.mark.skipif(not MOUNTS, reason="nothing can be mounted here")

PROGRAM = """
import errno, os, random, socket, sys, threading, zbuf
SIZE = 4 << 20
DATA = random.Random(1).randbytes(SIZE)
os.chdir("/mnt")
def no_room(step):
    try:
        step()
    except OSError as error:
        assert error.errno == errno.ENOSPC, error
    else:
        raise AssertionError("there was room")
"""


def on_a_small_disk(program):
    program = PROGRAM + program + "\nassert zbuf.default_allocator().stats().live_blocks == 0\nprint('well')\n"
    mounted = ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs -o size=256k none /mnt && exec "$@"', "sh"]
    done = subprocess.run([*mounted, sys.executable, "-X", "faulthandler", "-c", program],
                          capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("well\n", "")


@pytest.mark.parametrize("way", ["splice", "pwrite"])
def test_a_socket_is_received_into_a_file_that_finds_no_room(way):
    on_a_small_disk(f"""
ours, theirs = socket.socketpair()
with open("file", "w+b", buffering=0) as file, ours, theirs:
    file.truncate(SIZE)
    sender = threading.Thread(target=lambda: (theirs.sendall(DATA), theirs.shutdown(socket.SHUT_WR)))
    sender.start()
    with zbuf.FileRegion(file, 0) as region:
        if {way!r} == "splice":
            no_room(lambda: region.receive_from(ours))
        else:
            with zbuf.testing.syscalls([errno.EINVAL], only=["splice"]):
                no_room(lambda: region.receive_from(ours))
    came = os.pread(file.fileno(), SIZE, 0).rstrip(bytes(1))
    assert len(came) == 256 << 10 and DATA.startswith(came)
    # What is left of the stream, but for 1 MiB at the most, is still there to be read.
    rest = b""
    while part := ours.recv(1 << 16):
        rest += part
    assert DATA.endswith(rest) and len(came) + len(rest) >= SIZE - (1 << 20)
    sender.join()
""")


def test_what_is_set_in_a_map_that_finds_no_room_is_told():
    on_a_small_disk("""
with open("file", "w+b", buffering=0) as file:
    file.truncate(SIZE)
    with zbuf.FileRegion(file, 0) as region, region.map(writable=True) as buf:
        buf.set_bytes(0, DATA[:4096])
        try:
            buf.set_bytes(0, DATA)
        except OSError as error:
            assert "no room for a page" in str(error), error
        else:
            raise AssertionError("there was room")
        assert buf.get_bytes(0, 4096) == DATA[:4096]
""")


def test_a_relay_to_a_file_that_finds_no_room_loses_nothing():
    on_a_small_disk("""
ours, theirs = socket.socketpair()
with open("file", "wb", buffering=0) as file, ours, theirs, zbuf.relay.Relay(ours, file) as relay:
    sender = threading.Thread(target=lambda: (theirs.sendall(DATA), theirs.shutdown(socket.SHUT_WR)))
    sender.start()
    no_room(lambda: [relay.step() for _ in range(1000)])
    came = open("file", "rb").read()
    assert 0 < len(came) == relay.moved <= 256 << 10
    rest = bytes(relay.leftover())
    while part := ours.recv(1 << 16):
        rest += part
    assert came + rest == DATA
    sender.join()
""")
