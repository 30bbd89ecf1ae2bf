"""A receiver in a process of its own, so that only the sender is measured. It sleeps when there is nothing to receive."""

import socket
import subprocess
import sys

# Tells the CRC-32 of what came first, then drops the rest.
PROGRAM = """
import socket, sys, zlib
left, crc, room = int(sys.argv[1]), 0, bytearray(1 << 20)
with socket.socket(fileno=0) as listener, listener.accept()[0] as sock:
    while left:
        n = sock.recv_into(room, min(left, len(room)))
        left, crc = left - n, zlib.crc32(memoryview(room)[:n], crc)
    sock.send(crc.to_bytes(4, "big"))
    while sock.recv_into(room):
        pass
"""


def start(first: int) -> int:
    """The port of a new one that receives `first` bytes, gives a receipt for them, and receives on until the end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        subprocess.Popen([sys.executable, "-c", PROGRAM, str(first)], stdin=listener.fileno())
        return int(listener.getsockname()[1])


def connected(first: int) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", start(first)))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def receipt(sock: socket.socket) -> int:
    return int.from_bytes(sock.recv(4), "big")
