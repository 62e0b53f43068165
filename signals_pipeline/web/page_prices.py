"""Prices for pages: what is read of them, and what readers are told where they can't be read."""

import logging
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from signals_pipeline.adapters.rendering.drawings import headline_close_index, signal_close_index
from signals_pipeline.adapters.stores.signals import OutcomeEntry, SignalEntry
from signals_pipeline.core.digest.model import Card
from signals_pipeline.core.news.feeds import SourceError
from signals_pipeline.core.prices.adjustment import AdjustmentError
from signals_pipeline.core.prices.traded_history import TradedHistory
from signals_pipeline.web.charts import Mark, PriceChart
from signals_pipeline.web.context import WebContext

_LOG = logging.getLogger("signals_pipeline.web")

# Days that a signal's chart begins before its decision and goes on after it: a quarter, in which every outcome is
# known. Beyond that the page of its company has the prices; a page that went on for ever would never stay the same.
DAYS_BEFORE = 90
DAYS_AFTER = 90

UNREADABLE_PRICES = "The stored prices can't be read at the moment; the operator finds the reason in the log."


@dataclass(frozen=True, slots=True)
class TradedOutcome:
    """Entry and exit of an outcome as readers are shown them.

    Attributes:
        entry: Open of the entry session.
        exit: Close of the exit session.
        is_adjusted: The traded prices are not stored: these are adjusted for splits and dividends.
    """

    entry: float
    exit: float
    is_adjusted: bool


@dataclass(frozen=True, slots=True)
class SignalPrices:
    """What a signal's page shows of prices.

    Attributes:
        chart: The prices before and after the decision; None where none are stored.
        decided_index: Position in the chart of the last close before the decision.
        has_headline_mark: The chart marks the last close before the leading headline.
        is_adjusted: The chart's prices are adjusted for dividends, since no traded ones are stored.
        outcomes: Prices of each outcome, by its horizon.
        notice: Why there are no prices; empty where that is nothing to speak of.
    """

    chart: PriceChart | None
    decided_index: int
    has_headline_mark: bool
    is_adjusted: bool
    outcomes: dict[int, TradedOutcome]
    notice: str


def load_history(context: WebContext, symbol: str, start: date, as_of: datetime) -> tuple[TradedHistory, str]:
    """Return a company's traded prices, and what to tell readers where they can't be read."""
    try:
        return context.prices.history(symbol, start, as_of), ""
    except (SourceError, AdjustmentError) as error:
        _LOG.error("prices of %s: %s", symbol, error)
        return TradedHistory(), UNREADABLE_PRICES


def load_signal_prices(context: WebContext, entry: SignalEntry, card: Card | None) -> SignalPrices:
    """Return the prices around a signal: stored bars up to now, or those of its card where no bars are stored."""
    start = (entry.decided_at - timedelta(days=DAYS_BEFORE)).date()
    as_of = min(context.now(), entry.decided_at + timedelta(days=DAYS_AFTER))
    history, notice = load_history(context, entry.symbol, start, as_of)
    outcomes = {outcome.horizon: _traded_outcome(history, outcome) for outcome in entry.outcomes}

    decided = history.count_before(entry.decided_at)
    if decided:
        marks = [Mark(decided - 1, entry.signal_type)]
        headline = _headline_index(history, card)
        if headline is not None:
            marks.insert(0, Mark(headline, "headline"))
        chart = PriceChart(history.sessions, history.closes, tuple(marks))
        return SignalPrices(chart, decided - 1, headline is not None, False, outcomes, "")

    if card is None or not card.closes:
        return SignalPrices(None, 0, False, False, outcomes, notice)
    index, headline = signal_close_index(card), headline_close_index(card)
    marks = [Mark(index, entry.signal_type)]
    if headline is not None:
        marks.insert(0, Mark(headline, "headline"))
    sessions = tuple(date.fromisoformat(session) for session in card.sessions)
    chart = PriceChart(sessions, card.shown_closes, tuple(marks))
    return SignalPrices(chart, index, headline is not None, card.prices_are_adjusted, outcomes, "")


def _headline_index(history: TradedHistory, card: Card | None) -> int | None:
    """Return the position of the last close before the leading headline; None where it is not known."""
    if card is None or not card.headline_session:
        return None
    return history.index_of(date.fromisoformat(card.headline_session))


def _traded_outcome(history: TradedHistory, outcome: OutcomeEntry) -> TradedOutcome:
    first = history.index_of(outcome.entry_session.date())
    last = history.index_of(outcome.exit_session.date())
    if first is None or last is None:
        return TradedOutcome(outcome.entry, outcome.exit, is_adjusted=True)
    return TradedOutcome(history.opens[first], history.closes[last], is_adjusted=False)
