import asyncio
from typing import final

from typing_extensions import disjoint_base

@final
class Turn:
    @property
    def due(self) -> int: ...

@disjoint_base
class Out:
    def __init__(self, transport: asyncio.Transport) -> None: ...

@final
class SocketOut(Out):
    def __init__(self, transport: asyncio.Transport, fd: int) -> None: ...
