"""Composes a window's digest from its decision, its coverage ledger and what was known before its end.

`DigestContext` indexes signals, outcomes, prices and names once for the digests of many windows; every lookup takes an
instant, and its result holds nothing of that instant or later. The same arguments always give the same JSON bytes: what
became known at the window's end or later is left out even where a caller passes it in. The values are in `model`, all
text is in `wording`; reading the stores is the caller's part.
"""

import json
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Self

import numpy as np
import pandas as pd

from signals_pipeline.core.digest.model import (
    VERSION,
    ActiveLine,
    Card,
    Contribution,
    CorrectedLine,
    Digest,
    DigestKind,
)
from signals_pipeline.core.digest.wording import (
    StalePrices,
    benchmark_close,
    correction_sentences,
    earnings_remarks,
    preheader,
    remarks,
    score_without,
    sentences,
    subject,
    subject_tag,
)
from signals_pipeline.core.news.coverage import Coverage
from signals_pipeline.core.prices.adjustment import last_opened
from signals_pipeline.core.prices.corrections import BarVersions
from signals_pipeline.core.prices.earnings import EarningsCalendar, NextReport
from signals_pipeline.core.prices.technicals import MAX_MISSING_SESSIONS
from signals_pipeline.core.record.origin import Generation, Origin
from signals_pipeline.core.record.track_record import ANY, ENOUGH_OUTCOMES, OutcomeIndex, RecordLine
from signals_pipeline.core.signal_fields import DecisionFields, SignalFields, field_values
from signals_pipeline.core.signals.corrections import Correction, Revision, find_corrections
from signals_pipeline.core.signals.decision import (
    Decision,
    GateResult,
    NearMiss,
    Signal,
    active_at,
    expired_in,
    near_misses_of_window,
)
from signals_pipeline.core.watchlist import BENCHMARK, Watchlist
from signals_pipeline.core.windows import Sessions, Window

# Start of the window, symbol, signal type.
_SignalKey = tuple[datetime, str, str]


@dataclass(frozen=True, eq=False, slots=True)
class RealisedReturn:
    """What one signal returned net of the benchmark over a horizon.

    Attributes:
        known_at: When the return became known, UTC.
        horizon: Sessions held.
        net_return: Return net of the benchmark, a fraction.
        raw_return: Return of the company's shares, a fraction.
    """

    known_at: datetime
    horizon: int
    net_return: float
    raw_return: float


@dataclass(frozen=True, slots=True)
class RecentCloses:
    """The last closes of one symbol, oldest first.

    Attributes:
        adjusted: Adjusted for splits and dividends.
        traded: As traded, restated for splits alone; empty where one of them is not known.
        sessions: Their dates, ISO.
    """

    adjusted: tuple[float, ...] = ()
    traded: tuple[float, ...] = ()
    sessions: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, slots=True)
