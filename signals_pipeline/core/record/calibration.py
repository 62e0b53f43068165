"""Whether a larger number means more: hit rate by size of the score, or by tone confidence, next to the base rate.

And whether tone confidence says anything about the next session: it is how certain the model is of the wording, and no
probability of profit. The charts are in `adapters.rendering`.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from signals_pipeline.core.arrays import FloatArray
from signals_pipeline.core.intervals import hit_rate_interval
from signals_pipeline.core.record.forward_returns import ForwardReturns, ScorePanel
from signals_pipeline.core.record.track_record import ENOUGH_OUTCOMES

By = Literal["combined_score", "confidence_score"]

EDGES: dict[By, tuple[float, ...]] = {
    "combined_score": (0.0, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0),
    "confidence_score": (0.0, 0.6, 0.7, 0.8, 0.9, 1.0),
}
"""Ends of the groups; a number on an edge belongs to the upper group, the last edge to the last.

Groups are finest just above the default thresholds, which are 0.3 for scores and 0.6 for confidences.
"""

NEXT_SESSION = 1
"""Horizon of `reliability`, in sessions held."""


@dataclass(frozen=True, slots=True)
class CalibrationLine:
    """The outcomes whose number lies in [least, most).

    Attributes:
        least: Lower end of the group.
        most: Upper end.
        n: Outcomes known.
        hits: Those with a net return above 0.
        hit_rate: hits / n.
        low: Lower end of its Wilson 95% interval, clustered by entry session.
        high: Upper end.
        base_rate: Mean base rate of the same outcomes.
        enough: n >= 30.
    """

    least: float
    most: float
    n: int
    hits: int
    hit_rate: float
    low: float
    high: float
    base_rate: float
    enough: bool


@dataclass(frozen=True, slots=True)
class Reliability:
    """Tone confidence against what the price did over the next session.

    Attributes:
        lines: By tone confidence; a hit is a net return of the tone's sign.
        mean_confidences: Mean confidence of each line.
        n: Companies with tone whose next session is known, one per company and session.
        n_dates: Sessions.
        brier: Mean of (confidence - agreed)^2 (Brier 1950); None without any.
        brier_base: The same with the base rate in place of the confidence.
        error: Expected calibration error: mean |confidence - share agreed| of the lines, weighted by n (Naeini, Cooper
            and Hauskrecht 2015).
    """

    lines: tuple[CalibrationLine, ...]
    mean_confidences: tuple[float, ...]
    n: int
    n_dates: int
    brier: float | None
    brier_base: float | None
    error: float | None

    @property
    def text(self) -> str:
        """The conclusion, in plain words."""
        if self.brier is None or self.brier_base is None or self.error is None or self.n < ENOUGH_OUTCOMES:
            return f"Tone confidence against the next session: too few (n = {self.n})."
        # Totals over the groups.
        agreed = sum(line.hits for line in self.lines) / self.n
        base = sum(line.base_rate * line.n for line in self.lines) / self.n
        weighted = [mean * line.n for mean, line in zip(self.mean_confidences, self.lines, strict=True)]
        confidence = sum(weighted) / self.n
        return (
            "Tone confidence is how certain the model is of the wording, not a probability of profit: it averaged "
            f"{confidence:.0%}, and the next session agreed with the tone {agreed:.0%} of the time (n = {self.n} on "
            f"{self.n_dates} days, base rate {base:.0%}). Calibration error {self.error:.2f}; Brier score "
            f"{self.brier:.3f}, against {self.brier_base:.3f} for the base rate."
        )


def calibration(outcomes: pd.DataFrame, horizon: int, by: By) -> tuple[CalibrationLine, ...]:
    """Hit rates by |combined score| or tone confidence, smallest first; groups without an outcome are left out.

    Args:
        outcomes: Rows of `tables.OUTCOMES`.
        horizon: Sessions held.
        by: Which number to group by.
    """
    rows = outcomes[outcomes["horizon"] == horizon]
    sizes = np.abs(rows[by].to_numpy(dtype=np.float64))
    hits = rows["hit"].to_numpy(dtype=np.bool_)
    base_rates = rows["base_rate"].to_numpy(dtype=np.float64)
    days = rows["entry_session"].dt.tz_localize(None).to_numpy()
    lines: list[CalibrationLine] = []
    for ends, members in _groups(sizes, by):
        lines.append(_line(ends, hits[members], base_rates[members], days[members], horizon))
    return tuple(lines)


def agreement(panel: ScorePanel, forward: ForwardReturns) -> pd.DataFrame:
    """Whether the next session agreed with the tone, one row per company with tone and entry session.

    Of the windows before one open the last counts; a tone of exactly 0 has no sign and is left out.

    Args:
        panel: The scores.
        forward: Returns of the same windows and symbols.

    Returns:
        Columns `day`, `confidence`, `agreed` and `base_rate`: the share of the watchlist that moved the tone's way.
    """
    # One row per company with a tone and a known return, from the newest window before each open.
    excess = forward.excess[NEXT_SESSION]
    has_sign = np.isfinite(panel.tone) & (panel.tone != 0)
    usable = has_sign & np.isfinite(excess) & forward.last_before_open[:, None]
    row, column = np.nonzero(usable)
    # A return equal to the benchmark's agrees with no tone.
    positive = panel.tone[row, column] > 0
    moves = excess[row, column]
    above = forward.above[NEXT_SESSION][row]
    below = forward.below[NEXT_SESSION][row]
    return pd.DataFrame(
        {
            "day": forward.days[row],
            "confidence": panel.confidence[row, column],
            "agreed": np.where(positive, moves > 0, moves < 0),
            "base_rate": np.where(positive, above, below),
        }
    )


def reliability(agreed: pd.DataFrame) -> Reliability:
    """Tone confidence in groups against the share that agreed; see `agreement` for the rows."""
    confidences = agreed["confidence"].to_numpy(dtype=np.float64)
    base_rates = agreed["base_rate"].to_numpy(dtype=np.float64)
    hits = agreed["agreed"].to_numpy(dtype=np.bool_)
    days = agreed["day"].to_numpy()
    n = len(hits)
    if not n:
        return Reliability((), (), 0, 0, None, None, None)

    lines: list[CalibrationLine] = []
    means: list[float] = []
    for ends, members in _groups(confidences, "confidence_score"):
        lines.append(_line(ends, hits[members], base_rates[members], days[members], NEXT_SESSION))
        means.append(float(confidences[members].mean()))
    # Expected calibration error: the gap of each group, weighted by its size.
    gaps = [line.n * abs(mean - line.hit_rate) for line, mean in zip(lines, means, strict=True)]
    return Reliability(
        lines=tuple(lines),
        mean_confidences=tuple(means),
        n=n,
        n_dates=len(np.unique(days)),
        brier=_brier(confidences, hits),
        brier_base=_brier(base_rates, hits),
        error=sum(gaps) / n,
    )


def _brier(forecasts: FloatArray, hits: NDArray[np.bool_]) -> float:
    """Mean squared difference of forecast and outcome (Brier 1950)."""
    return float(np.square(forecasts - hits).mean())


def _groups(sizes: FloatArray, by: By) -> list[tuple[tuple[float, float], NDArray[np.bool_]]]:
    """The ends of each group that is not empty, and which numbers lie in it."""
    edges = EDGES[by]
    # side="right": a number on an edge belongs to the upper group; clip: the last edge to the last group.
    last = len(edges) - 2
    group = np.clip(np.searchsorted(edges, sizes, side="right") - 1, 0, last)
    groups: list[tuple[tuple[float, float], NDArray[np.bool_]]] = []
    for number, ends in enumerate(pairwise(edges)):
        members = group == number
        if members.any():
            groups.append((ends, members))
    return groups


def _line(
    ends: tuple[float, float],
    hits: NDArray[np.bool_],
    base_rates: FloatArray,
    days: NDArray[np.datetime64],
    horizon: int,
) -> CalibrationLine:
    n = len(hits)
    low, high = hit_rate_interval(hits, days, horizon)
    return CalibrationLine(
        least=ends[0],
        most=ends[1],
        n=n,
        hits=int(hits.sum()),
        hit_rate=float(hits.mean()),
        low=low,
        high=high,
        base_rate=float(base_rates.mean()),
        enough=n >= ENOUGH_OUTCOMES,
    )
