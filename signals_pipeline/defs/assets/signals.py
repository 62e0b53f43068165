"""Asset `signals`: what passes the gates and was not said before, kept in `signal_history`."""

from collections.abc import Sequence
from dataclasses import asdict

import dagster as dg
import pandas as pd

from signals_pipeline.adapters.history import Recorded, WindowRun
from signals_pipeline.core import signals as core
from signals_pipeline.core.windows import Window
from signals_pipeline.defs.metadata import markdown_table
from signals_pipeline.defs.partitions import DIGEST_WINDOWS, PREVIOUS_WINDOW, modes_of, windows_of
from signals_pipeline.defs.resources import Store
from signals_pipeline.defs.scoring import Scorer
from signals_pipeline.settings import Generator, Knobs


@dg.asset(
    partitions_def=DIGEST_WINDOWS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name="signals",
    kinds={"sql"},
    owners=["team:signals"],
    pool="signals",
    deps=[dg.AssetDep("signals", partition_mapping=PREVIOUS_WINDOW)],
)
def signals(
    context: dg.AssetExecutionContext,
    knobs: dg.ResourceParam[Knobs],
    scorer: dg.ResourceParam[Scorer],
    store: dg.ResourceParam[Store],
    scores: pd.DataFrame,
) -> dg.MaterializeResult:
    """Signals new to their window, deduplicated against what was still active when they were decided.

    A window's rows are replaced in one transaction; later windows that are already there are decided again, so that the
    order in which windows are filled leaves no trace.
    """
    windows = windows_of(context)
    modes = modes_of(context, windows)
    model = scorer.description if knobs.signal_generator is Generator.NEWS_DRIVEN else "none: technical generator"
    by_window = dict(iter(scores.groupby("window_start")))
    recorded: list[Recorded] = []
    for window in windows:
        gated = core.gate(
            by_window.get(pd.Timestamp(window.start), scores.iloc[:0]),
            window,
            min_combined_score=knobs.min_combined_score,
            generator=knobs.signal_generator,
        )
        near_misses = [asdict(miss) for miss in gated.near_misses]
        run = WindowRun(modes[window], model, knobs.stored(), gated.funnel, near_misses)
        recorded.append(store.history.record_window(window, gated.candidates, run))
        context.add_asset_metadata(_counts(recorded[-1]), partition_key=window.key)
    return dg.MaterializeResult(
        metadata={
            "signals": dg.MetadataValue.md(_listing(windows, recorded)),
            "generator": knobs.signal_generator.value,
            "decided_again": ", ".join(sorted({key for each in recorded for key in each.refolded})) or "none",
        }
    )


def _counts(recorded: Recorded) -> dict[str, int]:
    funnel = {f"funnel/{name}": count for name, count in recorded.decision.funnel.items()}
    return {"dagster/partition_row_count": len(recorded.decision.signals), **funnel}


def _listing(windows: Sequence[Window], recorded: Sequence[Recorded]) -> str:
    rows = [
        (window.key, one.symbol, one.signal_type, one.lifecycle, one.combined_score, one.candidate.news_title)
        for window, each in zip(windows, recorded, strict=True)
        for one in each.decision.signals
    ]
    return markdown_table(["window", "symbol", "type", "lifecycle", "combined", "news"], rows[-40:])
