"""asyncio: receives into pooled memory, and a writer that gathers and sends files on every loop.

    receiver.py   Receiver: a connection whose bytes come as calls
    stream.py     Stream: a connection whose bytes are awaited; open_connection, start_server
    _inbox.pyx    what has come, and who waits for it
    _out.pyx      what is to go out, over a socket of our own to write to
    _tls.pyx      the same through a transport that encrypts
"""

from zbuf.aio.receiver import Receiver
from zbuf.aio.stream import Stream, open_connection, start_server

__all__ = ["Receiver", "Stream", "open_connection", "start_server"]