class DigestContext:
    """Everything that digests draw on, of any age; `build` makes one.

    Attributes:
        history: Signals by decided_at.
        decided_at: The decided_at of each signal in `history`, for binary search.
        modes: Mode of the run behind each window, by window start.
        models: Model of the run behind each window, by window start.
        window_starts: The window starts in `modes`, in order.
        untold: Starts of windows whose digest was promised to readers and has reached none of them.
        outcome_index: Outcomes by group.
        returns: Realised returns by signal, longest horizon first.
        prices: Closes by symbol as known at an instant, as traded, with the splits and dividends that adjust them.
        watchlist: The companies' names.
        sessions: Trading sessions.
        other_vendors: Vendor of the bars that the usual source did not deliver, by symbol and session.
        traded_closes: Closes as traded by symbol and session, of a source whose bars are adjusted; empty where the bars
            themselves are as traded.
        earnings: What companies announced of their reports, and when.
    """

    history: tuple[Signal, ...]
    decided_at: tuple[datetime, ...]
    modes: Mapping[datetime, str]
    models: Mapping[datetime, str]
    window_starts: tuple[datetime, ...]
    untold: frozenset[datetime]
    outcome_index: OutcomeIndex
    returns: Mapping[_SignalKey, Sequence[RealisedReturn]]
    prices: BarVersions
    watchlist: Watchlist
    sessions: Sessions
    other_vendors: Mapping[tuple[str, date], str]
    traded_closes: Mapping[tuple[str, date], float]
    earnings: EarningsCalendar

    @classmethod
    def build(
        cls,
        *,
        history: Sequence[Signal],
        modes: Mapping[datetime, str],
        models: Mapping[datetime, str],
        outcomes: pd.DataFrame,
        bars: pd.DataFrame,
        watchlist: Watchlist,
        sessions: Sessions,
        actions: pd.DataFrame | None = None,
        corrections: pd.DataFrame | None = None,
        untold: Collection[datetime] = (),
        other_vendors: pd.DataFrame | None = None,
        traded_closes: pd.DataFrame | None = None,
        earnings: EarningsCalendar | None = None,
    ) -> Self:
        """Index the inputs, which may come in any order.

        Args:
            history: Signals of all windows.
            modes: Mode of the run behind each window, by window start.
            models: Model of the run behind each window, by window start.
            outcomes: KNOWN_OUTCOMES rows.
            bars: Daily bars.
            watchlist: The companies' names.
            sessions: Trading sessions, up to the one after the last window that gets a digest.
            actions: Splits and dividends by ex-date; None where bars are to be taken as they are.
            corrections: Later values of bars; None where no bar was corrected.
            untold: Starts of windows whose digest was promised to readers and has reached none of them.
            other_vendors: Bars of another vendor than the usual one (`feeds.PriceSource.other_vendors`); None: none.
            traded_closes: Closes as traded where `bars` are adjusted (`feeds.PriceSource.traded_closes`); None: none.
            earnings: What companies announced of their reports; None: there is no calendar.
        """
        ordered = sorted(history, key=lambda signal: signal.decided_at)
        ordered_bars = bars.sort_values(["symbol", "session"], kind="stable")
        return cls(
            history=tuple(ordered),
            decided_at=tuple(signal.decided_at for signal in ordered),
            modes=modes,
            models=models,
            window_starts=tuple(sorted(modes)),
            untold=frozenset(untold),
            outcome_index=OutcomeIndex.from_outcomes(outcomes),
            returns=_returns_by_signal(outcomes),
            prices=BarVersions(ordered_bars, actions, corrections),
            watchlist=watchlist,
            sessions=sessions,
            other_vendors=_by_symbol_and_day(other_vendors, "source"),
            traded_closes=_by_symbol_and_day(traded_closes, "close"),
            earnings=EarningsCalendar() if earnings is None else earnings,
        )

    def signals(self, after: datetime, before: datetime) -> tuple[Signal, ...]:
        """Signals with after < decided_at < before, by decided_at."""
        first = bisect_right(self.decided_at, after)
        end = bisect_left(self.decided_at, before)
        return self.history[first:end]

    def caught_up(self, window: Window) -> frozenset[datetime]:
        """Starts of the windows directly before this one of which no reader was told.

        They were caught up, or the mails of their digests never left.
        """
        starts: list[datetime] = []
        position = bisect_left(self.window_starts, window.start)
        for start in reversed(self.window_starts[:position]):
            if self.modes[start] != "catch_up" and start not in self.untold:
                break
            starts.append(start)
        return frozenset(starts)

    def last_return(self, signal: Signal, as_of: datetime) -> RealisedReturn | None:
        """The signal's return over its longest horizon known before as_of; None where none was known."""
        returns = self.returns.get((signal.window_start, signal.symbol, signal.signal_type), ())
        for realised in returns:  # longest horizon first
            if realised.known_at < as_of:
                return realised
        return None

    def last_closes(self, symbol: str, as_of: datetime, count: int) -> RecentCloses:
        """The symbol's last closes of sessions that closed before as_of, at most `count`.

        Splits and dividends are those known at as_of.

        Raises:
            WindowError: the calendar does not reach as_of.
        """
        last_session = self.sessions.last_closed(as_of)
        bars = self.prices.as_of(as_of).get(symbol)
        if last_session is None or bars is None:
            return RecentCloses()

        last_day = np.datetime64(last_session, "D")
        end = int(np.searchsorted(bars.days, last_day, side="right"))
        rows = slice(max(0, end - count), end)
        days = bars.days[rows]

        # Splits and dividends count from the open of their ex-date, not from its close.
        known_actions = bars.count_ex_days(last_opened(self.sessions, as_of))
        adjusted = bars.adjusted(known_actions)["close"][rows].tolist()
        traded = bars.traded_closes(known_actions)[rows].tolist()
        if self.traded_closes:
            keys = [(symbol, day) for day in days.tolist()]
            is_known = all(key in self.traded_closes for key in keys)
            traded = [self.traded_closes[key] for key in keys] if is_known else []
        return RecentCloses(tuple(adjusted), tuple(traded), tuple(np.datetime_as_string(days).tolist()))

    def move_since(self, symbol: str, headline_at: datetime, decided_at: datetime) -> float | None:
        """Return of the symbol from the last close before a headline to the last close before the decision.

        Returns:
            A fraction, dividends included; None where no session closed between the two, or a bar is missing.

        Raises:
            WindowError: the calendar does not reach decided_at.
        """
        first, last = self.sessions.last_closed(headline_at), self.sessions.last_closed(decided_at)
        if first is None or last is None or first >= last:
            return None
        recent = self.last_closes(symbol, decided_at, MAX_CLOSES)
        close_of_day = dict(zip(recent.sessions, recent.adjusted, strict=True))
        before, now = close_of_day.get(first.isoformat()), close_of_day.get(last.isoformat())
        return None if before is None or now is None else now / before - 1

    def benchmark_note(self, as_of: datetime) -> str:
        """How the benchmark closed the last session before as_of; empty where its last two bars are not known.

        Raises:
            WindowError: the calendar does not reach as_of.
        """
        last_session = self.sessions.last_closed(as_of)
        recent = self.last_closes(BENCHMARK, as_of, 2)
        # A return takes two closes, of which the second is that of the last session.
        has_return = len(recent.traded) > 1
        if last_session is None or not has_return or recent.sessions[-1] != last_session.isoformat():
            return ""
        before, last = recent.adjusted
        return benchmark_close(BENCHMARK, last / before - 1, recent.traded[-1], last_session)

    def stale_prices(self, symbol: str, as_of: datetime) -> StalePrices | None:
        """Where the symbol's prices end, if a later session closed before as_of; None where there is no bar at all.

        Raises:
            WindowError: the calendar does not reach as_of.
        """
        last_session = self.sessions.last_closed(as_of)
        bars = self.prices.as_of(as_of).get(symbol)
        if last_session is None or bars is None:
            return None
        last_day = np.datetime64(last_session, "D")
        end = int(np.searchsorted(bars.days, last_day, side="right"))
        if end == 0:
            return None
        last_bar = bars.days[end - 1]
        sessions_between = np.searchsorted(self.sessions.dates, [last_bar, last_day], side="right")
        missing = int(sessions_between[1] - sessions_between[0])
        return StalePrices(last_bar.item(), missing) if missing else None

    def other_vendor(self, symbol: str, as_of: datetime) -> str | None:
        """Who delivered the symbol's last bar before as_of, if that is not the usual source.

        Raises:
            WindowError: the calendar does not reach as_of.
        """
        if not self.other_vendors:
            return None
        sessions = self.last_closes(symbol, as_of, 1).sessions
        return self.other_vendors.get((symbol, date.fromisoformat(sessions[0]))) if sessions else None

    def count_other_vendors(self, as_of: datetime) -> Mapping[str, int]:
        """For how many companies of the watchlist each vendor delivered the last bar in place of the usual source.

        Raises:
            WindowError: the calendar does not reach as_of.
        """
        vendors = [self.other_vendor(symbol, as_of) for symbol in self.watchlist.symbols]
        return Counter(vendor for vendor in vendors if vendor is not None)

    def without_prices(self, as_of: datetime) -> tuple[str, ...]:
        """Symbols of the watchlist without a bar of the last three sessions closed before as_of, in its order.

        Raises:
            WindowError: the calendar does not reach as_of.
        """
        last_session = self.sessions.last_closed(as_of)
        if last_session is None:
            return ()
        last_day = np.datetime64(last_session, "D")
        position = int(np.searchsorted(self.sessions.dates, last_day)) - MAX_MISSING_SESSIONS
        oldest_recent = self.sessions.dates[max(position, 0)]

        versions = self.prices.as_of(as_of)
        symbols: list[str] = []
        for symbol in self.watchlist.symbols:
            bars = versions.get(symbol)
            end = 0 if bars is None else int(np.searchsorted(bars.days, last_day, side="right"))
            if bars is None or end == 0 or bars.days[end - 1] < oldest_recent:
                symbols.append(symbol)
        return tuple(symbols)

    def next_report(self, symbol: str, as_of: datetime) -> NextReport | None:
        """The company's next report as known before as_of; None where there is no earnings calendar."""
        if not self.earnings.source:
            return None
        index = self.sessions.entry_index(as_of)
        next_session = None if index is None else self.sessions.dates[index].item()
        return self.earnings.next_report(symbol, as_of, next_session)

    def earnings_unknown(self, as_of: datetime) -> tuple[str, ...]:
        """Companies of the watchlist whose next report is unknown; none where there is no calendar at all."""
        return self.earnings.unknown(self.watchlist.symbols, as_of) if self.earnings.source else ()

    def company(self, symbol: str) -> str:
        """The company's name; the symbol where it has left the watchlist."""
        if symbol not in self.watchlist:
            return symbol
        return self.watchlist.company(symbol).name

    def sector(self, symbol: str) -> str:
        """The company's sector; empty where the watchlist has none or the company has left it."""
        return self.watchlist.company(symbol).sector if symbol in self.watchlist else ""


