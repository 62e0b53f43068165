"""The evidence of a run's windows: its headlines linked, gathered into stories, and their words told by company."""

from collections.abc import Sequence
from functools import partial

import pandas as pd

from signals_pipeline.core.clauses import speak
from signals_pipeline.core.headlines import build, link, news_interval
from signals_pipeline.core.spread import HERE, Spread, neighbours
from signals_pipeline.core.tables import HEADLINES, concat
from signals_pipeline.core.watchlist import Watchlist
from signals_pipeline.core.windows import Window

WINDOWS_A_SHARE = 40  # what comes before a share's windows is linked for it again: two days in a month

_Share = tuple[pd.DataFrame, Sequence[Window]]


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
        items: `headlines.Normalised.items`, by known_at; they must reach back to `headlines.news_interval(windows)`.
        watchlist: The companies to look for.
        windows: Neighbours, oldest first.
        lookback_hours: NEWS_LOOKBACK_HOURS.
        strict: NEWS_STRICT_LOOKBACK.
        spread: Who works; a window's rows are the same whichever others are in its share.

    Returns:
        HEADLINES rows, and the count of rows without tone by reason as `clauses.speak` gives them.
    """
    parts, known = neighbours(windows, WINDOWS_A_SHARE), items["known_at"]
    shares: list[_Share] = []
    for part in parts:
        first, last = known.searchsorted(
            [*map(pd.Timestamp, news_interval(part, lookback_hours=lookback_hours, strict=strict))]
        )
        shares.append((items.iloc[first:last].reset_index(drop=True), part))
    work = partial(_gather, watchlist=watchlist, lookback_hours=lookback_hours, strict=strict)
    made = spread.each(work, shares, sizes=[*map(len, parts)], of="windows")
    frames, counts = zip(*made, strict=True)
    return concat(HEADLINES, frames), {reason: sum(each[reason] for each in counts) for reason in counts[0]}


def _gather(
    share: _Share, *, watchlist: Watchlist, lookback_hours: float, strict: bool
) -> tuple[pd.DataFrame, dict[str, int]]:
    items, windows = share
    linked = link(items, watchlist)
    return speak(build(linked, windows, lookback_hours=lookback_hours, strict=strict), watchlist)
