"""Two ends of a connection over TCP, and what TLS between them takes."""

import socket
import ssl


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


def tls_contexts():
    """Contexts of a server that is called localhost, and of a client that trusts it."""
    import trustme    # not to be had everywhere: what needs no TLS is tested without

    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return server, client
