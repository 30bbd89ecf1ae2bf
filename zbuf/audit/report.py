"""What people and programs see of it: the table and JSON, on stdout."""

from __future__ import annotations

import json
import os
import platform
from typing import Any

from zbuf.audit.proof import Sighting
from zbuf.audit.ways import WAYS, Way
from zbuf.demo.frames import Plan
from zbuf.demo.report import GIB, MIB

HEAD = """\
                                 MiB copied             calls             switches  CPU ms/GiB
way             proof        seen    theory      seen  theory   faults   own+other  user+system"""

NOTES = """\
Every byte was received by another process, and its checksum is right.
proof: the source was overwritten after the send and before the receive; old
bytes arrived: copied; new ones: shared, nothing was copied on the way to the
receiver. seen: at least so much was copied; theory: by read, send and join in
all. calls: read, send, sendmsg, sendfile, splice and those that wait for
notifications, counted where they are made; each is two mode switches, as is
each page fault. switches: to another thread, because this one waited (own) or
its time was up (other). CPU: of the sending thread; over loopback that is some
of the receiver's work too, and the kernel splits user from system by samples."""


def result(name: str, plan: Plan, sighting: Sighting, measured: dict[str, Any]) -> dict[str, Any]:
    """One row, for people and for programs."""
    way, per_gib = WAYS[name], 1000 * GIB / plan.body_bytes
    return {
        "way": name,
        "verified": True,
        "crc32": [f"{frame.crc:08x}" for frame in plan.frames],
        "claims_zero_copy": way.copies == 0,
        "proof": {"verdict": sighting.verdict, **sighting._asdict()},
        "bytes_copied": {
            "seen": plan.body_bytes * sighting.copied // sighting.size,
            "theory": plan.body_bytes * way.copies,
        },
        "system_calls": {"seen": measured["system_calls"], "theory": calls_in_theory(way, plan)},
        "mode_switches": 2 * (measured["system_calls"] + measured["page_faults"]),
        "page_faults": measured["page_faults"],
        "voluntary_switches": measured["voluntary_switches"],
        "involuntary_switches": measured["involuntary_switches"],
        "user_ms_per_gib": round(measured["user_seconds"] * per_gib, 2),
        "system_ms_per_gib": round(measured["system_seconds"] * per_gib, 2),
        "seconds": round(measured["seconds"], 4),
        "kernel_says": measured["zerocopy"],
    }


def calls_in_theory(way: Way, plan: Plan) -> int:
    """One for the head of each frame, and those for its body."""
    return plan.times * sum(1 + way.calls_for(frame.size) for frame in plan.frames)


def fault(row: dict[str, Any]) -> str | None:
    """What is wrong with a row: a way that claims zero copy and copies."""
    proof = row["proof"]
    if not row["claims_zero_copy"] or proof["verdict"] == "shared":
        return None
    return f"{row['way']} claims to copy nothing, but {Sighting(proof['size'], proof['shared'], proof['copied'])}"


def print_json(plan: Plan, rows: list[dict[str, Any]]) -> None:
    print(json.dumps({**circumstances(plan), "ways": rows}, indent=2))


def circumstances(plan: Plan) -> dict[str, Any]:
    return {
        "kernel": platform.release(),
        "python": platform.python_version(),
        "cpus": len(os.sched_getaffinity(0)),
        "times": plan.times,
        "body_bytes": plan.body_bytes,
    }


def print_table(plan: Plan, rows: list[dict[str, Any]]) -> None:
    print(f"{plan.body_bytes / MIB:,.0f} MiB each way over TCP on loopback, Linux {platform.release()}\n\n{HEAD}")
    for row in rows:
        print(line(row))
    for row in rows:
        if any(row["kernel_says"].values()):
            print("\n{way}: {sends:,} sends, the kernel says it copied {copied:,}; {refused:,} it refused (RLIMIT_MEMLOCK)."
                  .format(way=row["way"], **row["kernel_says"]))
    print(f"\n{NOTES}")


def line(row: dict[str, Any]) -> str:
    copied, calls = row["bytes_copied"], row["system_calls"]
    switches = f"{row['voluntary_switches']:,}+{row['involuntary_switches']:,}"
    cpu = f"{row['user_ms_per_gib']:.0f}+{row['system_ms_per_gib']:.0f}"
    return (
        f"{row['way']:<16}{row['proof']['verdict']:<10}{copied['seen'] / MIB:>7,.0f}{copied['theory'] / MIB:>10,.0f}"
        f"{calls['seen']:>10,}{calls['theory']:>8,}{row['page_faults']:>9,}{switches:>12}{cpu:>13}"
    )
