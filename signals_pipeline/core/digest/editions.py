"""A reader's edition of a digest: the same signals, filtered by companies and least score; nothing is decided anew.

Coverage, funnel, settings, remarks and track record stay the digest's: what is missing there may be missing for every
reader. An edition is stored with each mail as the JSON text that `stored_edition` writes.
"""

import json
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError

from signals_pipeline.core.digest.model import Card, Digest, DigestKind
from signals_pipeline.core.digest.readers import NEW_YORK_TIMES, WHOLE_EDITION, Clock, Edition, TimeStyle
from signals_pipeline.core.digest.wording import eastern, preheader, subject, subject_tag
from signals_pipeline.core.errors import SignalsError
from signals_pipeline.core.text import quantity
from signals_pipeline.core.windows import day, window_for_key

MAX_NAMED_COMPANIES = 5
"""Companies that the note of an edition names; it counts the others."""


class EditionError(SignalsError, ValueError):
    """A stored edition can't be read; the message is one line."""


def stored_edition(edition: Edition) -> str | None:
    """The edition as JSON text; equal editions give equal texts. None for the whole digest as it is."""
    if edition == WHOLE_EDITION:
        return None
    value = {
        "symbols": edition.symbols,
        "least_score": edition.least_score,
        "times": {"zone": edition.times.zone, "clock": edition.times.clock},
        "unfollowed": edition.unfollowed,
    }
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def parse_edition(text: str | None) -> Edition:
    """Read what `stored_edition` wrote, of this release or of a later one that added fields.

    Raises:
        EditionError: It is not an edition.
    """
    if text is None:
        return WHOLE_EDITION
    try:
        return _reader().validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(name) for name in first["loc"]) or "its beginning"
        raise EditionError(f"stored edition is malformed at {field} ({first['msg']}); abandon the mail") from error


@cache
def _reader() -> TypeAdapter[Edition]:
    # Built on first use: most processes that import this module never read a stored edition.
    return TypeAdapter(Edition)


def with_unfollowed(edition: Edition, followed: Collection[str]) -> Edition:
    """The edition with those of its companies named that the pipeline does not follow."""
    symbols = edition.symbols or ()
    return replace(edition, unfollowed=tuple(symbol for symbol in symbols if symbol not in followed))


def edit(digest: Digest, edition: Edition) -> Digest:
    """The digest as an edition shows it; the same digest where the edition shows everything.

    A card or line is left out where its company or its score is not asked for; near misses by company alone. Subject,
    preheader and kind follow from what remains, and a degraded digest stays degraded.
    """
    if edition.is_whole:
        return digest
    new = tuple(card for card in digest.new if _shows(edition, card.symbol, card.combined_score))
    changed = tuple(card for card in digest.changed if _shows(edition, card.symbol, card.combined_score))
    missed = tuple(card for card in digest.from_missed if _shows(edition, card.symbol, card.combined_score))
    active = tuple(line for line in digest.still_active if _shows(edition, line.symbol, line.combined_score))
    expired = tuple(line for line in digest.expired if _shows(edition, line.symbol, line.combined_score))
    corrected = tuple(line for line in digest.corrected if _shows(edition, line.symbol, line.combined_score))
    near_misses = tuple(miss for miss in digest.near_misses if _follows(edition, miss.symbol))

    has_news = bool(new or changed or missed or corrected)
    kind: DigestKind = "quiet" if digest.kind == "full" and not has_news else digest.kind
    headline = subject(
        kind,
        digest.coverage,
        new,
        changed,
        missed,
        corrected=corrected,
        still_active=len(active),
        without_prices=len(digest.without_prices),
    )
    # Near misses that only repeat what is active are no news, as in the digest itself.
    sides = {(line.symbol, line.signal_type) for line in (*digest.still_active, *digest.from_missed)}
    near_miss_news = [miss for miss in near_misses if (miss.symbol, _side(miss.combined_score)) not in sides]
    return replace(
        digest,
        kind=kind,
        subject=subject_tag(digest.mode, digest.deployment) + headline,
        preheader=preheader(
            (*new, *changed, *missed), near_miss_news, window_for_key(digest.window_key), digest.knobs, corrected
        ),
        new=new,
        changed=changed,
        from_missed=missed,
        still_active=active,
        expired=expired,
        corrected=corrected,
        near_misses=near_misses,
    )


def edition_summary(edition: Edition) -> str:
    """What an edition shows, in words: `every company`, `3 companies, signals of at least 0.40 either way`."""
    parts = ["every company"]
    if edition.symbols is not None:
        parts = [quantity(len(edition.symbols), "company", "companies")]
    if edition.least_score:
        parts.append(f"signals of at least {edition.least_score:.2f} either way")
    return ", ".join(parts)


def edition_note(digest: Digest, edition: Edition) -> str:
    """What an edition leaves out of a digest, in words; empty where it shows everything.

    Args:
        digest: The whole digest.
        edition: The edition.
    """
    if edition.is_whole:
        return ""
    hidden = sum(not _shows(edition, card.symbol, card.combined_score) for card in _cards(digest))
    left_out = "none is left out" if not hidden else f"{quantity(hidden, 'other new or changed signal')} not shown"
    note = f"Your selection: {edition_summary(edition)}; {left_out}."
    if edition.unfollowed:
        shown = ", ".join(edition.unfollowed[:MAX_NAMED_COMPANIES])
        others = len(edition.unfollowed) - MAX_NAMED_COMPANIES
        more = f" and {others} more" if others > 0 else ""
        note += f" No news is collected about {shown}{more}: not on the watchlist."
    return note


def shown_time(instant: datetime, style: TimeStyle) -> str:
    """An instant as a reader sees it: `Mon 16 Feb 08:30 ET`, `Mon 16 Feb 1:30 pm GMT`."""
    if style == NEW_YORK_TIMES:
        return eastern(instant)
    local = instant.astimezone(ZoneInfo(style.zone))
    zone = "ET" if style.zone == NEW_YORK_TIMES.zone else zone_label(local)
    return f"{day(local)} {clock_time(local, style.clock)} {zone}"


def zone_label(local: datetime) -> str:
    """The abbreviation of an instant's zone, such as `CET`; `UTC+08` where it has none of its own."""
    name = local.tzname() or ""
    return name if name.isalpha() else f"UTC{name}"


def clock_time(local: datetime, clock: Clock) -> str:
    """A time of day: `17:30`, or `5:30 pm`."""
    if clock is Clock.HOURS_24:
        return f"{local:%H:%M}"
    hour = local.hour % 12 or 12
    return f"{hour}:{local:%M} {'am' if local.hour < 12 else 'pm'}"


def _cards(digest: Digest) -> tuple[Card, ...]:
    return (*digest.new, *digest.changed, *digest.from_missed)


def _follows(edition: Edition, symbol: str) -> bool:
    return edition.symbols is None or symbol in edition.symbols


def _shows(edition: Edition, symbol: str, combined_score: float) -> bool:
    return _follows(edition, symbol) and abs(combined_score) >= edition.least_score


def _side(combined_score: float) -> str:
    return "BUY" if combined_score > 0 else "SELL"
