from zbuf._buf import EMPTY, ByteBuf, copied
