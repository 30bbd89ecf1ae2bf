"""Processes at the other end of a connection, so that only one end is measured."""

import socket
import subprocess
import sys

from benchmarks._cpus import CPUS, on_the_first, pin
from benchmarks._loop import Loop

LONGER = 10    # times: sockets fill and drain, which short samples see too little of

FEED = """
import socket
data = bytes(1 << 20)
with socket.socket(fileno=0) as sock:
    try:
        while True:
            sock.sendall(data)
    except OSError:
        pass
"""
# Connections that each send a batch of messages, and the next when all have come back.
LOAD = """
import selectors, socket, sys, time
port, connections, depth, size, seconds = map(float, sys.argv[1:])
batch = bytes(int(depth * size))
ready = selectors.EpollSelector()
for _ in range(int(connections)):
    sock = socket.create_connection(("127.0.0.1", int(port)))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    ready.register(sock, selectors.EVENT_READ, [0])
    sock.send(batch)
room = bytearray(len(batch))
echoed = 0
end = time.monotonic() + seconds
while time.monotonic() < end:
    for key, _ in ready.select(1):
        key.data[0] += key.fileobj.recv_into(room)
        if key.data[0] == len(batch):
            key.data[0] = 0
            echoed += int(depth)
            key.fileobj.send(batch)
print(echoed)
"""


class ConnectedLoop(Loop):
    """One end of a connection."""

    def sample(self, seconds: float) -> float:
        with on_the_first():
            return super().sample(LONGER * seconds)


def connected(program: str) -> socket.socket:
    """A TCP socket whose other end a process of its own has, which ends with it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs = listener.accept()[0]
    with theirs:
        peer = subprocess.Popen([sys.executable, "-c", program], stdin=theirs, stdout=subprocess.DEVNULL)
    pin(peer.pid, CPUS[-1])
    ours.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return ours