def _by_symbol_and_day(frame: pd.DataFrame | None, column: str) -> dict[tuple[str, date], Any]:
    """The values of a column by symbol and session; none without a frame."""
    if frame is None:
        return {}
    keys = zip(frame["symbol"].tolist(), frame["session"].dt.date, strict=True)
    return dict(zip(keys, frame[column].tolist(), strict=True))


def _returns_by_signal(outcomes: pd.DataFrame) -> dict[_SignalKey, list[RealisedReturn]]:
    """Realised returns of each signal, longest horizon first."""
    rows = outcomes.sort_values("horizon", ascending=False, kind="stable")
    window_starts = pd.DatetimeIndex(rows["window_start"]).to_pydatetime()
    known_at = pd.DatetimeIndex(rows["known_at"]).to_pydatetime()
    columns = zip(
        window_starts,
        rows["symbol"].tolist(),
        rows["signal_type"].tolist(),
        known_at,
        rows["horizon"].tolist(),
        rows["net_return"].tolist(),
        rows["raw_return"].tolist(),
        strict=True,
    )
    returns: dict[_SignalKey, list[RealisedReturn]] = defaultdict(list)
    for window_start, symbol, signal_type, *realised in columns:
        returns[window_start, symbol, signal_type].append(RealisedReturn(*realised))
    return dict(returns)


