"""Asset `outcomes`: the returns after earlier signals, as far as they are known at the window's end."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

import dagster as dg

from signals_pipeline.adapters.progress import count_progress
from signals_pipeline.core.chunks import chunked
from signals_pipeline.core.news.feeds import PriceSource
from signals_pipeline.core.record import outcomes as core
from signals_pipeline.core.record.outcomes import PROVENANCES
from signals_pipeline.core.record.track_record import OutcomeIndex
from signals_pipeline.core.tables import OUTCOMES
from signals_pipeline.core.watchlist import BENCHMARK
from signals_pipeline.defs.metadata import describe_run, preview, table_schema
from signals_pipeline.defs.partitions import DIGEST_WINDOWS, windows_of
from signals_pipeline.defs.resources import MarketContext, Store
from signals_pipeline.defs.stage_limits import limit_tags, with_limits

CHUNK_SIGNALS = 2_000  # signals per transaction
MARGIN_DAYS = 5  # the entry session of a Friday evening's signal is up to this much later
PREVIEW_COLUMNS = ["symbol", "signal_type", "horizon", "entry_session", "net_return", "base_rate"]


@dg.asset(
    partitions_def=DIGEST_WINDOWS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name="signals",
    kinds={"pandas", "sql"},
    owners=["team:signals"],
    op_tags=limit_tags(300, per_window=2),
    deps=["signals"],
    pool="signals",
    metadata=table_schema(OUTCOMES),
)
@with_limits
def outcomes(
    context: dg.AssetExecutionContext,
    prices: dg.ResourceParam[PriceSource],
    market: dg.ResourceParam[MarketContext],
    store: dg.ResourceParam[Store],
) -> dg.MaterializeResult:
    """Forward returns over 1, 3, 5 and 10 sessions of every signal whose exit session closed before the window ends."""
    windows = windows_of(context)
    as_of = windows[-1].as_of

    # Every signal from the oldest one on that still lacks an outcome.
    pending = store.outcomes.missing(as_of)
    first_decided = pending["decided_at"].min().to_pydatetime() if len(pending) else as_of
    due = store.history.between(first_decided, as_of)

    symbols = (*market.watchlist.symbols, BENCHMARK)
    first_day = (first_decided - timedelta(days=MARGIN_DAYS)).date()
    bars = prices.bars(symbols, first_day, as_of.date())
    corrections = prices.corrections(symbols, first_day, as_of.date())
    actions = prices.actions(symbols, first_day, as_of.date())

    sessions = market.sessions(windows)
    stored = 0
    without_bars = Counter[str]()
    with count_progress(len(due), "signals") as add_done:
        for chunk in chunked(due, CHUNK_SIGNALS):
            matured = core.realised_outcomes(
                chunk,
                bars,
                market.watchlist.symbols,
                sessions,
                as_of=as_of,
                actions=actions,
                corrections=corrections,
            )
            stored += store.outcomes.upsert(matured.frame)
            without_bars.update(matured.without_bars)
            add_done(len(chunk))

    # The record at the end of the newest window, as the digest will show it.
    known = store.outcomes.known(as_of)
    index = OutcomeIndex.from_outcomes(known, store.history.modes(as_of))
    entries = {
        "matured": stored,
        "known": len(known),
        "without_bars": _counts(without_bars),
        "record": _record(index, as_of),
        "preview": preview(known, PREVIEW_COLUMNS),
    }
    describe_run(context, windows, entries)
    return dg.MaterializeResult()


def _counts(counts: Mapping[str, int]) -> str:
    """Counts by symbol on one line."""
    return ", ".join(f"{symbol}: {count}" for symbol, count in sorted(counts.items())) or "none"


def _record(index: OutcomeIndex, as_of: datetime) -> dg.MarkdownMetadataValue:
    """The hit rates so far, live signals apart from the others, as a Markdown list."""
    items = []
    for provenance in PROVENANCES:
        lines = index.record(as_of, f"All signals, {provenance}", provenance)
        items += [f"- {line.label}: {line.text}" for line in lines if line.n]
    return dg.MetadataValue.md("\n".join(items) or "none yet")
