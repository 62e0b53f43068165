"""Signed links by which readers subscribe, take an unsubscription back, and change what they get.

As in `actions`, GET only shows a page and POST acts; acting twice changes nothing more. Which digests a reader gets,
and what of each, is in `core.digest.readers`.
"""

from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from signals_pipeline.core.digest.editions import edition_summary
from signals_pipeline.core.digest.links import LinkPurpose, preferences_url, verify_recipient_link
from signals_pipeline.core.digest.readers import (
    WHOLE_EDITION,
    Clock,
    DigestTimes,
    Edition,
    ReaderChoice,
    ReaderError,
    TimeStyle,
    parse_clock,
    parse_digest_times,
    parse_least_score,
    unknown_symbols,
)
from signals_pipeline.core.time_zones import TimeZoneError, check_zone
from signals_pipeline.core.watchlist import symbol_problem
from signals_pipeline.web.conditional import HTML
from signals_pipeline.web.context import WebContext, WriteAccess
from signals_pipeline.web.errors import QueryError
from signals_pipeline.web.pages import message_page
from signals_pipeline.web.permalinks import NotFoundError
from signals_pipeline.web.templating import render

# The pages hold an address or a token.
_NO_STORE = {"cache-control": "no-store"}

MAXIMUM_COMPANIES = 500
"""Companies that a reader may name; larger choices are every company."""

_BLOCKED = (
    "Mail to this address came back, or was reported as spam, so none is sent to it. Ask the operator to remove it from"
    " the list first."
)


def router(context: WebContext, root: str) -> APIRouter:
    """Return the routes of the links, below the path `root`."""
    routes = APIRouter(include_in_schema=False)
    _add_subscribe(routes, context, root)
    _add_resubscribe(routes, context, root)
    _add_preferences(routes, context, root)
    return routes


def _add_subscribe(routes: APIRouter, context: WebContext, root: str) -> None:
    @routes.get("/subscribe/{token}")
    def show_subscribe(token: str) -> Response:
        recipient = _recipient(context, "subscribe", token)
        return _button_page(
            root,
            "Subscribe",
            f"Nothing has changed yet. Press the button to get the digests by mail to {recipient}.",
            f"/subscribe/{token}",
            f"Subscribe {recipient}",
        )

    @routes.post("/subscribe/{token}")
    def subscribe(token: str) -> Response:
        recipient = _recipient(context, "subscribe", token)
        access = write_access(context)
        if access.suppressions.resubscribe(recipient) is not None:
            return message_page(root, "Not subscribed", _BLOCKED, 409)
        stored = access.choices.get(recipient)
        access.choices.put(
            ReaderChoice(
                recipient,
                stored.edition if stored else WHOLE_EDITION,
                stored.digests if stored else DigestTimes(),
                subscribed=True,
                changed_at=context.now(),
            )
        )
        text = f"Digests will be sent to {recipient} from the next one on. Every mail has a link that unsubscribes."
        return _link_page(root, "Subscribed", text, _preferences(context, root, recipient), "Choose what you get")


def _add_resubscribe(routes: APIRouter, context: WebContext, root: str) -> None:
    @routes.get("/resubscribe/{token}")
    def show_resubscribe(token: str) -> Response:
        recipient = _recipient(context, "resubscribe", token)
        return _button_page(
            root,
            "Resubscribe",
            f"Nothing has changed yet. Press the button to get digests to {recipient} again.",
            f"/resubscribe/{token}",
            f"Resubscribe {recipient}",
        )

    @routes.post("/resubscribe/{token}")
    def resubscribe(token: str) -> Response:
        recipient = _recipient(context, "resubscribe", token)
        if write_access(context).suppressions.resubscribe(recipient) is not None:
            return message_page(root, "Not resubscribed", _BLOCKED, 409)
        return message_page(root, "Resubscribed", f"Digests will be sent to {recipient} again, from the next one on.")