MAX_WITHOUT_PRICES = 0.2
"""Share of the watchlist beyond which missing prices degrade a digest: no longer single companies, but the source."""

MAX_CLOSES = 60
"""Closes on a card: about three months of sessions."""


# The digest


def compose(
    window: Window,
    *,
    coverage: Coverage,
    gated: GateResult,
    decision: Decision,
    context: DigestContext,
    knobs: Mapping[str, Any],
    model: str,
    mode: str,
    deployment: str,
    notes: Sequence[str] = (),
    revisions: Sequence[Revision] = (),
    without_prices: Sequence[str] = (),
) -> Digest:
    """Compose the digest of one window.

    Args:
        window: The window; its end is as_of.
        coverage: Its coverage ledger.
        gated: The result of its gates.
        decision: Its signals and what became of the other candidates.
        context: Signals, outcomes and prices of any age, indexed once for the digests of all windows; only what was
            known before as_of is used.
        knobs: The settings in force, as `Knobs.stored()` gives them.
        model: Sentiment model, quantisation and revision.
        mode: `live`, `catch_up`, `backfill` or `manual`.
        deployment: `demo`, `local` or `production`.
        notes: Further remarks, such as a price source's.
        revisions: Texts first seen since the last digest, oldest first; one behind an active signal's link corrects it.
        without_prices: Companies of the watchlist that have no recent price (`DigestContext.without_prices`).

    Raises:
        WindowError: the calendar does not reach the window.
    """
    view = _WindowView.before(window, context, knobs)

    # Cards: this window's signals, and those of missed windows that no digest has shown yet.
    cards = [view.card(signal, mode, model) for signal in decision.signals]
    new = tuple(card for card in cards if card.lifecycle == "new")
    changed = tuple(card for card in cards if card.lifecycle != "new")
    missed = view.missed()
    from_missed = tuple(
        view.card(signal, context.modes[signal.window_start], context.models[signal.window_start]) for signal in missed
    )

    # Lines: earlier signals, active or expired. A company with a card gets no line as well.
    carded_symbols = {signal.symbol for signal in (*decision.signals, *missed)}
    repeated_scores = {candidate.symbol: candidate.combined_score for candidate, _ in decision.repeats}
    still_active = tuple(
        view.line(signal, repeated_scores.get(signal.symbol))
        for signal in sorted(view.active.values(), key=_strongest_first)
        if signal.symbol not in carded_symbols
    )
    expired = tuple(view.line(signal, None) for signal in view.expired() if signal.symbol not in carded_symbols)
    corrected = view.corrected(revisions)

    # Near misses: the preheader leaves out those that only repeat what is active.
    near_misses = near_misses_of_window(gated.near_misses, decision)
    near_miss_news: list[NearMiss] = []
    for miss in near_misses:
        active = view.active.get(miss.symbol)
        if active is None or not _same_direction(miss, active):
            near_miss_news.append(miss)

    kind = digest_kind(
        coverage,
        has_news=bool(cards or from_missed or corrected),
        strict=bool(knobs["news_strict_lookback"]),
        without_prices=len(without_prices) / len(context.watchlist),
    )
    headline = subject(
        kind,
        coverage,
        new,
        changed,
        from_missed,
        corrected=corrected,
        still_active=len(still_active),
        without_prices=len(without_prices),
    )
    generator = str(knobs["signal_generator"])
    generation = Generation.of_run(generator, model)
    generated_notes = remarks(
        coverage,
        decision,
        mode,
        generator,
        recorded_elsewhere=context.outcome_index.known_of_others(window.as_of, generation),
        without_prices=without_prices,
        other_vendors=context.count_other_vendors(window.as_of),
    )
    earnings_unknown = context.earnings_unknown(window.as_of)
    earnings_notes = earnings_remarks(
        earnings_unknown,
        len(context.watchlist),
        was_visited=context.earnings.was_visited(window.as_of),
        trouble=context.earnings.trouble(window.as_of),
    )
    return Digest(
        version=VERSION,
        window_key=window.key,
        label=window.long_label,
        as_of=window.as_of,
        kind=kind,
        mode=mode,
        deployment=deployment,
        subject=subject_tag(mode, deployment) + headline,
        preheader=preheader((*new, *changed, *from_missed), near_miss_news, window, knobs, corrected),
        coverage=coverage,
        model=model,
        market=" ".join(filter(None, (context.sessions.market_note(window), context.benchmark_note(window.as_of)))),
        new=new,
        changed=changed,
        from_missed=from_missed,
        corrected=corrected,
        still_active=still_active,
        expired=expired,
        near_misses=near_misses,
        funnel={**gated.funnel, **decision.funnel},
        knobs=dict(knobs),
        record=_overall_record(context.outcome_index, window.as_of, generation),
        notes=(*generated_notes, *earnings_notes, *notes),
        without_prices=tuple(without_prices),
        earnings_source=context.earnings.source,
        earnings_unknown=earnings_unknown,
    )


