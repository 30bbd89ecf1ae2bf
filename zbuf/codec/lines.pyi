from typing import SupportsIndex, final

from zbuf.codec._frames import FrameDecoder

@final
class LineDecoder(FrameDecoder):
    def __new__(cls, max_frame_length: SupportsIndex, /, *, strip: bool = True, fail_fast: bool = False) -> LineDecoder: ...
