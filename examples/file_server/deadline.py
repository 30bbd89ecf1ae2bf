"""When a connection is cut off."""

from __future__ import annotations

import asyncio

import zbuf


class Deadline:
    """Aborts a connection that is late.

    One timer for a connection, however often its deadline is moved: it looks
    when it rings whether there is more time. asyncio.timeout() costs a timer,
    and 5 us, each time.
    """

    def __init__(self, connection: zbuf.aio.Receiver) -> None:
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._at = 0.0

    def allow(self, seconds: float) -> None:
        """Let it have so much time from now on."""
        self._at = self._loop.time() + seconds
        if self._timer is None or self._timer.when() > self._at:
            self.cancel()
            self._arm()

    def cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self) -> None:
        self._timer = self._loop.call_at(self._at, self._ring)

    def _ring(self) -> None:
        if self._loop.time() < self._at:
            self._arm()
        else:
            self._connection.abort()
