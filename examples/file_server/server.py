"""Connections: requests in, answers out."""

from __future__ import annotations

from collections.abc import Callable

import zbuf

from .deadline import Deadline
from .files import Root
from .request import Request, RequestDecoder, RequestError
from .response import Answers, Response, refusal


class FileServer:
    """A handler for zbuf.aio.start_server.

    A request, from the answer before it to its last byte, may take `patience`
    seconds; an answer as long, and a second more for each `slowest` bytes;
    so may the end of a connection. Then it is aborted.
    """

    def __init__(
        self, root: Root, *, patience: float, slowest: int, log: Callable[[Request, Response], None] | None = None
    ) -> None:
        self._answers = Answers(root)
        self._patience, self._slowest = patience, slowest
        self._log = log

    async def __call__(self, stream: zbuf.aio.Stream) -> None:
        requests = RequestDecoder()
        deadline = Deadline(stream)
        try:
            while await self._exchange(stream, requests, deadline):
                pass
            await self._leave(stream, requests, deadline)
        except OSError:  # the end of the connection, of a deadline perhaps
            stream.abort()
        finally:
            deadline.cancel()

    async def _exchange(self, stream: zbuf.aio.Stream, requests: RequestDecoder, deadline: Deadline) -> bool:
        deadline.allow(self._patience)
        try:
            request = await stream.read_frame(requests)
        except RequestError as error:
            await self._send(stream, refusal(error), deadline)
            return False
        if request is None:
            return False
        response = self._answers.to(request)
        if self._log is not None:
            self._log(request, response)
        await self._send(stream, response, deadline)
        return response.keep_alive

    async def _send(self, stream: zbuf.aio.Stream, response: Response, deadline: Deadline) -> None:
        deadline.allow(self._patience + response.size / self._slowest)
        try:
            stream.writelines([response.head(), *response.body])
        finally:
            response.release()  # what is queued has references of its own
        await stream.drain()

    async def _leave(self, stream: zbuf.aio.Stream, requests: RequestDecoder, deadline: Deadline) -> None:
        # To close while something comes would reset the connection, and the
        # last answer might be lost with it: the peer is read to its end.
        deadline.allow(self._patience)
        stream.write_eof()
        while await stream.read_frames(requests):
            pass
        stream.close()
        await stream.wait_closed()
