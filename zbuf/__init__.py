from zbuf._buf import EMPTY, ByteBuf, copied
from zbuf.outbound import Flushed, OutboundBuffer
from zbuf.region import FileRegion
