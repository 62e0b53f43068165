"""What a card draws with table cells and block characters, and the same in words.

Mail clients run no script and may block pictures, so that bars and price columns are table cells. `plots` has the SVG
figures of an operator's page and `adapters.mail.chart` the pictures of a mail.
"""

from collections.abc import Iterable
from datetime import date, time

from signals_pipeline.adapters.rendering.scaling import unit_scale
from signals_pipeline.core.digest.model import Card, Contribution
from signals_pipeline.core.digest.wording import signed
from signals_pipeline.core.windows import NEW_YORK, day

MAX_COLUMN_PIXELS = 32
"""Height of the highest close's column."""

_MIN_COLUMN_PIXELS = 2  # the lowest close stays visible
_SPARK_STEP = 2  # 60 closes as 30 characters fit on one line of text
_BLOCKS = "▁▂▃▄▅▆▇█"
_MIN_BAR_SHARE = 0.005  # a smaller part would round to a cell of no width
_MARKET_CLOSE = time(16)  # New York; a session that closes early has closed by then, too
_COMPONENT_NAMES = {"rsi": "RSI", "macd": "MACD", "trend": "trend", "momentum": "5-day", "volume": "volume"}


# The bar of contributions


def bar(card: Card, stories: int) -> list[tuple[str, int]]:
    """The contributions to a score as parts of one bar.

    What says BUY comes first, then what says SELL. On each side the first `stories` stories are parts of their own,
    followed by the other stories together and by price.

    Args:
        card: The card.
        stories: How many stories are drawn one by one.

    Returns:
        CSS class (`b` or `s`, with a `t` for price) and width of each part in percent.
    """
    news = [story["contribution"] for story in card.stories]
    price = [component["contribution"] for component in card.components]

    parts: list[tuple[str, float]] = []
    for css_class, side in (("b", 1.0), ("s", -1.0)):
        parts += [(css_class, value) for value in news[:stories] if side * value > 0]
        parts.append((css_class, _sum_of_side(news[stories:], side)))
        parts.append((f"{css_class}t", _sum_of_side(price, side)))

    total_size = sum(abs(value) for _, value in parts)
    if not total_size:
        return []
    shares = [(css_class, abs(value) / total_size) for css_class, value in parts]
    return [(css_class, round(100 * share)) for css_class, share in shares if share >= _MIN_BAR_SHARE]


def _sum_of_side(values: Iterable[float], side: float) -> float:
    return sum(value for value in values if side * value > 0)


def components(card: Card) -> str:
    """The technical contributions in words."""
    return ", ".join(f"{_COMPONENT_NAMES[part['name']]} {signed(part['contribution'])}" for part in card.components)


def total(parts: Iterable[Contribution]) -> str:
    """The sum of some contributions."""
    return signed(sum(part["contribution"] for part in parts))


# Prices


def columns(closes: tuple[float, ...], step: int) -> list[int]:
    """Every `step`-th close, ending with the last, as the height of a column in pixels."""
    room = MAX_COLUMN_PIXELS - _MIN_COLUMN_PIXELS
    shares = unit_scale(_thinned(closes, step), flat=0.0)
    return [_MIN_COLUMN_PIXELS + round(share * room) for share in shares]


def spark(closes: tuple[float, ...]) -> str:
    """Every second close, ending with the last, as one block character each."""
    highest_block = len(_BLOCKS) - 1
    shares = unit_scale(_thinned(closes, _SPARK_STEP), flat=0.0)
    return "".join(_BLOCKS[round(share * highest_block)] for share in shares)


def _thinned(closes: tuple[float, ...], step: int) -> tuple[float, ...]:
    """Every `step`-th close, counted from the last, oldest first."""
    newest_first = closes[::-step]
    return newest_first[::-1]


def signal_close_index(card: Card) -> int:
    """Index of the last close that was known when the signal was decided: where a chart marks it.

    Returns:
        An index into `card.closes`; 0 where none of them was known.
    """
    decided = card.decided_at.astimezone(NEW_YORK)
    today = decided.date().isoformat()
    # The close of the day itself was known only to a signal decided after it.
    last_known = [session for session in card.sessions if session < today]
    if decided.time() > _MARKET_CLOSE and today in card.sessions:
        last_known.append(today)
    return max(len(last_known) - 1, 0)


def signal_column_index(card: Card, step: int) -> int:
    """Index of the column in `columns` that is nearest to the marked close."""
    mark = signal_close_index(card)
    # Index of the close behind each column, as `_thinned` picks them.
    drawn = range(len(card.closes))[::-step][::-1]
    distances = [abs(index - mark) for index in drawn]
    return distances.index(min(distances))


def price_span(card: Card) -> str:
    """The closes in words: change, low, high, last, and where the signal came."""
    first, last = card.closes[0], card.closes[-1]
    change = f"{last / first - 1:+.1%}".replace("-", "−")
    last_day = day(date.fromisoformat(card.sessions[-1]))
    span = f"low {min(card.closes):,.2f}, high {max(card.closes):,.2f}, last {last:,.2f} on {last_day}"
    return f"{len(card.closes)} sessions {change}: {span}, {_signal_position(card)}"


def _signal_position(card: Card) -> str:
    mark = signal_close_index(card)
    if mark == len(card.closes) - 1:
        return "then the signal"
    marked_day = day(date.fromisoformat(card.sessions[mark]))
    return f"signal after {card.closes[mark]:,.2f} on {marked_day}"