def digest_kind(coverage: Coverage, *, has_news: bool, strict: bool, without_prices: float = 0.0) -> DigestKind:
    """The kind of a digest: `degraded` where news or prices are missing, otherwise `full` or `quiet`.

    Args:
        coverage: The window's ledger.
        has_news: Whether there is any card or correction.
        strict: NEWS_STRICT_LOOKBACK: minutes without coverage are then the operator's choice.
        without_prices: Share of the watchlist without a recent price; single companies may be delisted.
    """
    uncovered = coverage.gap_minutes > 0 and not strict
    if coverage.status != "ok" or coverage.missing_windows or uncovered or without_prices > MAX_WITHOUT_PRICES:
        return "degraded"
    return "full" if has_news else "quiet"


def _strongest_first(signal: Signal) -> tuple[float, str]:
    return -abs(signal.combined_score), signal.symbol


def _same_direction(miss: NearMiss, signal: Signal) -> bool:
    return (miss.combined_score > 0) == (signal.combined_score > 0)


# What was known before one window's end


@dataclass(frozen=True, slots=True)
class _WindowView:
    """The context as of one window's end, and the cards and lines made from it.

    Attributes:
        window: The window.
        context: Signals, outcomes and prices of any age.
        knobs: The settings in force.
        recent: Signals of other windows that were active at the window's start or later.
        active: The active signal of each symbol at the window's end, this window's decision left out.
    """

    window: Window
    context: DigestContext
    knobs: Mapping[str, Any]
    recent: tuple[Signal, ...]
    active: dict[str, Signal]

    @classmethod
    def before(cls, window: Window, context: DigestContext, knobs: Mapping[str, Any]) -> "_WindowView":
        expiry_days = float(knobs["signal_expiry_days"])
        recent = _other_signals(context, window, after=window.start - timedelta(days=expiry_days))
        active = active_at(recent, window.as_of, expiry_days)
        return cls(window, context, knobs, recent, active)

    @property
    def expiry_days(self) -> float:
        return float(self.knobs["signal_expiry_days"])

    def card(self, signal: Signal, mode: str, model: str) -> Card:
        as_of = self.window.as_of
        generation = Generation(signal.candidate.source, model)
        headline_at = leading_headline_at(signal)
        move, headline_session = None, None
        if headline_at is not None:
            headline_session = self.context.sessions.last_closed(headline_at)
            move = self.context.move_since(signal.symbol, headline_at, signal.decided_at)
        return card(
            signal,
            company=self.context.company(signal.symbol),
            sector=self.context.sector(signal.symbol),
            mode=mode,
            knobs=self.knobs,
            before=self._changed_signal(signal),
            record=similar_record(self.context.outcome_index, as_of, generation, signal.signal_type, signal.lifecycle),
            prices=self.context.last_closes(signal.symbol, as_of, MAX_CLOSES),
            move=move,
            headline_session=headline_session,
            stale=self.context.stale_prices(signal.symbol, as_of),
            vendor=self.context.other_vendor(signal.symbol, as_of),
            earnings=self.context.next_report(signal.symbol, as_of),
        )

    def line(self, signal: Signal, current_score: float | None) -> ActiveLine:
        realised = self.context.last_return(signal, self.window.as_of)
        return ActiveLine(
            symbol=signal.symbol,
            company=self.context.company(signal.symbol),
            signal_type=signal.signal_type,
            combined_score=signal.combined_score,
            now=current_score,
            news_title=signal.candidate.news_title,
            decided_at=signal.decided_at,
            expires_at=signal.decided_at + timedelta(days=self.expiry_days),
            horizon=realised.horizon if realised else None,
            net_return=realised.net_return if realised else None,
            raw_return=realised.raw_return if realised else None,
        )

    def expired(self) -> tuple[Signal, ...]:
        """Signals that expired in this window."""
        return expired_in(self.recent, self.window, self.expiry_days)

    def missed(self) -> tuple[Signal, ...]:
        """Signals of the caught-up windows directly before this one, which no digest has shown, oldest first."""
        starts = self.context.caught_up(self.window)
        if not starts:
            return ()
        since = _other_signals(self.context, self.window, after=min(starts))
        signals = [signal for signal in since if signal.window_start in starts]
        return tuple(sorted(signals, key=lambda signal: (signal.window_start, *_strongest_first(signal))))

    def corrected(self, revisions: Sequence[Revision]) -> tuple[CorrectedLine, ...]:
        """The active signals of other windows that a text first seen before as_of corrects."""
        seen = [revision for revision in revisions if revision.known_at < self.window.as_of]
        if not seen:
            return ()
        minimum = float(self.knobs["min_combined_score"])
        found = find_corrections(self.active.values(), seen, min_combined_score=minimum)
        return tuple(self._corrected_line(correction) for correction in found)

    def _corrected_line(self, correction: Correction) -> CorrectedLine:
        signal = correction.signal
        return CorrectedLine(
            symbol=signal.symbol,
            company=self.context.company(signal.symbol),
            signal_type=signal.signal_type,
            combined_score=signal.combined_score,
            without=correction.without,
            with_new=correction.with_new,
            sentences=correction_sentences(correction),
            decided_at=signal.decided_at,
            known_at=correction.changes[-1].known_at,
        )

    def _changed_signal(self, signal: Signal) -> Signal | None:
        """The signal that this one flips or strengthens; for a new one the signal of its company that just expired."""
        if signal.lifecycle != "new":
            return self._active_before(signal)[signal.symbol]
        for ended in self.expired():
            if ended.symbol == signal.symbol and ended.decided_at < signal.decided_at:
                return ended
        return None

    def _active_before(self, signal: Signal) -> dict[str, Signal]:
        if signal.decided_at == self.window.as_of:
            return self.active
        # A signal of a missed window was decided against what was active at that time.
        after = signal.decided_at - timedelta(days=self.expiry_days)
        others = _other_signals(self.context, self.window, after=after)
        return active_at(others, signal.decided_at, self.expiry_days)


