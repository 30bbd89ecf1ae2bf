"""A server without descriptors, a stream of very many parts, and a fork in the middle of one."""

import asyncio
import contextlib
import random
import socket
import subprocess
import sys
import textwrap

import pytest
import zbuf
from kinds import live_blocks
from peers import bare_peer, receive
from scarce import no_more_descriptors

DATA = random.Random(2).randbytes(100_000)


@pytest.fixture
def run_at_ease(run):
    """Like run, but the loop may be told that it has no descriptors."""

    def run_at_ease(main):
        async def forgiving():
            asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
            return await main

        return run(forgiving())

    return run_at_ease


async def echo(stream):
    while piece := await stream.read():
        stream.write(piece)
        await stream.drain()


def test_a_server_without_descriptors_serves_those_it_has_and_later_all(run_at_ease):
    async def main():
        async with await zbuf.aio.start_server(echo, "127.0.0.1", 0) as server:
            address = server.sockets[0].getsockname()
            async with await zbuf.aio.open_connection(*address) as stream:
                stream.write(b"before")
                assert bytes(await stream.read_exactly(6)) == b"before"
                with no_more_descriptors():
                    with pytest.raises(OSError, match="Too many open files"):
                        await zbuf.aio.open_connection(*address)
                    stream.write(b"meanwhile")
                    assert bytes(await stream.read_exactly(9)) == b"meanwhile"
            async with await zbuf.aio.open_connection(*address) as stream:
                stream.write(b"after")
                assert bytes(await stream.read_exactly(5)) == b"after"

    blocks = live_blocks()
    run_at_ease(main())
    assert live_blocks() == blocks


def test_a_connection_that_cannot_be_accepted_harms_no_other(run_at_ease):
    async def main():
        async with await zbuf.aio.start_server(echo, "127.0.0.1", 0) as server:
            host, port = server.sockets[0].getsockname()
            async with await zbuf.aio.open_connection(host, port) as stream:
                with contextlib.closing(spare_socket()) as waiting:
                    with no_more_descriptors():
                        await asyncio.get_running_loop().sock_connect(waiting, (host, port))    # the kernel's queue has it
                        for _ in range(20):
                            stream.write(b"meanwhile")
                            assert bytes(await stream.read_exactly(9)) == b"meanwhile"
                # It was refused, or is accepted when there are some again: others are, in any case.
                async with await zbuf.aio.open_connection(host, port) as later:
                    later.write(b"after")
                    assert bytes(await later.read_exactly(5)) == b"after"

    run_at_ease(main())


def spare_socket():
    sock = socket.socket()
    sock.setblocking(False)
    return sock


def test_thousands_of_parts_to_a_peer_that_takes_a_little(run, tmp_path):
    (tmp_path / "file").write_bytes(DATA)
    numbers = random.Random(7)

    async def main():
        async with bare_peer(send_room=4096, receive_room=4096) as (stream, theirs):
            with zbuf.FileRegion.open(tmp_path / "file") as region:
                parts, expected = [], []
                for _ in range(5000):
                    start = numbers.randrange(len(DATA) - 300)
                    piece = DATA[start : start + numbers.randrange(300)]
                    kinds = [piece, zbuf.copied(piece), zbuf.wrap(piece[:9], piece[9:]), region[start : start + len(piece)]]
                    parts.append(numbers.choices(kinds, [4, 4, 4, 1])[0])
                    expected.append(piece)
                stream.writelines(parts)
            receiving = asyncio.create_task(receive(theirs, sum(map(len, expected))))
            await stream.drain()
            assert await receiving == b"".join(expected)
            assert stream.pending_bytes == 0

    run(main())


FORK = """
    import asyncio, os, socket, sys, zbuf
    if sys.argv[1] == "uvloop":
        import uvloop
    factory = uvloop.new_event_loop if sys.argv[1] == "uvloop" else asyncio.SelectorEventLoop
    data = os.urandom(500_000)
    with open(sys.argv[3], "wb") as new:
        new.write(data)

    async def main():
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        stream = await zbuf.aio.open_connection(sock=ours)
        with zbuf.FileRegion.open(sys.argv[3]) as region:
            stream.writelines([data, region, b"tail"])
        stream._flush()
        assert stream.pending_bytes
        if not (child := os.fork()):
            if sys.argv[2] == "closes":
                os.close(ours.fileno()), os.close(theirs.fileno())
            os._exit(0)
        os.waitpid(child, 0)
        got = b""
        while len(got) < 1_000_004:
            got += await asyncio.get_running_loop().sock_recv(theirs, 1 << 20)
        assert got == data + data + b"tail"
        stream.abort()
        await stream.wait_closed()
        theirs.close()

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())
    assert not zbuf.default_allocator().live()
"""


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("child", ["exits", "closes"])
def test_a_child_that_was_forked_in_the_middle_changes_nothing(tmp_path, loop, child):
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(FORK), loop, child, tmp_path / "file"], capture_output=True,
                          text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
