"""C12, C14: what does a program in Cython pay that cimports zbuf?"""

import importlib.util
from collections.abc import Callable
from time import thread_time_ns
from typing import Any

import zbuf
from benchmarks._compile import strangers
from benchmarks._netty import Netty
from benchmarks._row import Figure, Row

COUNT = 1_000
NUMBERS = b"".join((7_654_321 * k % 2**32).to_bytes(4, "big") for k in range(COUNT))
PIECE = bytes(range(64))


def per_turn(work: str, data: Any, turns: int, reads: int) -> float:
    """Nanoseconds of one turn, or of one of its reads."""
    run = getattr(strangers(), work)
    run(data, 1)
    start = thread_time_ns()
    run(data, turns)
    return (thread_time_ns() - start) / turns / reads


def contestant(name: str, work: str, make: Callable[[], Any], turns: int, reads: int = 1) -> Figure:
    return Figure(
        name, lambda: per_turn(work, make(), turns, reads), result=lambda: getattr(strangers(), work)(make(), 1)
    )


def composite(count: int) -> Row:
    return Row(
        "C14",
        f"Cython: build {count} x 64 B, read all",
        [
            contestant("zbuf", "build_and_read", lambda: [zbuf.copied(PIECE) for _ in range(count)], 4_000),
            contestant("zbuf, all parts shared", "share_and_read", lambda: [zbuf.copied(PIECE) for _ in range(count)], 4_000),
            contestant("join, read unchecked", "join_and_read", lambda: [PIECE] * count, 4_000),
            Netty("addComponentAndRead", PIECE, count),
        ],
        {"Netty": 0.35},
    )


ROWS = [
    Row(
        "C12",
        "Cython: read_u32, per read",
        [
            contestant("zbuf, bounds checked", "read_checked", lambda: zbuf.copied(NUMBERS), 1_000, COUNT),
            contestant("pointer, unchecked", "read_raw", lambda: NUMBERS, 1_000, COUNT),
            Netty("sumOfInts", NUMBERS),
        ],
        {"Netty": 1.5},
        limit=1.0,
    ),
    composite(8),
    composite(64),
]
if importlib.util.find_spec("Cython") is None:
    ROWS = []
