"""Asset `headlines`: the feeds' items, normalised, linked to companies and grouped into stories."""

from datetime import timedelta
from typing import Any

import dagster as dg
import pandas as pd

from signals_pipeline.adapters.gazetteer import load_gazetteer
from signals_pipeline.adapters.worker_pool import WorkerPool
from signals_pipeline.core.news.coverage import coverage_ledger
from signals_pipeline.core.news.evidence import build_evidence, news_interval
from signals_pipeline.core.news.feeds import NewsSource
from signals_pipeline.core.news.normalisation import normalise
from signals_pipeline.core.tables import HEADLINES, ColumnArrays
from signals_pipeline.defs.metadata import attach, coverage_entries, describe_windows, leading_rows, table_schema
from signals_pipeline.defs.partitions import DIGEST_WINDOWS, windows_of
from signals_pipeline.defs.resources import MarketContext, Store
from signals_pipeline.defs.stage_limits import limit_tags, with_limits
from signals_pipeline.settings.strategy import Knobs


@dg.asset(
    partitions_def=DIGEST_WINDOWS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name="news",
    kinds={"pandas", "parquet"},
    owners=["team:signals"],
    op_tags=limit_tags(300, per_window=2),
    pool="news",
    metadata=table_schema(HEADLINES),
)
@with_limits
def headlines(
    context: dg.AssetExecutionContext,
    knobs: dg.ResourceParam[Knobs],
    news: dg.ResourceParam[NewsSource],
    market: dg.ResourceParam[MarketContext],
    store: dg.ResourceParam[Store],
    worker_pool: dg.ResourceParam[WorkerPool],
) -> dg.Output[pd.DataFrame]:
    """Headlines known before the window's end, linked to the watchlist (precision first) and grouped into stories.

    Also writes the coverage ledger: which minutes of news each window's evidence covers, and from which feeds.
    """
    windows = windows_of(context)
    lookback = {"lookback_hours": knobs.news_lookback_hours, "strict": knobs.news_strict_lookback}

    # The pool is opened before the fetch: its workers start while the feeds are read.
    with worker_pool.open(len(windows)) as workers:
        batch = news.fetch(*news_interval(windows, **lookback))
        normalised = normalise(batch.headlines, workers.map_chunks)
        frame, without_tone = build_evidence(
            normalised.items,
            market.watchlist,
            windows,
            **lookback,
            max_age=timedelta(days=knobs.news_max_age_days),
            gazetteer=load_gazetteer(),
            map_chunks=workers.map_chunks,
        )

    # The ledger compares what the evidence covers with what earlier windows have covered.
    covered = store.coverage.covered(windows[0].start)
    entries = coverage_ledger(
        windows,
        covered=covered,
        batch=batch,
        headlines=frame,
        sessions=market.sessions(windows),
        normalised=normalised,
        **lookback,
    )
    store.coverage.put(entries)

    describe_windows(context, frame, windows, _describe)
    attach(context, {entry.window_key: coverage_entries(entry) for entry in entries})
    feeds = {report.feed: f"{report.status}: {report.fetched} {report.detail}".strip() for report in batch.reports}
    metadata = {"feeds": feeds, "dropped": normalised.drops, "without_tone": without_tone}
    return dg.Output(frame, metadata=metadata)


def _describe(rows: ColumnArrays) -> dict[str, Any]:
    """Metadata of one window, from its rows."""
    without_tone = int((rows["reason"] != "").sum())
    newest = leading_rows(rows, "known_at", ["known_at", "symbol", "role", "event", "member", "source", "title"])
    return {"without_tone": without_tone, "preview": newest}
