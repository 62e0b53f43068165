"""What a card says in words.

The sentences say what the numbers rest on and what speaks against them; none of them speaks of a chance of profit.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from signals_pipeline.core.corrections import Change, Correction
from signals_pipeline.core.dates import day
from signals_pipeline.core.signals import Signal
from signals_pipeline.core.windows import NEW_YORK

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


def shorten(text: str, width: int) -> str:
    """The text cut at a word to at most `width` characters, an ellipsis in place of the rest."""
    if len(text) <= width:
        return text
    cut = text.rfind(" ", 0, width)
    return text[: cut if cut > width // 2 else width - 1].rstrip() + "…"


def shorten_counted(text: str, width: int) -> str:
    """The text cut at a word to at most `width` characters, followed by how many are left out and where they are."""
    kept = shorten(text, width)
    left = len(text) - len(kept.removesuffix("…"))
    return kept if kept == text else f"{kept} ({left:,} more characters: see the text part of this message.)"


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
