"""What readers said of signals, useful or not, by group: the measure of whether the digest is worth its mail."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from signals_pipeline.core.intervals import wilson

NO_SOURCE = "(no news source)"


@dataclass(frozen=True, slots=True)
class Rating:
    """One reader's verdict on one signal.

    Attributes:
        symbol: The signal's symbol.
        source: Publisher of its leading story; empty for a signal without news.
        useful: What the reader said.
    """

    symbol: str
    source: str
    useful: bool


@dataclass(frozen=True, slots=True)
class FeedbackLine:
    """The verdicts on one group.

    Attributes:
        name: The source or the symbol.
        n: Verdicts.
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
        return f"{self.useful} of {self.n} ({self.share:.0%}, 95% interval {100 * self.low:.0f} to {self.high:.0%})"


def by_source(verdicts: Iterable[Rating]) -> tuple[FeedbackLine, ...]:
    """The verdicts by news source, most verdicts first, then by name."""
    return _lines((each.source or NO_SOURCE, each.useful) for each in verdicts)


def by_symbol(verdicts: Iterable[Rating]) -> tuple[FeedbackLine, ...]:
    """The verdicts by symbol, most verdicts first, then by name."""
    return _lines((each.symbol, each.useful) for each in verdicts)


def _lines(said: Iterable[tuple[str, bool]]) -> tuple[FeedbackLine, ...]:
    counts, useful = Counter[str](), Counter[str]()
    for name, good in said:
        counts[name] += 1
        useful[name] += good
    ordered = sorted(counts, key=lambda name: (-counts[name], name))
    return tuple(
        FeedbackLine(name, n, good, good / n, *wilson(good, n))
        for name, n, good in ((name, counts[name], useful[name]) for name in ordered)
    )
