"""Earnings dates from a store that a vendor fills: each visit stores what is new, and nothing is ever changed.

A row counts from when it was first seen, so what a run collects is for the digests after it. The vendor is in `yahoo`,
the store in `adapters.stores.earnings`, and what a row means in `core.prices.earnings`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from signals_pipeline.core.prices.earnings import (
    CollectionReport,
    EarningsCalendar,
    EarningsDate,
    Visit,
)

if TYPE_CHECKING:
    from signals_pipeline.adapters.earnings.yahoo import EarningsDelivery
    from signals_pipeline.adapters.prices.yahoo_chart import Problem
    from signals_pipeline.adapters.stores.circuit_breakers import CircuitBreakers

MIN_SPACING = timedelta(hours=1)
"""A vendor that has answered more recently is left alone: dates move by the day, and a backfill has many runs."""

# Problems that are named; the others are counted.
_MAX_NAMED = 3


class EarningsVendor(Protocol):
    """A vendor of earnings dates."""

    @property
    def name(self) -> str:
        """Its name, which is stored with each row."""
        ...

    def fetch(self, symbols: Sequence[str]) -> "EarningsDelivery":
        """The next report of each symbol."""
        ...


class EarningsShelf(Protocol):
    """A store of the calendar, such as `adapters.stores.earnings.EarningsRepository`."""

    def calendar(self, source: str, symbols: Sequence[str]) -> EarningsCalendar:
        """Everything stored of these symbols."""
        ...

    def last_answer(self, source: str) -> datetime | None:
        """When the source last answered about any company."""
        ...

    def put(self, source: str, rows: Iterable[EarningsDate], visit: Visit, *, calls: int) -> tuple[EarningsDate, ...]:
        """Store a visit and what is new."""
        ...


class LiveEarnings:
    """An earnings source over a store and a vendor.

    Args:
        vendor: Where dates are requested.
        store: Where they are stored.
        circuits: Circuit breakers: a vendor that keeps failing is left alone.
        now: The clock.
    """

    def __init__(
        self,
        vendor: EarningsVendor,
        store: EarningsShelf,
        circuits: "CircuitBreakers",
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._vendor = vendor
        self._store = store
        self._circuits = circuits
        self._now = now

    @property
    def name(self) -> str:
        """The vendor's name."""
        return self._vendor.name

    @property
    def circuit(self) -> str:
        """Name of its circuit; that of Yahoo's news is another."""
        return f"earnings:{self.name}"

    def calendar(self, symbols: Sequence[str]) -> EarningsCalendar:
        """What is stored of these symbols."""
        return self._store.calendar(self.name, symbols)

    def collect(self, symbols: Sequence[str]) -> CollectionReport:
        """Ask the vendor about the symbols and store what is new.

        Raises:
            DatabaseError: the database refuses.
        """
        started = self._now()
        last = self._store.last_answer(self.name)
        # An answer "in the future" came before the clock was put back: it holds nobody up.
        if last is not None and timedelta(0) <= started - last < MIN_SPACING:
            minutes = MIN_SPACING / timedelta(minutes=1)
            return CollectionReport(
                problems=(f"not asked: {self.name} answered within the last {minutes:.0f} minutes",)
            )
        forbidden = self._circuits.admit(self.circuit, started)
        if forbidden is not None:
            return self._skipped(symbols, f"{self.name} is left alone after failures: {forbidden.detail}", started)

        delivery = self._vendor.fetch(symbols)
        seen_at = self._now()
        detail = _summary(self.name, len(symbols), delivery.refused)
        # The vendor works as long as it answers about anybody.
        self._circuits.record(self.circuit, seen_at, "" if delivery.announcements or not symbols else detail)
        rows = [
            EarningsDate(symbol, found.day, found.time, found.estimated, seen_at)
            for symbol, found in delivery.announcements.items()
        ]
        visit = Visit(seen_at, frozenset(delivery.announcements), detail)
        changes = self._store.put(self.name, rows, visit, calls=delivery.calls)
        problems = tuple(f"{symbol}: {problem.text}" for symbol, problem in sorted(delivery.refused.items()))
        return CollectionReport(len(symbols), len(rows), changes, problems, delivery.calls)

    def _skipped(self, symbols: Sequence[str], detail: str, at: datetime) -> CollectionReport:
        """Store that nobody was asked, and why: the next digest names it."""
        self._store.put(self.name, (), Visit(at, frozenset(), detail), calls=0)
        return CollectionReport(len(symbols), problems=(detail,))


def _summary(vendor: str, asked: int, refused: Mapping[str, "Problem"]) -> str:
    """One line on what the vendor refused; empty where it refused nothing."""
    if not refused:
        return ""
    symbols = sorted(refused)
    named = "; ".join(f"{symbol}: {refused[symbol].text}" for symbol in symbols[:_MAX_NAMED])
    more = len(symbols) - _MAX_NAMED
    others = f"; and {more} more" if more > 0 else ""
    return f"{vendor} gave no dates of {len(symbols)} of {asked} companies ({named}{others})"
