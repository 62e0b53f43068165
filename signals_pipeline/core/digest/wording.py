"""The digest's words: a card's sentences, the subject line, the preheader, remarks, and names of gates and settings.

Words are made here and never read back: whatever depends on a value uses the value.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from signals_pipeline.core.dates import day
from signals_pipeline.core.digest.model import Card, CorrectedLine, DigestKind
from signals_pipeline.core.news.coverage import Coverage
from signals_pipeline.core.record.outcomes import LIVE_MODES
from signals_pipeline.core.signals.corrections import Change, Correction
from signals_pipeline.core.signals.decision import Decision, NearMiss, Signal
from signals_pipeline.core.text import shorten
from signals_pipeline.core.windows import NEW_YORK, Window

_NAMED = 3
"""Stories that a sentence names, at most."""


def survives(part: Mapping[str, Any], parts: Sequence[Mapping[str, Any]], signal_type: str, least: float) -> bool:
    """Whether the signal would still be made without the story `part`: large enough, and tone and score of one sign."""
    price = sum(other["contribution"] for other in parts if other["kind"] == "technical")
    alone = sum(other["kind"] == "story" for other in parts) == 1
    side = 1.0 if signal_type == "BUY" else -1.0
    return not alone and side * part["without"] >= least and side * (part["without"] - price) > 0


def signed(value: float) -> str:
    """A score with its sign and two decimals: `+0.24`, `−0.41`, `0.00`."""
    text = f"{value:+.2f}".replace("-", "−")
    return text[1:] if text.endswith("0.00") else text


def eastern(instant: datetime) -> str:
    """An instant in New York for readers: `Mon 16 Feb 08:30 ET`."""
    local = instant.astimezone(NEW_YORK)
    return f"{day(local)} {local:%H:%M} ET"


def sentences(
    signal: Signal, parts: Sequence[Mapping[str, Any]], kept: Sequence[bool], weight: float, before: Signal | None
) -> tuple[str, ...]:
    """Why, in words: what changed, what the tone rests on, what is stale, whether price agrees, and what it hangs on.

    Args:
        signal: The signal.
        parts: Its contributions.
        kept: One a story: whether the signal would still be made without it.
        weight: Share of tone in the combined score.
        before: The active signal that it flips or strengthens, or the one that expired just before it; None for others.
    """
    judged = signal.candidate
    stories = [part for part in parts if part["kind"] == "story"]
    change = _change(signal, before)
    if judged.source == "technical":
        return (
            *change,
            "Made from price alone: the switch for signals without news is on, so no headline was weighed.",
        )
    return (
        *change,
        _rests_on(stories, judged.tone, judged.confidence_score),
        *_freshness(stories, fresh=judged.fresh),
        _price(judged.technical, judged.signal_type, weight),
        *_carried(parts),
        *_hinges_on(stories, kept, judged.signal_type),
    )


def _change(signal: Signal, before: Signal | None) -> list[str]:
    if before is None:
        return []
    since = f"the {before.signal_type} of {eastern(before.decided_at)} ({signed(before.combined_score)})"
    if signal.lifecycle == "flipped":
        return [f"Flipped: this closes {since}."]
    if signal.lifecycle == "new":
        return [f"New again: {since} expired in this window."]
    return [f"Stronger: {signed(before.combined_score)} to {signed(signal.combined_score)}, an update of {since}."]


def _rests_on(stories: Sequence[Mapping[str, Any]], tone: float, confidence: float) -> str:
    headlines = sum(part["headlines"] for part in stories)
    said = f"Tone {signed(tone)} with tone confidence {confidence:.2f} rests on "
    counted = f"{headlines} headline{'' if headlines == 1 else 's'}"
    if len(stories) == 1:
        return f"{said}a single story ({counted})."
    return f"{said}{len(stories)} stories ({counted})."


def _freshness(stories: Sequence[Mapping[str, Any]], *, fresh: bool) -> list[str]:
    old = sum(bool(part["told"]) for part in stories)
    if not fresh:
        return ["Stale: every story behind it began before this window, so an earlier digest could tell it."]
    return [f"{old} of {len(stories)} stories began before this window and are not news any more."] if old else []


def _carried(parts: Sequence[Mapping[str, Any]]) -> list[str]:
    news, price = (
        sum(part["contribution"] for part in parts if part["kind"] == kind) for kind in ("story", "technical")
    )
    if abs(price) <= abs(news):
        return []
    return [f"Price carries it more than news does: {signed(price)} against {signed(news)}."]


def _hinges_on(stories: Sequence[Mapping[str, Any]], kept: Sequence[bool], signal_type: str) -> list[str]:
    """Which stories a signal of several can't do without; a single story is said elsewhere."""
    decisive = [f"“{shorten(part['title'], 60)}”" for part, stays in zip(stories, kept, strict=True) if not stays]
    if len(kept) == 1:
        return []
    if not decisive:
        return [f"No single story decides it: without any one of them it is still a {signal_type}."]
    if len(decisive) == 1:
        return [f"It hinges on {decisive[0]}: without that story there is no signal, one correction would undo it."]
    if len(decisive) == len(kept):
        return [f"It needs all {len(kept)} of its stories: without any one of them there is no signal."]
    named = ", ".join(decisive[:_NAMED]) + (f" and {len(decisive) - _NAMED} more" if len(decisive) > _NAMED else "")
    return [f"It hinges on {len(decisive)} of its {len(kept)} stories, without any one of which it is none: {named}."]


