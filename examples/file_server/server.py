"""Connections: requests in, answers out."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import zbuf

from .answers import Answers
from .deadline import Deadline
from .request import Request, RequestDecoder, RequestError
from .response import Response, refusal
from .root import Root

MUCH = 64 << 10  # bytes that a client has not taken, so that other answers have to wait


class FileServer:
    """Makes connections, for loop.create_server.

    To take what waits for it, to ask for more and to end its connection, a
    client has `patience` seconds each time, and a second more for each
    `slowest` bytes that wait. Then the connection is aborted.
    """

    def __init__(
        self, root: Root, *, patience: float, slowest: int, log: Callable[[Request, Response], None] | None = None
    ) -> None:
        self._answers = Answers(root)
        self._log = log
        self.patience, self.slowest = patience, slowest

    def __call__(self) -> Connection:
        return Connection(self)

    def answer(self, asked: Request | RequestError) -> Response:
        """Give an answer, to be written before the next."""
        if isinstance(asked, RequestError):
            return refusal(asked)
        response = self._answers.to(asked)
        if self._log is not None:
            self._log(asked, response)
        return response


class Connection(zbuf.aio.Receiver):
    """Answers what comes in one read by one write.

    While much waits for the client, so does what it asked for behind that, and nothing more is read.
    """

    def __init__(self, server: FileServer) -> None:
        self._server = server
        self._deadline = Deadline(self)
        self._requests = RequestDecoder()
        self._asked: deque[Request | RequestError] = deque()  # and not answered yet
        self._rest: asyncio.Task[None] | None = None  # answers that, while much waits for the client
        self._ended = False  # the client has said its last

    def connected(self) -> None:
        self._deadline.allow(self._server.patience)

    def received(self, buf: zbuf.ByteBuf) -> None:
        self._asked += self._requests.feed(buf)
        if self._rest is not None:
            self.transport.pause_reading()
        elif self._asked and not self._answer():
            self._rest = asyncio.get_running_loop().create_task(self._answer_the_rest())

    def ended(self) -> bool:
        self._ended = True
        return self._rest is not None

    def lost(self, error: BaseException | None) -> None:
        self._deadline.cancel()

    def _answer(self) -> bool:
        """Answer what was asked, until much waits for the client; False if it does."""
        while (waiting := self.pending_bytes) <= MUCH and self._asked:
            self._write(self._server.answer(self._asked.popleft()))
        self._deadline.allow(self._server.patience + waiting / self._server.slowest)
        return waiting <= MUCH

    def _write(self, response: Response) -> None:
        self.writelines(response.parts())  # what is queued has references of its own
        if not response.keep_alive:
            # To close while something comes would reset the connection, and the
            # last answer might be lost with it: the peer is read to its end.
            self.write_eof()

    async def _answer_the_rest(self) -> None:
        try:
            while not self._answer():
                await self.drain()
        except (OSError, zbuf.TruncatedFileError):
            return  # the end of the connection
        except BaseException:
            self.abort()
            raise
        self._rest = None
        if self._ended:
            self.close()
        else:
            self.transport.resume_reading()
