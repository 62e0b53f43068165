"""What signed links of a mail do: unsubscribe, and say whether a signal was useful.

GET only shows a page: scanners of mail open every link. POST acts, also a mail program's one-click POST (RFC 8058), and
a second POST of the same link changes nothing.
"""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from signals_pipeline.core.digest.links import Verdict, judging, unsubscribing
from signals_pipeline.core.windows import window_for_key
from signals_pipeline.web.conditional import HTML
from signals_pipeline.web.context import WebContext, Writing
from signals_pipeline.web.pages import message
from signals_pipeline.web.permalinks import UnknownError
from signals_pipeline.web.templating import render

_CHOICES: tuple[tuple[Verdict, str], ...] = (("useful", "Useful"), ("not_useful", "Not useful"))
_NO_STORE = {"cache-control": "no-store"}


def router(context: WebContext, root: str) -> APIRouter:
    """The links' addresses, below the path `root`."""
    found = APIRouter(include_in_schema=False)
    _add_unsubscribe(found, context, root)
    _add_feedback(found, context, root)
    return found


def _add_unsubscribe(found: APIRouter, context: WebContext, root: str) -> None:
    @found.get("/unsubscribe/{token}")
    def show_unsubscribe(token: str) -> Response:
        recipient = unsubscribing(token, as_of=context.now(), key=_writing(context).key.get_secret_value())
        page = render("unsubscribe.html", root, here="", recipient=recipient, action=f"{root}/unsubscribe/{token}")
        return Response(page, headers=_NO_STORE, media_type=HTML)

    @found.post("/unsubscribe/{token}")
    def unsubscribe(token: str) -> Response:
        writing, now = _writing(context), context.now()
        recipient = unsubscribing(token, as_of=now, key=writing.key.get_secret_value())
        added = writing.suppressions.add(recipient, "unsubscribed", now)
        said = "No digest goes" if added else "It was done already: no digest goes"
        return message(root, "Unsubscribed", f"{said} to {recipient} any more. To get it again, ask whoever runs it.")


def _add_feedback(found: APIRouter, context: WebContext, root: str) -> None:
    @found.get("/feedback/{token}")
    def show_feedback(token: str, verdict: Annotated[Verdict, Query()] = "useful") -> Response:
        fields = judging(token, as_of=context.now(), key=_writing(context).key.get_secret_value())
        window = window_for_key(fields.window_key)
        choices = sorted(_CHOICES, key=lambda choice: choice[0] != verdict)
        action = f"{root}/feedback/{token}"
        page = render("feedback.html", root, here="", fields=fields, window=window, choices=choices, action=action)
        return Response(page, headers=_NO_STORE, media_type=HTML)

    @found.post("/feedback/{token}")
    def give_feedback(token: str, verdict: Annotated[Verdict, Query()]) -> Response:
        writing, now = _writing(context), context.now()
        fields = judging(token, as_of=now, key=writing.key.get_secret_value())
        start = window_for_key(fields.window_key).start
        key = (start, fields.symbol, fields.signal_type, fields.recipient_hash)
        said = writing.feedback.record(*key, useful=verdict == "useful", at=now)
        words = dict(_CHOICES)[verdict].lower()
        answer = {
            "recorded": f"{fields.symbol} counts as {words}.",
            "changed": f"{fields.symbol} counts as {words} now; your earlier answer is gone.",
            "unchanged": f"You said so before: {fields.symbol} counts as {words}.",
        }
        return message(root, "Thank you", answer[said])


def _writing(context: WebContext) -> Writing:
    if context.writing is None:
        raise UnknownError("Links are switched off here: whoever runs this has set no SIGNALS_LINK_KEY.")
    return context.writing
