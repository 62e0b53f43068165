"""The evidence of a run's windows: its headlines linked, gathered into stories, and their words told by company."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from signals_pipeline.core.clauses import speak
from signals_pipeline.core.headlines import build, link, news_interval
from signals_pipeline.core.spread import HERE, Spread
from signals_pipeline.core.tables import HEADLINES, concat
from signals_pipeline.core.watchlist import Watchlist
from signals_pipeline.core.windows import Window


@dataclass(frozen=True, eq=False, slots=True)
class _Share:
    items: pd.DataFrame
    watchlist: Watchlist
    windows: Sequence[Window]
    lookback_hours: float
    strict: bool


def gather(
    items: pd.DataFrame,
    watchlist: Watchlist,
    windows: Sequence[Window],
    *,
    lookback_hours: float,
    strict: bool,
    spread: Spread = HERE,
) -> tuple[pd.DataFrame, dict[str, int]]:
    """The evidence of each window, in the words that speak of each company.

    Args:
        items: `headlines.Normalised.items`; they must reach back to `headlines.news_interval(windows)`.
        watchlist: The companies to look for.
        windows: Neighbours, oldest first.
        lookback_hours: NEWS_LOOKBACK_HOURS.
        strict: NEWS_STRICT_LOOKBACK.
        spread: Who works; a window's rows are the same whichever others are in its share.

    Returns:
        HEADLINES rows, and the count of rows without tone by reason as `clauses.speak` gives them.
    """
    reach = {"lookback_hours": lookback_hours, "strict": strict}
    shares = []
    for part in spread.shares(windows):
        first, last = news_interval(part, lookback_hours=lookback_hours, strict=strict)
        seen = items[(items["known_at"] >= first) & (items["known_at"] < last)]
        shares.append(_Share(seen.reset_index(drop=True), watchlist, part, **reach))
    frames, counts = zip(*spread.each(_gather, shares), strict=True)
    without_tone = sum(map(Counter, counts), Counter(dict.fromkeys(counts[0], 0)))
    return concat(HEADLINES, frames), {reason: without_tone[reason] for reason in counts[0]}


def _gather(share: _Share) -> tuple[pd.DataFrame, dict[str, int]]:
    linked = link(share.items, share.watchlist)
    frame = build(linked, share.windows, lookback_hours=share.lookback_hours, strict=share.strict)
    return speak(frame, share.watchlist)
