"""Figures of the record and of a tuning as PNG: light ground, labelled axes, the n behind every point."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from signals_pipeline.core.record.calibration import Reliability
from signals_pipeline.core.record.information_coefficient import RankCorrelation
from signals_pipeline.core.record.outcomes import HORIZONS
from signals_pipeline.core.record.track_record import ENOUGH, RecordLine
from signals_pipeline.core.research.tuning import Trial, Tuning

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, ACCENT, WARM, FAINT = "#1f2933", "#616e7c", "#1d4e89", "#b4540a", "#d9dee4"
DOT = "#a9b4c0"
COLOURS = (ACCENT, WARM)
DAYS_A_MEAN = 60


def hit_rates(path: Path, records: Sequence[tuple[RecordLine, ...]]) -> Path:
    """Hit rate by horizon with its interval and base rate, one colour a group; returns the path."""
    figure, axes = _figure(
        "Hit rate of signals by sessions held", "Sessions held", "Signals that beat the benchmark, %"
    )
    shift = np.linspace(-0.12, 0.12, len(records)) if len(records) > 1 else [0.0]
    for lines, offset, colour in zip(records, shift, COLOURS, strict=False):
        for place, line in enumerate(lines):
            if line.hit_rate is not None and line.base_rate is not None:
                _point(axes, place + offset, line, colour, first=not place)
    axes.set_xticks(range(len(HORIZONS)), [str(each) for each in HORIZONS])
    axes.set_xlim(-0.5, len(HORIZONS) - 0.5)
    _note(figure, f"Bars: 95% interval, clustered by entry session. Hollow: fewer than {ENOUGH} outcomes, too few.")
    return _saved(figure, axes, path)


def coefficients(path: Path, daily: pd.Series, summary: RankCorrelation, *, score: str) -> Path:
    """Daily rank correlations and their mean over 60 days; returns the path."""
    figure, axes = _figure(f"Rank IC of {score} over time, {_held(summary.horizon)}", "Entry session", "Spearman's rho")
    days = pd.DatetimeIndex(daily.index)
    axes.axhline(0, color=MUTED, linewidth=0.8)
    axes.plot(days, daily.to_numpy(), ".", color=DOT, markersize=4, label=f"a day ({len(daily)} days)", zorder=1)
    mean = daily.rolling(DAYS_A_MEAN).mean()
    axes.plot(days, mean.to_numpy(), color=ACCENT, linewidth=1.8, label=f"mean of {DAYS_A_MEAN} days")
    if summary.mean is not None:
        axes.axhline(summary.mean, color=WARM, linewidth=1.2, linestyle="--", label=f"mean {summary.mean:+.3f}")
    lags = f"{summary.horizon} lag{'' if summary.horizon == 1 else 's'}"
    t = "too few days" if summary.t is None else f"t = {summary.t:+.2f} (Newey-West, {lags})"
    _note(figure, f"All companies with a score: {summary.n:,} pairs on {summary.n_dates} days; {t}.")
    figure.autofmt_xdate(rotation=0, ha="center")
    return _saved(figure, axes, path)


def calibration(path: Path, found: Reliability) -> Path:
    """Tone confidence against the share of next sessions that agreed; returns the path."""
    figure, axes = _figure(
        "Tone confidence against the next session", "Tone confidence, %", "Next session agreed with the tone, %"
    )
    axes.plot(
        [30, 100], [30, 100], color=DOT, linewidth=1.2, linestyle=":", label="if confidence were a chance of profit"
    )
    for place, (line, said) in enumerate(zip(found.lines, found.mean_confidences, strict=True)):
        rate, low, high = (100 * each for each in (line.hit_rate, line.low, line.high))
        fill = ACCENT if line.enough else "white"
        axes.errorbar(100 * said, rate, [[rate - low], [high - rate]], color=ACCENT, capsize=3, linewidth=1.4)
        label = "agreed" if not place else None
        axes.plot(100 * said, rate, "o", markerfacecolor=fill, markeredgecolor=ACCENT, markersize=7, label=label)
        base = "base rate" if not place else None
        axes.plot(100 * said, 100 * line.base_rate, "_", color=WARM, markersize=18, markeredgewidth=2.2, label=base)
        axes.annotate(f"n = {line.n}", (100 * said, high), (0, 4), textcoords="offset points", ha="center", fontsize=8)
    axes.set_xlim(30, 102)
    axes.set_ylim(0, 105)
    error = "" if found.error is None else f" Calibration error {found.error:.2f}."
    _note(figure, f"n = {found.n} on {found.n_dates} days.{error} Confidence is no chance of profit.")
    return _saved(figure, axes, path)


def tuning(path: Path, found: Tuning) -> Path:
    """Signals a week against hit rate, one point a setting; the first is the setting in use; returns the path."""
    title = f"{len(found.trials)} settings replayed, {_held(found.horizon)}"
    figure, axes = _figure(title, "Signals a week", "Hit rate, %")
    shown = [each for each in found.trials if each.hit_rate is not None and each.t is not None]
    axes.plot(
        [each.a_week for each in shown], [_percent(each.hit_rate) for each in shown], "o", color=ACCENT, alpha=0.35,
        markersize=5, markeredgewidth=0,
        label=f"a setting ({len(shown)} of them, n = {_range([each.n for each in shown])})",
    )  # fmt: skip
    axes.plot(
        [each.a_week for each in shown], [_percent(each.base_rate) for each in shown], "_", color=MUTED,
        markersize=7, label="its base rate",
    )  # fmt: skip
    if found.best is not None:
        _marked(axes, found.best, ACCENT, "best")
    if found.trials[0].hit_rate is not None and found.trials[0] != found.best:
        _marked(axes, found.trials[0], WARM, "in use")
    _note(figure, found.conclusion)
    return _saved(figure, axes, path)


def _marked(axes: "Axes", trial: Trial, colour: str, name: str) -> None:
    rate, low, high = _percent(trial.hit_rate), 100 * trial.low, 100 * trial.high
    axes.errorbar(
        trial.a_week, rate, [[rate - low], [high - rate]], color=colour, capsize=4, marker="D", markersize=7,
        linewidth=1.6, label=f"{name}: {rate:.0f}% of n = {trial.n}, 95% interval",
    )  # fmt: skip


def _point(axes: "Axes", x: float, line: RecordLine, colour: str, *, first: bool) -> None:
    rate, low, high = _percent(line.hit_rate), 100 * line.low, 100 * line.high
    axes.errorbar(x, rate, [[rate - low], [high - rate]], color=colour, capsize=4, linewidth=1.5)
    fill = colour if line.enough else "white"
    label = line.label if first else None
    axes.plot(x, rate, "o", markerfacecolor=fill, markeredgecolor=colour, markersize=7, label=label)
    base = "their base rate" if first else None
    axes.plot(x, _percent(line.base_rate), "_", color=colour, alpha=0.6, markersize=20, markeredgewidth=2, label=base)
    axes.annotate(f"n = {line.n}", (x, high), (0, 4), textcoords="offset points", ha="center", fontsize=8, color=colour)


def _range(counts: Sequence[int]) -> str:
    return f"{min(counts)} to {max(counts)}" if counts else "0"


def _percent(share: float | None) -> float:
    return float("nan") if share is None else 100 * share


def _held(horizon: int) -> str:
    return f"{horizon} session{'' if horizon == 1 else 's'} held"


def _figure(title: str, x: str, y: str) -> "tuple[Figure, Axes]":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.8), dpi=120, facecolor="white")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", color=INK, fontsize=13, fontweight="bold", pad=12)
    axes.set_xlabel(x, color=INK)
    axes.set_ylabel(y, color=INK)
    axes.grid(axis="y", color=FAINT, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(colors=MUTED)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure, axes


def _note(figure: "Figure", text: str) -> None:
    figure.text(0.01, 0.012, text, color=MUTED, fontsize=8, wrap=True)


def _saved(figure: "Figure", axes: "Axes", path: Path) -> Path:
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=8, loc="best")
    figure.subplots_adjust(left=0.09, right=0.98, top=0.9, bottom=0.17)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Software": None})
    return path
