"""What a card draws with table cells and block characters, and the same in words."""

from collections.abc import Iterable, Mapping
from datetime import date, time
from typing import Any

from signals_pipeline.core.dates import day
from signals_pipeline.core.digest.model import Card
from signals_pipeline.core.digest.wording import signed
from signals_pipeline.core.windows import NEW_YORK

TALLEST = 32
"""Pixels of the highest close's column; the lowest close has 2."""

_BLOCKS = "▁▂▃▄▅▆▇█"
_CLOSE = time(16)
_COMPONENTS = {"rsi": "RSI", "macd": "MACD", "trend": "trend", "momentum": "5-day", "volume": "volume"}


def bar(card: Card, stories: int) -> list[tuple[str, int]]:
    """The contributions as (class, percent of the bar): BUY first, stories one by one, price as one part a side."""
    told = [part["contribution"] for part in card.stories]
    price = [part["contribution"] for part in card.components]
    parts: list[tuple[str, float]] = []
    for name, side in (("b", 1.0), ("s", -1.0)):
        parts += [(name, value) for value in told[:stories] if side * value > 0]
        parts.append((name, sum(value for value in told[stories:] if side * value > 0)))
        parts.append((name + "t", sum(value for value in price if side * value > 0)))
    whole = sum(abs(value) for _, value in parts)
    return [(name, round(100 * abs(value) / whole)) for name, value in parts if whole and abs(value) / whole >= 0.005]


def columns(closes: tuple[float, ...], step: int) -> list[int]:
    """Every `step`-th close, ending with the last, as the height of a column in pixels."""
    return [2 + round(share * (TALLEST - 2)) for share in _shares(closes[::-step][::-1])]


def marked(card: Card) -> int:
    """Place of the last close that was known when the signal was decided: where a chart marks it."""
    decided = card.decided_at.astimezone(NEW_YORK)
    today = decided.date().isoformat()
    last = today if decided.time() > _CLOSE else ""  # that of the day itself was known after the close alone
    return max(sum(each < today or each == last for each in card.sessions) - 1, 0)


def column_marked(card: Card, step: int) -> int:
    """Which of `columns` stands for the marked close: the one nearest to it."""
    drawn, mark = range(len(card.closes))[::-step][::-1], marked(card)
    return min(range(len(drawn)), key=lambda place: abs(drawn[place] - mark))


def spark(closes: tuple[float, ...]) -> str:
    """Every second close, ending with the last, as one block character each."""
    return "".join(_BLOCKS[round(share * (len(_BLOCKS) - 1))] for share in _shares(closes[::-2][::-1]))


def _shares(closes: tuple[float, ...]) -> list[float]:
    """Where each close lies between the lowest (0) and the highest (1); 0 where all are equal."""
    low, high = min(closes), max(closes)
    return [(value - low) / (high - low) if high > low else 0.0 for value in closes]


def price_span(card: Card) -> str:
    """The closes in words."""
    first, last = card.closes[0], card.closes[-1]
    change = f"{last / first - 1:+.1%}".replace("-", "−")
    ended = day(date.fromisoformat(card.sessions[-1]))
    span = f"low {min(card.closes):,.2f}, high {max(card.closes):,.2f}, last {last:,.2f} on {ended}"
    return f"{len(card.closes)} sessions {change}: {span}, {_signal_after(card)}"


def _signal_after(card: Card) -> str:
    """Where the mark is, in words."""
    place = marked(card)
    if place == len(card.closes) - 1:
        return "then the signal"
    return f"signal after {card.closes[place]:,.2f} on {day(date.fromisoformat(card.sessions[place]))}"


def components(card: Card) -> str:
    """The technical contributions in words."""
    return ", ".join(f"{_COMPONENTS[part['name']]} {signed(part['contribution'])}" for part in card.components)


def total(parts: Iterable[Mapping[str, Any]]) -> str:
    """The sum of some contributions."""
    return signed(sum(part["contribution"] for part in parts))
