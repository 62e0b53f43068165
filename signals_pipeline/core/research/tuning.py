"""What other parameters would have given in the past, and whether the best of them is more than luck of trying many.

A hit is counted against the base rate of its day and direction, so that a parameter set without skill gains nothing,
whatever the market did. Signals come from `replay`, the p value from `multiple_testing`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signals_pipeline.core.arrays import FloatArray
from signals_pipeline.core.intervals import hit_rate_interval
from signals_pipeline.core.record.forward_returns import ForwardReturns
from signals_pipeline.core.record.track_record import ENOUGH_OUTCOMES, LOOK_AHEAD, SUSPECT, SUSPECT_HORIZON
from signals_pipeline.core.research.multiple_testing import Bets, RealityCheck, reality_check
from signals_pipeline.core.research.replay import ParameterSet, ReplayedSignals

LEVEL = 0.05
"""Significance level: above this p value the best parameter set is called noise."""

MIN_ENTRY_SESSIONS = 40
"""Entry sessions from which on a result can be compared with chance: at 5%, two positions of 40 decide."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What one parameter set would have given.

    Attributes:
        setting: The parameter set.
        signals: Signals of all windows.
        a_week: Signals per week.
        n: Signals with a known outcome.
        n_dates: Their entry sessions.
        hits: Those with a net return above 0.
        hit_rate: hits / n; None without any.
        low: Lower end of the hit rate's 95% interval, clustered by entry session.
        high: Upper end.
        base_rate: Mean base rate of the same outcomes; None without any.
        t: By how many errors it gains more than at other times, see `multiple_testing`; None where too few to judge.
    """

    setting: ParameterSet
    signals: int
    a_week: float
    n: int
    n_dates: int
    hits: int
    hit_rate: float | None
    low: float
    high: float
    base_rate: float | None
    t: float | None


@dataclass(frozen=True, slots=True)
class TuningResult:
    """All trials and the conclusion about the best of them.

    Attributes:
        horizon: Sessions held.
        sessions: Entry sessions whose outcomes are known.
        trials: One per parameter set, in the order given; every one counts as tried.
        best: The trial with the largest t; None where none can be judged.
        p: How often chance makes the best of as many parameter sets as good; 1 where none can be judged.
        threshold: The t that chance reaches once in 20; infinite where none can be judged.
    """

    horizon: int
    sessions: int
    trials: tuple[Trial, ...]
    best: Trial | None
    p: float
    threshold: float

    @property
    def noise(self) -> bool:
        """Whether chance gives as much."""
        return self.p > LEVEL

    @property
    def conclusion(self) -> str:
        """One plain sentence, with how many parameter sets were tried."""
        count = f"{len(self.trials)} setting{'' if len(self.trials) == 1 else 's'}"
        if self.best is None or self.best.t is None or self.best.hit_rate is None:
            return (
                f"Too few to tell: none of {count} has {ENOUGH_OUTCOMES} outcomes, or there are fewer than "
                f"{MIN_ENTRY_SESSIONS} sessions ({self.sessions})."
            )
        # A typographic minus sign for readers.
        t = f"{self.best.t:.1f}".replace("-", "−")
        threshold = f"{self.threshold:.1f}".replace("-", "−")
        chance = f"t = {t}; chance alone reaches {threshold} once in 20; p = {self.p:.2g}"
        if self.noise:
            return f"Noise: the best of {count} is what chance gives ({chance})."
        hit_rate = self.best.hit_rate
        suspect = hit_rate > SUSPECT and self.horizon <= SUSPECT_HORIZON
        warning = f" {hit_rate:.0%} is {LOOK_AHEAD}." if suspect else ""
        return f"More than chance gives the best of {count} ({chance}).{warning}"


@dataclass(frozen=True, eq=False, slots=True)
class _Evaluated:
    """Replayed signals whose outcomes are known, sorted by parameter set.

    Attributes:
        dates: Entry sessions whose outcomes are known, ascending, shape (sessions,).
        setting: Place of each signal's parameter set, shape (n,), like the rest.
        session: Place of its entry session in `dates`.
        symbol: Place of its symbol.
        rise: Whether it is a BUY.
        hit: Whether its net return is above 0.
        base_rate: Base rate of its session and direction.
    """

    dates: NDArray[np.datetime64]
    setting: NDArray[np.int64]
    session: NDArray[np.int64]
    symbol: NDArray[np.int64]
    rise: NDArray[np.bool_]
    hit: NDArray[np.bool_]
    base_rate: FloatArray


def parameter_grid(base: ParameterSet, choices: Mapping[str, Sequence[Any]]) -> tuple[ParameterSet, ...]:
    """All combinations of choices, `base` first.

    Args:
        base: The parameter set in use; its values stand for parameters without choices.
        choices: Values to try, by parameter.
    """
    combinations = [dict(zip(choices, values, strict=True)) for values in product(*choices.values())]
    settings = [replace(base, **combination) for combination in combinations]
    # Without duplicates: one of the combinations may be `base` itself.
    return tuple(dict.fromkeys((base, *settings)))


def tune(
    settings: Sequence[ParameterSet], replayed: ReplayedSignals, forward: ForwardReturns, *, horizon: int, weeks: float
) -> TuningResult:
    """Evaluate the replayed signals of every parameter set by what followed.

    Args:
        settings: The parameter sets replayed.
        replayed: Their signals.
        forward: Returns after the same windows, of the same symbols.
        horizon: Sessions held.
        weeks: Length of the time replayed.
    """
    evaluated = _evaluate(replayed, forward, horizon)
    n_settings = len(settings)

    # Compare with chance, where there is enough to compare: a t per parameter set, and the p of the best.
    t_values: list[float | None] = [None] * n_settings
    p = 1.0
    threshold = float("inf")
    enough = np.bincount(evaluated.setting, minlength=n_settings) >= ENOUGH_OUTCOMES
    if enough.any() and len(evaluated.dates) >= MIN_ENTRY_SESSIONS:
        check = _check(evaluated, forward, horizon, enough)
        p, threshold = check.p, check.threshold
        for place, t in zip(np.flatnonzero(enough), check.t, strict=True):
            t_values[place] = float(t)

    # Describe every parameter set. Signals without a known outcome count as signals alone.
    counts = np.bincount(replayed.setting, minlength=n_settings)
    ends = np.searchsorted(evaluated.setting, np.arange(n_settings), side="right")
    start = 0
    trials: list[Trial] = []
    for setting, count, end, t in zip(settings, counts.tolist(), ends.tolist(), t_values, strict=True):
        rows = slice(start, end)
        trial = _trial(setting, evaluated, rows, n_signals=count, weeks=weeks, horizon=horizon, t=t)
        trials.append(trial)
        start = end
    return TuningResult(
        horizon=horizon,
        sessions=len(evaluated.dates),
        trials=tuple(trials),
        best=_best(trials),
        p=p,
        threshold=threshold,
    )


def _best(trials: Sequence[Trial]) -> Trial | None:
    """The trial with the largest t, the first of equal ones."""
    best: Trial | None = None
    largest = -float("inf")
    for trial in trials:
        if trial.t is not None and trial.t > largest:
            best, largest = trial, trial.t
    return best


def _evaluate(replayed: ReplayedSignals, forward: ForwardReturns, horizon: int) -> _Evaluated:
    """The replayed signals whose outcomes are known, in the order of parameter sets."""
    excess = forward.excess[horizon][replayed.window, replayed.symbol]
    above = forward.above[horizon][replayed.window]
    below = forward.below[horizon][replayed.window]
    hit = np.where(replayed.rise, excess > 0, excess < 0)
    base_rate = np.where(replayed.rise, above, below)

    usable = np.flatnonzero(np.isfinite(excess) & np.isfinite(base_rate))
    usable = usable[np.argsort(replayed.setting[usable], kind="stable")]
    dates = forward.days[_known_sessions(forward, horizon)]
    session = np.searchsorted(dates, forward.days[replayed.window[usable]])
    return _Evaluated(
        dates=dates,
        setting=replayed.setting[usable],
        session=np.asarray(session, dtype=np.int64),
        symbol=replayed.symbol[usable],
        rise=replayed.rise[usable],
        hit=hit[usable],
        base_rate=base_rate[usable],
    )


def _known_sessions(forward: ForwardReturns, horizon: int) -> NDArray[np.bool_]:
    """The last window before each entry session whose outcomes are known: one window per session."""
    return forward.last_before_open & np.isfinite(forward.above[horizon])


def _check(evaluated: _Evaluated, forward: ForwardReturns, horizon: int, enough: NDArray[np.bool_]) -> RealityCheck:
    """The reality check of the parameter sets with enough outcomes.

    Many parameter sets share signals, so each distinct signal is moved along the calendar once.
    """
    sessions = _known_sessions(forward, horizon)
    excess = forward.excess[horizon][sessions]
    n_symbols = excess.shape[1]
    n_rules = int(enough.sum())

    # Number the parameter sets with enough outcomes from 0: rule 0, 1, ...
    counted = enough[evaluated.setting]
    rule_of_setting = np.cumsum(enough) - 1
    rule = rule_of_setting[evaluated.setting[counted]]

    # One integer per bet, from session, symbol and direction.
    cell = evaluated.session[counted] * n_symbols + evaluated.symbol[counted]
    codes, bet = np.unique(cell * 2 + evaluated.rise[counted], return_inverse=True)
    session, symbol = np.divmod(codes // 2, n_symbols)

    # How often each rule made each bet, as a share of the rule's bets.
    counts = np.bincount(bet * n_rules + rule, minlength=len(codes) * n_rules).reshape(len(codes), n_rules)
    bets = Bets(session=session, symbol=symbol, rise=codes % 2 > 0, rules=counts / counts.sum(axis=0))
    return reality_check(bets, excess, forward.above[horizon][sessions], forward.below[horizon][sessions])


def _trial(
    setting: ParameterSet,
    evaluated: _Evaluated,
    rows: slice,
    *,
    n_signals: int,
    weeks: float,
    horizon: int,
    t: float | None,
) -> Trial:
    """The trial of one parameter set, whose outcomes are these rows."""
    hits = evaluated.hit[rows]
    days = evaluated.dates[evaluated.session[rows]]
    base_rates = evaluated.base_rate[rows]
    n = len(hits)
    low, high = hit_rate_interval(hits, days, horizon)
    return Trial(
        setting=setting,
        signals=n_signals,
        a_week=float(n_signals / weeks),
        n=n,
        n_dates=len(np.unique(days)),
        hits=int(hits.sum()),
        hit_rate=float(hits.mean()) if n else None,
        low=low,
        high=high,
        base_rate=float(base_rates.mean()) if n else None,
        t=t,
    )