def _other_signals(context: DigestContext, window: Window, *, after: datetime) -> tuple[Signal, ...]:
    """Signals of other windows decided after this instant and before the window's end.

    Those of the window itself may be stored already, when it is run again.
    """
    signals = context.signals(after, window.as_of)
    return tuple(signal for signal in signals if signal.window_start != window.start)


# Cards


def card(
    signal: Signal,
    *,
    company: str,
    mode: str,
    knobs: Mapping[str, Any],
    before: Signal | None,
    record: tuple[RecordLine, ...],
    prices: RecentCloses,
    sector: str = "",
    move: float | None = None,
    headline_session: date | None = None,
    stale: StalePrices | None = None,
    vendor: str | None = None,
    earnings: NextReport | None = None,
) -> Card:
    """Make the card of one signal.

    Args:
        signal: The signal.
        company: Name of its company.
        mode: Mode of the run that decided it.
        knobs: The settings in force (`min_combined_score`, `sentiment_weight`).
        before: The active signal that it flips or strengthens, or the one that expired just before it; None for others.
        record: How similar signals did, as known before the digest (see `similar_record`).
        prices: The symbol's last closes before the digest.
        sector: Sector of its company; empty where it is not known.
        move: Return from the last close before the leading headline to the last one before the decision; None: unknown.
        headline_session: The last session that closed before the leading headline; None without one.
        stale: Where the prices end; None where they are up to date.
        vendor: Who delivered the last close in place of the usual source; None where that one did.
        earnings: The company's next report; None where there is no calendar.
    """
    candidate = signal.candidate
    minimum = float(knobs["min_combined_score"])
    parts = tuple(_shown_part(part) for part in json.loads(candidate.contributions))

    # Leave one story out at a time.
    stands_without: list[bool] = []
    without: list[str] = []
    for part in parts:
        if part["kind"] == "story":
            stands = survives_without(part, parts, candidate.signal_type, minimum)
            stands_without.append(stands)
            without.append(score_without(part["without"], candidate.signal_type, stands=stands))

    # The reaction is measured from the story's very first headline, which need not be the one that leads the card.
    # Where the two moves contradict each other, only the recorded one is shown.
    if move is not None and (candidate.reaction is None or move * candidate.reaction < 0):
        move = None
    reasons = sentences(
        signal,
        parts,
        stands_without,
        weight=float(knobs["sentiment_weight"]),
        move=move,
        before=before,
        stale=stale,
        vendor=vendor,
    )
    return Card(
        **field_values(SignalFields, candidate),
        **field_values(DecisionFields, signal),
        company=company,
        contributions=parts,
        sentences=reasons,
        without=tuple(without),
        record=record,
        closes=prices.adjusted,
        sessions=prices.sessions,
        mode=mode,
        traded_closes=prices.traded,
        move=move,
        headline_session=headline_session.isoformat() if headline_session else "",
        sector=sector,
        earnings=earnings,
    )


