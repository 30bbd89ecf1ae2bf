"""I4: how many files a second does a server give to wrk?

Each has one processor, wrk the other: 50 connections that are kept, one request
at a time on each.
"""

import functools
import hashlib
import importlib.util
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from abc import ABC, abstractmethod
from pathlib import Path

from benchmarks._cpus import CPUS, pin
from benchmarks._row import Row, Target
from benchmarks._server import CONNECTIONS, Server

NGINX = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
"""


class WebServer(Server, ABC):
    """Thousands of answers a second, or microseconds of the server's processor time for one."""

    scale = 1000

    def __init__(self, name: str, size: int, rate: bool, *, needs: str = "zbuf") -> None:
        self.name, self._size, self._rate, self._needs = name, size, rate, needs

    def present(self) -> bool:
        return shutil.which("wrk") is not None and importlib.util.find_spec(self._needs) is not None

    @abstractmethod
    def arguments(self, root: str) -> list[str]:
        """The command that serves the directory, at `_port`."""

    def open(self) -> None:
        self._port = free_port()
        self._process = subprocess.Popen(
            self.arguments(files().name), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until_it_listens(self._port)
        self._run(1)
        pin(self._process.pid, CPUS[0])

    def result(self) -> str:
        """Of the file that it gives."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/{self._size}") as answer:
            return hashlib.sha256(answer.read()).hexdigest()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()

    def _run(self, seconds: float) -> tuple[int, float]:
        url = f"http://127.0.0.1:{self._port}/{self._size}"
        whole = str(max(1, round(seconds)))    # wrk counts no parts of a second
        wrk = subprocess.Popen(["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{whole}", url], stdout=subprocess.PIPE, text=True)
        pin(wrk.pid, CPUS[-1])
        return told(self.name, wrk.communicate()[0])


class FileServer(WebServer):
    def arguments(self, root: str) -> list[str]:
        loop = ["--uvloop"] if self._needs == "uvloop" else []
        return [sys.executable, "-m", "examples.file_server", root, "--port", str(self._port), *loop]


class Nginx(WebServer):
    def present(self) -> bool:
        return super().present() and nginx() is not None

    def arguments(self, root: str) -> list[str]:
        self._folder = tempfile.TemporaryDirectory(prefix="zbuf-nginx-")
        config = Path(self._folder.name, "nginx.conf")
        config.write_text(NGINX.format(folder=self._folder.name, port=self._port, root=root))
        made = nginx()
        assert made is not None
        return [made, "-c", str(config)]

    def close(self) -> None:
        super().close()
        self._folder.cleanup()


class Framework(WebServer):
    def arguments(self, root: str) -> list[str]:
        return [sys.executable, "-m", "benchmarks.load.web", self._needs, root, str(self._port)]


def nginx() -> str | None:
    return shutil.which("nginx", path="/usr/local/sbin:/usr/sbin:/usr/bin")


@functools.cache
def files() -> tempfile.TemporaryDirectory[str]:
    """A directory with a file of each size, named by it; it stays as long as the process."""
    made = tempfile.TemporaryDirectory(prefix="zbuf-files-")
    root = Path(made.name)
    root.chmod(0o755)    # nginx, started by root, reads it as somebody else
    for size in SIZES:
        (root / str(size)).write_bytes(bytes(k % 251 for k in range(size)))
    return made


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def until_it_listens(port: int) -> None:
    for _ in range(500):
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
    raise RuntimeError(f"nobody listens at port {port} after 10 seconds")


def told(name: str, text: str) -> tuple[int, float]:
    """Answers and seconds, of what wrk says."""
    counted = re.search(r"(\d+) requests in ([\d.]+)(m?s|m)", text)
    if counted is None or "Non-2xx" in text or "Socket errors" in text:
        raise RuntimeError(f"{name}: wrk says {text!r}")
    count, spent, unit = counted.groups()
    return int(count), float(spent) * {"ms": 1e-3, "s": 1, "m": 60}[unit]


def row(size: int, rate: bool, targets: dict[str, Target]) -> Row:
    return Row(
        "I4",
        f"file of {size >> 10} KiB by HTTP, " + ("a second" if rate else "processor time"),
        [
            FileServer("zbuf, uvloop", size, rate, needs="uvloop"),
            FileServer("zbuf, asyncio", size, rate),
            Nginx("nginx", size, rate),
            Framework("aiohttp", size, rate, needs="aiohttp"),
            Framework("uvicorn + starlette", size, rate, needs="starlette"),
        ],
        targets if rate else {},
        unit="k" if rate else "us",
        rate=rate,
        samples=5,
    )


SIZES: dict[int, dict[str, Target]] = {
    4 << 10: {"nginx": 0.8, "aiohttp": 15},
    48 << 10: {"nginx": 0.95},
    1 << 20: {"nginx": 0.95},
}
ROWS = [row(size, rate, targets) for size, targets in SIZES.items() for rate in (True, False)]
