"""TLS in front of a PostgreSQL server: what a client of a server with a certificate sees, over a real handshake.

The server that tests can install is built without OpenSSL and listens on a socket alone. This process answers the
client's SSLRequest as a server with TLS does, and hands what comes through on to that socket.
"""

import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import trustme

# https://www.postgresql.org/docs/current/protocol-message-formats.html
_SSL_REQUEST = struct.pack("!II", 8, 80877103)


@dataclass(frozen=True)
class TlsFront:
    """Where it listens, and the certificates of its authority and of a stranger."""

    port: int
    authority: Path
    stranger: Path


@contextmanager
def tls_front(server_socket: Path, folder: Path, *, host: str = "localhost", tls: bool = True) -> Iterator[TlsFront]:
    """A front until the end of the block.

    Args:
        server_socket: The socket of the server.
        folder: Where certificates are written.
        host: The name in the server's certificate.
        tls: Whether it has TLS; without, it refuses as a server without a certificate does.
    """
    authority, stranger = trustme.CA(), trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(context)
    files = []
    for name, issuer in (("authority", authority), ("stranger", stranger)):
        files.append(folder / f"{name}.pem")
        issuer.cert_pem.write_to_path(files[-1])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_serve, args=(listener, server_socket, context if tls else None), daemon=True).start()
        yield TlsFront(listener.getsockname()[1], *files)
        # An accept that is under way ends with this, not with the close.
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def _serve(listener: socket.socket, server_socket: Path, context: ssl.SSLContext | None) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:  # the block has ended
            return
        threading.Thread(target=_connect, args=(client, server_socket, context), daemon=True).start()


def _connect(client: socket.socket, server_socket: Path, context: ssl.SSLContext | None) -> None:
    # A client that does not trust the certificate breaks the handshake off, which is what some tests are about.
    with client, suppress(OSError):
        assert client.recv(8, socket.MSG_WAITALL) == _SSL_REQUEST
        if context is None:
            client.sendall(b"N")
            return
        client.sendall(b"S")
        with (
            context.wrap_socket(client, server_side=True) as secured,
            socket.socket(socket.AF_UNIX) as server,
        ):
            server.connect(str(server_socket))
            answers = threading.Thread(target=_copy, args=(server, secured), daemon=True)
            answers.start()
            _copy(secured, server)
            answers.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