def leading_headline_at(signal: Signal) -> datetime | None:
    """When the headline that leads a signal became known; None without a story."""
    stories = [part for part in json.loads(signal.candidate.contributions) if part["kind"] == "story"]
    return datetime.fromisoformat(stories[0]["known_at"]) if stories else None


def _shown_part(part: Contribution) -> dict[str, Any]:
    """A contribution as the digest stores it: without its single headlines, which only corrections need."""
    return {name: value for name, value in part.items() if name != "members"}


def survives_without(story: Contribution, parts: Sequence[Contribution], signal_type: str, minimum: float) -> bool:
    """Whether the signal would still be made without one story.

    The score that remains must pass the threshold, and the tone that remains must have the sign of the score. Without
    its only story a signal has no tone at all.

    Args:
        story: The story that is left out; its `without` is the combined score that remains.
        parts: All contributions of the signal.
        signal_type: `BUY` or `SELL`.
        minimum: MIN_COMBINED_SCORE.
    """
    story_count = sum(part["kind"] == "story" for part in parts)
    if story_count == 1:
        return False

    side = 1.0 if signal_type == "BUY" else -1.0
    score = side * story["without"]
    # The remaining contribution of tone is the remaining score less that of price.
    price = sum(part["contribution"] for part in parts if part["kind"] == "technical")
    tone = side * (story["without"] - price)
    return score >= minimum and tone > 0


