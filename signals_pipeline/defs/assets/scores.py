"""Asset `scores`: tone and technicals, combined, with what each story and component adds."""

from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from signals_pipeline.adapters.worker_pool import Beside
from signals_pipeline.core.scoring import scores as core
from signals_pipeline.core.tables import SCORES, Columns
from signals_pipeline.defs import figures
from signals_pipeline.defs.metadata import describe_run, describe_windows, leading, table_schema
from signals_pipeline.defs.partitions import DIGEST_WINDOWS, windows_of
from signals_pipeline.defs.resources import MarketContext
from signals_pipeline.defs.stage_limits import bounded, limits
from signals_pipeline.settings.strategy import Knobs


@dg.asset(
    partitions_def=DIGEST_WINDOWS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name="scoring",
    kinds={"pandas", "parquet"},
    owners=["team:signals"],
    op_tags=limits(120, a_window=1),
    metadata=table_schema(SCORES),
)
@bounded
def scores(
    context: dg.AssetExecutionContext,
    knobs: dg.ResourceParam[Knobs],
    market: dg.ResourceParam[MarketContext],
    headlines: pd.DataFrame,
    sentiment: pd.DataFrame,
    technicals: pd.DataFrame,
    beside: dg.ResourceParam[Beside],
) -> dg.Output[pd.DataFrame]:
    """Combined score of every watchlist symbol; contributions add up to it, one a story and one a component."""
    windows = windows_of(context)
    with beside.over(len(windows)) as spread:
        frame = core.build(
            headlines,
            sentiment,
            technicals,
            market.watchlist.symbols,
            windows,
            sentiment_weight=knobs.sentiment_weight,
            spread=spread,
        )
    describe_windows(context, frame, windows, _describe)
    plot = figures.scores(frame, windows[-1], gate=knobs.min_combined_score)
    describe_run(context, windows, {"score_plot": plot})
    return dg.Output(frame, metadata={"sentiment_weight": f"{knobs.sentiment_weight:g}"})


def _describe(rows: Columns) -> dict[str, Any]:
    toned = {name: values[rows["n_stories"] > 0] for name, values in rows.items()}
    sizes = np.abs(toned["combined"])
    largest = {"largest_combined": round(float(sizes.max()), 4)} if len(sizes) else {}
    shown = leading(toned, "combined", ["symbol", "combined", "tone", "technical", "n_stories", "news_title"])
    return {"symbols_with_tone": len(sizes), **largest, "preview": shown}
