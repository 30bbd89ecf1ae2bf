from typing import final

from typing_extensions import disjoint_base

@disjoint_base
class Channel: ...

@final
class Pipe(Channel): ...

@final
class Block(Channel): ...
