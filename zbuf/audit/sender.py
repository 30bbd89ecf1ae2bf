"""The process that sends: one way, measured by itself.

Told by its arguments: the way and the port; on stdin: the plan. Says on stdout
one line of JSON: what it measured, or {"error": ...}.
"""

from __future__ import annotations

import resource
import sys
import time
from typing import Any

from zbuf.audit.ways import WAYS
from zbuf.audit.zerocopy import Wire
from zbuf.demo.frames import Plan
from zbuf.demo.sender import connect, main, wait_until_checked

USED = {
    "user_seconds": "ru_utime",
    "system_seconds": "ru_stime",
    "page_faults": "ru_minflt",
    "voluntary_switches": "ru_nvcsw",
    "involuntary_switches": "ru_nivcsw",
}


def used() -> dict[str, float]:
    """What this thread has used so far."""
    now = resource.getrusage(resource.RUSAGE_THREAD)
    return {name: getattr(now, field) for name, field in USED.items()}


def measure(way: str, port: int, plan: Plan) -> dict[str, Any]:
    """Send the plan, and wait until the receiver has checked it."""
    with connect(port, plan.patience) as sock:
        to = Wire(sock, plan.patience)
        began, before = time.perf_counter(), used()
        for _ in range(plan.times):
            for frame in plan.frames:
                to.send_all(frame.head)
                WAYS[way].send(to, frame)
        after = used()
        wait_until_checked(sock)
        seconds = time.perf_counter() - began
    spent = {name: after[name] - before[name] for name in USED}
    asked = {"sends": to.sends, "copied": to.copied, "refused": to.refused}
    return {**spent, "seconds": seconds, "system_calls": to.calls, "zerocopy": asked}


if __name__ == "__main__":
    sys.exit(main(measure, *sys.argv[1:]))
