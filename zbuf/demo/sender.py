"""The process that sends: one way, measured by itself.

Told by its arguments: the way and the port; on stdin: the plan. Says on stdout
one line of JSON: what it measured, or {"error": ...}.
"""

from __future__ import annotations

import itertools
import os
import resource
import socket
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import zbuf
from zbuf.demo.frames import CLOSED, DemoError, Frame, Plan, reason, say, told
from zbuf.demo.ways import WAYS, Sender, shorter

Measure = Callable[[str, int, Plan], dict[str, Any]]  # of a way, the receiver's port and the plan


def connect(port: int, patience: float) -> socket.socket:
    """Connect a blocking socket on which no call lasts longer than `patience` seconds."""
    sock = socket.create_connection(("127.0.0.1", port), timeout=patience)
    sock.settimeout(None)
    limit = struct.pack("ll", int(patience), int(patience % 1 * 1e6))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_THREAD)
    return used.ru_utime + used.ru_stime


def memory(field: str) -> int:
    """Read a field of this process's status, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) << 10
    raise DemoError(f"/proc/self/status has no {field}")


def forget_peak() -> None:
    """Let VmHWM begin anew: the peak of importing modules is not that of sending."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return  # then the peak counts from the start of the process


def measure(way: str, port: int, plan: Plan) -> dict[str, float]:
    """Send the plan, and wait until the receiver has checked it."""
    with connect(port, plan.patience) as sock:
        sender = Sender(sock)
        forget_peak()
        resident, began, cpu = memory("VmRSS"), time.perf_counter(), cpu_seconds()
        WAYS[way](sender, itertools.chain.from_iterable(itertools.repeat(plan.frames, plan.times)))
        cpu = cpu_seconds() - cpu
        wait_until_checked(sock)
        seconds = time.perf_counter() - began
    return {
        "seconds": seconds,
        "cpu_seconds": cpu,
        "system_calls": sender.calls,
        "peak_memory": memory("VmHWM"),
        "extra_memory": max(memory("VmHWM") - resident, 0),
    }


def wait_until_checked(sock: socket.socket) -> None:
    sock.shutdown(socket.SHUT_WR)
    if sock.recv(1) != b"!":
        raise DemoError(f"{CLOSED} before it had checked everything")


def shortened(plan: Plan) -> Frame:
    """Which file it was: a region knows its descriptor, not its name."""
    return min(plan.frames, key=lambda frame: os.stat(frame.path).st_size - frame.size)


def attempt(measure: Measure, way: str, port: int, plan: Plan) -> dict[str, Any]:
    """Say every failure in words."""
    try:
        return measure(way, port, plan)
    except zbuf.TruncatedFileError as error:
        raise shorter(shortened(plan)) from error
    except BlockingIOError as error:
        raise DemoError(f"the receiver took nothing for {plan.patience:g} seconds") from error
    except ConnectionError as error:
        raise DemoError(CLOSED) from error
    except OSError as error:
        raise DemoError(reason(error)) from error


def main(measure: Measure, way: str, port: str) -> int:
    try:
        say(**attempt(measure, way, int(port), told()))
    except DemoError as error:
        say(error=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(measure, *sys.argv[1:]))
