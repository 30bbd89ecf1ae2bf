"""A receiver in a process of its own, so that only the sender is measured.

When there is nothing to receive it sleeps, and waking it is work of the sender's;
or it asks again, for so many seconds, as one does that is busy.
"""

import socket
import subprocess
import sys

from benchmarks._cpus import CPUS, pin

RECEIVERS = {"sleeps": 0.0, "spins": 0.002}

# Tells the CRC-32 of what came first, then drops the rest.
PROGRAM = """
import socket, sys, time, zlib
left, spin, crc, room = int(sys.argv[1]), float(sys.argv[2]), 0, bytearray(1 << 20)
def receive(most):
    end = time.monotonic() + spin
    while time.monotonic() < end:
        try:
            return sock.recv_into(room, most, socket.MSG_DONTWAIT)
        except BlockingIOError:
            pass
    return sock.recv_into(room, most)
with socket.socket(fileno=0) as listener, listener.accept()[0] as sock:
    while left:
        n = receive(min(left, len(room)))
        if n == 0:
            sys.exit("the sender went before it had sent all that it said")
        left, crc = left - n, zlib.crc32(memoryview(room)[:n], crc)
    sock.send(crc.to_bytes(4, "big"))
    while receive(len(room)):
        pass
"""


def start(first: int, receiver: str) -> int:
    """The port of a new one that receives `first` bytes, gives a receipt for them, and receives on until the end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        program = [sys.executable, "-c", PROGRAM, str(first), str(RECEIVERS[receiver])]
        pin(subprocess.Popen(program, stdin=listener.fileno()).pid, CPUS[-1])
        return int(listener.getsockname()[1])


def connected(first: int, receiver: str) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", start(first, receiver)))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def receipt(sock: socket.socket) -> int:
    return int.from_bytes(sock.recv(4), "big")
