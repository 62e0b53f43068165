"""Asset `signals`: candidates that pass the gates and are new, recorded in `signal_history`."""

from dataclasses import asdict
from typing import Any

import dagster as dg
import pandas as pd

from signals_pipeline.adapters.progress import counted
from signals_pipeline.adapters.stores.signal_history import Recorded, WindowRun
from signals_pipeline.adapters.stores.tables import signal_history
from signals_pipeline.core.digest.wording import revision_notice
from signals_pipeline.core.signals import decision as core
from signals_pipeline.core.tables import RowsByWindow
from signals_pipeline.defs.cached_scoring import Scorer, SwitchedOff
from signals_pipeline.defs.dispatch import Mailing
from signals_pipeline.defs.metadata import attach, funnel_entries, markdown_table, sql_schema
from signals_pipeline.defs.partitions import DIGEST_WINDOWS, PREVIOUS_WINDOW, modes_of, windows_of
from signals_pipeline.defs.resources import Store
from signals_pipeline.defs.stage_limits import limit_tags, with_limits
from signals_pipeline.settings.strategy import Knobs, OverriddenKnobs


@dg.asset(
    partitions_def=DIGEST_WINDOWS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name="signals",
    kinds={"sql"},
    owners=["team:signals"],
    op_tags=limit_tags(120, per_window=2),
    pool="signals",
    deps=[dg.AssetDep("signals", partition_mapping=PREVIOUS_WINDOW)],
    metadata=sql_schema(signal_history),
)
@with_limits
def signals(
    context: dg.AssetExecutionContext,
    knobs: dg.ResourceParam[Knobs],
    scorer: dg.ResourceParam[Scorer | SwitchedOff],
    store: dg.ResourceParam[Store],
    mailing: dg.ResourceParam[Mailing],
    scores: pd.DataFrame,
) -> dg.MaterializeResult:
    """New signals of each window, deduplicated against those still active when they were decided.

    A window's rows are replaced in one transaction, unless its digest was sent: those stay, and a decision that differs
    is stored as a revision. Later windows that are already recorded are decided again, so that
    the result does not depend on the order in which windows are run.
    """
    windows = windows_of(context)
    overridden = isinstance(knobs, OverriddenKnobs)
    modes = modes_of(context, windows, overridden=overridden, is_too_late=mailing.is_too_late)
    context.log.info(scorer.announcement)

    scores_by_window = RowsByWindow(scores)
    # Oldest first: a window is decided against the signals of those before it.
    decided_again: set[str] = set()
    # Windows that would be decided otherwise now, but whose digest was sent.
    kept: set[str] = set()
    entries: dict[str, dict[str, Any]] = {}
    for window in counted(windows):
        gated = core.apply_gates(
            scores_by_window.columns(window.start),
            window,
            min_combined_score=knobs.min_combined_score,
            generator=knobs.signal_generator,
        )
        near_misses = [asdict(near_miss) for near_miss in gated.near_misses]
        # Every company of the watchlist is scored.
        watchlist = tuple(scores_by_window.columns(window.start)["symbol"].tolist())
        run = WindowRun(modes[window], scorer.description, knobs.stored(), gated.funnel, near_misses, watchlist)
        recorded = store.history.record_window(window, gated.candidates, run)
        decided_again.update(recorded.rederived)
        kept.update(recorded.kept)
        if recorded.revision is not None:
            kept.add(window.key)
            notice = revision_notice(recorded.revision.number, recorded.revision.made_at)
            context.log.warning("window %s: %s", window.key, notice)
        entries[window.key] = _describe(recorded, gated.funnel)

    later = ", ".join(sorted(kept - set(entries)))
    if later:
        context.log.warning("windows %s would be decided otherwise now; their digests were sent and are kept", later)
    attach(context, entries)
    return dg.MaterializeResult(
        metadata={
            "generator": knobs.signal_generator.value,
            "model": scorer.description,
            "knobs": knobs.stored(),
            "decided_again": ", ".join(sorted(decided_again)) or "none",
            "kept_as_sent": ", ".join(sorted(kept)) or "none",
        }
    )


def _describe(recorded: Recorded, gates: dict[str, int]) -> dict[str, Any]:
    """Metadata of one window: its signals as a table, and its funnel from the headlines to them."""
    rows = []
    for signal in recorded.decision.signals:
        candidate = signal.candidate
        scores = (signal.combined_score, candidate.confidence_score)
        rows.append((signal.symbol, signal.signal_type, signal.lifecycle, *scores, candidate.news_title))
    revision = {} if recorded.revision is None else {"revision": recorded.revision.number}
    listing = markdown_table(["symbol", "type", "lifecycle", "combined", "tone confidence", "news"], rows)
    return {
        "dagster/partition_row_count": len(rows),
        "signals": dg.MetadataValue.md(listing),
        **revision,
        **funnel_entries(gates | recorded.decision.funnel),
    }