def _price(technical: float | None, signal_type: str, weight: float) -> str:
    if technical is None:
        return f"Technicals are missing (fewer than 60 daily bars): the score is tone alone, weighted {weight:.0%}."
    if technical == 0:
        return "Price says nothing either way: technicals 0.00."
    agrees = (technical > 0) == (signal_type == "BUY")
    return f"Price {'agrees' if agrees else 'disagrees'}: technicals {signed(technical)}."


def corrected_words(made: Correction) -> tuple[str, ...]:
    """What happened to the headlines behind an active signal, and what is left of it: a sentence each."""
    signal = made.signal
    since = f"{signal.signal_type} of {eastern(signal.decided_at)} ({signed(signal.combined_score)})"
    it, them = ("it", "text") if len(made.changes) == 1 else ("them", "texts")
    told = [f"The {since} rests on {_edit(each)}." for each in made.changes]
    told.append(f"Without {it}: {signed(made.without)}, {_verdict(signal, stands=made.stands_without)}.")
    if made.with_new is not None:
        told.append(f"With the new {them}: {signed(made.with_new)}, {_verdict(signal, stands=made.stands_with_new)}.")
    return tuple(told)


def _edit(change: Change) -> str:
    old = f"“{shorten(change.title, 100)}”"
    seen = f"as seen {eastern(change.known_at)}"
    return (
        f"{old}, now “{shorten(change.new_title, 100)}” ({seen})" if change.new_title else f"{old}, withdrawn ({seen})"
    )


def _verdict(signal: Signal, *, stands: bool) -> str:
    return f"still {signal.signal_type}" if stands else "no signal"


_FUNNEL = {
    "headlines_tagged": "Headlines tagged with a company",
    "headlines_relevant": "… that are about it",
    "headlines_confident": "… with a sure tone",
    "symbols_scored": "Companies watched",
    "symbols_with_news": "… with news",
    "symbols_with_tone": "… with a sure tone",
    "symbols_with_technical": "… with enough price history",
    "symbols_over_threshold": "… with a score that is large enough",
    "symbols_agreeing": "… whose tone and score agree",
    "candidates": "Passed every gate",
    "repeats": "… but told before and still active",
    "capped": "… but over the limit of signals",
    "signals": "Signals told",
}
_KNOBS = {
    "min_combined_score": "Least score, up or down",
    "min_sentiment_confidence": "Least tone confidence of a headline",
    "sentiment_weight": "Weight of news in the score (the rest is price)",
    "tone_half_life_hours": "A headline counts half after, hours",
    "news_lookback_hours": "News reaches back at least, hours",
    "news_strict_lookback": "News reaches back no further than that",
    "max_signals": "Most signals of one digest",
    "signal_expiry_days": "A signal expires after, days",
    "sentiment_model": "Sentiment model asked for",
    "signal_generator": "Signals are made from",
}
_VALUES = {"news_driven": "news and price", "technical": "price alone"}


def funnel_words(funnel: Mapping[str, int]) -> list[tuple[str, str]]:
    """Name and count of each gate in the order of the gates; a count of another name comes last."""
    order = {name: place for place, name in enumerate(_FUNNEL)}
    stages = sorted(funnel.items(), key=lambda stage: (order.get(stage[0], len(order)), stage[0]))
    return [(_FUNNEL.get(name, _plain(name)), f"{count:,}") for name, count in stages]


