"""Readers' feedback on signals, useful or not, by group: whether the digest is worth reading."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from signals_pipeline.core.intervals import wilson_interval

NO_SOURCE = "(no news source)"


@dataclass(frozen=True, slots=True)
class Rating:
    """One reader's rating of one signal.

    Attributes:
        symbol: The signal's symbol.
        source: Publisher of its leading story; empty for a signal without news.
        useful: Whether the reader found it useful.
    """

    symbol: str
    source: str
    useful: bool


@dataclass(frozen=True, slots=True)
class FeedbackLine:
    """The ratings of one group.

    Attributes:
        name: The source or the symbol.
        n: Ratings.
        useful: Those that said useful.
        share: useful / n.
        low: Lower end of the Wilson 95% interval of the share.
        high: Upper end.
    """

    name: str
    n: int
    useful: int
    share: float
    low: float
    high: float

    @property
    def text(self) -> str:
        """In words, such as `7 of 9 (78%, 95% interval 45 to 94%)`."""
        interval = f"95% interval {100 * self.low:.0f} to {self.high:.0%}"
        return f"{self.useful} of {self.n} ({self.share:.0%}, {interval})"


def by_source(ratings: Iterable[Rating]) -> tuple[FeedbackLine, ...]:
    """The ratings by news source, most ratings first, then by name."""
    return _lines((rating.source or NO_SOURCE, rating.useful) for rating in ratings)


def by_symbol(ratings: Iterable[Rating]) -> tuple[FeedbackLine, ...]:
    """The ratings by symbol, most ratings first, then by name."""
    return _lines((rating.symbol, rating.useful) for rating in ratings)


def _lines(ratings: Iterable[tuple[str, bool]]) -> tuple[FeedbackLine, ...]:
    """One line per group, from (group, useful) pairs."""
    counts: Counter[str] = Counter()
    useful: Counter[str] = Counter()
    for name, is_useful in ratings:
        counts[name] += 1
        useful[name] += is_useful

    # Most ratings first, equal ones by name.
    lines: list[FeedbackLine] = []
    for name in sorted(counts, key=lambda name: (-counts[name], name)):
        n, positive = counts[name], useful[name]
        low, high = wilson_interval(positive, n)
        lines.append(FeedbackLine(name, n, positive, positive / n, low, high))
    return tuple(lines)
