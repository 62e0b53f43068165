"""The track record: hit rate with its interval and the base rate beside it, mean net return, rank correlation.

Outcomes of one day move together, and so do those whose holding periods overlap: intervals and errors are clustered.
A number without its uncertainty is not shown: below 30 outcomes a line says "too few".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from signals_pipeline.core.intervals import dated_error, distinct, share_interval
from signals_pipeline.core.record.information_coefficient import RankCorrelation, rank_correlation
from signals_pipeline.core.record.outcomes import HORIZONS

ENOUGH = 30
"""Outcomes from which on a hit rate is shown."""

LEAST_DATES = 10
"""Entry sessions from which on a difference from the base rate is judged."""

SUSPECT = 0.55
SUSPECT_HORIZON = 5
LOOK_AHEAD = "look-ahead until proven otherwise"


@dataclass(frozen=True, slots=True)
class RecordLine:
    """How signals of one kind did over one horizon.

    Signals entered in the same session share its market moves, and longer horizons overlap. Interval and error are
    clustered by entry session, overlapping ones included (`intervals.share_interval`): ten signals of one day don't
    count as ten.

    Attributes:
        label: Which signals, in words.
        horizon: Sessions held.
        n: Outcomes known.
        n_dates: Different entry sessions among them.
        hits: Outcomes with a net return above 0.
        hit_rate: hits / n; None without outcomes.
        low: Lower end of the clustered Wilson 95% interval of the hit rate.
        high: Upper end.
        base_rate: Mean share of the watchlist that would have been a hit over the same sessions.
        mean_net_return: Mean net return, a fraction.
        clustered_se: Standard error of that mean, clustered likewise; None with fewer than two entry sessions.
        enough: n >= 30.
    """

    label: str
    horizon: int
    n: int
    n_dates: int
    hits: int
    hit_rate: float | None
    low: float
    high: float
    base_rate: float | None
    mean_net_return: float | None
    clustered_se: float | None
    enough: bool

    @property
    def held(self) -> str:
        """The horizon in words, such as `5 sessions`."""
        return f"{self.horizon} session{'' if self.horizon == 1 else 's'}"

    @property
    def text(self) -> str:
        """The line in words, with its n, interval and base rate."""
        if self.hit_rate is None or self.base_rate is None or not self.enough:
            return f"{self.held}: too few (n = {self.n})"
        return (
            f"{self.held}: {self.hits} of {self.n} ({self.hit_rate:.0%}, 95% interval "
            f"{100 * self.low:.0f} to {self.high:.0%}), base rate {self.base_rate:.0%}"
            f"{f'; {LOOK_AHEAD}' if self.suspect else ''}"
        )

    @property
    def suspect(self) -> bool:
        """Better than news can be expected to do: above 55% within 5 sessions, the interval above the base rate."""
        if self.hit_rate is None or self.base_rate is None or not self.enough or self.horizon > SUSPECT_HORIZON:
            return False
        return self.hit_rate > SUSPECT and self.low > self.base_rate

    @property
    def net_text(self) -> str:
        """Mean net return with twice its clustered error, such as `mean net +0.12% ± 0.40%`; empty where too few."""
        if not self.enough or self.mean_net_return is None or self.clustered_se is None:
            return ""
        return f"mean net {self.mean_net_return:+.2%} ± {1.96 * self.clustered_se:.2%}".replace("-", "−")


def judged(lines: Sequence[RecordLine]) -> tuple[str, tuple[RecordLine, ...]]:
    """A group's record as its heading and the lines worth a row; the heading says all where nothing can be judged.

    Args:
        lines: One a horizon, of one label; the label ends with `, live` or `, backfilled`.
    """
    whose, _, standing = lines[0].label.rpartition(", ")
    known = [line for line in lines if line.n]
    if not known:
        return (f"No {standing} record yet." if whose.startswith("All") else f"No record of {whose} yet."), ()
    label = f"{lines[0].label[:1].upper()}{lines[0].label[1:]}"
    if any(line.enough for line in known):
        return f"{label}, net of the market", tuple(lines)
    counts, held = (
        ", ".join(str(each) for each in of) for of in zip(*((at.n, at.horizon) for at in known), strict=True)
    )
    return f"{label}: too few to judge (n = {counts} after {held} session{'' if held == '1' else 's'})", ()


def judged_groups(lines: Iterable[RecordLine]) -> list[tuple[str, tuple[RecordLine, ...]]]:
    """`judged` of each run of lines with one label, in their order."""
    return [judged(tuple(group)) for _, group in groupby(lines, key=lambda line: line.label)]


def record(outcomes: pd.DataFrame, *, label: str) -> tuple[RecordLine, ...]:
    """The record of the given outcomes (rows of `tables.OUTCOMES`), one line a horizon."""
    return tuple(_of_rows(outcomes[outcomes["horizon"] == horizon], label, horizon) for horizon in HORIZONS)


def record_line(
    label: str,
    horizon: int,
    *,
    hits: NDArray[np.bool_],
    net_returns: NDArray[np.float64],
    base_rates: NDArray[np.float64],
    entry_sessions: NDArray[np.datetime64],
) -> RecordLine:
    """The record of n outcomes of one horizon.

    Args:
        label: Which signals, in words.
        horizon: Sessions held.
        hits: Which of them were a hit, shape (n,).
        net_returns: Returns net of the benchmark, shape (n,), fractions.
        base_rates: Base rates in [0, 1], shape (n,).
        entry_sessions: Entry sessions, shape (n,).
    """
    n = len(net_returns)
    low, high = share_interval(hits, entry_sessions, horizon)
    return RecordLine(
        label=label,
        horizon=horizon,
        n=n,
        n_dates=len(distinct(entry_sessions)[0]),
        hits=int(hits.sum()),
        hit_rate=float(hits.mean()) if n else None,
        low=low,
        high=high,
        base_rate=float(base_rates.mean()) if n else None,
        mean_net_return=float(net_returns.mean()) if n else None,
        clustered_se=dated_error(net_returns, entry_sessions, horizon),
        enough=n >= ENOUGH,
    )


def _of_rows(rows: pd.DataFrame, label: str, horizon: int) -> RecordLine:
    return record_line(
        label,
        horizon,
        hits=rows["hit"].to_numpy(dtype=np.bool_),
        net_returns=rows["net_return"].to_numpy(dtype=np.float64),
        base_rates=rows["base_rate"].to_numpy(dtype=np.float64),
        entry_sessions=rows["entry_session"].dt.tz_localize(None).to_numpy(),
    )


def rank_ic(outcomes: pd.DataFrame, horizon: int) -> RankCorrelation:
    """Information coefficient among signals alone, by entry session; `forward.pairs` has all companies with a score."""
    rows = outcomes[outcomes["horizon"] == horizon]
    excess = rows["raw_return"] - rows["benchmark_return"]
    pairs = pd.DataFrame({"day": rows["entry_session"], "score": rows["combined_score"], "excess": excess})
    return rank_correlation(pairs, horizon)
