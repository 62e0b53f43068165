"""Asset `technicals`: price indicators from the sessions closed before the window's end."""

from datetime import timedelta
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from signals_pipeline.adapters.worker_pool import WorkerPool
from signals_pipeline.core.news.feeds import PriceSource
from signals_pipeline.core.prices import technicals as core
from signals_pipeline.core.tables import TECHNICALS, ColumnArrays
from signals_pipeline.defs.metadata import describe_windows, leading_rows, table_schema
from signals_pipeline.defs.partitions import DIGEST_WINDOWS, windows_of
from signals_pipeline.defs.resources import MarketContext
from signals_pipeline.defs.stage_limits import limit_tags, with_limits

HISTORY_DAYS = 1_000  # calendar days that hold 600 sessions, with room for gaps in a listing
PREVIEW_COLUMNS = ["symbol", "session", "close", "rsi", "macd_atr", "trend_atr", "technical"]


@dg.asset(
    partitions_def=DIGEST_WINDOWS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name="prices",
    kinds={"pandas", "parquet"},
    owners=["team:signals"],
    op_tags=limit_tags(300, per_window=1),
    pool="prices",
    metadata=table_schema(TECHNICALS),
)
@with_limits
def technicals(
    context: dg.AssetExecutionContext,
    prices: dg.ResourceParam[PriceSource],
    market: dg.ResourceParam[MarketContext],
    worker_pool: dg.ResourceParam[WorkerPool],
) -> dg.Output[pd.DataFrame]:
    """RSI, MACD, ATR, trend, momentum and volume of every watchlist symbol, each bounded, and their weighted sum."""
    windows = windows_of(context)
    symbols = market.watchlist.symbols
    # Enough bars for the indicators with the longest memory, before the first window.
    first_day = (windows[0].start - timedelta(days=HISTORY_DAYS)).date()
    last_day = windows[-1].end.date()
    bars = prices.bars(symbols, first_day, last_day)
    actions = prices.actions(symbols, first_day, last_day)
    corrections = prices.corrections(symbols, first_day, last_day)

    sessions = market.sessions(windows)
    with worker_pool.open(len(windows)) as workers:
        frame = core.build(
            bars, symbols, windows, sessions, actions, corrections=corrections, map_chunks=workers.map_chunks
        )

    describe_windows(context, frame, windows, _describe)
    notes = "\n".join(f"- {note}" for note in prices.notes())
    return dg.Output(frame, metadata={"source": prices.name, "price_notes": dg.MetadataValue.md(notes or "none")})


def _describe(rows: ColumnArrays) -> dict[str, Any]:
    """Metadata of one window, from its rows."""
    missing = rows["symbol"][np.isnan(rows["technical"])]
    stale = rows["symbol"][rows["stale"]]
    return {
        "without_technicals": ", ".join(missing) or "none",
        "stale": ", ".join(stale) or "none",
        "symbols_without_technicals": len(missing),
        "symbols_stale": len(stale),
        "preview": leading_rows(rows, "technical", PREVIEW_COLUMNS),
    }
