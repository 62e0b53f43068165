"""Connections that may not cost more than they are worth: time-outs, sizes, and room for the next client.

uvicorn limits the size of a request's head and closes connections that are idle between two requests. Here is the rest:
a client that sends its request slowly or without end, that doesn't read its response, or that opens more connections
than the server has room for. Requests that are too many for the application are refused in `middleware`.
"""

import logging
from asyncio import AbstractEventLoop
from collections import Counter, defaultdict
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from signals_pipeline.web.rate_limit import client_network

# uvicorn writes a warning for each request that it refuses, as many as a client likes. They are counted instead.
_PROTOCOL_LOG = logging.getLogger("signals_pipeline.web.protocol")
_PROTOCOL_LOG.setLevel(logging.ERROR)

_BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_REQUEST_TIMEOUT = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What one connection may take, and how many there may be.

    Attributes:
        head_bytes: Maximum size of a request's line and headers; the links of a mail have 400 bytes.
        body_bytes: Maximum size of a request's body; a mail program's one-click POST has 26 bytes.
        request_seconds: Maximum time from a connection, or from a request's first byte, to the request's end.
        idle_seconds: Maximum time between two requests: long enough for a reader's next click.
        response_seconds: Maximum time until a client has read its response.
        linger_seconds: How long a connection that was refused stays open, unread: its client can read why, and can't
            begin again at once.
        unread_bytes: Maximum size of all responses that clients have not read yet.
        connections: Maximum number of connections. When there are more, some that wait for their client are closed.
    """

    head_bytes: int = 16 * 1024
    body_bytes: int = 16 * 1024
    request_seconds: float = 10
    idle_seconds: int = 20
    response_seconds: float = 30
    linger_seconds: float = 1
    unread_bytes: int = 64 * 1024 * 1024
    connections: int = 1000


class Reason(Enum):
    """Why a connection was closed; the value completes "closed 3 connections: ..."."""

    SLOW_REQUEST = "no whole request in time"
    LARGE_BODY = "request body too large"
    INVALID_REQUEST = "no valid request"
    SLOW_READER = "response not read in time"
    UNREAD_RESPONSES = "too many responses unread"
    NO_ROOM = "too many connections"


class _Phase(Enum):
    """What a connection waits for."""

    REQUEST = auto()
    APPLICATION = auto()
    READER = auto()
    NEXT_REQUEST = auto()


class LimitedProtocol(H11Protocol):
    """One HTTP/1.1 connection, as uvicorn has it, under the limits of a `ConnectionTable`."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: AbstractEventLoop | None = None,
        *,
        table: "ConnectionTable",
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.logger = _PROTOCOL_LOG
        self.network = ""
        self.table = table
        # Responses so far: tells two visits of one phase apart.
        self.responses = 0
        self._body_bytes = 0
        self._is_refused = False

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - uvloop's or asyncio's
        """Take the connection, and close others where there is no room for it."""
        super().connection_made(transport)
        self.network = client_network(self.client[0] if self.client else "")
        self.table.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        self.table.remove(self)

    def data_received(self, data: bytes) -> None:
        """Read requests, and a body up to its maximum size."""
        # h11 refuses a large head when it waits for the rest of it: in pieces, so that it also does where a whole one
        # has come at once.
        size = self.table.limits.head_bytes
        for start in range(0, len(data), size):
            if self._is_refused or self.transport.is_closing():
                return
            super().data_received(data[start : start + size])
        if self.conn.their_state is not h11.SEND_BODY:
            self._body_bytes = 0
            return
        self._body_bytes += len(data)
        if self._body_bytes > self.table.limits.body_bytes:
            self._refuse(Reason.LARGE_BODY)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's signature
        """Refuse what is no HTTP."""
        self._refuse(Reason.INVALID_REQUEST)

    def on_response_complete(self) -> None:
        """Go on with the next request."""
        self.responses += 1
        super().on_response_complete()

    def _should_upgrade(self) -> bool:
        # A server may ignore that a client asks for another protocol (RFC 9110, section 7.8).
        return False

    def _refuse(self, reason: Reason) -> None:
        """Answer 400, unless another response is on its way, and read no more until the connection is closed."""
        self._stop_application()
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            self.transport.write(_BAD_REQUEST)
        self._is_refused = True
        self.flow.pause_reading()
        self.table.refuse(self, reason)

    def _stop_application(self) -> None:
        """Drop the response that the application may still send."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    @property
    def phase(self) -> _Phase:
        """What the connection waits for."""
        is_responding = self.cycle is not None and not self.cycle.response_complete
        if self.transport.is_closing() or self.flow.write_paused:
            return _Phase.READER
        if self.conn.their_state is h11.SEND_BODY:
            return _Phase.REQUEST
        if is_responding:
            return _Phase.APPLICATION
        if self.unread_bytes:
            return _Phase.READER
        has_begun = bool(self.conn.trailing_data[0])
        return _Phase.NEXT_REQUEST if self.responses and not has_begun else _Phase.REQUEST

    @property
    def unread_bytes(self) -> int:
        """Bytes of responses that the client's system has not accepted yet."""
        return self.transport.get_write_buffer_size()

    def end_request(self) -> None:
        """Close a connection whose request does not come to its end."""
        self._stop_application()
        has_begun = bool(self.conn.trailing_data[0]) or self.conn.their_state is h11.SEND_BODY
        if has_begun and self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            self.transport.write(_REQUEST_TIMEOUT)
        self.transport.close()

    def abort(self) -> None:
        """Close the connection at once; what is unread is lost."""
        self._stop_application()
        self.transport.abort()


