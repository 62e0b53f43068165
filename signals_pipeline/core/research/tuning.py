"""What other knobs would have given in the past, and whether the best of them is more than the luck of trying many.

A hit is counted against the base rate of its day and direction, so that a setting without skill gains nothing, whatever
the market did.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signals_pipeline.core.intervals import share_interval
from signals_pipeline.core.record.forward_returns import Forward
from signals_pipeline.core.record.track_record import ENOUGH, LOOK_AHEAD, SUSPECT, SUSPECT_HORIZON
from signals_pipeline.core.research.multiple_testing import Bets, RealityCheck, Reals, reality_check
from signals_pipeline.core.research.replay import Replayed, Setting

LEVEL = 0.05
LEAST_SESSIONS = 40
"""Entry sessions from which on chance can be told: at 5%, one position of 20 decides."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What one setting would have given.

    Attributes:
        setting: Its knobs.
        signals: Signals of all windows.
        a_week: Signals a week.
        n: Signals with a known outcome.
        n_dates: Their entry sessions.
        hits: Those with a net return above 0.
        hit_rate: hits / n; None without any.
        low: Lower end of the hit rate's 95% interval, clustered by entry session.
        high: Upper end.
        base_rate: Mean base rate of the same outcomes; None without any.
        t: By how many errors it gains more than at other times, see `chance`; None where too few to judge.
    """

    setting: Setting
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
class Tuning:
    """All trials and the verdict on the best of them.

    Attributes:
        horizon: Sessions held.
        sessions: Entry sessions whose outcomes are known.
        trials: One a setting, in the order given; every one counts as tried.
        best: The trial with the largest t; None where none can be judged.
        p: How often chance makes the best of as many settings as good; 1 where none can be judged.
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
    def verdict(self) -> str:
        """One plain sentence, with how many settings were tried."""
        count = f"{len(self.trials)} setting{'' if len(self.trials) == 1 else 's'}"
        if self.best is None or self.best.t is None or self.best.hit_rate is None:
            return (
                f"Too few to tell: none of {count} has {ENOUGH} outcomes, or there are fewer than {LEAST_SESSIONS} "
                f"sessions ({self.sessions})."
            )
        chance = f"t = {self.best.t:.1f}; chance alone reaches {self.threshold:.1f} once in 20; p = {self.p:.2g}"
        if self.noise:
            return f"Noise: the best of {count} is what chance gives ({chance}).".replace("-", "−")
        rate = self.best.hit_rate
        doubt = f" {rate:.0%} is {LOOK_AHEAD}." if rate > SUSPECT and self.horizon <= SUSPECT_HORIZON else ""
        return f"More than chance gives the best of {count} ({chance}).{doubt}"


@dataclass(frozen=True, eq=False, slots=True)
class _Known:
    """Outcomes known of replayed signals, by setting; `session` is the entry session's place among `dates`."""

    dates: NDArray[np.datetime64]
    setting: NDArray[np.int64]
    session: NDArray[np.int64]
    symbol: NDArray[np.int64]
    rise: NDArray[np.bool_]
    hit: NDArray[np.bool_]
    base: Reals


def grid(base: Setting, choices: Mapping[str, Sequence[Any]]) -> tuple[Setting, ...]:
    """`base`, then every other combination of the choices by knob, with `base`'s value for a knob without any."""
    made = (replace(base, **dict(zip(choices, each, strict=True))) for each in product(*choices.values()))
    return tuple(dict.fromkeys((base, *made)))


