"""The lines around a digest's cards: its subject, the preheader and remarks."""

from collections.abc import Mapping, Sequence
from typing import Any

from signals_pipeline.core.cards import Card
from signals_pipeline.core.coverage import Coverage
from signals_pipeline.core.digest_value import CorrectedLine, Kind
from signals_pipeline.core.gates import NearMiss
from signals_pipeline.core.glossary import near_miss_words
from signals_pipeline.core.signals import Decision
from signals_pipeline.core.tallies import LIVE_MODES
from signals_pipeline.core.windows import Window
from signals_pipeline.core.wording import shorten, signed

SUBJECT_SYMBOLS = 5


def kind_of(coverage: Coverage, *, told: bool, strict: bool) -> Kind:
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
    kind: Kind,
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
