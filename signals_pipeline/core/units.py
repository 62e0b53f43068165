"""Units that carry bounds: a range of numbers or a set of values, printed for readers and checked against columns.

The tables of the stages and the fields of a signal are declared with them.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the database's tables are declared without loading pandas
    import pandas as pd

# How far a value may lie outside its bounds: sums of bounded numbers exceed them by rounding.
BOUND_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Range:
    """A unit with bounds that every value lies within; printed as `[-1, 1]`, `(0, 1]` or `price > 0`.

    Attributes:
        low: Minimum.
        high: Maximum; None where there is none.
        above: Values must be above the minimum, not equal to it.
        unit: What is counted; empty for a plain number.
    """

    low: Fraction | int
    high: int | None = None
    above: bool = False
    unit: str = ""

    def __str__(self) -> str:
        """Return the unit and bounds for readers."""
        if self.high is None:
            comparison = ">" if self.above else ">="
            bounds = f"{comparison} {self.low}"
        else:
            bracket = "(" if self.above else "["
            bounds = f"{bracket}{self.low}, {self.high}]"
        return f"{self.unit} {bounds}".strip()

    def outside(self, values: "pd.Series") -> "pd.Series":
        """Return which values lie outside the bounds by more than rounding; a missing value does not."""
        low = float(self.low)
        outside = values <= low if self.above else values < low - BOUND_TOLERANCE
        if self.high is not None:
            outside |= values > self.high + BOUND_TOLERANCE
        return outside


@dataclass(frozen=True, slots=True)
class OneOf:
    """A unit with a fixed set of values; printed as `BUY or SELL`."""

    values: tuple[str | float, ...]

    def __str__(self) -> str:
        """Return the values for readers."""
        *words, last = [value if isinstance(value, str) else f"{value:g}" for value in self.values]
        return f"{', '.join(words)} or {last}"

    def outside(self, values: "pd.Series") -> "pd.Series":
        """Return which values are not in the set; a missing value is not reported."""
        return ~values.isin(self.values) & values.notna()
