"""A child finds no lock held by a thread that it does not have."""

import faulthandler
import os
import signal
import sys
import tempfile
import threading

import pytest

import zbuf
from zbuf import leak


def marks():
    buf = zbuf.buffer(64)
    with buf.length_prefixed("u32"):
        buf.write_u64(1)
    buf.release()


def leaks():
    buf = zbuf.buffer(64)
    buf.touch("here")
    buf.release()


def maps():
    with tempfile.TemporaryFile() as file:
        file.truncate(4096)
        with zbuf.FileRegion(file, 0) as region, region.map() as buf:
            buf.get_u8(0)


def pools():
    zbuf.SystemAllocator().buffer(64).release()


def at_work(work, over):
    # Its own variables: a cell that it shared with the child might be locked as that is made, which CPython leaves so.
    while not over.is_set():
        work()


@pytest.mark.parametrize("work", [marks, leaks, maps, pools])
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_forks_while_threads_work(work):
    over, before = threading.Event(), leak.level()
    leak.set_level("paranoid")
    threads = [threading.Thread(target=at_work, args=(work, over)) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(100):
            child = os.fork()
            if child == 0:
                faulthandler.register(signal.SIGALRM, file=sys.__stderr__, chain=True)    # says where it was, and ends
                signal.alarm(20)
                work()
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        over.set()
        for thread in threads:
            thread.join()
        leak.set_level(before)
