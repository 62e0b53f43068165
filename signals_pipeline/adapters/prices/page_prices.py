"""Stored prices for pages: the recording or the bars in the database. Nothing here asks a vendor."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol

import pandas as pd

from signals_pipeline.adapters.prices.recorded import RecordedPrices
from signals_pipeline.adapters.stores.bars import BarRepository
from signals_pipeline.core.prices.adjustment import no_closes
from signals_pipeline.core.prices.traded_history import TradedHistory, last_closed_day, traded_history


class StoredBars(Protocol):
    """What `BarRepository` and `RecordedPrices` have in common; their methods are described there."""

    def bars(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:
        """Bars of sessions from start to end."""
        ...

    def actions(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:
        """Splits and dividends with an ex-date from start to end."""
        ...

    def corrections(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:
        """Later values of bars from start to end."""
        ...


class PagePrices:
    """Prices as traded of one company at a time.

    Args:
        stored: Where the bars are.
    """

    def __init__(self, stored: BarRepository | RecordedPrices) -> None:
        self._stored: StoredBars = stored
        self._recording = stored if isinstance(stored, RecordedPrices) else None
        self._repository = stored if isinstance(stored, BarRepository) else None

    def history(self, symbol: str, start: date, as_of: datetime) -> TradedHistory:
        """Sessions of a company from a date on that had closed by an aware instant.

        Raises:
            SourceError: The recording can't be read.
            DatabaseError: The database refuses.
            AdjustmentError: A split or dividend can't be applied.
        """
        symbols, end = (symbol,), last_closed_day(as_of)
        return traded_history(
            symbol,
            self._stored.bars(symbols, start, end),
            self._stored.actions(symbols, start, end),
            self._stored.corrections(symbols, start, end),
            self._recording.traded_closes(symbols, start, end) if self._recording else no_closes(),
            as_of=as_of,
        )

    def versions(self, as_of: datetime) -> dict[str, tuple[date, int]]:
        """Newest session, and number of corrections and actions, of each company; none for a recording.

        Raises:
            DatabaseError: The database refuses.
        """
        return self._repository.versions(last_closed_day(as_of)) if self._repository else {}
