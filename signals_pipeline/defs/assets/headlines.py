"""Asset `headlines`: what the feeds delivered, normalised, linked to companies, gathered into stories."""

from typing import Any

import dagster as dg
import pandas as pd

from signals_pipeline.adapters.worker_pool import Beside
from signals_pipeline.core.news.coverage import ledger
from signals_pipeline.core.news.evidence import build_evidence, news_interval
from signals_pipeline.core.news.feeds import NewsSource
from signals_pipeline.core.news.normalisation import normalise
from signals_pipeline.core.tables import HEADLINES, Columns
from signals_pipeline.defs.metadata import attach, coverage_entries, describe_windows, leading, table_schema
from signals_pipeline.defs.partitions import DIGEST_WINDOWS, windows_of
from signals_pipeline.defs.resources import MarketContext, Store
from signals_pipeline.defs.stage_limits import bounded, limits
from signals_pipeline.settings.strategy import Knobs


@dg.asset(
    partitions_def=DIGEST_WINDOWS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name="news",
    kinds={"pandas", "parquet"},
    owners=["team:signals"],
    op_tags=limits(300, a_window=2),
    pool="news",
    metadata=table_schema(HEADLINES),
)
@bounded
def headlines(
    context: dg.AssetExecutionContext,
    knobs: dg.ResourceParam[Knobs],
    news: dg.ResourceParam[NewsSource],
    market: dg.ResourceParam[MarketContext],
    store: dg.ResourceParam[Store],
    beside: dg.ResourceParam[Beside],
) -> dg.Output[pd.DataFrame]:
    """Headlines known before the window's end, linked to the watchlist (precision first) and gathered into stories.

    Also writes the coverage ledger: which minutes of news each window's evidence covers, from which feeds.
    """
    windows = windows_of(context)
    reach = {"lookback_hours": knobs.news_lookback_hours, "strict": knobs.news_strict_lookback}
    with beside.over(len(windows)) as spread:
        batch = news.fetch(*news_interval(windows, **reach))
        normalised = normalise(batch.headlines, spread)
        frame, without_tone = build_evidence(normalised.items, market.watchlist, windows, **reach, spread=spread)
    covered = store.coverage.covered(windows[0].start)
    entries = ledger(windows, covered=covered, batch=batch, headlines=frame, normalised=normalised, **reach)
    store.coverage.put(entries)
    describe_windows(context, frame, windows, _describe)
    attach(context, {entry.window_key: coverage_entries(entry) for entry in entries})
    return dg.Output(
        frame,
        metadata={
            "feeds": {
                report.feed: f"{report.status}: {report.fetched} {report.detail}".strip() for report in batch.reports
            },
            "dropped": normalised.drops,
            "without_tone": without_tone,
        },
    )


def _describe(rows: Columns) -> dict[str, Any]:
    without_tone = int(((rows["relevance"] > 0) & (rows["text"] == "")).sum())
    shown = leading(rows, "known_at", ["known_at", "symbol", "relevance", "member", "source", "title"])
    return {"without_tone": without_tone, "preview": shown}
