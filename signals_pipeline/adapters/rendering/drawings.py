"""What a card draws with table cells, block characters and SVG, and the same in words.

Mail clients run no script, show no SVG and may block pictures: the bar is table cells, `adapters.mail.chart` has the
line of prices as a picture, and both are there in words. `plots` has the figures of an operator's page.
"""

from collections.abc import Iterable
from datetime import date, time

from markupsafe import Markup

from signals_pipeline.adapters.rendering.scaling import line_points, unit_scale
from signals_pipeline.core.digest.model import Card, Contribution
from signals_pipeline.core.digest.wording import percent, signed
from signals_pipeline.core.text import quantity
from signals_pipeline.core.windows import NEW_YORK, day

WIDTH, HEIGHT, MARGIN = 544, 56, 6
"""Pixels that a chart takes on the page, and what its line leaves free on every side."""

# Colours that stand out from a white and from a dark page alike: a chart has no background of its own.
LINE_COLOUR = "#768390"
MARK_COLOURS = {"BUY": "#2d7de1", "SELL": "#cd5f14"}

_SPARK_STEP = 2  # 60 closes as 30 characters fit on one line of text
_BLOCKS = "▁▂▃▄▅▆▇█"
_MIN_BAR_SHARE = 0.005  # a smaller part would round to a cell of no width
_MARKET_CLOSE = time(16)  # New York; a session that closes early has closed by then, too


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


def shown_stories(card: Card, count: int) -> tuple[list[tuple[Contribution, str]], list[Contribution]]:
    """The stories that a card shows one by one, each with what remains without it, and those that it only counts.

    A story that adds 0.00 is only counted.
    """
    shown: list[tuple[Contribution, str]] = []
    others: list[Contribution] = []
    for story, without in zip(card.stories, card.without, strict=True):
        if len(shown) < count and signed(story["contribution"]) != "0.00":
            shown.append((story, without))
        else:
            others.append(story)
    return shown, others


def total(parts: Iterable[Contribution]) -> str:
    """The sum of some contributions."""
    return signed(sum(part["contribution"] for part in parts))


# Prices


def line_chart(card: Card) -> Markup:
    """The closes as a line in SVG, for pages: a ring at the last close before the headline, a dot at the signal's."""
    points = line_points(card.shown_closes, WIDTH, HEIGHT, MARGIN)
    line = " ".join(f"{x:.0f},{y:.0f}" for x, y in points)
    colour = MARK_COLOURS[card.signal_type]
    marks = ""
    headline = headline_close_index(card)
    if headline is not None:
        x, y = points[headline]
        marks += f'<circle cx="{x:.0f}" cy="{y:.0f}" r="4" fill="none" stroke="{colour}" stroke-width="2"/>'
    x, y = points[signal_close_index(card)]
    marks += f'<circle cx="{x:.0f}" cy="{y:.0f}" r="4" fill="{colour}"/>'
    return Markup(  # noqa: S704 - numbers and our own colours
        f'<svg class="pic" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true"><polyline fill="none" '
        f'stroke="{LINE_COLOUR}" stroke-width="2" points="{line}"/>{marks}</svg>'
    )


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


def headline_close_index(card: Card) -> int | None:
    """Index of the last close before the leading headline; None where that is not among the card's closes."""
    return card.sessions.index(card.headline_session) if card.headline_session in card.sessions else None


def brief_span(card: Card) -> str:
    """The closes in a few words: change, low, high; the change is that of adjusted closes, the prices are as traded."""
    closes = card.shown_closes
    change = percent(card.closes[-1] / card.closes[0] - 1)
    adjusted = ", adjusted for dividends" if card.prices_are_adjusted else ""
    return f"{quantity(len(closes), 'session')} {change}: low {min(closes):,.2f}, high {max(closes):,.2f}{adjusted}"


def price_span(card: Card) -> str:
    """The closes in words: as `brief_span`, then the last one, and where the signal came if it did not follow that."""
    last_day = day(date.fromisoformat(card.sessions[-1]))
    return f"{brief_span(card)}, last {card.shown_closes[-1]:,.2f} on {last_day}{_signal_position(card)}"


def _signal_position(card: Card) -> str:
    mark = signal_close_index(card)
    if mark == len(card.closes) - 1:
        return ""
    marked_day = day(date.fromisoformat(card.sessions[mark]))
    return f", signal after {card.shown_closes[mark]:,.2f} on {marked_day}"