def tune(settings: Sequence[Setting], replayed: Replayed, forward: Forward, *, horizon: int, weeks: float) -> Tuning:
    """Judge the replayed signals of every setting by what followed.

    Args:
        settings: The settings replayed.
        replayed: Their signals.
        forward: Returns after the same windows, of the same symbols.
        horizon: Sessions held.
        weeks: Length of the time replayed.
    """
    known = _known(replayed, forward, horizon)
    enough = np.bincount(known.setting, minlength=len(settings)) >= ENOUGH
    t: list[float | None] = [None] * len(settings)
    p, threshold = 1.0, float("inf")
    if enough.any() and len(known.dates) >= LEAST_SESSIONS:
        check = _check(known, forward, horizon, enough)
        p, threshold = check.p, check.threshold
        for at, value in zip(np.flatnonzero(enough), check.t, strict=True):
            t[at] = float(value)
    signals = np.bincount(replayed.setting, minlength=len(settings))
    ends = np.searchsorted(known.setting, np.arange(1, len(settings)))
    columns = (known.dates[known.session], known.hit, known.base)
    outcomes = zip(*(np.split(each, ends) for each in columns), strict=True)
    trials = tuple(
        _trial(setting, (int(count), float(count / weeks)), found, horizon, value)
        for setting, count, found, value in zip(settings, signals, outcomes, t, strict=True)
    )
    best = max((each for each in trials if each.t is not None), key=lambda each: each.t or 0.0, default=None)
    return Tuning(horizon, len(known.dates), trials, best, p, threshold)


def _known(replayed: Replayed, forward: Forward, horizon: int) -> _Known:
    net = forward.excess[horizon][replayed.window, replayed.symbol]
    above, below = (side[horizon][replayed.window] for side in (forward.above, forward.below))
    base = np.where(replayed.rise, above, below)
    kept = np.flatnonzero(np.isfinite(net) & np.isfinite(base))
    kept = kept[np.argsort(replayed.setting[kept], kind="stable")]
    dates = forward.days[_judged(forward, horizon)]
    return _Known(
        dates=dates,
        setting=replayed.setting[kept],
        session=np.searchsorted(dates, forward.days[replayed.window[kept]]).astype(np.int64),
        symbol=replayed.symbol[kept],
        rise=replayed.rise[kept],
        hit=np.where(replayed.rise, net > 0, net < 0)[kept],
        base=base[kept],
    )


def _judged(forward: Forward, horizon: int) -> NDArray[np.bool_]:
    """The last window before each entry session whose outcomes are known."""
    return forward.newest & np.isfinite(forward.above[horizon])


def _check(known: _Known, forward: Forward, horizon: int, enough: NDArray[np.bool_]) -> RealityCheck:
    """The reality check of the settings with enough outcomes, each different signal worked once."""
    excess = forward.excess[horizon][_judged(forward, horizon)]
    own = enough[known.setting]
    setting = (np.cumsum(enough) - 1)[known.setting[own]]
    code = (known.session[own] * excess.shape[1] + known.symbol[own]) * 2 + known.rise[own]
    different, place = np.unique(code, return_inverse=True)
    shape = len(different), int(enough.sum())
    made = np.bincount(place * shape[1] + setting, minlength=shape[0] * shape[1]).reshape(shape)
    session, symbol = np.divmod(different // 2, excess.shape[1])
    bets = Bets(session, symbol, different % 2 > 0, made / made.sum(axis=0))
    above, below = (side[horizon][_judged(forward, horizon)] for side in (forward.above, forward.below))
    return reality_check(bets, excess, above, below)


def _trial(
    setting: Setting,
    signals: tuple[int, float],
    outcomes: tuple[NDArray[np.datetime64], NDArray[np.bool_], Reals],
    horizon: int,
    t: float | None,
) -> Trial:
    days, hit, base = outcomes
    n = len(hit)
    low, high = share_interval(hit, days, horizon)
    rates = (float(hit.mean()), float(base.mean())) if n else (None, None)
    return Trial(
        setting=setting,
        signals=signals[0],
        a_week=signals[1],
        n=n,
        n_dates=len(np.unique(days)),
        hits=int(hit.sum()),
        hit_rate=rates[0],
        low=low,
        high=high,
        base_rate=rates[1],
        t=t,
    )
