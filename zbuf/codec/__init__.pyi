from zbuf.codec._frames import FrameDecoder as FrameDecoder
from zbuf.codec._prepend import FramePrepender as FramePrepender
from zbuf.codec.delimiter import DelimiterDecoder as DelimiterDecoder
from zbuf.codec.fixed import FixedLengthDecoder as FixedLengthDecoder
from zbuf.codec.length_field import LengthFieldDecoder as LengthFieldDecoder, LengthFieldPrepender as LengthFieldPrepender
from zbuf.codec.lines import LineDecoder as LineDecoder
from zbuf.codec.varint import VarintLengthDecoder as VarintLengthDecoder, VarintLengthPrepender as VarintLengthPrepender

__all__ = [
    "DelimiterDecoder", "FixedLengthDecoder", "FrameDecoder", "FramePrepender", "LengthFieldDecoder",
    "LengthFieldPrepender", "LineDecoder", "VarintLengthDecoder", "VarintLengthPrepender",
]
