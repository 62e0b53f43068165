"""An Atom feed (RFC 4287) of one edition of the digests, at a signed address that says which edition.

The address holds companies, least score and times, and no mail address; whoever has it can read the feed. The feed of
all digests is in `pages`.
"""

from fastapi import APIRouter, Request
from starlette.responses import Response

from signals_pipeline.adapters.stores.digests import StoredDigest
from signals_pipeline.core.digest.chat import digest_chat
from signals_pipeline.core.digest.editions import edit, edition_summary, parse_edition
from signals_pipeline.core.digest.links import verify_feed_link
from signals_pipeline.core.digest.model import Digest, DigestError
from signals_pipeline.core.digest.readers import Edition
from signals_pipeline.core.windows import window_starting
from signals_pipeline.web.conditional import ATOM, Representation, conditional_response
from signals_pipeline.web.context import WebContext
from signals_pipeline.web.permalinks import NotFoundError
from signals_pipeline.web.templating import render

FEED_DIGESTS = 20
"""Digests in a feed: ten days of two each. Each is read and filtered for a request."""

_UNREADABLE = "This digest can't be shown here; its page says why."


def router(context: WebContext, root: str, base_url: str) -> APIRouter:
    """Return the route of the feeds.

    Args:
        context: Where the digests come from.
        root: Path below which the application is served.
        base_url: Public URL of the pages; empty: the one that a request names.
    """
    routes = APIRouter(include_in_schema=False)

    @routes.get("/feeds/{token}")
    def get_feed(token: str, request: Request) -> Response:
        if context.write_access is None:
            raise NotFoundError("Links are disabled on this site: SIGNALS_LINK_KEY is not set.")
        key = context.write_access.link_key.get_secret_value()
        edition = parse_edition(verify_feed_link(token, as_of=context.now(), key=key))

        entries = []
        for listed in context.digests.list(limit=FEED_DIGESTS):
            stored = context.digests.get(listed.window_start)
            if stored is not None:  # it may have been removed meanwhile
                subject, lines = _told(stored, edition)
                entries.append((stored.entry, subject, window_starting(listed.window_start), lines))
        site = (base_url or str(request.base_url)).rstrip("/")
        updated = max((entry.created_at for entry, *_ in entries), default=context.now())
        feed = render(
            "reader_feed.xml",
            root,
            entries=entries,
            site=site,
            address=f"{site}/feeds/{token}",
            title=edition_summary(edition),
            updated=updated,
        )
        return conditional_response(request, Representation.from_body(feed), ATOM)

    return routes


def _told(stored: StoredDigest, edition: Edition) -> tuple[str, tuple[str, ...]]:
    """Subject and lines of a digest's edition; one that can't be read keeps no other from the feed."""
    try:
        edited = edit(Digest.from_json(stored.content), edition)
    except DigestError:
        return stored.entry.subject, (_UNREADABLE,)
    return edited.subject, digest_chat(edited).lines
