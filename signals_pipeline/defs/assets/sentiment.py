"""Asset `sentiment`: tone of every linked headline."""

import dagster as dg
import pandas as pd

from signals_pipeline.core import sentiment as core
from signals_pipeline.core.tables import SENTIMENT
from signals_pipeline.defs.metadata import count_rows, preview, table_schema
from signals_pipeline.defs.partitions import DIGEST_WINDOWS, windows_of
from signals_pipeline.defs.scoring import Scorer
from signals_pipeline.settings import Knobs


@dg.asset(
    partitions_def=DIGEST_WINDOWS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name="news",
    kinds={"onnx", "parquet"},
    owners=["team:signals"],
    metadata=table_schema(SENTIMENT),
)
def sentiment(
    context: dg.AssetExecutionContext,
    knobs: dg.ResourceParam[Knobs],
    scorer: dg.ResourceParam[Scorer],
    headlines: pd.DataFrame,
) -> dg.Output[pd.DataFrame]:
    """Class probabilities of every headline about a company, with the weights that carry its tone into the score."""
    windows = windows_of(context)
    logits, report = scorer.score(core.texts_to_score(headlines))
    frame = core.build(
        headlines,
        logits,
        windows,
        min_confidence=knobs.min_sentiment_confidence,
        half_life_hours=knobs.tone_half_life_hours,
    )
    count_rows(context, frame, windows)
    return dg.Output(
        frame,
        metadata={
            "dagster/row_count": len(frame),
            "model": scorer.description,
            "model_fallback": scorer.fallback or "none",
            "texts_scored": report.scored,
            "texts_from_cache": report.cached,
            "model_seconds": round(report.seconds, 3),
            "confident": int(frame["confident"].sum()),
            "preview": preview(frame, ["known_at", "symbol", "score", "confidence", "weight", "title"]),
        },
    )
