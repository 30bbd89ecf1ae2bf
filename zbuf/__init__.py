from zbuf import errors, hexdump
from zbuf._buf import EMPTY, ByteBuf, copied
from zbuf.outbound import Flushed, OutboundBuffer
from zbuf.region import FileRegion
from zbuf._layout import Layout
from zbuf._composite import CompositeByteBuf, wrap
from zbuf.errors import *