def knob_words(knobs: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Name and value of each knob, those that shape the score first; a knob of another name comes last."""
    order = {name: place for place, name in enumerate(_KNOBS)}
    values = sorted(knobs.items(), key=lambda knob: (order.get(knob[0], len(order)), knob[0]))
    return [(_KNOBS.get(name, _plain(name)), _value(value)) for name, value in values]


def near_miss_words(miss: NearMiss, knobs: Mapping[str, Any]) -> str:
    """What stopped a company, without the score that stands beside it, such as `below the 0.30 needed`."""
    if miss.gate == "threshold":
        least = float(knobs["min_combined_score"])
        near = f"{abs(miss.combined_score):.2f}" == f"{least:.2f}"
        return f"{'just ' if near else ''}below the {_threshold(least)} needed"
    if miss.gate == "confident":
        return f"too few sure headlines ({miss.reason.partition(' relevant')[0]}): price alone gives the score"
    if miss.gate == "agreement":
        return f"price disagrees: it outweighs a tone of {signed(miss.tone)}"
    return f"over the limit of {knobs['max_signals']} signals"


def _threshold(least: float) -> str:
    return f"{least:.2f}" if round(least, 2) == least else f"{least:g}"


def _plain(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else _VALUES.get(str(value), str(value))


SUBJECT_SYMBOLS = 5


def kind_of(coverage: Coverage, *, told: bool, strict: bool) -> DigestKind:
    """`degraded` where a source failed or minutes are uncovered, else by what there is to tell.

    Args:
        coverage: The window's ledger.
        told: Whether there is any card.
        strict: NEWS_STRICT_LOOKBACK: uncovered minutes are the operator's choice.
    """
    if coverage.status != "ok" or coverage.missing_windows or (coverage.gap_minutes and not strict):
        return "degraded"
    return "full" if told else "quiet"


def tag(mode: str, deployment: str) -> str:
    """What a reader must know before anything else: not live, or not real."""
    marks = [deployment] if deployment == "demo" else []
    marks += [mode] if mode not in LIVE_MODES else []
    return f"[{' '.join(marks)}] " if marks else ""


def subject(
    kind: DigestKind,
    coverage: Coverage,
    new: Sequence[Card],
    changed: Sequence[Card],
    earlier: Sequence[Card],
    *,
    corrected: Sequence[CorrectedLine] = (),
    still_active: int,
) -> str:
    """What the digest holds, in one line, such as `3 new, 1 flipped: NVDA, XOM, GE, BA`."""
    flipped = sum(each.lifecycle == "flipped" for each in changed)
    counts = {
        "new": len(new),
        "flipped": flipped,
        "stronger": len(changed) - flipped,
        "from missed windows": len(earlier),
        "corrected": len(corrected),
    }
    symbols = list(dict.fromkeys(each.symbol for each in (*new, *changed, *earlier, *corrected)))
    inside = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    if symbols:
        more = len(symbols) - SUBJECT_SYMBOLS
        inside += ": " + ", ".join(symbols[:SUBJECT_SYMBOLS]) + (f" and {more} more" if more > 0 else "")
    else:
        inside = "no new signals" + (f", {still_active} still active" if still_active else "")
    if kind == "degraded":
        return f"Degraded ({_trouble(coverage)}): {inside}"
    return inside if kind == "full" else f"Quiet: {inside}"


def _trouble(coverage: Coverage) -> str:
    well = sum(report.status == "ok" for report in coverage.reports)
    if coverage.status != "ok":
        asked = len(coverage.reports)
        return f"{well} of {asked} source{'' if asked == 1 else 's'} in full"
    if coverage.missing_windows:
        return f"earlier windows without a run: {len(coverage.missing_windows)}"
    return f"{coverage.gap_minutes} minutes not covered"


def preheader(
    cards: Sequence[Card],
    near_misses: Sequence[NearMiss],
    window: Window,
    knobs: Mapping[str, Any],
    corrected: Sequence[CorrectedLine] = (),
) -> str:
    """The strongest card, a correction, or what came nearest, and the window: what an inbox shows after the subject."""
    if cards:
        top = max(cards, key=lambda each: abs(each.combined_score))
        title = f" “{shorten(top.news_title, 70)}”" if top.news_title else ""
        return f"{top.signal_type} {top.symbol} {signed(top.combined_score)}{title}. {window.label}."
    if corrected:
        return f"Corrected: {corrected[0].symbol}. {corrected[0].sentences[0]} {window.label}."
    if near_misses:
        near = near_misses[0]
        said = f"{near.symbol} {signed(near.combined_score)}, {near_miss_words(near, knobs)}"
        return f"Nearest: {said}. {window.label}."
    return f"Nothing came near a signal. {window.label}."


def remarks(coverage: Coverage, decision: Decision, mode: str, generator: str = "news_driven") -> list[str]:
    """What a reader should know about how this digest came to be, one sentence each."""
    told = []
    if generator == "technical":
        told.append("Made from price alone: the switch for signals without news is on, no model was asked.")
    if mode == "backfill":
        told.append("Rebuilt afterwards from recorded input, as it would have been at the time.")
    if coverage.reconstructed:
        told.append(
            f"{coverage.reconstructed} of {coverage.headlines} headlines carry only their publisher's time: "
            "when a feed first delivered them was not recorded."
        )
    if decision.capped:
        told.append(
            f"{len(decision.capped)} more passed every gate but are over the limit of signals and were left out."
        )
    return told
