from typing import final

from zbuf._buf import ByteBuf

@final
class Room:
    def receive(self, sock: int) -> ByteBuf | None: ...

def room_of(loop: object) -> Room: ...
