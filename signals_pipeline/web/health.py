"""Health in two kinds: `/healthz` says that the process answers, `/readyz` that its database does too.

A process that does not answer is to be restarted; one that is not ready is to be left alone until its database is back.
"""

import asyncio
import logging

from fastapi import APIRouter

from signals_pipeline.adapters.stores.engine import DatabaseError
from signals_pipeline.core.windows import window_starting
from signals_pipeline.web import schemas
from signals_pipeline.web.context import WebContext
from signals_pipeline.web.errors import RESPONSES, NotReadyError

_LOG = logging.getLogger("signals_pipeline.web")

# How long the database may take to answer a check.
READY_SECONDS = 2


def router(context: WebContext) -> APIRouter:
    """Return the routes of both checks."""
    routes = APIRouter()

    @routes.get("/healthz")
    async def healthz() -> schemas.Health:
        """Whether this process answers; asks nothing of the database."""
        return schemas.Health(status="ok")

    @routes.get("/readyz", responses={503: RESPONSES[503]})
    async def readyz() -> schemas.Readiness:
        """Whether the database answers within two seconds, and the window of the newest digest."""
        try:
            # The check has a thread and a connection of its own. Those who ask while it waits share its result, so
            # that checks of a database that hangs don't pile up.
            async with asyncio.timeout(READY_SECONDS):
                entry = await context.newest_entry.get()
        except TimeoutError as error:
            raise NotReadyError(f"The database has not answered for {READY_SECONDS} s.") from error
        except DatabaseError as error:
            # The whole message names the host: it is for the operator.
            _LOG.error("%s", error)
            problem = error.problem.name.lower().replace("_", " ")
            raise NotReadyError(f"The database is not ready: {problem}.") from error
        newest = window_starting(entry.window_start).key if entry else None
        return schemas.Readiness(status="ok", newest=newest)

    return routes
