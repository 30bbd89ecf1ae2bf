"""I6 to I8: how fast does a server split frames and give them back?"""

from benchmarks._row import Row, Target
from benchmarks._server import NettyServer, Server


def row(id: str, depth: int, size: int, rate: bool, targets: dict[str, Target]) -> Row:
    shape = (depth, size, size, rate)
    return Row(
        id,
        f"echo {depth} x {size:,} B, " + ("a second" if rate else "processor time"),
        [
            Server("zbuf", "echo WithZbuf", *shape),
            Server("zbuf.aio, uvloop", "echo Receiver/uvloop", *shape),
            Server("bytes", "echo WithBytes", *shape),
            Server("asyncio Protocol, bytes", "echo Protocol/asyncio", *shape),
            Server("uvloop Protocol, bytes", "echo Protocol/uvloop", *shape),
            Server("asyncio streams, bytes", "echo streams", *shape),
            NettyServer("Netty, batched", "batched", *shape),
            NettyServer("Netty, each frame", "each", *shape),
        ],
        targets if rate else {},
        unit="M" if rate else "ns",
        rate=rate,
        samples=9,
    )


SHAPES: list[tuple[str, int, int, dict[str, Target]]] = [
    ("I6", 32, 64, {"uvloop Protocol, bytes": (2.0, 1.8), "asyncio streams, bytes": 25, "Netty, batched": 0.95}),
    ("I7", 128, 64, {"uvloop Protocol, bytes": 3.5, "Netty, batched": 0.95}),
    ("I8", 32, 4096, {"uvloop Protocol, bytes": 0.95, "Netty, batched": 0.95}),
]
ROWS = [row(id, depth, size, rate, targets) for id, depth, size, targets in SHAPES for rate in (True, False)]
