"""Asset `technicals`: where price stands, from sessions closed before the window's end."""

from datetime import timedelta
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from signals_pipeline.adapters.worker_pool import Beside
from signals_pipeline.core.news.feeds import PriceSource
from signals_pipeline.core.prices import technicals as core
from signals_pipeline.core.tables import TECHNICALS, Columns
from signals_pipeline.defs.metadata import describe_windows, leading, table_schema
from signals_pipeline.defs.partitions import DIGEST_WINDOWS, windows_of
from signals_pipeline.defs.resources import MarketContext
from signals_pipeline.defs.stage_limits import bounded, limits

HISTORY_DAYS = 1_000  # calendar days that hold 600 sessions with room for a listing's gaps


@dg.asset(
    partitions_def=DIGEST_WINDOWS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name="prices",
    kinds={"pandas", "parquet"},
    owners=["team:signals"],
    op_tags=limits(300, a_window=1),
    pool="prices",
    metadata=table_schema(TECHNICALS),
)
@bounded
def technicals(
    context: dg.AssetExecutionContext,
    prices: dg.ResourceParam[PriceSource],
    market: dg.ResourceParam[MarketContext],
    beside: dg.ResourceParam[Beside],
) -> dg.Output[pd.DataFrame]:
    """RSI, MACD, ATR, trend, momentum and volume of every watchlist symbol, each bounded, and their weighted sum."""
    windows = windows_of(context)
    symbols = market.watchlist.symbols
    span = (windows[0].start - timedelta(days=HISTORY_DAYS)).date(), windows[-1].end.date()
    bars, actions = prices.bars(symbols, *span), prices.actions(symbols, *span)
    with beside.over(len(windows)) as spread:
        frame = core.build(bars, symbols, windows, market.sessions(windows), actions, spread=spread)
    describe_windows(context, frame, windows, _describe)
    return dg.Output(
        frame,
        metadata={
            "source": prices.name,
            "price_notes": dg.MetadataValue.md("\n".join(f"- {note}" for note in prices.notes()) or "none"),
        },
    )


def _describe(rows: Columns) -> dict[str, Any]:
    missing, stale = rows["symbol"][np.isnan(rows["technical"])], rows["symbol"][rows["stale"]]
    return {
        "without_technicals": ", ".join(missing) or "none",
        "stale": ", ".join(stale) or "none",
        "symbols_without_technicals": len(missing),
        "symbols_stale": len(stale),
        "preview": leading(
            rows, "technical", ["symbol", "session", "close", "rsi", "macd_atr", "trend_atr", "technical"]
        ),
    }
