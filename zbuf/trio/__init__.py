"""trio: receives into pooled memory, gathered sends, and files by sendfile.

    stream.py     Stream: a connection whose bytes are awaited; open_connection, serve
    _wire.py      a socket, both ways
    _tls.py       what encrypts on its way to it

It needs trio: pip install zbuf[trio].
"""

from zbuf.trio.stream import Stream, open_connection, serve

__all__ = ["Stream", "open_connection", "serve"]
