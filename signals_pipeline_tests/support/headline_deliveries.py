"""Deliveries of few titles, links and hours, so that copies, ties and retellings are common."""

from datetime import UTC, datetime, timedelta
from typing import Any

import hypothesis.strategies as st
import pandas as pd

from signals_pipeline.core.linking.linker import link
from signals_pipeline.core.news.evidence import build
from signals_pipeline.core.news.normalisation import RawHeadline, normalise
from signals_pipeline.core.watchlist import Company, Watchlist
from signals_pipeline.core.windows import Window, windows_between

WATCHLIST = Watchlist(
    (
        Company("AAPL", "Apple Inc.", (), ("Apple",)),
        Company("MSFT", "Microsoft Corporation", ("Microsoft",)),
        Company("WMT", "Wal-Mart Stores Inc.", ("Walmart",)),
    )
)
START = datetime(2024, 3, 6, tzinfo=UTC)  # a weekend and a clock change follow
NAIVE = START.replace(tzinfo=None)
WINDOWS = windows_between(START + timedelta(days=1), START + timedelta(days=8))
TITLES = (
    "Apple opens five stores",
    "Apple opens five new stores $AAPL",
    "APPLE OPENS FIVE STORES IN CHINA",
    "Microsoft cuts 100 jobs",
    "Microsoft cuts 100 jobs in Europe $MSFT",
    "Walmart and Microsoft sign cloud deal",
    "Walmart sales surge",
    "Rain in Spain",
)


def raw(title: str | None, at: datetime | None, **values: Any) -> RawHeadline:
    fields: dict[str, Any] = {"url": None, "source": "Example", "feed": "recorded"}
    return RawHeadline(published_at=at, title=title, **(fields | values))


@st.composite
def deliveries(draw: st.DrawFn) -> list[RawHeadline]:
    """Few titles, links and hours, so that copies, ties and retellings are common."""
    count = draw(st.integers(0, 25))
    items = []
    for _ in range(count):
        at = START + timedelta(hours=draw(st.integers(0, 190)))
        seen = draw(st.sampled_from([None, None, -1, 0, 5, 60]))
        items.append(
            raw(
                draw(st.sampled_from(TITLES)),
                at,
                url=draw(st.sampled_from([None, "https://a.com/1", "https://a.com/1?source=x", "http://b.com/2"])),
                source=draw(st.sampled_from(["A", "B"])),
                feed=draw(st.sampled_from(["one", "two"])),
                summary=draw(st.sampled_from([None, "Walmart said so"])),
                tags=tuple(draw(st.lists(st.sampled_from(["AAPL", "MSFT", "XXX"]), max_size=2))),
                first_seen_at=None if seen is None else at + timedelta(hours=seen),
            )
        )
    return items


MODES = st.sampled_from([(6.0, False), (6.0, True), (24.0, False), (96.0, False)])


def evidence(
    items: list[RawHeadline], windows: tuple[Window, ...], mode: tuple[float, bool] = (6.0, False)
) -> pd.DataFrame:
    linked = link(normalise(items).items, WATCHLIST)
    return build(linked, windows, watchlist=WATCHLIST, lookback_hours=mode[0], strict=mode[1])


def rows(items: list[RawHeadline], window: Window, mode: tuple[float, bool] = (6.0, False)) -> pd.DataFrame:
    return evidence(items, (window,), mode)
