"""Composing digests of a run's windows from what is stored, reading what they share once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg
import pandas as pd

from signals_pipeline.core.digest.composition import compose
from signals_pipeline.core.digest.context import DigestContext
from signals_pipeline.core.digest.model import Digest
from signals_pipeline.core.news.coverage import Coverage
from signals_pipeline.core.news.feeds import PriceSource
from signals_pipeline.core.signals.corrections import Revision, revisions
from signals_pipeline.core.signals.decision import Gated, NearMiss
from signals_pipeline.core.windows import Window
from signals_pipeline.defs.resources import MarketContext, Store

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
CHART_DAYS = 100  # calendar days that hold the 60 closes of a card


@dataclass(frozen=True, slots=True)
class Composer:
    """Everything that the digests of neighbouring windows share; `core.digest` takes from it what was known by then."""

    store: Store
    market: MarketContext
    knowledge: DigestContext
    ledger: Mapping[Window, Coverage]
    revisions: Mapping[datetime, tuple[Revision, ...]]

    @classmethod
    def for_windows(
        cls,
        windows: tuple[Window, ...],
        store: Store,
        market: MarketContext,
        prices: PriceSource,
        *,
        headlines: pd.DataFrame,
        sentiment: pd.DataFrame,
    ) -> "Composer":
        """Read what the digests of these windows, oldest first, need; the frames are those of these windows."""
        as_of = windows[-1].as_of
        symbols = market.watchlist.symbols
        span = (windows[0].start - timedelta(days=CHART_DAYS)).date(), as_of.date()
        knowledge = DigestContext.of(
            history=store.history.between(BEGINNING, as_of),
            modes=store.history.modes(as_of),
            outcomes=store.outcomes.known(as_of),
            bars=prices.bars(symbols, *span),
            actions=prices.actions(symbols, *span),
            watchlist=market.watchlist,
            sessions=market.sessions(windows, back_days=CHART_DAYS),
        )
        return cls(store, market, knowledge, store.coverage.entries(windows), revisions(headlines, sentiment))

    def compose(self, window: Window) -> Digest:
        """The digest of one of the windows.

        Raises:
            Failure: the window has no signals or no coverage stored; the message says what to materialise.
        """
        run, decision = self.store.history.run(window), self.store.history.decision(window)
        coverage = self.ledger.get(window)
        if run is None or decision is None or coverage is None:
            stage = "headlines" if coverage is None else "signals"
            raise dg.Failure(f"digest of window {window.key}: nothing stored by {stage}; materialise {stage} for it")
        near_misses = tuple(NearMiss(**stored) for stored in run.near_misses)
        return compose(
            window,
            coverage=coverage,
            gated=Gated((), near_misses, run.funnel),
            decision=decision,
            knowledge=self.knowledge,
            knobs=run.knobs,
            model=run.model,
            mode=run.mode,
            deployment=self.market.deployment,
            revisions=self._unsaid(window),
        )

    def _unsaid(self, window: Window) -> tuple[Revision, ...]:
        """What was first seen in the window, and in those before it that no digest was sent of."""
        starts = sorted((*self.knowledge.caught_up(window), window.start))
        return tuple(each for start in starts for each in self.revisions.get(start, ()))
