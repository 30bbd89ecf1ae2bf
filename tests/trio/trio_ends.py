"""Peers that know nothing of zbuf, and what else the tests share."""

import contextlib
import socket
import ssl
from dataclasses import dataclass

import trio
from ends import tcp_pair

import zbuf


@dataclass(frozen=True)
class Kind:
    """The contexts of the two ends, or none."""

    server: ssl.SSLContext | None
    client: ssl.SSLContext | None


PLAIN = Kind(None, None)


def stream_of(sock):
    return trio.SocketStream(trio.socket.from_stdlib_socket(sock))


@contextlib.asynccontextmanager
async def pair(kind, *, server_side=False, **rooms):
    """A stream of ours, and trio's own at the other end, after what TLS has to say first."""
    ours, theirs = map(stream_of, tcp_pair(**rooms))
    if kind is PLAIN:
        stream, peer = zbuf.trio.Stream(ours), theirs
    elif server_side:
        stream = zbuf.trio.Stream(ours, ssl=kind.server, server_side=True)
        peer = trio.SSLStream(theirs, kind.client, server_hostname="localhost")
    else:
        stream = zbuf.trio.Stream(ours, ssl=kind.client, server_hostname="localhost")
        peer = trio.SSLStream(theirs, kind.server, server_side=True)
    try:
        if kind is not PLAIN:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(stream.drain)
                nursery.start_soon(peer.do_handshake)
        yield stream, peer
    finally:
        stream.abort()
        await trio.aclose_forcefully(peer)


async def receive(peer, size):
    """Receive `size` bytes, or what comes before the end."""
    got = bytearray()
    while len(got) < size:
        piece = await peer.receive_some(size - len(got))
        if not piece:
            break
        got += piece
    return bytes(got)


def reset(peer):
    """End a connection by RST."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    peer.socket.close()


async def cancelled_after(turns, work, *arguments):
    """Do something, and cancel it when so many turns have gone; whether it was."""

    async def cancel():
        for _ in range(turns):
            await trio.lowlevel.cancel_shielded_checkpoint()
        nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(cancel)
        await work(*arguments)
        nursery.cancel_scope.cancel()
        return False
    return True
