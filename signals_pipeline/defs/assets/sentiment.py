"""Asset `sentiment`: the tone of every headline that is linked to a company."""

from typing import Any

import dagster as dg
import pandas as pd

from signals_pipeline.core.sentiment import tone as core
from signals_pipeline.core.tables import SENTIMENT, ColumnArrays
from signals_pipeline.defs import figures
from signals_pipeline.defs.cached_scoring import Scorer, SwitchedOff
from signals_pipeline.defs.metadata import describe_run, describe_windows, leading_rows, table_schema
from signals_pipeline.defs.partitions import DIGEST_WINDOWS, windows_of
from signals_pipeline.defs.resources import MarketContext
from signals_pipeline.defs.stage_limits import limit_tags, with_limits
from signals_pipeline.settings.strategy import Knobs


@dg.asset(
    partitions_def=DIGEST_WINDOWS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name="news",
    kinds={"onnx", "parquet"},
    owners=["team:signals"],
    op_tags=limit_tags(600, per_window=20),
    metadata=table_schema(SENTIMENT),
)
@with_limits
def sentiment(
    context: dg.AssetExecutionContext,
    knobs: dg.ResourceParam[Knobs],
    scorer: dg.ResourceParam[Scorer | SwitchedOff],
    market: dg.ResourceParam[MarketContext],
    headlines: pd.DataFrame,
) -> dg.Output[pd.DataFrame]:
    """Class probabilities of every headline about a company, with the weights that carry its tone into the score."""
    windows = windows_of(context)
    scorable = scorer.scorable(headlines)
    # Each distinct text once: companies share headlines, and windows share evidence.
    logits, report = scorer.score(core.texts_to_score(scorable))
    frame = core.build(
        scorable,
        logits,
        windows,
        market.sessions(windows),
        min_confidence=knobs.min_sentiment_confidence,
        half_life_hours=knobs.tone_half_life_hours,
        tone_events=knobs.tone_event_types,
    )

    describe_windows(context, frame, windows, _describe)
    run_entries = {
        "texts_scored": report.scored,
        "texts_from_cache": report.cached,
        "texts_cut_before_the_company": report.cut_spans,
        "model_seconds": round(report.seconds, 3),
        "texts_per_second": round(report.rate, 1),
        "tone_plot": figures.tone(frame, windows[-1]),
    }
    describe_run(context, windows, run_entries)
    model = {
        "model": scorer.description,
        "model_revision": scorer.revision,
        "quantisation": scorer.quantisation,
        "model_fallback": scorer.fallback or "none",
    }
    return dg.Output(frame, metadata=model)


def _describe(rows: ColumnArrays) -> dict[str, Any]:
    """Metadata of one window, from its rows."""
    entries: dict[str, Any] = {
        "confident": int(rows["confident"].sum()),
        "without_tone_by_event": int((rows["reason"] == core.WITHOUT_TONE_BY_EVENT).sum()),
    }
    # Dagster refuses NaN, so a window without headlines has no mean.
    if len(rows["confidence"]):
        entries["mean_confidence"] = round(float(rows["confidence"].mean()), 4)
    columns = ["known_at", "symbol", "role", "event", "score", "confidence", "weight", "title"]
    entries["preview"] = leading_rows(rows, "weight", columns)
    return entries
