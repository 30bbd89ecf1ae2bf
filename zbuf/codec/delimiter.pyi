from typing import SupportsIndex, final

from typing_extensions import Buffer

from zbuf.codec._frames import FrameDecoder

@final
class DelimiterDecoder(FrameDecoder):
    def __new__(
        cls, max_frame_length: SupportsIndex, /, *delimiters: Buffer, strip: bool = True, fail_fast: bool = True
    ) -> DelimiterDecoder: ...
