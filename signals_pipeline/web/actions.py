"""Signed links of a mail: unsubscribe, and say whether a signal was useful.

GET only shows a page, since mail scanners open every link. POST acts, also a mail program's one-click POST (RFC 8058);
it is idempotent.
"""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from signals_pipeline.core.digest.links import (
    FeedbackFields,
    Verdict,
    resubscribe_url,
    verify_feedback_link,
    verify_unsubscribe_link,
)
from signals_pipeline.core.windows import window_for_key
from signals_pipeline.web.conditional import HTML
from signals_pipeline.web.context import WebContext
from signals_pipeline.web.pages import message_page
from signals_pipeline.web.reader_pages import write_access
from signals_pipeline.web.templating import render

# Labels of the buttons.
_LABELS: dict[Verdict, str] = {"useful": "Useful", "not_useful": "Not useful"}
# The pages hold an address or a token.
_NO_STORE = {"cache-control": "no-store"}


def router(context: WebContext, root: str) -> APIRouter:
    """Return the routes of the links, below the path `root`."""
    routes = APIRouter(include_in_schema=False)
    _add_unsubscribe(routes, context, root)
    _add_feedback(routes, context, root)
    return routes


def _add_unsubscribe(routes: APIRouter, context: WebContext, root: str) -> None:
    def recipient_of(token: str) -> str:
        link_key = write_access(context).link_key.get_secret_value()
        return verify_unsubscribe_link(token, as_of=context.now(), key=link_key)

    @routes.get("/unsubscribe/{token}")
    def show_unsubscribe(token: str) -> Response:
        recipient = recipient_of(token)
        page = render("unsubscribe.html", root, here="", recipient=recipient, action=f"{root}/unsubscribe/{token}")
        return Response(page, headers=_NO_STORE, media_type=HTML)

    @routes.post("/unsubscribe/{token}")
    def unsubscribe(token: str) -> Response:
        recipient = recipient_of(token)
        is_new = write_access(context).suppressions.add(recipient, "unsubscribed", context.now())
        already = "" if is_new else "You were already unsubscribed. "
        link_key = write_access(context).link_key.get_secret_value()
        page = render(
            "link.html",
            root,
            here="",
            title="Unsubscribed",
            text=f"{already}No digests will be sent to {recipient}.",
            href=resubscribe_url(root, recipient, as_of=context.now(), key=link_key),
            label="Resubscribe",
        )
        return Response(page, headers=_NO_STORE, media_type=HTML)


def _add_feedback(routes: APIRouter, context: WebContext, root: str) -> None:
    def fields_of(token: str) -> FeedbackFields:
        link_key = write_access(context).link_key.get_secret_value()
        return verify_feedback_link(token, as_of=context.now(), key=link_key)

    @routes.get("/feedback/{token}")
    def show_feedback(token: str, verdict: Annotated[Verdict, Query()] = "useful") -> Response:
        fields = fields_of(token)
        # The verdict that the reader clicked in the mail comes first.
        choices = sorted(_LABELS.items(), key=lambda choice: choice[0] != verdict)
        page = render(
            "feedback.html",
            root,
            here="",
            fields=fields,
            window=window_for_key(fields.window_key),
            choices=choices,
            action=f"{root}/feedback/{token}",
        )
        return Response(page, headers=_NO_STORE, media_type=HTML)

    @routes.post("/feedback/{token}")
    def give_feedback(token: str, verdict: Annotated[Verdict, Query()]) -> Response:
        fields = fields_of(token)
        result = write_access(context).feedback.record(
            window_for_key(fields.window_key).start,
            fields.symbol,
            fields.signal_type,
            fields.recipient_hash,
            useful=verdict == "useful",
            at=context.now(),
        )
        label = _LABELS[verdict].lower()
        texts = {
            "recorded": f"Your feedback is recorded: {fields.symbol} was {label}.",
            "changed": f"Your feedback is changed: {fields.symbol} was {label}. It replaces your earlier answer.",
            "unchanged": f"Your feedback was already recorded: {fields.symbol} was {label}.",
            "outdated": f"You gave a newer answer about {fields.symbol} already; that one counts.",
        }
        return message_page(root, "Thank you", texts[result])
