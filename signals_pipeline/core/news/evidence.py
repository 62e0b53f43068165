"""The evidence of each window: headlines linked, grouped into stories, and cut to the words about each company.

Copies of one headline stay apart until `build`, where the copies known at a window's `as_of` are merged: a tag or a
link that arrived later cannot leak into an earlier window.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import numpy as np
import pandas as pd

from signals_pipeline.core.chunks import MapChunks, chunked, map_serially
from signals_pipeline.core.linking.clauses import assign_clauses
from signals_pipeline.core.linking.linker import link
from signals_pipeline.core.news.normalisation import ORDER
from signals_pipeline.core.news.stories import NOVELTY, STORY_HOURS, Timeline, WindowStories
from signals_pipeline.core.news.versions import Versions
from signals_pipeline.core.tables import HEADLINES, concat
from signals_pipeline.core.watchlist import Watchlist
from signals_pipeline.core.windows import Window, evidence_interval

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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
    ordered = seen.sort_values([*ORDER, "symbol", "relevance"], ignore_index=True)
    timeline = Timeline(ordered)
    told = []
    for window in windows:
        evidence_from, _ = evidence_interval(window, lookback_hours=lookback_hours, strict=strict)
        seen_from = _seen_from(window, lookback_hours=lookback_hours, strict=strict)
        told.append(timeline.tell(*map(_microseconds, (seen_from, evidence_from, window.start, window.as_of))))
    return HEADLINES.conform(_rows(ordered, windows, told))


def _rows(ordered: pd.DataFrame, windows: Sequence[Window], told: Sequence[WindowStories]) -> pd.DataFrame:
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


WINDOWS_A_SHARE = 40  # what comes before a share's windows is linked for it again: two days in a month

_Share = tuple[pd.DataFrame, Sequence[Window]]


def build_evidence(
    items: pd.DataFrame,
    watchlist: Watchlist,
    windows: Sequence[Window],
    *,
    lookback_hours: float,
    strict: bool,
    map_chunks: MapChunks = map_serially,
) -> tuple[pd.DataFrame, dict[str, int]]:
    """The evidence of each window, in the words that speak of each company.

    Args:
        items: `headlines.Normalised.items`, by known_at; they must reach back to `headlines.news_interval(windows)`.
        watchlist: The companies to look for.
        windows: Neighbours, oldest first.
        lookback_hours: NEWS_LOOKBACK_HOURS.
        strict: NEWS_STRICT_LOOKBACK.
        map_chunks: Maps the work over chunks of windows; the rows do not depend on the chunks.

    Returns:
        HEADLINES rows, and the count of rows without tone by reason as `clauses.assign_clauses` gives them.
    """
    parts, known = chunked(windows, WINDOWS_A_SHARE), items["known_at"]
    shares: list[_Share] = []
    for part in parts:
        first, last = known.searchsorted(
            [*map(pd.Timestamp, news_interval(part, lookback_hours=lookback_hours, strict=strict))]
        )
        shares.append((items.iloc[first:last].reset_index(drop=True), part))
    work = partial(_gather, watchlist=watchlist, lookback_hours=lookback_hours, strict=strict)
    made = map_chunks(work, shares, sizes=[*map(len, parts)], unit="windows")
    frames, counts = zip(*made, strict=True)
    return concat(HEADLINES, frames), {reason: sum(each[reason] for each in counts) for reason in counts[0]}


def _gather(
    share: _Share, *, watchlist: Watchlist, lookback_hours: float, strict: bool
) -> tuple[pd.DataFrame, dict[str, int]]:
    items, windows = share
    linked = link(items, watchlist)
    return assign_clauses(build(linked, windows, lookback_hours=lookback_hours, strict=strict), watchlist)
