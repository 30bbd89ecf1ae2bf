"""The examples in processes of their own, and those who ask them."""

import contextlib
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import zbuf

# No test waits longer than this; only a broken one waits at all.
PATIENCE = 60.0

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


class Server:
    """An example in a process of its own."""

    def __init__(self, *command):
        self.process = subprocess.Popen(
            [sys.executable, "-m", *command, "--port", "0"], cwd=EXAMPLES,
            env=os.environ | {"PYTHONPATH": str(Path(zbuf.__file__).parents[1])},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        line = self.process.stdout.readline()
        assert line.startswith("serving "), self.process.stderr.read()
        self.port = int(re.search(r":(\d+)/$", line)[1])
        self._idle = self.sockets()

    def sockets(self):
        """How many sockets it has open."""
        return sum(place.startswith("socket:") for place in self._open())

    def until_idle(self):
        """Wait until no connection is left, so that they can be counted."""
        until(lambda: self.sockets() == self._idle)

    def memory(self):
        """Resident bytes."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * 4096

    def _open(self):
        for fd in Path(f"/proc/{self.process.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                yield os.readlink(fd)

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), PATIENCE)

    def ask(self, data):
        """Send `data` and the end of the stream; give all that is answered."""
        with self.connect() as sock:
            try:
                sock.sendall(data)
                sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass    # it has heard enough
            return everything(sock)

    def stop(self):
        """Stop it, and give what it complained about."""
        self.process.send_signal(signal.SIGTERM)
        try:
            out, complaints = self.process.communicate(timeout=PATIENCE)
        finally:
            self.process.kill()
        assert self.process.returncode == 0, complaints
        return complaints


class FileServer(Server):
    def __init__(self, root, *options):
        self.root = Path(root)
        super().__init__("file_server", str(root), *options)

    def open_files(self):
        """The names of the files below its root that it has open."""
        return [place.removeprefix(f"{self.root}/") for place in self._open() if place.startswith(f"{self.root}/")]

    def client(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def get(self, path, method="GET", **headers):
        """Give the status, the headers and the body of an answer."""
        client = self.client()
        try:
            client.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
            answer = client.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            client.close()


def everything(sock):
    parts = []
    try:
        while part := sock.recv(1 << 20):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)
