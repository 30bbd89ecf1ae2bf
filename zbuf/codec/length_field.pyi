from typing import Literal, SupportsIndex, final

from zbuf.codec._frames import FrameDecoder
from zbuf.codec._prepend import FramePrepender

@final
class LengthFieldDecoder(FrameDecoder):
    def __new__(
        cls,
        max_frame_length: SupportsIndex,
        /,
        *,
        offset: SupportsIndex = 0,
        width: SupportsIndex = 4,
        adjustment: SupportsIndex = 0,
        strip: SupportsIndex = 0,
        byteorder: Literal["big", "little"] = "big",
        fail_fast: bool = True,
    ) -> LengthFieldDecoder: ...

@final
class LengthFieldPrepender(FramePrepender):
    def __new__(
        cls,
        width: SupportsIndex = 4,
        /,
        *,
        adjustment: SupportsIndex = 0,
        includes_length: bool = False,
        byteorder: Literal["big", "little"] = "big",
    ) -> LengthFieldPrepender: ...
