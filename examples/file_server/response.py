"""An answer as it is written."""

from __future__ import annotations

from dataclasses import dataclass, field

import zbuf

from .head import CLOSES, PHRASES, STAYS, beginning, rendered
from .request import READS, RequestError

Part = bytes | zbuf.FileRegion


@dataclass(slots=True)
class Response:
    status: int
    fields: bytes  # rendered; all but Date and Connection
    body: list[Part] = field(default_factory=list)
    keep_alive: bool = True

    @property
    def size(self) -> int:
        return sum(map(len, self.body))

    def parts(self) -> list[Part]:
        """Give all that is to be written."""
        return [beginning(self.status), self.fields, STAYS if self.keep_alive else CLOSES, *self.body]


def plain(status: int, **headers: str) -> Response:
    body = f"{status} {PHRASES[status]}\n".encode()
    if status == 405:
        headers["Allow"] = b", ".join(READS).decode()
    return Response(status, rendered({**headers, "Content-Type": "text/plain", "Content-Length": str(len(body))}), [body])


def refusal(error: RequestError) -> Response:
    response = plain(error.status)
    response.keep_alive = False
    return response