def _add_preferences(routes: APIRouter, context: WebContext, root: str) -> None:
    @routes.get("/readers/{token}")
    def show_preferences(token: str) -> Response:
        recipient = _recipient(context, "readers", token)
        access = write_access(context)
        stored = access.choices.get(recipient)
        page = render(
            "preferences.html",
            root,
            here="",
            recipient=recipient,
            has_choice=stored is not None,
            edition=stored.edition if stored else WHOLE_EDITION,
            digests=stored.digests.text if stored else DigestTimes().text,
            clocks=list(Clock),
            action=f"{root}/readers/{token}",
        )
        return Response(page, headers=_NO_STORE, media_type=HTML)

    @routes.post("/readers/{token}")
    def change_preferences(token: str, form: Annotated[dict[str, str], Depends(_form)]) -> Response:
        recipient = _recipient(context, "readers", token)
        access = write_access(context)
        edition, digests = _chosen(form, access.followed)
        result = access.choices.put(
            ReaderChoice(recipient, edition, digests, subscribed=False, changed_at=context.now())
        )
        if result == "outdated":
            return message_page(root, "Not saved", "You made a newer choice already; that one counts.", 409)
        text = f"From the next digest on, {recipient} gets {digests.text}, {edition_summary(edition)}."
        return _link_page(root, "Saved", text, f"{root}/readers/{token}", "Change it again")


async def _form(request: Request) -> dict[str, str]:
    """The fields of a posted form, each once.

    Raises:
        QueryError: The body is no form.
    """
    try:
        fields = parse_qs((await request.body()).decode("utf-8"), max_num_fields=20, strict_parsing=False)
    except ValueError as error:
        raise QueryError("the form can't be read; open the page again") from error
    return {name: values[-1].strip() for name, values in fields.items()}


def _chosen(form: dict[str, str], followed: tuple[str, ...]) -> tuple[Edition, DigestTimes]:
    """The edition and digests that a form asks for; a field that is empty or missing is the default.

    Raises:
        QueryError: A field has a value that it can't have; the message names the first.
    """
    try:
        edition = Edition(
            symbols=_symbols(form.get("companies", ""), followed),
            least_score=parse_least_score(form.get("least_score") or "0"),
            times=TimeStyle(
                zone=check_zone(form.get("zone") or TimeStyle().zone),
                clock=parse_clock(form.get("clock") or Clock.HOURS_24),
            ),
        )
        digests = parse_digest_times((form.get("digests") or "all").replace(",", " ").split())
    except (ReaderError, TimeZoneError) as error:
        raise QueryError(str(error)) from error
    return edition, digests


def _symbols(text: str, followed: tuple[str, ...]) -> tuple[str, ...] | None:
    """The symbols of a list with commas or spaces; None where it is empty.

    Raises:
        ReaderError: One of them is no symbol, or no company of the watchlist.
    """
    symbols = sorted({symbol.upper() for symbol in text.replace(",", " ").split()})
    if not symbols:
        return None
    if len(symbols) > MAXIMUM_COMPANIES:
        raise ReaderError(f"{len(symbols):,} companies; name at most {MAXIMUM_COMPANIES}, or none for every company")
    for symbol in symbols:
        problem = symbol_problem(symbol)
        if problem:
            raise ReaderError(problem)
    unknown = unknown_symbols(symbols, followed)
    if unknown:
        raise ReaderError(f"{', '.join(unknown[:5])} not on the watchlist; use companies that digests report on")
    return tuple(symbols)


def write_access(context: WebContext) -> WriteAccess:
    """What links may write to.

    Raises:
        NotFoundError: Links are disabled on this site.
    """
    if context.write_access is None:
        raise NotFoundError("Links are disabled on this site: SIGNALS_LINK_KEY is not set.")
    return context.write_access


def _recipient(context: WebContext, purpose: LinkPurpose, token: str) -> str:
    link_key = write_access(context).link_key.get_secret_value()
    return verify_recipient_link(purpose, token, as_of=context.now(), key=link_key)


def _preferences(context: WebContext, root: str, recipient: str) -> str:
    link_key = write_access(context).link_key.get_secret_value()
    return preferences_url(root, recipient, as_of=context.now(), key=link_key)


def _button_page(root: str, title: str, text: str, path: str, label: str) -> Response:
    page = render("button.html", root, here="", title=title, text=text, action=f"{root}{path}", label=label)
    return Response(page, headers=_NO_STORE, media_type=HTML)


def _link_page(root: str, title: str, text: str, href: str, label: str) -> Response:
    page = render("link.html", root, here="", title=title, text=text, href=href, label=label)
    return Response(page, headers=_NO_STORE, media_type=HTML)
