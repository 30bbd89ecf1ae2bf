"""I4: how many files a second does a server give to wrk?

Each has one processor, wrk the other: 50 connections that are kept, one request
at a time on each.
"""

import functools
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

from benchmarks._cpus import CPUS, pin
from benchmarks._row import Row, Target
from benchmarks._server import CONNECTIONS, Program

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


class WebServer(Program):
    """Thousands of answers a second, or microseconds of the server's processor time for one."""

    def __init__(self, name: str, size: int, rate: bool, *, needs: str = "zbuf") -> None:
        super().__init__(name, rate, needs)
        self._size = size

    def present(self) -> bool:
        return shutil.which("wrk") is not None and super().present()

    def warm(self) -> None:
        self._run(1)

    def result(self) -> str:
        """Of the file that it gives."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/{self._size}") as answer:
            return hashlib.sha256(answer.read()).hexdigest()

    def _run(self, seconds: float) -> tuple[int, float]:
        url = f"http://127.0.0.1:{self._port}/{self._size}"
        whole = str(max(1, round(seconds)))    # wrk counts no parts of a second
        wrk = subprocess.Popen(["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{whole}", url], stdout=subprocess.PIPE, text=True)
        pin(wrk.pid, CPUS[-1])
        return told(self.name, wrk.communicate()[0])


class FileServer(WebServer):
    def arguments(self) -> list[str]:
        loop = ["--uvloop"] if self._needs == "uvloop" else []
        return [sys.executable, "-m", "examples.file_server", files().name, "--port", str(self._port), *loop]


class Nginx(WebServer):
    def present(self) -> bool:
        return super().present() and nginx() is not None

    def arguments(self) -> list[str]:
        self._folder = tempfile.TemporaryDirectory(prefix="zbuf-nginx-")
        config = Path(self._folder.name, "nginx.conf")
        config.write_text(NGINX.format(folder=self._folder.name, port=self._port, root=files().name))
        made = nginx()
        assert made is not None
        return [made, "-c", str(config)]

    def close(self) -> None:
        super().close()
        self._folder.cleanup()


class Framework(WebServer):
    def arguments(self) -> list[str]:
        return [sys.executable, "-m", "benchmarks.load.web", self._needs, files().name, str(self._port)]


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
