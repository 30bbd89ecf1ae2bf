import asyncio
from typing import final

from typing_extensions import disjoint_base

@disjoint_base
class Out:
    def __init__(self, transport: asyncio.Transport) -> None: ...
    def flush(self) -> None: ...

@final
class SocketOut(Out):
    def __init__(self, transport: asyncio.Transport, fd: int) -> None: ...
