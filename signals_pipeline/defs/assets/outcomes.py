"""Asset `outcomes`: the returns after earlier signals, as far as they are known at the window's end."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain

import dagster as dg
import pandas as pd

from signals_pipeline.adapters.progress import count_progress
from signals_pipeline.core.chunks import chunked
from signals_pipeline.core.news.feeds import PriceSource
from signals_pipeline.core.record import outcomes as core
from signals_pipeline.core.record.track_record import records_by_origin
from signals_pipeline.core.signals.decision import Signal
from signals_pipeline.core.tables import OUTCOMES
from signals_pipeline.core.watchlist import BENCHMARK
from signals_pipeline.defs.metadata import describe_run, preview, table_schema
from signals_pipeline.defs.partitions import DIGEST_WINDOWS, windows_of
from signals_pipeline.defs.resources import MarketContext, Store
from signals_pipeline.defs.stage_limits import limit_tags, with_limits

CHUNK_SIGNALS = 2_000  # signals per transaction
MARGIN_DAYS = 5  # the entry session of a Friday evening's signal is up to this much later
SIGNAL_KEY = ["window_start", "symbol", "signal_type"]
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

    # Every signal that still lacks an outcome, its company on the watchlist or not any more.
    pending = store.outcomes.missing(as_of)
    first_decided = pending["decided_at"].min().to_pydatetime() if len(pending) else as_of
    pending_keys = set(pending[SIGNAL_KEY].itertuples(index=False, name=None))
    due = [signal for signal in store.history.between(first_decided, as_of) if _key(signal) in pending_keys]

    # Base rates are taken over the watchlist of the signal's window: its bars are needed, too.
    watchlists = _watchlists(due, store)
    without_watchlist = sum(signal.window_start not in watchlists for signal in due)
    companies = {
        *market.watchlist.symbols,
        *(signal.symbol for signal in due),
        *chain.from_iterable(watchlists.values()),
    }
    symbols = (*sorted(companies), BENCHMARK)
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
                watchlists=watchlists,
            )
            stored += store.outcomes.upsert(matured.frame)
            without_bars.update(matured.without_bars)
            add_done(len(chunk))

    # The record at the end of the newest window, as the digest will show it.
    known = store.outcomes.known(as_of)
    entries = {
        "matured": stored,
        "known": len(known),
        "without_bars": _counts(without_bars),
        "off_watchlist": ", ".join(sorted(companies - set(market.watchlist.symbols))) or "none",
        "base_rate_over_present_watchlist": without_watchlist,
        "record": _record(known),
        "preview": preview(known, PREVIEW_COLUMNS),
    }
    describe_run(context, windows, entries)
    return dg.MaterializeResult()


def _watchlists(signals: Sequence[Signal], store: Store) -> dict[datetime, tuple[str, ...]]:
    """The watchlist of the window of each signal, by start of the window, as far as it is stored."""
    starts = {signal.window_start for signal in signals}
    if not starts:
        return {}
    stored = store.history.watchlists(min(starts), max(starts) + timedelta(microseconds=1))
    return {start: watchlist for start, watchlist in stored.items() if start in starts}


def _key(signal: Signal) -> tuple[datetime, str, str]:
    """The values of SIGNAL_KEY."""
    return signal.window_start, signal.symbol, signal.signal_type


def _counts(counts: Mapping[str, int]) -> str:
    """Counts by symbol on one line."""
    return ", ".join(f"{symbol}: {count}" for symbol, count in sorted(counts.items())) or "none"


def _record(known: pd.DataFrame) -> dg.MarkdownMetadataValue:
    """The hit rates so far, those of each origin apart from the others, as a Markdown list."""
    items: list[str] = []
    for lines in records_by_origin(known).values():
        items += [f"- {line.label}: {line.text}" for line in lines if line.n]
    return dg.MetadataValue.md("\n".join(items) or "none yet")
