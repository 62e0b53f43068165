"""Daily bars from a store that a vendor fills: only what is missing is asked for, and only closed sessions are kept."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

import numpy as np
import pandas as pd

from signals_pipeline.adapters.prices.screening import out_of_step, unusable_actions, unusable_bars
from signals_pipeline.core.dates import instant64
from signals_pipeline.core.news.feeds import SourceError
from signals_pipeline.core.windows import Sessions

SETTLED = timedelta(minutes=15)  # the closing auction's prices and volume reach the tape late
OVERLAP = timedelta(days=7)  # stored sessions asked for again, to see that the answer is in step with them


@dataclass(frozen=True, eq=False, slots=True)
class BarDelivery:
    """What a vendor answered.

    Attributes:
        bars: Bars as traded (`adjustment.BAR_COLUMNS`), by symbol and session.
        actions: Splits and dividends as paid (`adjustment.ACTION_COLUMNS`).
        refused: Why a symbol has no bars, in words.
        answered: Symbols that the vendor answered for, also without bars.
        drift: What no longer has the form that the code reads; empty where all has.
        calls: Calls made.
        passing: A symbol was refused for what may heal by itself soon.
    """

    bars: pd.DataFrame
    actions: pd.DataFrame
    refused: Mapping[str, str]
    answered: frozenset[str]
    drift: str
    calls: int
    transient: bool = False


class BarVendor(Protocol):
    """Something that sells daily bars."""

    @property
    def name(self) -> str:
        """Its name, as kept beside each bar."""
        ...

    def fetch(self, symbols: Sequence[str], start: date, end: date) -> BarDelivery:
        """Everything from start to the day before end."""
        ...


class StoredSpan(Protocol):
    """What is stored of one symbol."""

    @property
    def asked_from(self) -> date:
        """The earliest date from which on it was asked for."""
        ...

    @property
    def last(self) -> date | None:
        """Its last stored session."""
        ...


class BarShelf(Protocol):
    """Where bars and actions are kept; `adapters.bars.BarStore` is one."""

    def bars(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:
        """Stored bars."""
        ...

    def actions(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:
        """Stored actions."""
        ...

    def spans(self, symbols: Sequence[str]) -> Mapping[str, StoredSpan]:
        """What is stored, by symbol."""
        ...

    def put(
        self, bars: pd.DataFrame, actions: pd.DataFrame, *, asked: dict[str, date], source: str, seen_at: datetime
    ) -> int:
        """Keep what is new."""
        ...


class LivePrices:
    """A price source that reads the store and asks the vendor for the closed sessions that the store lacks.

    An outage is told in `notes` and the stored bars are used; the digest says of a card that its price is stale.

    Args:
        vendor: Whom to ask.
        store: Where bars are kept.
        sessions: The exchange's sessions between two dates.
        now: The clock.
    """

    def __init__(
        self,
        vendor: BarVendor,
        store: BarShelf,
        sessions: Callable[[date, date], Sessions],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._vendor, self._store, self._sessions, self._now = vendor, store, sessions, now
        self._tried: dict[str, date] = {}
        self._notes: dict[str, None] = {}
        self._transient = False

    @property
    def name(self) -> str:
        """Name of the source."""
        return self._vendor.name

    def bars(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:
        """Bars as traded of sessions from start to end that have closed; see `feeds.PriceSource.bars`.

        Raises:
            SourceError: the vendor's format has changed, or there is nothing, neither stored nor to be had.
        """
        self._refresh(sorted(set(symbols)), start, end)
        bars = self._store.bars(symbols, start, end)
        if bars.empty and self._notes:
            said = next(iter(self._notes))
            self._tried.clear()  # whoever asks again is to be answered anew
            raise SourceError(
                f"{self.name}: no daily bars of {len(symbols)} symbols are stored and none can be had ({said}); "
                "try again later, or set SIGNALS_PRICES_PATH to a recorded file",
                transient=self._transient,
            )
        return bars

    def actions(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:
        """Stored splits and dividends with an ex-date from start to end; nothing is asked for."""
        return self._store.actions(symbols, start, end)

    def notes(self) -> tuple[str, ...]:
        """One line for each symbol that could not be brought up to date, and for each row that was left out."""
        return tuple(self._notes)

    def _refresh(self, symbols: Sequence[str], start: date, end: date) -> None:
        newest = self._last_settled(end)
        if newest is None or newest < start:
            return
        spans = self._store.spans(symbols)
        groups: defaultdict[date, list[str]] = defaultdict(list)
        for symbol in symbols:
            since = _missing_since(spans.get(symbol), start, newest)
            if since is not None and since < self._tried.get(symbol, date.max):
                self._tried[symbol] = since
                groups[since].append(symbol)
        for since, group in sorted(groups.items()):
            self._ask(group, since)

    def _last_settled(self, end: date) -> date | None:
        last = min(end, self._now().date())
        sessions = self._sessions(last - timedelta(days=14), last)
        settled = sessions.dates[sessions.closes <= self._settled_by()]
        return settled[-1].item() if len(settled) else None

    def _settled_by(self) -> np.datetime64:
        return instant64(self._now() - SETTLED)

    def _ask(self, symbols: Sequence[str], since: date) -> None:
        now = self._now()
        # Up to the end of today, whatever window is run: the answer must list every split that it is adjusted for.
        delivery = self._vendor.fetch(symbols, since, now.date() + timedelta(days=1))
        bars, actions = self._screened(delivery, since, now.date())
        asked = dict.fromkeys(sorted(delivery.answered), since)
        self._store.put(bars, actions, asked=asked, source=self.name, seen_at=now)
        self._transient = delivery.transient
        self._note(f"{symbol}: {reason}" for symbol, reason in sorted(delivery.refused.items()))
        if delivery.drift:
            raise SourceError(
                f"{self.name}: its answers have another format ({delivery.drift}); what could be read is stored; get a "
                "newer signals_pipeline, or set SIGNALS_PRICES_PATH to a recorded file"
            )

    def _screened(self, delivery: BarDelivery, since: date, today: date) -> tuple[pd.DataFrame, pd.DataFrame]:
        """What may be stored of an answer: whole bars of settled sessions, in step with what is stored, and actions."""
        sessions = self._sessions(since, today)
        settled = sessions.dates[sessions.closes <= self._settled_by()].astype("datetime64[us]")
        bars = delivery.bars[delivery.bars["session"] <= settled[-1]]
        stored = self._store.bars(sorted(delivery.answered), since, today)
        held_back = out_of_step(bars, stored)
        bars, findings = unusable_bars(bars[~bars["symbol"].isin(held_back)], settled)
        actions = delivery.actions[~delivery.actions["symbol"].isin(held_back)]
        actions, refused = unusable_actions(actions, pd.concat([stored, bars], ignore_index=True))
        self._note([*(f"{symbol}: {text}" for symbol, text in held_back.items()), *findings, *refused])
        return bars, actions

    def _note(self, lines: Iterable[str]) -> None:
        self._notes.update(dict.fromkeys(lines))


def _missing_since(span: StoredSpan | None, start: date, newest: date) -> date | None:
    """From which date on a symbol must be asked for; None where nothing is missing."""
    if span is None or start < span.asked_from:
        return start
    if span.last is None:
        return span.asked_from
    return span.last - OVERLAP if span.last < newest else None