# Track records


def similar_record(
    outcome_index: OutcomeIndex, as_of: datetime, generation: Generation, signal_type: str, lifecycle: str
) -> tuple[RecordLine, ...]:
    """The record of the narrowest group of signals like this one that has enough outcomes.

    All groups are of the same generator and model. They are tried in this order: same type and lifecycle, live; same
    type, live; then the same two, backfilled. Live and backfilled outcomes are never added up. Where no group has
    enough, the record of the type says so: the live one, or the backfilled one as long as nothing live is known.
    """
    live, backfilled = Origin("live", generation), Origin("backfilled", generation)
    groups = ((live, lifecycle), (live, ANY), (backfilled, lifecycle), (backfilled, ANY))
    for origin, group_lifecycle in groups:
        if outcome_index.known(as_of, origin, signal_type, group_lifecycle) >= ENOUGH_OUTCOMES:
            return _record_of_group(outcome_index, as_of, origin, signal_type, group_lifecycle)

    has_live = outcome_index.known(as_of, live, signal_type) > 0
    has_backfilled = outcome_index.known(as_of, backfilled, signal_type) > 0
    fallback = backfilled if has_backfilled and not has_live else live
    return _record_of_group(outcome_index, as_of, fallback, signal_type, ANY)


def _record_of_group(
    outcome_index: OutcomeIndex, as_of: datetime, origin: Origin, signal_type: str, lifecycle: str
) -> tuple[RecordLine, ...]:
    # The lifecycle is empty where all count.
    label = f"{lifecycle} {signal_type} signals, {origin.provenance}".lstrip()
    return outcome_index.record(as_of, label, origin, signal_type, lifecycle)


def _overall_record(outcome_index: OutcomeIndex, as_of: datetime, generation: Generation) -> tuple[RecordLine, ...]:
    """The record of all signals of a generator and model: live always, backfilled where it has outcomes."""
    live = outcome_index.record(as_of, "All signals, live", Origin("live", generation))
    backfilled = outcome_index.record(as_of, "All signals, backfilled", Origin("backfilled", generation))
    if any(line.n for line in backfilled):
        return (*live, *backfilled)
    return live
