"""Whether a larger number means more: hit rate by size of the score, or by tone confidence, beside the base rate.

And whether tone confidence says anything of the next session: it is how sure the model is of the wording, and no chance
of profit.
"""

import itertools
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from signals_pipeline.core.intervals import share_interval
from signals_pipeline.core.record.forward_returns import Forward, Panel, Reals
from signals_pipeline.core.record.track_record import ENOUGH

By = Literal["combined_score", "confidence_score"]

EDGES: dict[By, tuple[float, ...]] = {
    "combined_score": (0.0, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0),
    "confidence_score": (0.0, 0.6, 0.7, 0.8, 0.9, 1.0),
}
"""Ends of the groups; a number on an edge belongs to the upper one, the last edge to the last."""

NEXT_SESSION = 1


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
        said: Mean confidence of each line.
        n: Companies with tone whose next session is known, one a company and session.
        n_dates: Sessions.
        brier: Mean of (confidence - agreed)^2 (Brier 1950); None without any.
        brier_base: The same of saying the base rate every time.
        error: Expected calibration error: mean |confidence - share agreed| of the lines, weighed by n (Naeini, Cooper
            and Hauskrecht 2015).
    """

    lines: tuple[CalibrationLine, ...]
    said: tuple[float, ...]
    n: int
    n_dates: int
    brier: float | None
    brier_base: float | None
    error: float | None

    @property
    def text(self) -> str:
        """What it comes to, in plain words."""
        if self.brier is None or self.brier_base is None or self.error is None or self.n < ENOUGH:
            return f"Tone confidence against the next session: too few (n = {self.n})."
        agreed = sum(line.hits for line in self.lines) / self.n
        base = sum(line.base_rate * line.n for line in self.lines) / self.n
        said = sum(mean * line.n for mean, line in zip(self.said, self.lines, strict=True)) / self.n
        return (
            f"Tone confidence is how sure the model is of the wording, no chance of profit: it averaged {said:.0%}, "
            f"and the next session agreed with the tone {agreed:.0%} of the time (n = {self.n} on {self.n_dates} days, "
            f"base rate {base:.0%}). Calibration error {self.error:.2f}; Brier score {self.brier:.3f}, "
            f"{self.brier_base:.3f} for saying the base rate."
        )


def calibration(outcomes: pd.DataFrame, horizon: int, by: By) -> tuple[CalibrationLine, ...]:
    """Hit rates by |combined score| or tone confidence, smallest first; groups without an outcome are left out.

    Args:
        outcomes: Rows of `tables.OUTCOMES`.
        horizon: Sessions held.
        by: Which number to group by.
    """
    rows = outcomes[outcomes["horizon"] == horizon]
    size = np.abs(rows[by].to_numpy(dtype=np.float64))
    days = rows["entry_session"].dt.tz_localize(None).to_numpy()
    hit, base = rows["hit"].to_numpy(dtype=np.bool_), rows["base_rate"].to_numpy(dtype=np.float64)
    return tuple(_line(edges, hit[ours], base[ours], days[ours], horizon) for edges, ours in _groups(size, by))


def agreement(panel: Panel, forward: Forward) -> pd.DataFrame:
    """Whether the next session agreed with the tone, one row a company with tone and entry session.

    Of the windows before one open the last counts; a tone of exactly 0 has no sign and is left out.

    Returns:
        Columns `day`, `confidence`, `agreed` and `base_rate`: the share of the watchlist that moved the tone's way.
    """
    excess = forward.excess[NEXT_SESSION]
    usable = np.isfinite(panel.tone) & (panel.tone != 0) & np.isfinite(excess) & forward.newest[:, None]
    row, column = np.nonzero(usable)
    rise = panel.tone[row, column] > 0
    moved = excess[row, column]
    return pd.DataFrame(
        {
            "day": forward.days[row],
            "confidence": panel.confidence[row, column],
            "agreed": np.where(rise, moved > 0, moved < 0),
            "base_rate": np.where(rise, forward.above[NEXT_SESSION][row], forward.below[NEXT_SESSION][row]),
        }
    )


def reliability(agreed: pd.DataFrame) -> Reliability:
    """Tone confidence in groups against the share that agreed; see `agreement` for the rows."""
    confidence, base = (agreed[name].to_numpy(dtype=np.float64) for name in ("confidence", "base_rate"))
    hit, days = agreed["agreed"].to_numpy(dtype=np.bool_), agreed["day"].to_numpy()
    groups = _groups(confidence, "confidence_score")
    lines = tuple(_line(edges, hit[ours], base[ours], days[ours], NEXT_SESSION) for edges, ours in groups)
    said = tuple(float(confidence[ours].mean()) for _, ours in groups)
    n, n_dates = len(hit), len(np.unique(days))
    if not n:
        return Reliability((), (), 0, 0, None, None, None)
    error = sum(line.n * abs(mean - line.hit_rate) for line, mean in zip(lines, said, strict=True)) / n
    brier, brier_base = (float(np.square(each - hit).mean()) for each in (confidence, base))
    return Reliability(lines, said, n, n_dates, brier, brier_base, error)


def _groups(size: Reals, by: By) -> list[tuple[tuple[float, float], NDArray[np.bool_]]]:
    """The ends of each group that has any, and which numbers lie in it."""
    edges = EDGES[by]
    place = np.clip(np.searchsorted(edges, size, side="right") - 1, 0, len(edges) - 2)
    return [(each, place == at) for at, each in enumerate(itertools.pairwise(edges)) if (place == at).any()]


def _line(
    edges: tuple[float, float], hit: NDArray[np.bool_], base: Reals, days: NDArray[np.datetime64], horizon: int
) -> CalibrationLine:
    n = len(hit)
    low, high = share_interval(hit, days, horizon)
    return CalibrationLine(
        *edges,
        n=n,
        hits=int(hit.sum()),
        hit_rate=float(hit.mean()),
        low=low,
        high=high,
        base_rate=float(base.mean()),
        enough=n >= ENOUGH,
    )
