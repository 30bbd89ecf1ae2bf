"""I10, I11: how fast is a store asked whose handler is in Python, or in Cython?"""

from benchmarks._row import Row
from benchmarks._server import NettyServer, Server

KEY, VALUE, DEPTH = 16, 64, 32
SHAPE = (DEPTH, KEY, VALUE)


def row(id: str, work: str, ours: list[tuple[str, str]], rate: bool, targets: dict[str, float]) -> Row:
    rivals = [
        ("bytes", "get WithBytes"),
        ("asyncio Protocol, bytes", "get Protocol/asyncio"),
        ("uvloop Protocol, bytes", "get Protocol/uvloop"),
        ("asyncio streams, bytes", "get streams"),
    ]
    return Row(
        id,
        f"{work}, {DEPTH} x get {VALUE} B, " + ("a second" if rate else "processor time"),
        [Server(name, kind, *SHAPE, rate) for name, kind in ours + rivals] + [NettyServer("Netty", "get", *SHAPE, rate)],
        targets if rate else {},
        unit="M" if rate else "ns",
        rate=rate,
        samples=9,
    )


PYTHON = [("zbuf", "get WithZbuf"), ("zbuf.aio, uvloop", "get Receiver/uvloop")]
CYTHON = [("zbuf", "get WithCython")]
ROWS = [
    made
    for rate in (True, False)
    for made in (
        row("I10", "handler in Python", PYTHON, rate, {"uvloop Protocol, bytes": 3, "Netty": 0.5}),
        row("I11", "handler in Cython", CYTHON, rate, {"Netty": 1.0}),
    )
]
