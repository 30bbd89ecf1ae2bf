"""MSG_ZEROCOPY as Python's own sockets can do it, and what the kernel says of it afterwards."""

from __future__ import annotations

import errno
import select
import socket
import struct

from zbuf.demo.frames import DemoError
from zbuf.demo.ways import Sender

SO_ZEROCOPY = 60  # the numbers of Linux; the socket module has none of them
MSG_ZEROCOPY = 0x4000000
ORIGIN_ZEROCOPY = 5
COPIED = 1
NOTICE = struct.Struct("=IBBBxII")  # struct sock_extended_err: errno, origin, type, code, first, last


class Wire(Sender):
    """A sender that may ask the kernel to send from the caller's own pages.

    sends    how many sends have asked so, and were not refused
    ended    of how many the kernel has said that their pages are free again
    copied   of how many it said that it had copied them all the same
    refused  how many had to be plain ones: not even their pages could be pinned
    """

    def __init__(self, sock: socket.socket, patience: float) -> None:
        super().__init__(sock)
        self._patience = patience
        self.sends = self.ended = self.copied = self.refused = 0

    def send_all_shared(self, data: memoryview) -> None:
        """Send from these pages; REQUIRES: SO_ZEROCOPY is set."""
        while data:
            data = data[self._send_shared(data) :]

    def _send_shared(self, data: memoryview) -> int:
        self.calls += 1
        try:
            sent = self.sock.send(data, MSG_ZEROCOPY)
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            return self._send_unpinned(data)
        self.sends += 1
        return sent

    def _send_unpinned(self, data: memoryview) -> int:
        """Go on where no more pages may be pinned: RLIMIT_MEMLOCK may be less than one piece."""
        if self.ended < self.sends:
            self.hear()
            return 0
        self.refused += 1
        self.calls += 1
        return self.sock.send(data)

    def hear_all(self) -> None:
        """Wait until the kernel needs none of the pages any more."""
        while self.ended < self.sends:
            self.hear()

    def hear(self) -> None:
        """Wait for one notification, of one or more sends."""
        self._wait()
        self.calls += 1
        try:
            messages = self.sock.recvmsg(0, 256, socket.MSG_ERRQUEUE)[1]
        except BlockingIOError as error:
            raise ConnectionResetError from error  # what woke us was no notification
        for level, _, data in messages:
            _, origin, _, code, first, last = NOTICE.unpack_from(data)
            if level == socket.IPPROTO_IP and origin == ORIGIN_ZEROCOPY:
                count = (last - first + 1) % (1 << 32)
                self.ended += count
                self.copied += count if code & COPIED else 0

    def _wait(self) -> None:
        self.calls += 1
        waiting = select.poll()
        waiting.register(self.sock, 0)  # POLLERR comes unasked
        if not waiting.poll(self._patience * 1000):
            raise DemoError(f"the kernel did not give pages back for {self._patience:g} seconds")
