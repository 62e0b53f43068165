"""Headlines as evidence: normalised, linked to companies, and placed in the windows whose digests may use them.

`normalise` judges what feeds deliver, `link` (see `linking`) says whom a headline is about, `build` gives each window
the frame that its digest rests on. Copies of one headline stay apart until `build`, where the copies known at a
window's `as_of` are folded: a tag or a link that came later can't leak into an earlier window.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from signals_pipeline.core.linking import link
from signals_pipeline.core.normalising import ORDER, REASONS, Normalised, normalise
from signals_pipeline.core.stories import NOVELTY, STORY_HOURS, Timeline, Told
from signals_pipeline.core.tables import HEADLINES
from signals_pipeline.core.versions import Versions
from signals_pipeline.core.windows import Window, evidence_interval

__all__ = ["REASONS", "Normalised", "build", "link", "news_interval", "normalise"]

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
