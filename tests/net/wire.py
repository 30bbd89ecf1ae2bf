"""Sockets of every kind that a queue may be flushed to, all real."""

import socket

# No test waits longer than this for a byte; only a broken one waits at all.
PATIENCE = 20.0


def unix_pair(*, send_room=None, receive_room=None):
    """Connect two Unix sockets."""
    ours, theirs = socket.socketpair()
    if send_room is not None:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_room)
    return ours, theirs


def receive(sock, size):
    """Receive exactly `size` bytes, or what came before the end."""
    got = bytearray()
    while len(got) < size:
        piece = sock.recv(min(size - len(got), 1 << 16))
        if not piece:
            break
        got += piece
    return bytes(got)


def flush_all(queue, ours, theirs, **limits):
    """Flush a queue to a non-blocking socket, reading the other end whenever it is full."""
    size = queue.pending_bytes
    got = bytearray()
    while queue:
        done = queue.flush_to(ours, **limits)
        if done.full or limits:
            got += receive_some(theirs)
    got += receive(theirs, size - len(got))
    return bytes(got)


def receive_some(sock):
    """Receive what is there now."""
    try:
        return sock.recv(1 << 20, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return b""
