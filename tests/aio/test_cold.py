"""Files that are on the disk alone: a thread reads them ahead, and the loop turns meanwhile."""

import asyncio
import errno
import os
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from peers import bare_peer, receive, until

import zbuf
from zbuf.testing import syscalls

DATA = random.Random(14).randbytes(1 << 20)
COLD = [errno.EAGAIN]   # what the kernel says where a file system cannot say that it would have to wait


@pytest.fixture
def path(tmp_path):
    """A file of which nothing is in memory."""
    file = tmp_path / "file.bin"
    file.write_bytes(DATA)
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
        os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return file


class Held(ThreadPoolExecutor):
    """The threads of a loop: they do nothing until they may."""

    def __init__(self):
        super().__init__(1)
        self.jobs = 0
        self.may = threading.Event()

    def submit(self, work, /, *arguments):
        def held():
            assert self.may.wait(30)
            return work(*arguments)

        self.jobs += 1
        return super().submit(held)


@pytest.fixture
def held():
    executor = Held()
    yield executor
    executor.may.set()
    executor.shutdown()


def test_the_loop_turns_while_the_disk_is_waited_for(run, path, held):
    async def main():
        asyncio.get_running_loop().set_default_executor(held)
        async with bare_peer() as (stream, theirs), bare_peer() as (other, its_peer):
            with zbuf.FileRegion.open(path) as region, syscalls([None, *COLD]):
                stream.writelines([b"head", region, b"tail"])
                sending = asyncio.create_task(stream.drain())
                await until(lambda: held.jobs)
                assert await receive(theirs, 4) == b"head"
                for k in range(10):   # another connection is served
                    other.write(bytes([k]))
                    assert await receive(its_peer, 1) == bytes([k])
                assert not sending.done()
                assert stream.pending_bytes == len(DATA) + 4
                held.may.set()
                assert await receive(theirs, len(DATA) + 4) == DATA + b"tail"
                await sending
                assert (stream.pending_bytes, region.path_used, region.refcnt) == (0, "sendfile", 1)

    run(main())


def test_what_was_read_goes_even_if_the_page_cache_has_lost_it_again(run, path, held):
    """Three regions, each cold whenever it is asked: read ahead once each, and sent."""
    held.may.set()

    async def main():
        asyncio.get_running_loop().set_default_executor(held)
        async with bare_peer() as (stream, theirs):
            with zbuf.FileRegion.open(path, 0, 4096) as region, syscalls(COLD * 3, only=["preadv2"]) as script:
                stream.writelines([region] * 3)
                assert await receive(theirs, 3 * 4096) == DATA[:4096] * 3
                assert (held.jobs, script.left) == (3, 0)

    run(main())


def test_no_thread_for_what_is_in_memory(run, path, held):
    path.read_bytes()

    async def main():
        asyncio.get_running_loop().set_default_executor(held)
        async with bare_peer() as (stream, theirs):
            stream.write(zbuf.FileRegion.open(path))
            assert await receive(theirs, len(DATA)) == DATA
            assert held.jobs == 0

    run(main())


def test_a_connection_that_ends_while_its_file_is_read(run, path, held):
    """The thread comes too late, and what it holds is given back."""

    async def main():
        asyncio.get_running_loop().set_default_executor(held)
        async with bare_peer() as (stream, theirs):
            with zbuf.FileRegion.open(path) as region, syscalls(COLD):
                sending = asyncio.create_task(stream.send_file(region))
                await until(lambda: held.jobs)
                stream.abort()
                with pytest.raises(ConnectionAbortedError):
                    await sending
                held.may.set()
                await asyncio.get_running_loop().shutdown_default_executor()
                assert region.refcnt == 1

    run(main())
    assert zbuf.default_allocator().live() == []


def test_a_file_that_became_shorter_while_it_was_read(run, path, held):
    async def main():
        asyncio.get_running_loop().set_default_executor(held)
        async with bare_peer() as (stream, theirs):
            with zbuf.FileRegion.open(path) as region, syscalls(COLD):
                sending = asyncio.create_task(stream.send_file(region))
                await until(lambda: held.jobs)
                os.truncate(path, 0)
                held.may.set()
                with pytest.raises(zbuf.TruncatedFileError):
                    await sending

    run(main())


def test_a_disk_that_fails_ends_the_connection(run, path, monkeypatch):
    class Failing(ThreadPoolExecutor):
        def submit(self, work, /, *arguments):
            def fail():
                raise OSError(errno.EIO, os.strerror(errno.EIO))

            return super().submit(fail)

    async def main():
        asyncio.get_running_loop().set_default_executor(Failing(1))
        async with bare_peer() as (stream, theirs):
            with zbuf.FileRegion.open(path) as region, syscalls(COLD):
                with pytest.raises(OSError, match="Input/output error"):
                    await stream.send_file(region)
            await stream.wait_closed()
            assert stream.error.errno == errno.EIO

    run(main())


def test_no_threads_to_be_had(run, path):
    async def main():
        await asyncio.get_running_loop().shutdown_default_executor()
        async with bare_peer() as (stream, theirs):
            with zbuf.FileRegion.open(path) as region, syscalls(COLD):
                with pytest.raises(RuntimeError, match="shutdown"):
                    await stream.send_file(region)
            await stream.wait_closed()
            assert isinstance(stream.error, RuntimeError)

    run(main())


def test_threads_that_are_called_off(run, path, held):
    async def main():
        asyncio.get_running_loop().set_default_executor(held)
        async with bare_peer() as (stream, theirs):
            with zbuf.FileRegion.open(path) as region, syscalls(COLD):
                blocking = held.submit(lambda: None)   # so that the next one waits
                sending = asyncio.create_task(stream.send_file(region))
                await until(lambda: held.jobs == 2)
                held.shutdown(wait=False, cancel_futures=True)
                with pytest.raises(asyncio.CancelledError):
                    await sending
                assert not blocking.done()
                held.may.set()

    run(main())
