"""Daily bars from a store that a vendor fills: only missing closed sessions are requested, only whole bars stored.

Vendors are in `yahoo` and `tiingo`, the store in `adapters.stores.bars`. What may be stored of a delivery is decided in
`screening`, and how it continues another vendor's bars in `joining`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

import numpy as np
import pandas as pd

from signals_pipeline.adapters.prices.joining import join
from signals_pipeline.adapters.prices.screening import (
    corrections,
    out_of_step,
    unusable_actions,
    unusable_bars,
    without_unit_jumps,
)
from signals_pipeline.core.news.feeds import SourceError
from signals_pipeline.core.prices.adjustment import no_closes
from signals_pipeline.core.prices.corrections import bars_as_of
from signals_pipeline.core.windows import Sessions, instant64

# The prices and the volume of the closing auction are published some minutes after the close.
SETTLING_TIME = timedelta(minutes=15)

# Stored sessions of one week are requested again, to see that the response agrees with them.
OVERLAP = timedelta(days=7)

# One company whose response can't be read is its own trouble; with a second one, and most of them, the format is.
MIN_FAILED = 2

# A calendar interval that surely contains a session, whatever the holidays.
_TWO_WEEKS = timedelta(days=14)


@dataclass(frozen=True, eq=False, slots=True)
class BarDelivery:
    """What a vendor returned.

    Attributes:
        bars: Bars as traded (`adjustment.BAR_COLUMNS`), by symbol and session.
        actions: Splits and dividends as paid (`adjustment.ACTION_COLUMNS`).
        refused: Why a symbol has no bars, one line each.
        answered: Symbols for which the vendor responded, also where it has no bars of them.
        drifted: Symbols whose response no longer has the format that the code reads; `refused` says what is wrong.
        calls: Requests sent.
        transient: Whether a symbol failed for a reason that may pass soon.
    """

    bars: pd.DataFrame
    actions: pd.DataFrame
    refused: Mapping[str, str]
    answered: frozenset[str]
    drifted: frozenset[str]
    calls: int
    transient: bool = False


class BarVendor(Protocol):
    """A vendor of daily bars."""

    @property
    def name(self) -> str:
        """Its name, which is stored with each bar."""
        ...

    def fetch(self, symbols: Sequence[str], start: date, end: date) -> BarDelivery:
        """Everything from start to the day before end."""
        ...


class StoredSpan(Protocol):
    """What is stored of one symbol."""

    @property
    def asked_from(self) -> date:
        """The earliest date from which it was requested."""
        ...

    @property
    def last(self) -> date | None:
        """Its last stored session."""
        ...


class BarShelf(Protocol):
    """A store of bars and actions, such as `adapters.stores.bars.BarStore`."""

    def bars(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:
        """Stored bars as first seen."""
        ...

    def corrections(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:
        """Stored corrections of them."""
        ...

    def actions(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:
        """Stored actions."""
        ...

    def sources(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:
        """The vendor of each stored bar."""
        ...

    def spans(self, symbols: Sequence[str]) -> Mapping[str, StoredSpan]:
        """What is stored, by symbol."""
        ...

    def put(
        self,
        bars: pd.DataFrame,
        actions: pd.DataFrame,
        *,
        corrections: pd.DataFrame | None,
        asked: dict[str, date],
        source: str,
        seen_at: datetime,
    ) -> int:
        """Store what is new."""
        ...


@dataclass(frozen=True, eq=False, slots=True)
class _Usable:
    """What may be stored of a delivery.

    Attributes:
        bars: Bars, also of sessions that are stored already.
        actions: Splits and dividends.
        corrections: Those of the bars that differ from what is stored.
    """

    bars: pd.DataFrame
    actions: pd.DataFrame
    corrections: pd.DataFrame


class LivePrices:
    """A price source that reads the store, and first requests the closed sessions that the store lacks.

    In an outage the stored bars are used and `notes` says so; the digest then marks prices as stale. The same holds for
    a company whose response can't be read, as long as most can. A stored session that the vendor reports otherwise is a
    correction, which counts from when it was first seen.

    While the vendor fails for most symbols, a second one takes over for those: a symbol's new bars come from one of
    the two, and only where they continue what is stored of it (`joining`).

    Args:
        vendor: Where missing bars are requested.
        store: Where bars are stored.
        sessions: The exchange's sessions between two dates.
        now: The clock.
        second: Who is asked while the vendor fails; None: nobody.
    """

    def __init__(
        self,
        vendor: BarVendor,
        store: BarShelf,
        sessions: Callable[[date, date], Sessions],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        second: BarVendor | None = None,
    ) -> None:
        self._vendor = vendor
        self._second = second
        self._store = store
        self._sessions = sessions
        self._now = now
        # The earliest date from which each symbol was requested by this object: a failure is not repeated in a run.
        self._requested_from: dict[str, date] = {}
        # A dictionary as an ordered set.
        self._notes: dict[str, None] = {}
        self._transient = False

    @property
    def name(self) -> str:
        """Name of the source."""
        return self._vendor.name

    def bars(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:
        """Bars as traded and first seen of closed sessions from start to end; see `feeds.PriceSource.bars`.

        Raises:
            SourceError: The vendor's format has changed for most symbols, or no bars are stored and none can be had.
        """
        self._refresh(sorted(set(symbols)), start, end)
        bars = self._store.bars(symbols, start, end)
        if bars.empty and self._notes:
            first_note = next(iter(self._notes))
            # A retry of the same stage is to request them again.
            self._requested_from.clear()
            transient, self._transient = self._transient, False
            raise SourceError(
                f"{self.name}: no daily bars of {len(symbols)} symbols are stored and none could be fetched"
                f" ({first_note}); try again later, or set SIGNALS_PRICES_PATH to a recorded file",
                transient=transient,
            )
        return bars

    def corrections(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:
        """Stored corrections of bars; nothing is requested."""
        return self._store.corrections(symbols, start, end)

    def actions(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:
        """Stored splits and dividends with an ex-date from start to end; nothing is requested."""
        return self._store.actions(symbols, start, end)

    def other_vendors(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:
        """Stored bars that another vendor delivered; nothing is requested. See `feeds.PriceSource.other_vendors`."""
        sources = self._store.sources(symbols, start, end)
        return sources.loc[sources["source"] != self.name].reset_index(drop=True)

    def traded_closes(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:  # noqa: ARG002
        """None: bars are stored as traded."""
        return no_closes()

    def notes(self) -> tuple[str, ...]:
        """One line for each symbol that could not be brought up to date, and for each row that was left out."""
        return tuple(self._notes)

    def _refresh(self, symbols: Sequence[str], start: date, end: date) -> None:
        """Request and store the closed sessions that are missing."""
        newest = self._last_settled_session(end)
        if newest is None or newest < start:
            return

        # Symbols that lack the same sessions are requested together.
        spans = self._store.spans(symbols)
        symbols_by_start: defaultdict[date, list[str]] = defaultdict(list)
        for symbol in symbols:
            missing_from = _missing_from(spans.get(symbol), start, newest)
            if missing_from is None or missing_from >= self._requested_from.get(symbol, date.max):
                continue
            self._requested_from[symbol] = missing_from
            symbols_by_start[missing_from].append(symbol)

        drifted: dict[str, str] = {}
        refused: dict[str, str] = {}
        unanswered: set[str] = set()
        for missing_from, group in sorted(symbols_by_start.items()):
            delivery = self._fetch_and_store(self._vendor, group, missing_from)
            refused |= delivery.refused
            drifted |= {symbol: delivery.refused[symbol] for symbol in delivery.drifted}
            unanswered |= set(group) - delivery.answered

        if self._second and _is_most(len(unanswered), len(symbols)):
            for missing_from, group in sorted(symbols_by_start.items()):
                failed = [symbol for symbol in group if symbol in unanswered]
                if failed:
                    delivered = self._take_over(self._second, failed, missing_from, refused)
                    refused = {symbol: reason for symbol, reason in refused.items() if symbol not in delivered}
                    drifted = {symbol: reason for symbol, reason in drifted.items() if symbol not in delivered}

        self._add_notes(f"{symbol}: {reason}" for symbol, reason in sorted(refused.items()))
        self._fail_on_drift(drifted, len(symbols))

    def _fail_on_drift(self, drifted: Mapping[str, str], wanted: int) -> None:
        """Fail where most symbols have responses in another format; single ones are notes.

        Args:
            drifted: What is wrong with the response, by symbol.
            wanted: Number of symbols whose bars are wanted, those that were not requested included: they could be read.

        Raises:
            SourceError: More than half of the symbols, and at least two, can't be read; what could be is stored.
        """
        if len(drifted) < MIN_FAILED or not _is_most(len(drifted), wanted):
            return
        # A retry of the same stage is to request them again.
        self._requested_from.clear()
        symbol, reason = next(iter(sorted(drifted.items())))
        raise SourceError(
            f"{self.name}: the format of its responses has changed ({len(drifted)} of {wanted} symbols; {symbol}:"
            f" {reason}); what could be read is stored; upgrade signals_pipeline, or set SIGNALS_PRICES_PATH to a"
            " recorded file"
        )

    def _last_settled_session(self, end: date) -> date | None:
        """The newest session up to end whose prices are final; None where there is none within two weeks."""
        last = min(end, self._now().date())
        sessions = self._sessions(last - _TWO_WEEKS, last)
        settled = sessions.dates[sessions.closes <= self._settled_by()]
        return settled[-1].item() if len(settled) else None

    def _settled_by(self) -> np.datetime64:
        """Sessions that closed by then have final prices."""
        return instant64(self._now() - SETTLING_TIME)

    def _take_over(
        self, second: BarVendor, symbols: Sequence[str], start: date, refused: Mapping[str, str]
    ) -> frozenset[str]:
        """Request from the second vendor what the first one could not deliver; the symbols that it has delivered.

        Args:
            second: The second vendor.
            symbols: Symbols for which the first one has not answered.
            start: First date.
            refused: What the first one's answers were.
        """
        delivery = self._fetch_and_store(second, symbols, start)
        delivered = delivery.answered - set(delivery.refused)
        first_symbol = symbols[0]
        reason = refused.get(first_symbol, "no answer")
        count = f"{len(delivered)} of {len(symbols)} symbols"
        self._add_notes([f"{second.name} took over from {self.name} for {count} ({first_symbol}: {reason})"])
        self._add_notes(f"{symbol}: {second.name}: {reason}" for symbol, reason in sorted(delivery.refused.items()))
        return delivered

    def _fetch_and_store(self, vendor: BarVendor, symbols: Sequence[str], start: date) -> BarDelivery:
        """Request everything from start on and store what is usable."""
        # Always up to the end of today, also for a window in the past: the response must list every split for which it
        # is adjusted.
        now = self._now()
        delivery = vendor.fetch(symbols, start, now.date() + timedelta(days=1))

        usable = self._screened(delivery, start, now.date(), vendor.name)
        requested_from = dict.fromkeys(sorted(delivery.answered), start)
        self._store.put(
            usable.bars,
            usable.actions,
            corrections=usable.corrections,
            asked=requested_from,
            source=vendor.name,
            seen_at=now,
        )
        self._transient |= delivery.transient
        return delivery

    def _screened(self, delivery: BarDelivery, start: date, today: date, vendor: str) -> _Usable:
        """What may be stored of a delivery: whole bars of settled sessions, corrections of stored ones, and actions."""
        # Bars of settled sessions only.
        sessions = self._sessions(start, today)
        settled = sessions.dates[sessions.closes <= self._settled_by()].astype("datetime64[us]")
        is_settled: pd.Series[bool] = delivery.bars["session"] <= settled[-1]
        bars = delivery.bars.loc[is_settled]

        # Symbols that disagree with what is stored of them are held back as a whole.
        answered = sorted(delivery.answered)
        stored = self._store.bars(answered, start, today)
        stored = bars_as_of(stored, self._store.corrections(answered, start, today), self._now())
        held_back = out_of_step(bars, stored)
        bars = bars.loc[~bars["symbol"].isin(list(held_back))]
        actions = delivery.actions.loc[~delivery.actions["symbol"].isin(list(held_back))]

        # So are those that do not continue what another vendor has delivered.
        sources = self._store.sources(answered, start, today)
        stored_by_vendor = stored.merge(sources, on=["symbol", "session"])
        joint = join(bars, actions, stored_by_vendor, self._store.actions(answered, start, today), vendor=vendor)
        held_back |= joint.held_back
        bars, actions = joint.bars, joint.actions

        # Of the others, single rows that can't be right are left out.
        bars, notes_on_bars = unusable_bars(bars, settled)
        bars, notes_on_jumps = without_unit_jumps(bars, stored, actions)
        all_bars = pd.concat([stored, bars], ignore_index=True)
        actions, notes_on_actions = unusable_actions(actions, all_bars)
        # A bar is corrected by its own vendor alone.
        own = stored_by_vendor.loc[stored_by_vendor["source"] == vendor].drop(columns="source")
        corrected, notes_on_corrections = corrections(bars, own)

        self._add_notes(f"{symbol}: {reason}" for symbol, reason in held_back.items())
        self._add_notes(joint.notes)
        self._add_notes([*notes_on_bars, *notes_on_jumps, *notes_on_actions, *notes_on_corrections])
        return _Usable(bars, actions, corrected)

    def _add_notes(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._notes[line] = None


def _missing_from(span: StoredSpan | None, start: date, newest: date) -> date | None:
    """The date from which a symbol must be requested; None where nothing is missing.

    Args:
        span: What is stored of the symbol.
        start: First date that is needed.
        newest: Last session that is needed.
    """
    if span is None or start < span.asked_from:
        return start
    if span.last is None:
        return span.asked_from
    if span.last < newest:
        return span.last - OVERLAP
    return None


def _is_most(count: int, wanted: int) -> bool:
    """Whether these are more than half of the symbols that are wanted."""
    return 2 * count > wanted
