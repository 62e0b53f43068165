"""Clients that send bytes instead of requests, from an address of their choice on loopback."""

import re
import select
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager

# Seconds that an answer may take on a loaded machine; no test waits so long where all is well.
PATIENCE = 60
GET = b"GET /api/v1/digest HTTP/1.1\r\nHost: site.example\r\n\r\n"
OTHER = "127.0.0.2"


@contextmanager
def connected(port: int, address: str = "127.0.0.1", receive_buffer: int | None = None) -> Iterator[socket.socket]:
    """A connection from an address; `receive_buffer`: bytes that the client's system takes before it is read."""
    with closing(socket.socket()) as connection:
        connection.settimeout(PATIENCE)
        if receive_buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.bind((address, 0))
        connection.connect(("127.0.0.1", port))
        yield connection


def send_while_open(connection: socket.socket, piece: bytes, maximum: int = 1 << 30) -> int:
    """Send a piece again and again until the server closes the connection; the bytes sent, at most `maximum`."""
    sent = 0
    try:
        while sent < maximum:
            sent += connection.send(piece)
    except (BrokenPipeError, ConnectionResetError):
        pass
    return sent


def drip(connection: socket.socket, byte: bytes) -> bytes:
    """Send a byte each fifth of a second until the server answers or closes the connection; what it sent."""
    while not select.select([connection], [], [], 0.2)[0]:
        try:
            connection.send(byte)
        except (BrokenPipeError, ConnectionResetError):
            return b""
    return read_all(connection)


def read_all(connection: socket.socket) -> bytes:
    """What the server sends until it closes the connection."""
    received = bytearray()
    try:
        while piece := connection.recv(1 << 16):
            received += piece
    except ConnectionResetError:
        pass
    return bytes(received)


def statuses(answer: bytes) -> list[int]:
    """The status of each response in what a server sent."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


def exchange(port: int, request: bytes, address: str = "127.0.0.1") -> bytes:
    """What the server sends in answer to some bytes, until it closes the connection or the time-outs do."""
    with connected(port, address) as connection:
        connection.sendall(request)
        return read_all(connection)


def get(port: int, path: str = "/api/v1/digest", address: str = OTHER) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of one path, asked for as other readers do: in one whole request."""
    request = f"GET {path} HTTP/1.1\r\nHost: site.example\r\nConnection: close\r\n\r\n".encode()
    head, _, body = exchange(port, request, address).partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return int(first.split()[1]), dict(line.lower().split(": ", 1) for line in lines), body
