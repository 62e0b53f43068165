"""Asset `scores`: tone and technicals combined, with the contribution of each story and component."""

from datetime import timedelta
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from signals_pipeline.adapters.worker_pool import WorkerPool
from signals_pipeline.core.news.feeds import PriceSource
from signals_pipeline.core.prices.reaction import PriceHistory
from signals_pipeline.core.scoring import scores as core
from signals_pipeline.core.tables import SCORES, ColumnArrays
from signals_pipeline.core.windows import Window
from signals_pipeline.defs import figures
from signals_pipeline.defs.assets.technicals import HISTORY_DAYS
from signals_pipeline.defs.metadata import describe_run, describe_windows, leading_rows, table_schema
from signals_pipeline.defs.partitions import DIGEST_WINDOWS, windows_of
from signals_pipeline.defs.resources import MarketContext
from signals_pipeline.defs.stage_limits import limit_tags, with_limits
from signals_pipeline.settings.strategy import Knobs


@dg.asset(
    partitions_def=DIGEST_WINDOWS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name="scoring",
    kinds={"pandas", "parquet"},
    owners=["team:signals"],
    op_tags=limit_tags(120, per_window=1),
    metadata=table_schema(SCORES),
)
@with_limits
def scores(
    context: dg.AssetExecutionContext,
    knobs: dg.ResourceParam[Knobs],
    market: dg.ResourceParam[MarketContext],
    prices: dg.ResourceParam[PriceSource],
    headlines: pd.DataFrame,
    sentiment: pd.DataFrame,
    technicals: pd.DataFrame,
    worker_pool: dg.ResourceParam[WorkerPool],
) -> dg.Output[pd.DataFrame]:
    """Combined score of every watchlist symbol, with one contribution per story and component; they add up to it."""
    windows = windows_of(context)
    history = _price_history(windows, market, prices)
    with worker_pool.open(len(windows)) as workers:
        frame = core.build(
            headlines,
            sentiment,
            technicals,
            market.watchlist.symbols,
            windows,
            sentiment_weight=knobs.sentiment_weight,
            prices=history,
            map_chunks=workers.map_chunks,
        )

    describe_windows(context, frame, windows, _describe)
    # Drawn for the newest window only: a picture takes 5 kB in the event log.
    plot = figures.scores(frame, windows[-1], gate=knobs.min_combined_score)
    describe_run(context, windows, {"score_plot": plot})
    return dg.Output(frame, metadata={"sentiment_weight": f"{knobs.sentiment_weight:g}"})


def _price_history(windows: tuple[Window, ...], market: MarketContext, prices: PriceSource) -> PriceHistory:
    """The bars that tell how far prices have moved since a headline, the same as those of the technicals."""
    symbols = market.watchlist.symbols
    first_day = (windows[0].start - timedelta(days=HISTORY_DAYS)).date()
    last_day = windows[-1].end.date()
    return PriceHistory(
        bars=prices.bars(symbols, first_day, last_day),
        actions=prices.actions(symbols, first_day, last_day),
        corrections=prices.corrections(symbols, first_day, last_day),
        sessions=market.sessions(windows),
    )


def _describe(rows: ColumnArrays) -> dict[str, Any]:
    """Metadata of one window, from its rows."""
    has_tone = rows["n_stories"] > 0
    toned = {name: values[has_tone] for name, values in rows.items()}
    sizes = np.abs(toned["combined"])

    entries: dict[str, Any] = {"symbols_with_tone": len(sizes)}
    if len(sizes):
        entries["largest_combined"] = round(float(sizes.max()), 4)
    columns = ["symbol", "combined", "tone", "technical", "n_stories", "event", "reaction", "news_title"]
    entries["preview"] = leading_rows(toned, "combined", columns)
    return entries
