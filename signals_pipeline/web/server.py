"""The HTTP server: uvicorn with limits on what one client can take from the others."""

import asyncio
import logging
import resource
from functools import partial
from typing import cast

import uvicorn
from starlette.types import ASGIApp

from signals_pipeline.web.connections import ConnectionLimits, ConnectionTable, LimitedProtocol

_LOG = logging.getLogger("signals_pipeline.web")

# Files that are open beside connections: the database, its connections, the event loop.
_OTHER_FILES = 100

# Ticks of uvicorn's server: ten per second.
_SECOND = 10
_MINUTE = 600

# How long a server that is stopped lets responses end; container runtimes kill after 30 s.
_SHUTDOWN_SECONDS = 10


class LimitedServer(uvicorn.Server):
    """A uvicorn server that keeps the limits of its connections."""

    def __init__(self, config: uvicorn.Config, table: ConnectionTable) -> None:
        super().__init__(config)
        self._table = table

    async def on_tick(self, counter: int) -> bool:
        """Close expired connections each second; log how many were closed each minute."""
        now = asyncio.get_running_loop().time()
        self._table.close_refused(now)
        if counter % _SECOND == 0:
            self._table.close_expired(now)
        if counter % _MINUTE == 0 and (counts := self._table.take_counts()):
            _LOG.warning("connections closed in the last minute: %s", counts)
        return await super().on_tick(counter)


def create_server(
    app: ASGIApp, *, host: str = "127.0.0.1", port: int = 0, trusted: str = "", limits: ConnectionLimits | None = None
) -> LimitedServer:
    """Create the server of an application.

    Args:
        app: The application.
        host: Address to listen on.
        port: Port to listen on; 0 for any.
        trusted: Addresses of proxies whose X-Forwarded-For is trusted, comma-separated.
        limits: Of connections; None for the defaults, fewer where the process may not open as many files.
    """
    limits = limits or limits_of_process()
    table = ConnectionTable(limits)
    # uvicorn calls it as it calls a class.
    protocol = cast("type[asyncio.Protocol]", partial(LimitedProtocol, table=table))
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=protocol,
        ws="none",
        access_log=False,  # it would record readers' tokens; the middleware logs routes instead
        server_header=False,
        log_config=None,
        forwarded_allow_ips=trusted,
        timeout_keep_alive=limits.idle_seconds,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        h11_max_incomplete_event_size=limits.head_bytes,
    )
    return LimitedServer(config, table)


def limits_of_process() -> ConnectionLimits:
    """Return the default limits, with as many connections as files can be opened for."""
    defaults = ConnectionLimits()
    wanted = defaults.connections + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        # A process may raise its own limit up to the hard one.
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return defaults
    return ConnectionLimits(connections=min(defaults.connections, max(1, soft - _OTHER_FILES)))
