r"""Frames out of a stream of bytes, and lengths in front of messages. No input or output in here.

>>> decoder = zbuf.codec.LengthFieldDecoder(1 << 20, strip=4)
>>> stream = zbuf.buffer()
>>> zbuf.codec.LengthFieldPrepender().encode_into(b"hello", stream)
>>> [bytes(frame) for frame in decoder.feed(stream)]
[b'hello']
"""

from zbuf.codec._frames import FrameDecoder
from zbuf.codec._prepend import FramePrepender
from zbuf.codec.delimiter import DelimiterDecoder
from zbuf.codec.fixed import FixedLengthDecoder
from zbuf.codec.length_field import LengthFieldDecoder, LengthFieldPrepender
from zbuf.codec.lines import LineDecoder
from zbuf.codec.varint import VarintLengthDecoder, VarintLengthPrepender

__all__ = [
    "DelimiterDecoder", "FixedLengthDecoder", "FrameDecoder", "FramePrepender", "LengthFieldDecoder",
    "LengthFieldPrepender", "LineDecoder", "VarintLengthDecoder", "VarintLengthPrepender",
]
