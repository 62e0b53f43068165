"""Asset `signals`: what passes the gates and was not said before, kept in `signal_history`."""

from dataclasses import asdict
from typing import Any

import dagster as dg
import pandas as pd

from signals_pipeline.adapters.progress import counted
from signals_pipeline.adapters.stores.signal_history import Recorded, WindowRun
from signals_pipeline.adapters.stores.tables import signal_history
from signals_pipeline.core.signals import decision as core
from signals_pipeline.core.tables import ByWindow
from signals_pipeline.defs.cached_scoring import Scorer, SwitchedOff
from signals_pipeline.defs.metadata import attach, funnel_entries, markdown_table, sql_schema
from signals_pipeline.defs.partitions import DIGEST_WINDOWS, PREVIOUS_WINDOW, modes_of, windows_of
from signals_pipeline.defs.resources import Store
from signals_pipeline.defs.stage_limits import bounded, limits
from signals_pipeline.settings.strategy import Knobs, OverriddenKnobs


@dg.asset(
    partitions_def=DIGEST_WINDOWS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name="signals",
    kinds={"sql"},
    owners=["team:signals"],
    op_tags=limits(120, a_window=2),
    pool="signals",
    deps=[dg.AssetDep("signals", partition_mapping=PREVIOUS_WINDOW)],
    metadata=sql_schema(signal_history),
)
@bounded
def signals(
    context: dg.AssetExecutionContext,
    knobs: dg.ResourceParam[Knobs],
    scorer: dg.ResourceParam[Scorer | SwitchedOff],
    store: dg.ResourceParam[Store],
    scores: pd.DataFrame,
) -> dg.MaterializeResult:
    """Signals new to their window, deduplicated against what was still active when they were decided.

    A window's rows are replaced in one transaction; later windows that are already there are decided again, so that the
    order in which windows are filled leaves no trace.
    """
    windows = windows_of(context)
    modes = modes_of(context, windows, overridden=isinstance(knobs, OverriddenKnobs))
    context.log.info(scorer.announcement)
    rows_of = ByWindow(scores)
    recorded: list[Recorded] = []
    shown: dict[str, dict[str, Any]] = {}
    for window in counted(windows):
        gated = core.gate(
            rows_of.columns(window.start),
            window,
            min_combined_score=knobs.min_combined_score,
            generator=knobs.signal_generator,
        )
        near_misses = [asdict(miss) for miss in gated.near_misses]
        run = WindowRun(modes[window], scorer.description, knobs.stored(), gated.funnel, near_misses)
        recorded.append(store.history.record_window(window, gated.candidates, run))
        shown[window.key] = _describe(recorded[-1], gated.funnel)
    attach(context, shown)
    return dg.MaterializeResult(
        metadata={
            "generator": knobs.signal_generator.value,
            "model": scorer.description,
            "knobs": knobs.stored(),
            "decided_again": ", ".join(sorted({key for each in recorded for key in each.rederived})) or "none",
        }
    )


def _describe(recorded: Recorded, gates: dict[str, int]) -> dict[str, Any]:
    rows = [
        (
            one.symbol,
            one.signal_type,
            one.lifecycle,
            one.combined_score,
            one.candidate.confidence_score,
            one.candidate.news_title,
        )
        for one in recorded.decision.signals
    ]
    listing = markdown_table(["symbol", "type", "lifecycle", "combined", "tone confidence", "news"], rows)
    return {
        "dagster/partition_row_count": len(rows),
        "signals": dg.MetadataValue.md(listing),
        **funnel_entries(gates | recorded.decision.funnel),
    }
