"""Output of TLS: what is small fills records together, and what goes in comes out."""

import asyncio
import random
import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

import zbuf
from zbuf._records import RECORD, RecordQueue

DATA = random.Random(13).randbytes(300_000)


def drained(queue):
    pieces = []
    while queue:
        before = queue.pending_bytes
        piece = queue.take()
        assert len(piece) == before - queue.pending_bytes > 0
        assert type(piece) is zbuf.ByteBuf, "in one piece"
        pieces.append(bytes(piece))
    return pieces


@given(st.lists(st.one_of(st.integers(0, 700), st.integers(0, 40_000), st.tuples(st.integers(0, 200_000)))))
def test_what_goes_in_comes_out(tmp_path_factory, sizes):
    path = tmp_path_factory.getbasetemp() / "records"
    if not path.exists():
        path.write_bytes(DATA)
    queue = RecordQueue()
    expected = b""
    for k, size in enumerate(sizes):
        if isinstance(size, tuple):
            queue.write(zbuf.FileRegion.open(path, 7, size[0]))
            expected += DATA[7 : 7 + size[0]]
        else:
            queue.write(zbuf.copied(DATA[k : k + size]))
            expected += DATA[k : k + size]
        assert queue.pending_bytes == len(expected)
    assert b"".join(drained(queue)) == expected
    queue.close()


def test_small_pieces_fill_records():
    queue = RecordQueue()
    queue.writelines(DATA[100 * k : 100 * (k + 1)] for k in range(1000))
    pieces = drained(queue)
    assert b"".join(pieces) == DATA[:100_000]
    assert [len(piece) % RECORD for piece in pieces[:-1]] == [0] * (len(pieces) - 1)
    assert len(pieces[-1]) == 100_000 % RECORD


def test_large_pieces_are_not_copied():
    buf = zbuf.copied(DATA)
    queue = RecordQueue()
    queue.write(b"head")
    queue.write(buf)
    assert bytes(queue.take()) == b"head" + DATA[: RECORD - 4]
    before = buf.refcnt
    piece = queue.take()
    assert (buf.refcnt, bytes(piece)) == (before + 1, DATA[RECORD - 4 : 5 * RECORD - 4])


def test_all_of_several_or_none():
    queue = RecordQueue()
    queue.write(b"before")
    with pytest.raises(TypeError):
        queue.writelines([b"abc", zbuf.FileRegion.open(__file__), 5])
    assert queue.pending_bytes == 6
    queue.writelines([b"abc", zbuf.FileRegion.open(__file__, 0, 3), b"def"])
    assert b"".join(drained(queue)) == b'beforeabc"""def'


def test_records_on_the_wire(run, tls):
    """Counted by a peer that sees the ciphertext: 1000 writes, and as few records as can be."""
    async def main():
        seen = bytearray()
        server = await asyncio.get_running_loop().create_server(lambda: _Once(), "127.0.0.1", 0, **tls.server)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            came, goes = ssl.MemoryBIO(), ssl.MemoryBIO()
            session = tls.client["ssl"].wrap_bio(came, goes, server_hostname="localhost")
            got = b""
            handshaken = False
            while len(got) < 100_000:
                try:
                    if not handshaken:
                        session.do_handshake()
                        handshaken = True
                    got += session.read(1 << 16)
                except ssl.SSLWantReadError:
                    writer.write(goes.read())
                    data = await reader.read(1 << 16)
                    seen += data
                    came.write(data)
            assert got == DATA[:100_000]
            writer.close()
            await writer.wait_closed()
        return bytes(seen)

    wire = run(main())
    sizes = []
    while wire:
        sizes.append(int.from_bytes(wire[3:5], "big"))
        wire = wire[5 + sizes[-1] :]
    assert len([size for size in sizes if RECORD < size <= RECORD + 256]) == 100_000 // RECORD
    assert len([size for size in sizes if 1000 < size <= RECORD]) <= 2, "the rest, and the certificate"


class _Once(zbuf.aio.Receiver):
    def connected(self):
        for k in range(1000):
            self.write(DATA[100 * k : 100 * (k + 1)])
