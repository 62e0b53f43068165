"""Asset `sentiment`: tone of every linked headline."""

from typing import Any

import dagster as dg
import pandas as pd

from signals_pipeline.core.sentiment import tone as core
from signals_pipeline.core.tables import SENTIMENT, Columns
from signals_pipeline.defs import figures
from signals_pipeline.defs.cached_scoring import Scorer, SwitchedOff
from signals_pipeline.defs.metadata import describe_run, describe_windows, leading, table_schema
from signals_pipeline.defs.partitions import DIGEST_WINDOWS, windows_of
from signals_pipeline.defs.stage_limits import bounded, limits
from signals_pipeline.settings.strategy import Knobs


@dg.asset(
    partitions_def=DIGEST_WINDOWS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name="news",
    kinds={"onnx", "parquet"},
    owners=["team:signals"],
    op_tags=limits(600, a_window=20),
    metadata=table_schema(SENTIMENT),
)
@bounded
def sentiment(
    context: dg.AssetExecutionContext,
    knobs: dg.ResourceParam[Knobs],
    scorer: dg.ResourceParam[Scorer | SwitchedOff],
    headlines: pd.DataFrame,
) -> dg.Output[pd.DataFrame]:
    """Class probabilities of every headline about a company, with the weights that carry its tone into the score."""
    windows = windows_of(context)
    weighed = scorer.weighed(headlines)
    logits, report = scorer.score(core.texts_to_score(weighed))
    frame = core.build(
        weighed,
        logits,
        windows,
        min_confidence=knobs.min_sentiment_confidence,
        half_life_hours=knobs.tone_half_life_hours,
    )
    describe_windows(context, frame, windows, _describe)
    work = {
        "texts_scored": report.scored,
        "texts_from_cache": report.cached,
        "model_seconds": round(report.seconds, 3),
        "texts_per_second": round(report.rate, 1),
    }
    describe_run(context, windows, work | {"tone_plot": figures.tone(frame, windows[-1])})
    return dg.Output(
        frame,
        metadata={
            "model": scorer.description,
            "model_revision": scorer.revision,
            "quantisation": scorer.quantisation,
            "model_fallback": scorer.fallback or "none",
        },
    )


def _describe(rows: Columns) -> dict[str, Any]:
    mean = {"mean_confidence": round(float(rows["confidence"].mean()), 4)} if len(rows["confidence"]) else {}
    shown = leading(rows, "weight", ["known_at", "symbol", "score", "confidence", "weight", "title"])
    return {"confident": int(rows["confident"].sum()), **mean, "preview": shown}