@dataclass(frozen=True, slots=True)
class _Waiting:
    """What a connection has waited for since when.

    Attributes:
        phase: What it waits for.
        responses: Its responses until then.
        since: When it was first seen to, seconds of the event loop's clock.
    """

    phase: _Phase
    responses: int
    since: float


class ConnectionTable:
    """All connections of a server, oldest first, and their limits.

    Time-outs are kept by looking at all connections once per second, not by timers: requests pay nothing for them. A
    client can't put them off by sending or reading a byte now and then.
    """

    def __init__(self, limits: ConnectionLimits) -> None:
        self.limits = limits
        self._connections: dict[LimitedProtocol, _Waiting | None] = {}
        self._refused: dict[LimitedProtocol, float] = {}
        self._closed: Counter[Reason] = Counter()

    def add(self, connection: LimitedProtocol) -> None:
        """Add a connection; where there are too many, make room."""
        self._connections[connection] = None
        if len(self._connections) > self.limits.connections:
            self._make_room()

    def remove(self, connection: LimitedProtocol) -> None:
        """Forget a connection that is closed."""
        self._connections.pop(connection, None)
        self._refused.pop(connection, None)

    def refuse(self, connection: LimitedProtocol, reason: Reason) -> None:
        """Close a connection after its time to linger."""
        self._closed[reason] += 1
        self._refused[connection] = connection.loop.time()

    def close_refused(self, now: float) -> None:
        """Close the connections that have lingered for their time.

        Args:
            now: Seconds of the event loop's clock.
        """
        for connection, since in tuple(self._refused.items()):
            if now - since < self.limits.linger_seconds:
                # The others were refused later.
                break
            del self._refused[connection]
            connection.transport.close()

    def take_counts(self) -> str:
        """Return how many connections were closed since the last call, and why; empty where none was."""
        counts = self._closed
        self._closed = Counter()
        return ", ".join(f"{reason.value}: {count}" for reason, count in counts.most_common())

    def close_expired(self, now: float) -> None:
        """Close the connections whose time is over, and those that hold more than they may.

        Args:
            now: Seconds of the event loop's clock.
        """
        for connection, waiting in tuple(self._connections.items()):
            phase = connection.phase
            if waiting is None or (waiting.phase, waiting.responses) != (phase, connection.responses):
                self._connections[connection] = _Waiting(phase, connection.responses, now)
            elif phase is _Phase.REQUEST and now - waiting.since >= self.limits.request_seconds:
                self._connections[connection] = None
                self._closed[Reason.SLOW_REQUEST] += 1
                connection.end_request()
            elif phase is _Phase.READER and now - waiting.since >= self.limits.response_seconds:
                self._drop(connection, Reason.SLOW_READER)
        self._bound_unread()

    def _make_room(self) -> None:
        """Close a tenth of the connections that wait for their client: first those of the client that has most.

        A tenth, so that the search is not repeated for every new connection.
        """
        waiting: defaultdict[str, list[LimitedProtocol]] = defaultdict(list)
        for connection in self._connections:
            if connection.phase is not _Phase.APPLICATION:
                waiting[connection.network].append(connection)
        for connections in waiting.values():
            # The oldest one is taken first.
            connections.reverse()
        for _ in range(max(1, self.limits.connections // 10)):
            largest = max(waiting.values(), key=len, default=[])
            if not largest:
                break
            self._drop(largest.pop(), Reason.NO_ROOM)

    def _bound_unread(self) -> None:
        """Close the connections with the most unread bytes until all together are within their limit."""
        unread = {connection: connection.unread_bytes for connection in self._connections}
        total = sum(unread.values())
        while total > self.limits.unread_bytes:
            largest = max(unread, key=lambda connection: unread[connection])
            total -= unread.pop(largest)
            self._drop(largest, Reason.UNREAD_RESPONSES)

    def _drop(self, connection: LimitedProtocol, reason: Reason) -> None:
        self._closed[reason] += 1
        self.remove(connection)
        connection.abort()
