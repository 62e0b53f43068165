"""From one window's decision to its Digest.

The same arguments give the same bytes of JSON. What was not known before the window's end is left out, also where a
caller hands it in: later signals, outcomes and bars change nothing.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from signals_pipeline.core.cards import LIVE_MODES, Card, card
from signals_pipeline.core.coverage import Coverage
from signals_pipeline.core.digest_value import VERSION, ActiveLine, Digest, DigestError
from signals_pipeline.core.gates import Gated
from signals_pipeline.core.record import RecordLine, record
from signals_pipeline.core.signals import Decision, Signal, active_at, expired_in, near_misses_with_capped
from signals_pipeline.core.subject import kind_of, preheader, remarks, subject, tag
from signals_pipeline.core.watchlist import Watchlist
from signals_pipeline.core.windows import Sessions, Window

__all__ = ["ActiveLine", "Card", "Digest", "DigestError", "compose"]


def compose(
    window: Window,
    *,
    coverage: Coverage,
    sessions: Sessions,
    gated: Gated,
    decision: Decision,
    history: Sequence[Signal],
    modes: Mapping[datetime, str],
    outcomes: pd.DataFrame,
    bars: pd.DataFrame,
    watchlist: Watchlist,
    knobs: Mapping[str, Any],
    model: str,
    mode: str,
    deployment: str,
    notes: Sequence[str] = (),
) -> Digest:
    """The digest of one window.

    Args:
        window: The window; its end is as_of.
        coverage: Its coverage ledger.
        sessions: Trading sessions, up to the one after as_of.
        gated: What its gates gave.
        decision: Its signals and what became of the other candidates.
        history: Signals of all windows, in any order; only earlier ones are looked at.
        modes: Mode of the run behind each window, by window start; one that is not there counts as `backfill`.
        outcomes: OUTCOMES rows; only those known before as_of are looked at.
        bars: Daily bars; only those of sessions closed before as_of are looked at.
        watchlist: For the companies' names.
        knobs: The values in force, as `Knobs.stored()` gives them.
        model: Sentiment model, quantisation and revision.
        mode: `live`, `catch_up`, `backfill` or `manual`.
        deployment: `demo`, `local` or `production`.
        notes: Further remarks, such as a price source's.

    Raises:
        WindowError: the calendar does not reach the window.
    """
    known = _Known.before(
        window, sessions, history, modes=modes, outcomes=outcomes, bars=bars, watchlist=watchlist, knobs=knobs
    )
    now = [known.card(each, mode) for each in decision.signals]
    missed = known.missed()
    earlier = tuple(known.card(each, modes[each.window_start]) for each in missed)
    told = {each.symbol for each in (*decision.signals, *missed)}
    new = tuple(each for each in now if each.lifecycle == "new")
    changed = tuple(each for each in now if each.lifecycle != "new")
    repeats = {each.symbol: each.combined_score for each, _ in decision.repeats}
    active = sorted(known.standing.values(), key=lambda each: (-abs(each.combined_score), each.symbol))
    still_active = tuple(known.line(each, repeats.get(each.symbol)) for each in active if each.symbol not in told)
    ended = expired_in(known.past, window, known.expiry_days)
    near_misses = near_misses_with_capped(gated.near_misses, decision)
    kind = kind_of(coverage, told=bool(now or earlier), strict=bool(knobs["news_strict_lookback"]))
    return Digest(
        version=VERSION,
        window_key=window.key,
        label=window.long_label,
        as_of=window.as_of,
        kind=kind,
        mode=mode,
        deployment=deployment,
        subject=tag(mode, deployment) + subject(kind, coverage, new, changed, earlier, still_active=len(still_active)),
        preheader=preheader((*new, *changed, *earlier), near_misses, window),
        coverage=coverage,
        model=model,
        market=sessions.market_note(window).text,
        new=new,
        changed=changed,
        from_missed=earlier,
        still_active=still_active,
        expired=tuple(known.line(each, None) for each in ended if each.symbol not in told),
        near_misses=near_misses,
        funnel={**gated.funnel, **decision.funnel},
        knobs=dict(knobs),
        record=_overall(known.outcomes),
        notes=(*remarks(coverage, decision, mode), *notes),
    )


@dataclass(frozen=True)
class _Known:
    """What was known before a window's end, and what a card or a line takes from it."""

    window: Window
    past: tuple[Signal, ...]
    standing: dict[str, Signal]
    modes: Mapping[datetime, str]
    outcomes: pd.DataFrame
    bars: pd.DataFrame
    watchlist: Watchlist
    knobs: Mapping[str, Any]

    @classmethod
    def before(
        cls,
        window: Window,
        sessions: Sessions,
        history: Sequence[Signal],
        *,
        modes: Mapping[datetime, str],
        outcomes: pd.DataFrame,
        bars: pd.DataFrame,
        watchlist: Watchlist,
        knobs: Mapping[str, Any],
    ) -> "_Known":
        past = tuple(each for each in history if each.decided_at < window.as_of and each.window_start != window.start)
        standing = active_at(past, window.as_of, float(knobs["signal_expiry_days"]))
        seen = outcomes[outcomes["known_at"] < pd.Timestamp(window.as_of)]
        starts = {start: modes.get(start.to_pydatetime(), "backfill") for start in seen["window_start"].unique()}
        seen = seen.assign(mode=seen["window_start"].map(starts).astype("str"))
        closed = sessions.last_closed(window.as_of)
        prices = bars[bars["session"] <= pd.Timestamp(closed)] if closed else bars.iloc[:0]
        return cls(window, past, standing, modes, seen, prices, watchlist, knobs)

    @property
    def expiry_days(self) -> float:
        return float(self.knobs["signal_expiry_days"])

    def company(self, symbol: str) -> str:
        """The company's name; the symbol where it has left the watchlist."""
        return self.watchlist.company(symbol).name if symbol in self.watchlist else symbol

    def card(self, signal: Signal, mode: str) -> Card:
        current = signal.decided_at == self.window.as_of
        active = self.standing if current else active_at(self.past, signal.decided_at, self.expiry_days)
        return card(
            signal,
            company=self.company(signal.symbol),
            mode=mode,
            knobs=self.knobs,
            before=active.get(signal.symbol) if signal.lifecycle != "new" else None,
            outcomes=self.outcomes,
            bars=self.bars[self.bars["symbol"] == signal.symbol],
        )

    def line(self, signal: Signal, now: float | None) -> ActiveLine:
        rows = self.outcomes
        same = (rows["symbol"] == signal.symbol) & (rows["window_start"] == pd.Timestamp(signal.window_start))
        last = rows[same & (rows["signal_type"] == signal.signal_type)].nlargest(1, "horizon")
        return ActiveLine(
            symbol=signal.symbol,
            company=self.company(signal.symbol),
            signal_type=signal.signal_type,
            combined_score=signal.combined_score,
            now=now,
            news_title=signal.candidate.news_title,
            decided_at=signal.decided_at,
            expires_at=signal.decided_at + timedelta(days=self.expiry_days),
            horizon=int(last["horizon"].iloc[0]) if len(last) else None,
            net_return=float(last["net_return"].iloc[0]) if len(last) else None,
        )

    def missed(self) -> tuple[Signal, ...]:
        """Signals of the windows directly before this one that were caught up, oldest first: no digest told them."""
        earlier = sorted((start for start in self.modes if start < self.window.start), reverse=True)
        caught_up = set(itertools.takewhile(lambda start: self.modes[start] == "catch_up", earlier))
        found = (each for each in self.past if each.window_start in caught_up)
        return tuple(sorted(found, key=lambda each: (each.window_start, -abs(each.combined_score), each.symbol)))


def _overall(known: pd.DataFrame) -> tuple[RecordLine, ...]:
    """The record of all signals, live and backfilled apart; the live one also where nothing is known yet."""
    live = known["mode"].isin(LIVE_MODES)
    backfilled = record(known[~live], label="All signals, backfilled") if (~live).any() else ()
    return (*record(known[live], label="All signals, live"), *backfilled)
