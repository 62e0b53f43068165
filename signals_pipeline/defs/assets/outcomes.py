"""Asset `outcomes`: what became of earlier signals, as far as it is known at the window's end."""

from collections import Counter
from datetime import timedelta

import dagster as dg

from signals_pipeline.adapters.progress import counting
from signals_pipeline.core.news.feeds import PriceSource
from signals_pipeline.core.record import outcomes as core
from signals_pipeline.core.record.outcome_index import OutcomeIndex
from signals_pipeline.core.record.outcomes import PROVENANCES
from signals_pipeline.core.spread import neighbours
from signals_pipeline.core.tables import OUTCOMES
from signals_pipeline.core.watchlist import BENCHMARK
from signals_pipeline.defs.metadata import describe_run, preview, table_schema
from signals_pipeline.defs.partitions import DIGEST_WINDOWS, windows_of
from signals_pipeline.defs.resources import MarketContext, Store
from signals_pipeline.defs.stage_limits import bounded, limits

SIGNALS_AT_ONCE = 2_000
MARGIN_DAYS = 5  # the entry session of a Friday evening's signal is up to this much later


@dg.asset(
    partitions_def=DIGEST_WINDOWS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name="signals",
    kinds={"pandas", "sql"},
    owners=["team:signals"],
    op_tags=limits(300, a_window=2),
    deps=["signals"],
    pool="signals",
    metadata=table_schema(OUTCOMES),
)
@bounded
def outcomes(
    context: dg.AssetExecutionContext,
    prices: dg.ResourceParam[PriceSource],
    market: dg.ResourceParam[MarketContext],
    store: dg.ResourceParam[Store],
) -> dg.MaterializeResult:
    """Forward returns over 1, 3, 5 and 10 sessions of every signal whose exit session closed before the window ends."""
    windows = windows_of(context)
    as_of = windows[-1].as_of
    pending = store.outcomes.missing(as_of)
    first = pending["decided_at"].min().to_pydatetime() if len(pending) else as_of
    due = store.history.between(first, as_of)
    symbols = (*market.watchlist.symbols, BENCHMARK)
    span = (first - timedelta(days=MARGIN_DAYS)).date(), as_of.date()
    bars, actions = prices.bars(symbols, *span), prices.actions(symbols, *span)
    sessions, kept, without_bars = market.sessions(windows), 0, Counter[str]()
    with counting(len(due), "signals") as done:
        for part in neighbours(due, SIGNALS_AT_ONCE):
            matured = core.realised_outcomes(
                part, bars, market.watchlist.symbols, sessions, as_of=as_of, actions=actions
            )
            kept += store.outcomes.upsert(matured.frame)
            without_bars.update(matured.without_bars)
            done(len(part))
    known = store.outcomes.known(as_of)
    outcome_index = OutcomeIndex.from_outcomes(known, store.history.modes(as_of))
    groups = (outcome_index.record(as_of, f"All signals, {standing}", standing) for standing in PROVENANCES)
    lines = [f"- {line.label}: {line.text}" for group in groups for line in group if line.n]
    describe_run(
        context,
        windows,
        {
            "matured": kept,
            "known": len(known),
            "without_bars": ", ".join(f"{symbol}: {count}" for symbol, count in sorted(without_bars.items())) or "none",
            "record": dg.MetadataValue.md("\n".join(lines) or "none yet"),
            "preview": preview(known, ["symbol", "signal_type", "horizon", "entry_session", "net_return", "base_rate"]),
        },
    )
    return dg.MaterializeResult()
