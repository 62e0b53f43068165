"""The ASGI application: API, pages and links behind the security middleware, all with one `WebContext`."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from urllib.parse import urlsplit

from fastapi import FastAPI

from signals_pipeline.adapters.clock import utc_now
from signals_pipeline.settings import Settings
from signals_pipeline.web import (
    actions,
    api,
    api_page,
    company_pages,
    health,
    pages,
    reader_feed,
    reader_pages,
)
from signals_pipeline.web.context import WebContext
from signals_pipeline.web.errors import add_error_handlers
from signals_pipeline.web.middleware import SecurityMiddleware
from signals_pipeline.web.rate_limit import RateLimiter

DESCRIPTION = (
    "Trading signals from news headlines: the digests, the signals with their outcomes, and the track record. "
    "Nothing here is investment advice."
)


def create_app(
    settings: Settings,
    *,
    now: Callable[[], datetime] = utc_now,
    seconds: Callable[[], float] = time.monotonic,
    context: WebContext | None = None,
) -> SecurityMiddleware:
    """Create the ASGI application.

    Args:
        settings: Database, base URL, link key, token and rate limit.
        now: The clock (aware).
        seconds: A monotonic clock, seconds, for the rate limit and the age of what is cached.
        context: Stores that the caller has opened; None to open those of the settings.

    Raises:
        DatabaseError: A database is missing or does not respond.
    """
    context = context or WebContext.open(settings, now, seconds)
    # The path below which a proxy serves the application.
    root = urlsplit(settings.signals_base_url).path.rstrip("/")
    token = settings.signals_web_token

    # Close the connections when the server stops.
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        context.close()

    app = FastAPI(
        title="signals_pipeline",
        version="1",
        description=DESCRIPTION,
        # Both pages would load scripts from other hosts; `api_page` has one without.
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.include_router(api.router(context, requires_token=token is not None))
    app.include_router(health.router(context))
    app.include_router(pages.router(context, root, settings.signals_base_url))
    app.include_router(company_pages.router(context, root))
    app.include_router(actions.router(context, root))
    app.include_router(reader_feed.router(context, root, settings.signals_base_url))
    app.include_router(reader_pages.router(context, root))
    app.include_router(api_page.router(app, root))
    add_error_handlers(app, partial(pages.error_page, root))

    return SecurityMiddleware(
        app,
        limiter=RateLimiter(settings.signals_web_rate, seconds),
        token=token.get_secret_value() if token else None,
        root=root,
    )
