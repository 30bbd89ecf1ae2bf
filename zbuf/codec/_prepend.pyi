from typing_extensions import Buffer, disjoint_base

from zbuf._buf import ByteBuf

@disjoint_base
class FramePrepender:
    def encode(self, message: Buffer, /) -> ByteBuf: ...
    def encode_into(self, message: Buffer, target: ByteBuf, /) -> None: ...
