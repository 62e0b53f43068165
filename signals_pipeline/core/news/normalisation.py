"""Normalisation of what feeds deliver: plain text, one clock and content addresses, and a count of what was set aside.

Each item is looked at by itself; copies of one headline are only counted here and merged later, by
`core.news.evidence`. The cleaning of single texts and links is in `core.text`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Literal, NamedTuple, get_args

import pandas as pd

from signals_pipeline.core.chunks import MapChunks, chunked, map_serially
from signals_pipeline.core.text import canonical_url, clean, content_address, readable

# Dropped: duplicate, no_time, no_title, removed. Counted but still used: published_after_seen, truncated. An item
# without a title, or one that the publisher removed, still makes a row without text where its link and the time of its
# arrival are known: it withdraws what the link said before.
Reason = Literal["duplicate", "no_time", "no_title", "published_after_seen", "removed", "truncated"]
REASONS: tuple[Reason, ...] = get_args(Reason)

HEADLINES_A_SHARE = 5_000  # items per chunk of work

# The order of copies: by when they became known, then by their content, never by how they arrived.
ORDER = [
    "known_at",
    "headline_id",
    "url",
    "title",
    "summary",
    "published_at",
    "reconstructed",
    "source",
    "feed",
    "tags",
]

_REMOVED = "[removed]"  # the title that NewsAPI gives an article which its publisher withdrew; casefolded
_SUMMARY_LIMIT = 1_000  # characters of the lead, which is only searched for companies
_NAME_LIMIT = 100  # characters of a publisher's name
_TAG_LIMIT = 12  # characters; a longer tag is no ticker, with a class and an exchange suffix either
_ID_LENGTH = (
    16  # hex digits of a headline_id: 64 bits, so ten million headlines collide with a chance of 3 in a million
)


@dataclass(frozen=True, slots=True)
class RawHeadline:
    """One item as a feed delivered it. Anything may be missing or hostile; `normalisation` cleans and counts.

    Attributes:
        published_at: When the publisher says it appeared, timezone-aware UTC; None where the feed gave no time that
            can be read without guessing.
        title: Title as delivered, markup and control characters included.
        url: Link as delivered, of any scheme.
        source: Publisher.
        feed: Name of the adapter that delivered it.
        summary: Lead or description.
        tags: Symbols that the vendor tagged the item with; `linker.QUERY_MARK` stands before one that we asked it for.
        first_seen_at: When a collector first received it, timezone-aware UTC; None where nobody recorded it.
    """

    published_at: datetime | None
    title: str | None
    url: str | None
    source: str | None
    feed: str
    summary: str | None = None
    tags: tuple[str, ...] = ()
    first_seen_at: datetime | None = None

    def __reduce__(self) -> tuple[type["RawHeadline"], tuple[object, ...]]:
        """Pickle the headline as a constructor call.

        Headlines are sent to worker processes by the thousand, and Python's own pickling of a frozen dataclass with
        slots takes six times as long.
        """
        values = tuple(getattr(self, name) for name in self.__slots__)
        return RawHeadline, values

    @property
    def known_at(self) -> datetime | None:
        """From when on it may be used: the later of published_at and first_seen_at; None without published_at."""
        if self.published_at is None or self.first_seen_at is None:
            return self.published_at
        return max(self.published_at, self.first_seen_at)


class _Copy(NamedTuple):
    """What makes a copy of a headline one row: everything but its publisher, feed and tags."""

    known_at: datetime
    headline_id: str
    url: str
    title: str
    summary: str
    published_at: datetime
    reconstructed: bool
    text: str
    text_hash: str


class _NormalisedItem(NamedTuple):
    """One delivered item: why it is counted, and the copy that it makes, if it can be used."""

    reasons: tuple[Reason, ...]
    copy: _Copy | None
    origin: tuple[str, str]  # publisher and feed
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Normalised:
    """What can be used of a delivery, and what became of the rest.

    Attributes:
        items: One row per copy of a headline: headline_id, published_at, known_at, reconstructed, title, text,
            text_hash, summary, url, source, feed, tags (the vendor's symbols, sorted, joined by `|`); sorted by ORDER.
        drops: Number of items by reason, every reason of REASONS present. `duplicate` counts copies of a headline that
            was known earlier; `evidence.build` merges them.
        results: For each item of the delivery, in its order, the reasons that count it and the position of its row in
            `items`, -1 where it has none.
    """

    items: pd.DataFrame
    drops: dict[str, int]
    results: Sequence[tuple[tuple[Reason, ...], int]]

    def headlines(self, rows: Iterable[int]) -> list[list[int]]:
        """Group rows of `items` into headlines: the same text on the same day, or behind one link, is one.

        Rows are followed backwards only, as `stories` does: a row belongs with the earliest that it leads to, and never
        joins two earlier headlines.

        Returns:
            The distinct rows of each headline, ascending, in the order of their first rows.
        """
        headlines: list[list[int]] = []
        headline_by_identity: dict[tuple[str, ...], list[int]] = {}
        for row in sorted(set(rows)):
            identities = self.identities[row]
            known = [headline_by_identity[identity] for identity in identities if identity in headline_by_identity]
            if known:
                headline = min(known)
                headline.append(row)
            else:
                headline = [row]
                headlines.append(headline)
            # The newest row with an identity is the one that a later row leads back to.
            for identity in identities:
                headline_by_identity[identity] = headline
        return headlines

    @cached_property
    def identities(self) -> list[tuple[tuple[str, ...], ...]]:
        """What identifies each row's headline: its id and, where it has a link, its text together with the link."""
        headline_ids = self.items["headline_id"].tolist()
        text_hashes = self.items["text_hash"].tolist()
        urls = self.items["url"].tolist()
        identities: list[tuple[tuple[str, ...], ...]] = []
        for headline_id, text_hash, url in zip(headline_ids, text_hashes, urls, strict=True):
            if url:
                identities.append(((headline_id,), (text_hash, url)))
            else:
                identities.append(((headline_id,),))
        return identities


def normalise(raw: Iterable[RawHeadline], map_chunks: MapChunks = map_serially) -> Normalised:
    """Bring everything that feeds delivered to plain text, one clock and content addresses.

    A headline is its text on its UTC day of publication: `headline_id` does not depend on the feed, the link or any
    other headline. Copies that differ only in tags, publisher's name or feed, and were known at the same instant, are
    one row with the tags of all. The result does not depend on the order of the input.

    Args:
        raw: What was delivered.
        map_chunks: Where the chunks of work are done; each item is normalised by itself.
    """
    shares = chunked([*raw], HEADLINES_A_SHARE)
    results = map_chunks(_normalise_items, shares, sizes=[len(share) for share in shares], unit="headlines")
    normalised: list[_NormalisedItem] = []
    for result in results:
        normalised.extend(result)

    # Merge what is one row: the first publisher and feed in alphabetical order, and the tags of all.
    origins: dict[_Copy, tuple[str, str]] = {}
    tags: dict[_Copy, set[str]] = defaultdict(set)
    for item in normalised:
        if item.copy is None:
            continue
        origins[item.copy] = min(origins.get(item.copy, item.origin), item.origin)
        tags[item.copy].update(item.tags)

    # Sort the rows, and note where each copy went.
    copies = list(origins)
    rows: list[tuple[object, ...]] = []
    for copy in copies:
        all_tags = "|".join(sorted(tags[copy]))
        rows.append((*copy, *origins[copy], all_tags))
    frame = _sorted_frame(rows)
    positions: list[int] = frame.index.tolist()
    row_of_copy = {copies[position]: row for row, position in enumerate(positions)}

    # Report what became of each item, and count the reasons over all of them.
    item_results: list[tuple[tuple[Reason, ...], int]] = []
    drops: Counter[str] = Counter(dict.fromkeys(REASONS, 0))
    for item in normalised:
        row = -1 if item.copy is None else row_of_copy[item.copy]
        item_results.append((item.reasons, row))
        drops.update(item.reasons)
    uncounted = Normalised(frame.reset_index(drop=True), {}, item_results)
    rows_of_items = [row for _, row in item_results if row >= 0]
    drops["duplicate"] = len(rows_of_items) - len(uncounted.headlines(rows_of_items))
    return replace(uncounted, drops=dict(drops))


def _normalise_items(raw: Sequence[RawHeadline]) -> list[_NormalisedItem]:
    """The items of one chunk; module-level, so that it can be pickled for a worker process."""
    return [_normalise_item(headline) for headline in raw]


def _normalise_item(headline: RawHeadline) -> _NormalisedItem:
    copy, reasons = _copy(headline)
    source = ""
    tags: list[str] = []
    if copy is not None:
        source, _ = clean(headline.source or "", _NAME_LIMIT)
        # The tags of a withdrawal name no company.
        if copy.text:
            tags = [symbol for symbol in map(_symbol, headline.tags) if symbol]
    return _NormalisedItem(reasons, copy, (source, headline.feed), tuple(tags))


def _copy(headline: RawHeadline) -> tuple[_Copy | None, tuple[Reason, ...]]:
    """The copy that an item makes, None where it can't be used, and the reasons that count it."""
    # Both times must be readable; a first_seen_at that is missing altogether only makes the item reconstructed.
    published_at, first_seen_at = _utc(headline.published_at), _utc(headline.first_seen_at)
    seen_is_unreadable = first_seen_at is None and headline.first_seen_at is not None
    if published_at is None or seen_is_unreadable:
        return None, ("no_time",)

    # Without words, or removed by the publisher, it can only withdraw what its link said before.
    title, is_truncated = clean(headline.title or "")
    if title.casefold() == _REMOVED:
        return _withdrawal(headline, published_at, first_seen_at), ("removed",)
    text = readable(title)
    if not text:
        return _withdrawal(headline, published_at, first_seen_at), ("no_title",)

    reasons: list[Reason] = []
    if is_truncated:
        reasons.append("truncated")
    if first_seen_at is not None and published_at > first_seen_at:
        reasons.append("published_after_seen")

    summary, _ = clean(headline.summary or "", _SUMMARY_LIMIT)
    copy = _Copy(
        known_at=published_at if first_seen_at is None else max(published_at, first_seen_at),
        headline_id=content_address(f"{text.casefold()}\n{published_at.date()}")[:_ID_LENGTH],
        url=canonical_url(headline.url),
        title=title,
        summary=summary,
        published_at=published_at,
        reconstructed=first_seen_at is None,
        text=text,
        text_hash=content_address(text),
    )
    return copy, tuple(reasons)


def _withdrawal(
    headline: RawHeadline,
    published_at: datetime,
    first_seen_at: datetime | None,
) -> _Copy | None:
    """A copy without text, where it is known what was withdrawn and when that was seen."""
    url = canonical_url(headline.url)
    if not url or first_seen_at is None:
        return None
    return _Copy(
        known_at=max(published_at, first_seen_at),
        headline_id=content_address(f"\n{url}")[:_ID_LENGTH],
        url=url,
        title="",
        summary="",
        published_at=published_at,
        reconstructed=False,
        text="",
        text_hash="",
    )


def _utc(instant: datetime | None) -> datetime | None:
    """The instant in UTC; None where it is missing, naive (no zone is guessed) or beyond the calendar."""
    if instant is None or instant.tzinfo is None:
        return None
    try:
        return instant.astimezone(UTC)
    except OverflowError:  # the years 1 and 9999: a placeholder, not a time
        return None


def _symbol(tag: str) -> str:
    """A vendor's tag as a ticker (`$aapl` is `AAPL`); empty where it can't be one."""
    plain, _ = clean(tag, _TAG_LIMIT)
    symbol = plain.upper().removeprefix("$")
    # Tags are stored joined by `|`.
    if not symbol.isascii() or "|" in symbol or " " in symbol:
        return ""
    return symbol


def _sorted_frame(rows: Sequence[tuple[object, ...]]) -> pd.DataFrame:
    """Rows of _Copy, source, feed and tags as a frame sorted by ORDER; its index says which row each one was."""
    names = [*_Copy._fields, "source", "feed", "tags"]
    dtypes = dict.fromkeys(names, "str")
    dtypes |= {"known_at": "datetime64[us, UTC]", "published_at": "datetime64[us, UTC]", "reconstructed": "bool"}
    frame = pd.DataFrame(rows, columns=pd.Index(names)).astype(dtypes)
    return frame.sort_values(ORDER)
