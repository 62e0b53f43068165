"""What feeds deliver, judged item by item: plain text, one clock, content addresses; and what became of the rest."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import NamedTuple

import pandas as pd

from signals_pipeline.core.chunks import MapChunks, chunked, map_serially
from signals_pipeline.core.news.feeds import RawHeadline
from signals_pipeline.core.text import canonical_url, clean, content_address, readable

# Not kept: no_time, no_title, removed, duplicate. Kept and counted: truncated, published_after_seen. Of no_title and
# removed, an item whose link and time of being seen are known is kept without text: it withdraws what the link told.
REASONS: tuple[str, ...] = ("duplicate", "no_time", "no_title", "published_after_seen", "removed", "truncated")
HEADLINES_A_SHARE = 5_000
_REMOVED = "[removed]"  # what vendors put where a publisher withdrew the article
_SUMMARY_LIMIT = 1_000
_NAME_LIMIT = 100
_TAG_LIMIT = 12
# The order of copies: when they became known, then their content, never how they arrived.
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


class _Copy(NamedTuple):
    known_at: datetime
    headline_id: str
    url: str
    title: str
    summary: str
    published_at: datetime
    reconstructed: bool
    text: str
    text_hash: str


class _Judged(NamedTuple):
    reasons: tuple[str, ...]
    copy: _Copy | None
    name: tuple[str, str]
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Normalised:
    """What can be used of a delivery, and what became of the rest.

    Attributes:
        items: One row a copy of a headline: headline_id, published_at, known_at, reconstructed, title, text,
            text_hash, summary, url, source, feed, tags (the vendor's symbols, sorted, joined by `|`); sorted.
        drops: Count by reason, every reason of `REASONS` present. `duplicate` counts copies of a headline known
            earlier; they are folded into it by `build`.
        judged: Of each item of the delivery, in its order, the reasons that count it and its row in `items`, -1 where
            it has none.
    """

    items: pd.DataFrame
    drops: dict[str, int]
    judged: Sequence[tuple[tuple[str, ...], int]]

    def drops_among(self, places: Iterable[int]) -> dict[str, int]:
        """What `normalise` would count in a delivery of the items at these places alone."""
        judged = [self.judged[place] for place in places]
        drops = Counter(dict.fromkeys(REASONS, 0))
        drops.update(reason for reasons, _ in judged for reason in reasons)
        kept = [row for _, row in judged if row >= 0]
        drops["duplicate"] = len(kept) - self._distinct(sorted({*kept}))
        return dict(drops)

    def _distinct(self, rows: Iterable[int]) -> int:
        """How many headlines these rows are of: the same text on the same day or behind one link is one."""
        names, told, count = self._names, set[tuple[str, ...]](), 0
        for row in rows:
            count += told.isdisjoint(names[row])
            told.update(names[row])
        return count

    @cached_property
    def _names(self) -> list[tuple[tuple[str, ...], ...]]:
        """What each row's headline goes by: its id, and where it has a link its text with that."""
        columns = (self.items[name].tolist() for name in ("headline_id", "text_hash", "url"))
        return [((id_,), (text, url)) if url else ((id_,),) for id_, text, url in zip(*columns, strict=True)]


def normalise(raw: Iterable[RawHeadline], map_chunks: MapChunks = map_serially) -> Normalised:
    """Plain text, one clock and content addresses for everything that feeds delivered.

    A headline is its text on its UTC day of publication: `headline_id` does not depend on the feed, the link or any
    other headline. Copies that differ only in tags, publisher's name or feed, and were known at the same instant, are
    one row with the tags of all. The result does not depend on the order of the input.

    Args:
        raw: What was delivered.
        map_chunks: Maps the work over chunks of items; each item is judged by itself.
    """
    shares = chunked([*raw], HEADLINES_A_SHARE)
    made = map_chunks(_judge, shares, sizes=[*map(len, shares)], unit="headlines")
    judged = [one for share in made for one in share]
    names: dict[_Copy, tuple[str, str]] = {}
    tags: dict[_Copy, set[str]] = defaultdict(set)
    for one in judged:
        if one.copy is not None:
            names[one.copy] = min(names.get(one.copy, one.name), one.name)
            tags[one.copy].update(one.tags)
    items = _frame([(*copy, *name, "|".join(sorted(tags[copy]))) for copy, name in names.items()])
    row_of = dict(zip(map(list(names).__getitem__, items.index), range(len(items)), strict=True))
    rows = [(one.reasons, -1 if one.copy is None else row_of[one.copy]) for one in judged]
    done = Normalised(items.reset_index(drop=True), {}, rows)
    return replace(done, drops=done.drops_among(range(len(rows))))


def _judge(raw: Sequence[RawHeadline]) -> list[_Judged]:
    judged = []
    for one in raw:
        reasons: list[str] = []
        copy = _copy(one, reasons)
        name = "" if copy is None else clean(one.source or "", _NAME_LIMIT)[0]
        tags = [tag for tag in map(_tag, one.tags) if tag] if copy and copy.text else []
        judged.append(_Judged(tuple(reasons), copy, (name, one.feed), tuple(tags)))
    return judged


def _copy(one: RawHeadline, reasons: list[str]) -> _Copy | None:
    """What identifies a copy, or None where it can't be used; either way the reasons say so."""
    published, seen = _utc(one.published_at), _utc(one.first_seen_at)
    if published is None or (seen is None and one.first_seen_at is not None):
        reasons.append("no_time")
        return None
    title, cut = clean(one.title or "")
    text = "" if title.casefold() == _REMOVED else readable(title)
    if not text:
        reasons.append("removed" if title.casefold() == _REMOVED else "no_title")
        return _withdrawal(one, published, seen)
    reasons.extend(["truncated"] * cut)
    reasons.extend(["published_after_seen"] * (seen is not None and published > seen))
    return _Copy(
        known_at=published if seen is None else max(published, seen),
        headline_id=content_address(f"{text.casefold()}\n{published.date()}")[:16],
        url=canonical_url(one.url),
        title=title,
        summary=clean(one.summary or "", _SUMMARY_LIMIT)[0],
        published_at=published,
        reconstructed=seen is None,
        text=text,
        text_hash=content_address(text),
    )


def _withdrawal(one: RawHeadline, published: datetime, seen: datetime | None) -> _Copy | None:
    """A copy without text, where it is known what was withdrawn and when that was seen."""
    url = canonical_url(one.url)
    if not url or seen is None:
        return None
    known_at = max(published, seen)
    identity = content_address(f"\n{url}")[:16]
    return _Copy(known_at, identity, url, "", "", published, reconstructed=False, text="", text_hash="")


def _utc(instant: datetime | None) -> datetime | None:
    """The instant in UTC; None where it is missing or naive (no zone is guessed) or beyond the calendar."""
    if instant is None or instant.tzinfo is None:
        return None
    try:
        return instant.astimezone(UTC)
    except OverflowError:  # the years 1 and 9999: a placeholder, not a time
        return None


def _tag(tag: str) -> str:
    plain = clean(tag, _TAG_LIMIT)[0].upper().removeprefix("$")
    return plain if plain.isascii() and not set(plain) & set("| ") else ""


def _frame(rows: Sequence[tuple[object, ...]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=pd.Index([*_Copy._fields, "source", "feed", "tags"]))
    instant = dict.fromkeys(("known_at", "published_at"), "datetime64[us, UTC]")
    frame = frame.astype(dict.fromkeys(frame.columns, "str") | instant | {"reconstructed": "bool"})
    return frame.sort_values(ORDER)
