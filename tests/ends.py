"""Two ends of a connection over TCP, and what TLS between them takes."""

import socket
import ssl
from pathlib import Path


def tcp_pair(*, send_room=None, receive_room=None):
    """Connect two TCP sockets over loopback; the rooms are SO_SNDBUF and SO_RCVBUF."""
    with socket.socket() as listener:
        if receive_room is not None:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_room)
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        ours = socket.socket()
        if send_room is not None:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_room)
        ours.connect(listener.getsockname())
        theirs = listener.accept()[0]
    return ours, theirs


# A key, and a certificate that signs itself until 2126: openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1
# -nodes -days 36500 -subj /CN=localhost -addext subjectAltName=DNS:localhost -addext keyUsage=critical,digitalSignature,keyCertSign
LOCALHOST = Path(__file__).with_name("localhost.pem")


def tls_contexts():
    """Contexts of a server that is called localhost, and of a client that trusts it."""
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(LOCALHOST)
    client = ssl.create_default_context(cafile=LOCALHOST)
    return server, client
