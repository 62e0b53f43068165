"""A PostgreSQL server that sleeps, as Aurora does: a door in front of a real one that opens late, or never."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import sqlalchemy as sa

NEVER = float("inf")
_LOOK_SECONDS = 0.2


class Manner(StrEnum):
    """What a server that sleeps does with a connection."""

    HANGS = "hangs"  # Aurora: accepts it, and says nothing until it is awake
    REFUSES = "refuses"  # a server that is being started


@dataclass
class SleepingServer:
    """The door.

    Attributes:
        port: Where it is.
        seconds: How long it sleeps: one that hangs from the first connection on, which wakes it.
        url: Of the database behind it, over TCP.
        connections: How many have been accepted.
        first_at: When the first one was, on the monotonic clock.
        closed: Set at the end.
    """

    listener: socket.socket
    behind: Path
    port: int
    seconds: float
    wakes_at: float = NEVER
    first_at: float = NEVER
    url: str = ""
    connections: int = 0
    closed: threading.Event = field(default_factory=threading.Event)
    ends: list[socket.socket] = field(default_factory=list[socket.socket])

    def wake_after(self, seconds: float) -> None:
        """Wake so many seconds after the first connection, or now where they have passed."""
        self.wakes_at = self.first_at + seconds

    def serve(self, manner: Manner) -> None:
        """Accept connections and connect them once the server is awake."""
        if manner is Manner.REFUSES:
            self.wakes_at = time.monotonic() + self.seconds
            self._wait()
        with suppress(OSError):  # closed at the end of the test
            self.listener.listen()
            while True:
                client, _ = self.listener.accept()
                self.connections += 1
                if self.connections == 1:
                    self.first_at = time.monotonic()
                    self.wakes_at = self.first_at + (self.seconds if manner is Manner.HANGS else 0)
                self.ends.append(client)
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        self._wait()
        server = socket.socket(socket.AF_UNIX)
        self.ends.append(server)
        with suppress(OSError):  # the client may have given up
            server.connect(str(self.behind))
            threading.Thread(target=_copy, args=(server, client), daemon=True).start()
            _copy(client, server)

    def _wait(self) -> None:
        while (remaining := self.wakes_at - time.monotonic()) > 0:
            # `wakes_at` may change meanwhile.
            if self.closed.wait(min(remaining, _LOOK_SECONDS)):
                return


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextmanager
def sleeping(url: str, seconds: float, manner: Manner = Manner.HANGS) -> Iterator[SleepingServer]:
    """A door in front of the server of a database that is reached by a socket file.

    Args:
        url: Of the database.
        seconds: Until it wakes, `NEVER` included; see `SleepingServer`.
        manner: What it does until then.
    """
    parsed = sa.make_url(url)
    behind = Path(str(parsed.query["host"])) / ".s.PGSQL.5432"
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        door = SleepingServer(listener, behind, int(listener.getsockname()[1]), seconds)
        reached = parsed.set(host="127.0.0.1", port=door.port, query={"sslmode": "disable"})
        door.url = reached.render_as_string(hide_password=False)
        threading.Thread(target=door.serve, args=(manner,), daemon=True).start()
        try:
            yield door
        finally:
            door.closed.set()
            for end in door.ends:
                end.close()
