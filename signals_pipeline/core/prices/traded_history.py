"""A company's prices as readers know them from quotes: as traded, restated for splits alone, up to an instant.

Returns are computed on prices that are adjusted for dividends as well (`adjustment`); these are for charts and tables.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import date, datetime, time

import numpy as np
import pandas as pd

from signals_pipeline.core.prices.adjustment import adjusted_bars
from signals_pipeline.core.prices.corrections import bars_as_of
from signals_pipeline.core.windows import NEW_YORK

_MARKET_CLOSE = time(16)  # New York; a session that closes early has closed by then, too


@dataclass(frozen=True, slots=True)
class TradedHistory:
    """Sessions of one company, oldest first, and their prices as traded.

    Attributes:
        sessions: Dates.
        opens: First price of each session, in the company's currency.
        closes: Last price of each session.
    """

    sessions: tuple[date, ...] = ()
    opens: tuple[float, ...] = ()
    closes: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not len(self.sessions) == len(self.opens) == len(self.closes):
            raise ValueError("a history needs an open and a close for each of its sessions")

    def index_of(self, session: date) -> int | None:
        """Position of a session; None where the history has no prices of it."""
        position = bisect_left(self.sessions, session)
        is_there = position < len(self.sessions) and self.sessions[position] == session
        return position if is_there else None

    def last_days(self, days: int) -> "TradedHistory":
        """The sessions of the last days up to the newest one.

        Args:
            days: How many calendar days before the newest session they begin.
        """
        if not self.sessions:
            return self
        earliest = date.fromordinal(self.sessions[-1].toordinal() - days)
        first = bisect_left(self.sessions, earliest)
        return TradedHistory(self.sessions[first:], self.opens[first:], self.closes[first:])

    def count_before(self, instant: datetime) -> int:
        """How many of the sessions had closed by an aware instant."""
        return bisect_right(self.sessions, last_closed_day(instant))


def last_closed_day(instant: datetime) -> date:
    """The last date whose session, if it had one, has closed by an aware instant."""
    local = instant.astimezone(NEW_YORK)
    today = local.date()
    return today if local.time() > _MARKET_CLOSE else date.fromordinal(today.toordinal() - 1)


def traded_history(
    symbol: str,
    bars: pd.DataFrame,
    actions: pd.DataFrame,
    corrections: pd.DataFrame,
    traded_closes: pd.DataFrame,
    *,
    as_of: datetime,
) -> TradedHistory:
    """The prices of a company's sessions that had closed by an instant.

    Args:
        symbol: The company's symbol.
        bars: Daily bars as a price source delivers them, oldest first.
        actions: Splits and dividends (`adjustment.ACTION_COLUMNS`); empty where the bars are adjusted already.
        corrections: Later values of bars (`corrections.CORRECTION_COLUMNS`).
        traded_closes: Closes as traded where the bars are adjusted for dividends (`adjustment.CLOSE_COLUMNS`); empty
            where the bars are as traded.
        as_of: An aware instant. Corrections seen later, and splits from later sessions on, are left out.

    Raises:
        AdjustmentError: A split or dividend can't be applied.
    """
    last_day = np.datetime64(last_closed_day(as_of), "D")
    own = bars[bars["symbol"] == symbol]
    known = bars_as_of(own.reset_index(drop=True), corrections, as_of)
    history = adjusted_bars(known, actions).get(symbol)
    if history is None:
        return TradedHistory()

    count = int(np.searchsorted(history.days, last_day, side="right"))
    closes = history.traded_closes(history.count_ex_days(last_day))
    if not traded_closes.empty:
        # The source has the close as traded; its other prices are adjusted by the same factor.
        of_symbol = traded_closes[traded_closes["symbol"] == symbol]
        close_of_day = pd.Series(of_symbol["close"].to_numpy(), of_symbol["session"].to_numpy().astype("datetime64[D]"))
        closes = close_of_day.reindex(history.days).to_numpy(dtype=np.float64)
    opens = history.columns["open"] * closes / history.columns["close"]

    # A session without a close as traded would mix two kinds of prices.
    is_known = np.isfinite(closes[:count])
    return TradedHistory(
        tuple(history.days[:count][is_known].tolist()),
        tuple(opens[:count][is_known].tolist()),
        tuple(closes[:count][is_known].tolist()),
    )
