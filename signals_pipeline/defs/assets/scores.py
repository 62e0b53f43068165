"""Asset `scores`: tone and technicals, combined, with what each story and component adds."""

import dagster as dg
import pandas as pd

from signals_pipeline.core import scores as core
from signals_pipeline.core.tables import SCORES
from signals_pipeline.defs.metadata import count_rows, preview, table_schema
from signals_pipeline.defs.partitions import DIGEST_WINDOWS, windows_of
from signals_pipeline.defs.resources import Desk
from signals_pipeline.settings import Knobs


@dg.asset(
    partitions_def=DIGEST_WINDOWS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name="scoring",
    kinds={"pandas", "parquet"},
    owners=["team:signals"],
    metadata=table_schema(SCORES),
)
def scores(
    context: dg.AssetExecutionContext,
    knobs: dg.ResourceParam[Knobs],
    desk: dg.ResourceParam[Desk],
    headlines: pd.DataFrame,
    sentiment: pd.DataFrame,
    technicals: pd.DataFrame,
) -> dg.Output[pd.DataFrame]:
    """Combined score of every watchlist symbol; contributions add up to it, one a story and one a component."""
    windows = windows_of(context)
    frame = core.build(
        headlines, sentiment, technicals, desk.watchlist.symbols, windows, sentiment_weight=knobs.sentiment_weight
    )
    count_rows(context, frame, windows)
    newest = frame[(frame["window_start"] == pd.Timestamp(windows[-1].start)) & (frame["n_stories"] > 0)]
    ranked = newest.sort_values("combined", key=abs)
    return dg.Output(
        frame,
        metadata={
            "dagster/row_count": len(frame),
            "symbols_with_tone": int((frame["n_stories"] > 0).sum()),
            "preview": preview(ranked, ["symbol", "combined", "tone", "technical", "n_stories", "news_title"]),
        },
    )
