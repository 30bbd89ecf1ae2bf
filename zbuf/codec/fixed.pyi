from typing import SupportsIndex, final

from zbuf.codec._frames import FrameDecoder

@final
class FixedLengthDecoder(FrameDecoder):
    def __new__(cls, frame_length: SupportsIndex, /) -> FixedLengthDecoder: ...
