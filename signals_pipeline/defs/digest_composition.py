"""Composes the digests of a run from the database; what its windows share is read once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg
import pandas as pd

from signals_pipeline.adapters.stores.signal_history import WindowRun
from signals_pipeline.adapters.stores.window_revisions import WindowRevision
from signals_pipeline.core.digest.composition import DigestContext, compose
from signals_pipeline.core.digest.model import Digest
from signals_pipeline.core.news.coverage import Coverage
from signals_pipeline.core.news.feeds import PriceSource
from signals_pipeline.core.prices.earnings import EarningsSource
from signals_pipeline.core.signals.corrections import Revision, revisions
from signals_pipeline.core.signals.decision import GateResult, NearMiss
from signals_pipeline.core.watchlist import BENCHMARK
from signals_pipeline.core.windows import Window
from signals_pipeline.defs.resources import MarketContext, Store

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)  # before every signal
CHART_DAYS = 100  # calendar days that hold the 60 closes of a card


@dataclass(frozen=True, slots=True)
class Composer:
    """What the digests of consecutive windows share; `core.digest` uses of it what was known at each window's end.

    Attributes:
        store: The database.
        market: Watchlist, calendar and deployment.
        context: Signals, outcomes, bars and sessions up to the end of the newest window.
        ledger: Coverage entries of the windows.
        revisions: Headlines whose text or links changed, by the start of the window that first saw the change.
    """

    store: Store
    market: MarketContext
    context: DigestContext
    ledger: Mapping[Window, Coverage]
    revisions: Mapping[datetime, tuple[Revision, ...]]

    @classmethod
    def for_windows(
        cls,
        windows: tuple[Window, ...],
        store: Store,
        market: MarketContext,
        prices: PriceSource,
        earnings: EarningsSource,
        *,
        headlines: pd.DataFrame,
        sentiment: pd.DataFrame,
    ) -> "Composer":
        """Read what the digests of these windows need.

        Args:
            windows: Oldest first.
            store: The database.
            market: Watchlist, calendar and deployment.
            prices: Source of the bars on the cards.
            earnings: Source of the earnings dates on the cards.
            headlines: HEADLINES rows of these windows.
            sentiment: SENTIMENT rows of these windows.
        """
        as_of = windows[-1].as_of
        history = store.history.between(BEGINNING, as_of)
        # Companies with an open signal have prices on their cards, also those that have left the watchlist; the
        # benchmark's close stands above them.
        open_symbols = {signal.symbol for signal in history if signal.expires_at > windows[0].start}
        symbols = tuple(sorted({*market.watchlist.symbols, *open_symbols, BENCHMARK}))
        first_day = (windows[0].start - timedelta(days=CHART_DAYS)).date()
        context = DigestContext.build(
            history=history,
            modes=store.history.modes(as_of),
            models=store.history.models(as_of),
            untold=store.outbox.untold_windows(as_of),
            outcomes=store.outcomes.known(as_of),
            bars=prices.bars(symbols, first_day, as_of.date()),
            actions=prices.actions(symbols, first_day, as_of.date()),
            corrections=prices.corrections(symbols, first_day, as_of.date()),
            other_vendors=prices.other_vendors(symbols, first_day, as_of.date()),
            traded_closes=prices.traded_closes(symbols, first_day, as_of.date()),
            earnings=earnings.calendar(symbols),
            watchlist=market.watchlist,
            sessions=market.sessions(windows, back_days=CHART_DAYS),
        )
        return cls(store, market, context, store.coverage.entries(windows), revisions(headlines, sentiment))

    def compose(self, window: Window, revision: WindowRevision | None = None) -> Digest:
        """The digest of one of the windows.

        Args:
            window: The window.
            revision: Its revision to compose; None for what the history holds.

        Raises:
            Failure: the window has no coverage entry or no signals; the message says what to materialise.
        """
        history = self.store.history
        if revision is None:
            run, decision = history.run(window), history.decision(window)
        else:
            run, decision = WindowRun.of_revision(revision), history.revised_decision(window, revision)
        coverage = self.ledger.get(window)
        if run is None or decision is None or coverage is None:
            stage = "headlines" if coverage is None else "signals"
            raise dg.Failure(f"digest of window {window.key}: {stage} has stored nothing; materialise {stage} for it")
        near_misses = tuple(NearMiss.from_stored(stored) for stored in run.near_misses)
        return compose(
            window,
            coverage=coverage,
            gated=GateResult((), near_misses, run.funnel),
            decision=decision,
            context=self.context,
            knobs=run.knobs,
            model=run.model,
            mode=run.mode,
            deployment=self.market.deployment,
            revisions=self._unreported_revisions(window),
            without_prices=self.context.without_prices(window.as_of),
        )

    def _unreported_revisions(self, window: Window) -> tuple[Revision, ...]:
        """Revisions first seen in the window, or in the windows before it whose digest was not sent."""
        unreported: list[Revision] = []
        for start in sorted((*self.context.caught_up(window), window.start)):
            unreported += self.revisions.get(start, ())
        return tuple(unreported)
