import asyncio

from typing import final

from zbuf.aio._out import Out

@final
class TransportOut(Out):
    def __init__(self, transport: asyncio.Transport) -> None: ...
