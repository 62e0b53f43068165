"""Which of several deliveries of an item counts: the first, however often and from wherever it is delivered again.

A collector that appends every poll delivers an item as long as its feed lists it. The same title behind the same link,
or the same title of the same publisher and day of publication, is that item again: it was first seen when it was first
delivered. Another title behind a link is an edit, which is known from its own delivery on. The archive of live
headlines keeps items for good by itself (`core.news.archive`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from signals_pipeline.core.news.normalisation import RawHeadline
from signals_pipeline.core.text import canonical_url, clean

ItemKey = tuple[str, str, str]
"""A title and where it was found: its link, or its publisher and its day of publication."""


@dataclass(slots=True)
class _Item:
    """What is known of an item before a delivery: the tags of the deliveries so far."""

    tags: set[str] = field(default_factory=set[str])


def first_deliveries(headlines: Iterable[RawHeadline]) -> list[RawHeadline]:
    """The headlines without those that deliver an item again.

    A copy with a tag that no earlier one had is not left out: for that company it is the first delivery. Nor is a copy
    without first_seen_at, of which nobody knows when it was delivered.

    Args:
        headlines: In the order in which they became known.
    """
    item_by_key: dict[ItemKey, _Item] = {}
    first: list[RawHeadline] = []
    for headline in headlines:
        keys = _item_keys(headline)
        known_items = [item_by_key[key] for key in keys if key in item_by_key]
        item = known_items[0] if known_items else _Item()
        for key in keys:
            item_by_key.setdefault(key, item)
        is_again = bool(known_items) and item.tags.issuperset(headline.tags)
        if not is_again or headline.first_seen_at is None:
            first.append(headline)
        item.tags.update(headline.tags)
    return first


def title_key(headline: RawHeadline) -> ItemKey | None:
    """Title, publisher and day of publication; None where one of them is missing."""
    if headline.published_at is None or not headline.title or not headline.source:
        return None
    title, source = _plain(headline.title), _plain(headline.source)
    if not title or not source:
        return None
    return title, source, headline.published_at.date().isoformat()


def _item_keys(headline: RawHeadline) -> list[ItemKey]:
    """What identifies the item: its title behind its link, and its title of its publisher on its day."""
    keys: list[ItemKey] = []
    url = canonical_url(headline.url)
    if url:
        keys.append((_plain(headline.title or ""), url, ""))
    by_title = title_key(headline)
    if by_title is not None:
        keys.append(by_title)
    return keys


def _plain(text: str) -> str:
    """The text without markup, in one case."""
    plain, _ = clean(text)
    return plain.casefold()
