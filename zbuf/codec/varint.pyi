from typing import SupportsIndex, final

from zbuf.codec._frames import FrameDecoder
from zbuf.codec._prepend import FramePrepender

@final
class VarintLengthDecoder(FrameDecoder):
    def __new__(cls, max_frame_length: SupportsIndex, /) -> VarintLengthDecoder: ...

@final
class VarintLengthPrepender(FramePrepender):
    def __new__(cls) -> VarintLengthPrepender: ...
