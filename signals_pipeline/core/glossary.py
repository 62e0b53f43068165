"""The names of gates, counts and knobs in a reader's words."""

from collections.abc import Mapping
from typing import Any

from signals_pipeline.core.gates import NearMiss
from signals_pipeline.core.wording import signed

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
