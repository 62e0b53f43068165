"""The application: API, pages and links behind one guard, over one desk."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from starlette.responses import Response

from signals_pipeline.settings import Settings
from signals_pipeline.web import actions, api, pages
from signals_pipeline.web.context import WebContext
from signals_pipeline.web.errors import answer_problems
from signals_pipeline.web.middleware import Guard
from signals_pipeline.web.rate_limit import Limiter

DESCRIPTION = (
    "News headlines become trading signals: the digests, the signals with their outcomes, and the record. "
    "Nothing here is investment advice."
)


def utc_now() -> datetime:
    """The clock of the application."""
    return datetime.now(UTC)


def create_app(
    settings: Settings, *, now: Callable[[], datetime] = utc_now, seconds: Callable[[], float] = time.monotonic
) -> Guard:
    """The ASGI application.

    Args:
        settings: Database, link key, token and rate limit.
        now: The clock (aware).
        seconds: A clock that only runs forward, for the rate limit and for what is held.

    Raises:
        DatabaseError: a database is not there or doesn't answer.
    """
    context = WebContext.open(settings, now, seconds)
    root = urlsplit(settings.signals_base_url).path.rstrip("/")
    token = settings.signals_web_token

    @asynccontextmanager
    async def running(_app: FastAPI) -> AsyncIterator[None]:
        yield
        context.close()

    app = FastAPI(
        title="signals_pipeline",
        version="1",
        description=DESCRIPTION,
        docs_url=None,  # Swagger's page would fetch scripts from elsewhere
        redoc_url=None,
        lifespan=running,
        redirect_slashes=False,
    )
    for router in (
        api.router(context, locked=token is not None),
        api.health(context),
        pages.router(context, root),
        actions.router(context, root),
    ):
        app.include_router(router)
    answer_problems(app, _page(root))
    limiter = Limiter(settings.signals_web_rate, seconds)
    return Guard(app, limiter=limiter, token=token.get_secret_value() if token else None, root=root)


def _page(root: str) -> Callable[[Request, int, str], Response]:
    return lambda _request, status, detail: pages.problem(root, status, detail)
