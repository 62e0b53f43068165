"""Headlines as evidence: normalised, linked to companies, and placed in the windows whose digests may use them.

`normalise` judges what feeds deliver, `link` (see `linking`) says whom a headline is about, `build` gives each window
the frame that its digest rests on. Copies of one headline stay apart until `build`, where the copies known at a
window's `as_of` are folded: a tag or a link that came later can't leak into an earlier window.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
import pandas as pd

from signals_pipeline.core.feeds import RawHeadline
from signals_pipeline.core.linking import link
from signals_pipeline.core.stories import NOVELTY, STORY_HOURS, Timeline, Told
from signals_pipeline.core.tables import HEADLINES
from signals_pipeline.core.titles import canonical_url, clean, content_address, readable
from signals_pipeline.core.versions import Versions
from signals_pipeline.core.windows import Window, evidence_interval

__all__ = ["REASONS", "Normalised", "build", "link", "news_interval", "normalise"]

# Not kept: no_time, no_title, removed, duplicate. Kept and counted: truncated, published_after_seen. Of no_title and
# removed, an item whose link and time of being seen are known is kept without text: it withdraws what the link told.
REASONS: tuple[str, ...] = ("duplicate", "no_time", "no_title", "published_after_seen", "removed", "truncated")
_REMOVED = "[removed]"  # what vendors put where a publisher withdrew the article
_SUMMARY_LIMIT = 1_000
_NAME_LIMIT = 100
_TAG_LIMIT = 12
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The order of copies: when they became known, then their content, never how they arrived.
_ORDER = [
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


@dataclass(frozen=True, slots=True)
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
        distinct = self.items.iloc[sorted(set(kept))]
        drops["duplicate"] = len(kept) - int((~_known_before(distinct)).sum())
        return dict(drops)


def normalise(raw: Iterable[RawHeadline]) -> Normalised:
    """Plain text, one clock and content addresses for everything that feeds delivered.

    A headline is its text on its UTC day of publication: `headline_id` does not depend on the feed, the link or any
    other headline. Copies that differ only in tags, publisher's name or feed, and were known at the same instant, are
    one row with the tags of all. The result does not depend on the order of the input.
    """
    judged: list[tuple[tuple[str, ...], _Copy | None]] = []
    names: dict[_Copy, tuple[str, str]] = {}
    tags: dict[_Copy, set[str]] = defaultdict(set)
    for one in raw:
        reasons: list[str] = []
        copy = _copy(one, reasons)
        judged.append((tuple(reasons), copy))
        if copy is not None:
            name = (clean(one.source or "", _NAME_LIMIT)[0], one.feed)
            names[copy] = min(names.get(copy, name), name)
            tags[copy].update(tag for tag in map(_tag, one.tags) if tag and copy.text)
    items = _frame([(*copy, *name, "|".join(sorted(tags[copy]))) for copy, name in names.items()])
    row_of = dict(zip(map(list(names).__getitem__, items.index), range(len(items)), strict=True))
    rows = [(reasons, -1 if copy is None else row_of[copy]) for reasons, copy in judged]
    done = Normalised(items.reset_index(drop=True), {}, rows)
    return replace(done, drops=done.drops_among(range(len(rows))))


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
    return frame.sort_values(_ORDER)


def _known_before(items: pd.DataFrame) -> pd.Series:
    """Whether a copy is of a headline that a row before it has: the same text on the same day or behind one link."""
    linked = items["url"] != ""
    return items.duplicated("headline_id") | (linked & items.duplicated(["text_hash", "url"]))


def news_interval(windows: Sequence[Window], *, lookback_hours: float, strict: bool) -> tuple[datetime, datetime]:
    """The half-open interval of known_at that `build` reads to place the evidence of these windows.

    Raises:
        ValueError: there are no windows.
    """
    seen = [_seen_from(window, lookback_hours=lookback_hours, strict=strict) for window in windows]
    return min(seen), max(window.as_of for window in windows)


def _seen_from(window: Window, *, lookback_hours: float, strict: bool) -> datetime:
    evidence_from, as_of = evidence_interval(window, lookback_hours=lookback_hours, strict=strict)
    return min(evidence_from, as_of - timedelta(hours=STORY_HOURS))


def build(linked: pd.DataFrame, windows: Sequence[Window], *, lookback_hours: float, strict: bool) -> pd.DataFrame:
    """The evidence of each window: one row a headline and company, with its story as known at `as_of`.

    A window sees the copies known in [as_of - 72 h, as_of), from its evidence's start where that is earlier. There, a
    headline's copies are one: the first gives headline_id, and a company's row is the first copy that links it. A
    text that was edited or withdrawn before as_of is no evidence any more, but its story stays told; a withdrawal is a
    row without text. The rows of one window are the same whichever others are asked for, and whatever becomes known
    later.

    Args:
        linked: As from `link`; it must reach back to `news_interval(windows)`.
        windows: In any order, none twice.
        lookback_hours: NEWS_LOOKBACK_HOURS.
        strict: NEWS_STRICT_LOOKBACK.

    Returns:
        HEADLINES rows; story_id is the headline_id of the story's first member in sight.
    """
    if not windows:
        return HEADLINES.empty()
    first, last = news_interval(windows, lookback_hours=lookback_hours, strict=strict)
    seen = linked[(linked["known_at"] >= first) & (linked["known_at"] < last)]
    ordered = seen.sort_values([*_ORDER, "symbol", "relevance"], ignore_index=True)
    timeline = Timeline(ordered)
    told = []
    for window in windows:
        evidence_from, _ = evidence_interval(window, lookback_hours=lookback_hours, strict=strict)
        seen_from = _seen_from(window, lookback_hours=lookback_hours, strict=strict)
        told.append(timeline.tell(*map(_microseconds, (seen_from, evidence_from, window.start, window.as_of))))
    return HEADLINES.conform(_rows(ordered, windows, told))


def _rows(ordered: pd.DataFrame, windows: Sequence[Window], told: Sequence[Told]) -> pd.DataFrame:
    starts = np.array([_microseconds(window.start) for window in windows]).view("datetime64[us]")
    ids = ordered["headline_id"].to_numpy()
    ends = np.array([_microseconds(window.as_of) for window in windows]).view("datetime64[us]")
    sizes = [len(one.row) for one in told]
    member = np.concatenate([one.member for one in told])
    rows = ordered.iloc[np.concatenate([one.row for one in told])].assign(
        window_start=pd.DatetimeIndex(np.repeat(starts, sizes), tz=UTC),
        headline_id=ids[np.concatenate([one.headline for one in told])],
        story_id=ids[np.concatenate([one.story for one in told])],
        member=member,
        novelty=np.maximum(NOVELTY**member, np.finfo(np.float64).tiny),  # a template told 2,500 times underflows
        told=np.concatenate([one.told for one in told]),
    )
    return rows[~Versions.of(ordered).replaced_rows(rows, np.repeat(ends, sizes))]


def _microseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)
