"""asyncio: receives into pooled memory, and a writer that gathers and sends files on every loop.

    receiver.py   Receiver: a connection whose bytes come as calls
    stream.py     Stream: a connection whose bytes are awaited; open_connection, start_server
    _room.py      where the connections of a loop receive
    _out.py       what is to go out, over a socket of our own to write to
    _tls.py       the same through a transport that encrypts
"""

from zbuf.aio.receiver import Receiver
from zbuf.aio.stream import Stream, open_connection, start_server

__all__ = ["Receiver", "Stream", "open_connection", "start_server"]
