"""Composition of a window's digest from its decision, its coverage and what was known before its end.

The same arguments give the same bytes of JSON. What was not known before the window's end is left out, even where a
caller passes it in: later signals, outcomes and bars change nothing. The values are in `model`, the words in `wording`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from signals_pipeline.core.dates import day
from signals_pipeline.core.digest.context import DigestContext
from signals_pipeline.core.digest.model import VERSION, ActiveLine, Card, CorrectedLine, Digest
from signals_pipeline.core.digest.wording import (
    corrected_words,
    kind_of,
    preheader,
    remarks,
    sentences,
    signed,
    subject,
    survives,
    tag,
)
from signals_pipeline.core.news.coverage import Coverage
from signals_pipeline.core.record.outcome_index import ANY, OutcomeIndex
from signals_pipeline.core.record.outcomes import Provenance
from signals_pipeline.core.record.track_record import ENOUGH, RecordLine
from signals_pipeline.core.signals.corrections import Correction, Revision, corrections
from signals_pipeline.core.signals.decision import (
    Decision,
    Gated,
    NearMiss,
    Signal,
    active_at,
    expired_in,
    near_misses_with_capped,
)
from signals_pipeline.core.windows import Window

CLOSES = 60
"""Closes on a card, at most."""


def card(
    signal: Signal,
    *,
    company: str,
    mode: str,
    knobs: Mapping[str, Any],
    before: Signal | None,
    record: tuple[RecordLine, ...],
    closes: tuple[float, ...],
    sessions: tuple[str, ...],
    stale_since: date | None = None,
) -> Card:
    """The card of one signal.

    Args:
        signal: The signal.
        company: Name of its company.
        mode: Mode of the run that decided it.
        knobs: The values in force (`min_combined_score`, `sentiment_weight`).
        before: The active signal that it flips or strengthens, or the one that expired just before it; None for others.
        record: How similar signals did, as known before the digest (see `similar`).
        closes: The symbol's last closes before the digest, oldest first.
        sessions: Their dates, ISO.
        stale_since: Date of the last bar where later sessions have none; None where price is up to date.
    """
    judged = signal.candidate
    parts = tuple(_told(part) for part in json.loads(judged.contributions))
    least = float(knobs["min_combined_score"])
    kept = [survives(part, parts, judged.signal_type, least) for part in parts if part["kind"] == "story"]
    said = sentences(signal, parts, kept, float(knobs["sentiment_weight"]), before)
    return Card(
        symbol=judged.symbol,
        company=company,
        signal_type=judged.signal_type,
        lifecycle=signal.lifecycle,
        combined_score=judged.combined_score,
        tone=judged.tone,
        confidence_score=judged.confidence_score,
        technical=judged.technical,
        fragile=judged.fragile,
        fresh=judged.fresh,
        source=judged.source,
        contributions=parts,
        news_title=judged.news_title,
        news_url=judged.news_url,
        # Behind what changed: a mail cuts long reasons at their end.
        sentences=(*said[:1], *_stale(stale_since), *said[1:]),
        without=tuple(
            f"{signed(part['without'])}, {f'still {judged.signal_type}' if stays else 'no signal'}"
            for part, stays in zip(parts, kept, strict=False)  # stories come first
        ),
        record=record,
        closes=closes,
        sessions=sessions,
        decided_at=signal.decided_at,
        expires_at=signal.expires_at,
        mode=mode,
    )


def _told(part: Mapping[str, Any]) -> dict[str, Any]:
    """A contribution as the digest keeps it: single headlines are for corrections, not for readers."""
    return {name: value for name, value in part.items() if name != "members"}


def _stale(since: date | None) -> list[str]:
    if since is None:
        return []
    return [f"Prices are stale: the last bar is of {day(since, year=True)}, later sessions are missing."]


def similar(outcome_index: OutcomeIndex, as_of: datetime, signal_type: str, lifecycle: str) -> tuple[RecordLine, ...]:
    """The record of signals like this one: of the narrowest group with enough outcomes, live before backfilled.

    Groups are tried in this order: same type and lifecycle, live; same type, live; the same two, backfilled. Live
    and backfilled outcomes are never added up. With too few in each, the record of the type says so: the live one, or
    the backfilled one while nothing live is known.
    """
    order: tuple[tuple[Provenance, str], ...] = (
        *(("live", lifecycle), ("live", ANY)),
        *(("backfilled", lifecycle), ("backfilled", ANY)),
    )
    enough = (each for each in order if outcome_index.known(as_of, each[0], signal_type, each[1]) >= ENOUGH)
    live, backfilled = (outcome_index.known(as_of, each, signal_type) for each in ("live", "backfilled"))
    standing, kind = next(enough, order[3] if backfilled and not live else order[1])
    label = f"{kind} {signal_type} signals, {standing}".lstrip()
    return outcome_index.record(as_of, label, standing, signal_type, kind)


def compose(
    window: Window,
    *,
    coverage: Coverage,
    gated: Gated,
    decision: Decision,
    knowledge: DigestContext,
    knobs: Mapping[str, Any],
    model: str,
    mode: str,
    deployment: str,
    notes: Sequence[str] = (),
    revisions: Sequence[Revision] = (),
) -> Digest:
    """The digest of one window.

    Args:
        window: The window; its end is as_of.
        coverage: Its coverage ledger.
        gated: What its gates gave.
        decision: Its signals and what became of the other candidates.
        knowledge: What is there of any age, arranged once for the digests of all windows; only what was known before
            as_of is looked at.
        knobs: The values in force, as `Knobs.stored()` gives them.
        model: Sentiment model, quantisation and revision.
        mode: `live`, `catch_up`, `backfill` or `manual`.
        deployment: `demo`, `local` or `production`.
        notes: Further remarks, such as a price source's.
        revisions: Texts first seen since the last digest, oldest first; one behind an active signal's link corrects it.

    Raises:
        WindowError: the calendar does not reach the window.
    """
    known = _Known.before(window, knowledge, knobs)
    now = [known.card(each, mode) for each in decision.signals]
    missed = known.missed()
    earlier = tuple(known.card(each, knowledge.modes[each.window_start]) for each in missed)
    told = {each.symbol for each in (*decision.signals, *missed)}
    new = tuple(each for each in now if each.lifecycle == "new")
    changed = tuple(each for each in now if each.lifecycle != "new")
    repeats = {each.symbol: each.combined_score for each, _ in decision.repeats}
    active = sorted(known.standing.values(), key=lambda each: (-abs(each.combined_score), each.symbol))
    still_active = tuple(known.line(each, repeats.get(each.symbol)) for each in active if each.symbol not in told)
    ended = expired_in(known.recent, window, known.expiry_days)
    near_misses = near_misses_with_capped(gated.near_misses, decision)
    nearest = [each for each in near_misses if not _is_active(each, known.standing.get(each.symbol))]
    corrected = known.corrected(revisions)
    kind = kind_of(coverage, told=bool(now or earlier or corrected), strict=bool(knobs["news_strict_lookback"]))
    return Digest(
        version=VERSION,
        window_key=window.key,
        label=window.long_label,
        as_of=window.as_of,
        kind=kind,
        mode=mode,
        deployment=deployment,
        subject=tag(mode, deployment)
        + subject(kind, coverage, new, changed, earlier, corrected=corrected, still_active=len(still_active)),
        preheader=preheader((*new, *changed, *earlier), nearest, window, knobs, corrected),
        coverage=coverage,
        model=model,
        market=knowledge.sessions.market_note(window).text,
        new=new,
        changed=changed,
        from_missed=earlier,
        corrected=corrected,
        still_active=still_active,
        expired=tuple(known.line(each, None) for each in ended if each.symbol not in told),
        near_misses=near_misses,
        funnel={**gated.funnel, **decision.funnel},
        knobs=dict(knobs),
        record=_overall(knowledge.outcome_index, window.as_of),
        notes=(*remarks(coverage, decision, mode, str(knobs["signal_generator"])), *notes),
    )


@dataclass(frozen=True, slots=True)
class _Known:
    """What was known before a window's end, and what a card or a line takes from it.

    `recent` holds the other windows' signals that were active at the window's start or later, `standing` the active
    one of each symbol at its end.
    """

    window: Window
    knowledge: DigestContext
    knobs: Mapping[str, Any]
    recent: tuple[Signal, ...]
    standing: dict[str, Signal]

    @classmethod
    def before(cls, window: Window, knowledge: DigestContext, knobs: Mapping[str, Any]) -> "_Known":
        expiry_days = float(knobs["signal_expiry_days"])
        recent = _others(knowledge, window, window.start - timedelta(days=expiry_days))
        return cls(window, knowledge, knobs, recent, active_at(recent, window.as_of, expiry_days))

    @property
    def expiry_days(self) -> float:
        return float(self.knobs["signal_expiry_days"])

    def card(self, signal: Signal, mode: str) -> Card:
        as_of = self.window.as_of
        closes, sessions = self.knowledge.last_closes(signal.symbol, as_of, CLOSES)
        return card(
            signal,
            company=self.knowledge.company(signal.symbol),
            mode=mode,
            knobs=self.knobs,
            before=self._before(signal),
            record=similar(self.knowledge.outcome_index, as_of, signal.signal_type, signal.lifecycle),
            closes=closes,
            sessions=sessions,
            stale_since=self.knowledge.stale_since(signal.symbol, as_of),
        )

    def line(self, signal: Signal, now: float | None) -> ActiveLine:
        last = self.knowledge.last_return(signal, self.window.as_of)
        return ActiveLine(
            symbol=signal.symbol,
            company=self.knowledge.company(signal.symbol),
            signal_type=signal.signal_type,
            combined_score=signal.combined_score,
            now=now,
            news_title=signal.candidate.news_title,
            decided_at=signal.decided_at,
            expires_at=signal.decided_at + timedelta(days=self.expiry_days),
            horizon=last.horizon if last else None,
            net_return=last.net_return if last else None,
        )

    def corrected(self, revisions: Sequence[Revision]) -> tuple[CorrectedLine, ...]:
        """The active signals, decided in other windows, that a text first seen before as_of corrects."""
        seen = [each for each in revisions if each.known_at < self.window.as_of]
        least = float(self.knobs["min_combined_score"])
        return tuple(
            self._corrected(each) for each in corrections(self.standing.values(), seen, min_combined_score=least)
        )

    def _corrected(self, made: Correction) -> CorrectedLine:
        return CorrectedLine(
            symbol=made.signal.symbol,
            company=self.knowledge.company(made.signal.symbol),
            signal_type=made.signal.signal_type,
            combined_score=made.signal.combined_score,
            without=made.without,
            with_new=made.with_new,
            sentences=corrected_words(made),
            decided_at=made.signal.decided_at,
            known_at=made.changes[-1].known_at,
        )

    def missed(self) -> tuple[Signal, ...]:
        """Signals of the windows directly before this one that were caught up, oldest first: no digest told them."""
        starts = self.knowledge.caught_up(self.window)
        past = _others(self.knowledge, self.window, min(starts)) if starts else ()
        found = (each for each in past if each.window_start in starts)
        return tuple(sorted(found, key=lambda each: (each.window_start, -abs(each.combined_score), each.symbol)))

    def _before(self, signal: Signal) -> Signal | None:
        """What the signal flips or strengthens; for a new one its company's signal that ended in the window."""
        if signal.lifecycle != "new":
            return self._active_before(signal)[signal.symbol]
        ended = expired_in(self.recent, self.window, self.expiry_days)
        return next(
            (each for each in ended if each.symbol == signal.symbol and each.decided_at < signal.decided_at), None
        )

    def _active_before(self, signal: Signal) -> dict[str, Signal]:
        if signal.decided_at == self.window.as_of:
            return self.standing
        past = _others(self.knowledge, self.window, signal.decided_at - timedelta(days=self.expiry_days))
        return active_at(past, signal.decided_at, self.expiry_days)


def _others(knowledge: DigestContext, window: Window, after: datetime) -> tuple[Signal, ...]:
    """Signals of other windows decided after this instant and before the window's end."""
    return tuple(each for each in knowledge.signals(after, window.as_of) if each.window_start != window.start)


def _is_active(miss: NearMiss, standing: Signal | None) -> bool:
    """Whether the near miss points where its company's active signal does."""
    return standing is not None and (standing.combined_score > 0) == (miss.combined_score > 0)


def _overall(outcome_index: OutcomeIndex, as_of: datetime) -> tuple[RecordLine, ...]:
    """The record of all signals, live and backfilled apart; the live one also where nothing is known yet."""
    live, backfilled = (outcome_index.record(as_of, f"All signals, {kind}", kind) for kind in ("live", "backfilled"))
    return (*live, *backfilled) if any(line.n for line in backfilled) else live
