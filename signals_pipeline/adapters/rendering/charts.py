"""Figures of the track record and of a tuning as PNG: light ground, labelled axes, the n behind every point.

They are drawn with matplotlib, which is imported only when a figure is drawn. `plots` has the small SVG figures of an
operator's page, `adapters.mail.chart` the pictures of a mail.
"""

# pyright: reportUnknownMemberType=false
# matplotlib's stubs do not type the **kwargs of its drawing methods.

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from signals_pipeline.adapters.atomic_write import write_bytes
from signals_pipeline.core.record.calibration import Reliability
from signals_pipeline.core.record.information_coefficient import RankCorrelation
from signals_pipeline.core.record.outcomes import HORIZONS
from signals_pipeline.core.record.track_record import ENOUGH_OUTCOMES, RecordLine
from signals_pipeline.core.research.tuning import Trial, TuningResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, ACCENT, WARM, FAINT = "#1f2933", "#616e7c", "#1d4e89", "#b4540a", "#d9dee4"
DOT = "#a9b4c0"
GROUP_COLOURS = (ACCENT, WARM)

ROLLING_DAYS = 60
"""Days of the rolling mean of daily rank correlations: about three months of sessions."""

_GROUP_SPREAD = 0.12  # in units of the x axis, so that the bars of two groups don't hide each other
_LABEL_OFFSET = (0, 4)  # points between an interval's upper end and its n


def hit_rates(path: Path, records: Sequence[tuple[RecordLine, ...]]) -> Path:
    """Draw hit rates by horizon with their intervals and base rates.

    Args:
        path: The PNG file; its folder is created.
        records: One record per group (at most two), one line per horizon.

    Returns:
        The path.
    """
    figure, axes = _new_figure(
        "Hit rate of signals by sessions held", "Sessions held", "Signals that beat the benchmark, %"
    )
    offsets = np.linspace(-_GROUP_SPREAD, _GROUP_SPREAD, len(records)) if len(records) > 1 else [0.0]
    for lines, offset, colour in zip(records, offsets, GROUP_COLOURS, strict=False):
        for position, line in enumerate(lines):
            if line.hit_rate is not None and line.base_rate is not None:
                _draw_hit_rate(axes, position + float(offset), line, colour, labelled=position == 0)

    axes.set_xticks(range(len(HORIZONS)), [str(horizon) for horizon in HORIZONS])
    axes.set_xlim(-0.5, len(HORIZONS) - 0.5)
    _add_note(
        figure,
        f"Bars: 95% interval, clustered by entry session. Hollow: fewer than {ENOUGH_OUTCOMES} outcomes, too few.",
    )
    return _save(figure, axes, path)


def _draw_hit_rate(axes: "Axes", x: float, line: RecordLine, colour: str, *, labelled: bool) -> None:
    """Draw one hit rate with its interval, base rate and n; only labelled ones enter the legend."""
    rate = _percent(line.hit_rate)
    high = 100 * line.high
    # matplotlib takes distances from the point, not the ends of the interval.
    below, above = rate - 100 * line.low, high - rate
    axes.errorbar(x, rate, [[below], [above]], color=colour, capsize=4, linewidth=1.5)
    axes.plot(
        x,
        rate,
        "o",
        markerfacecolor=colour if line.enough else "white",
        markeredgecolor=colour,
        markersize=7,
        label=line.label if labelled else None,
    )
    axes.plot(
        x,
        _percent(line.base_rate),
        "_",
        color=colour,
        alpha=0.6,
        markersize=20,
        markeredgewidth=2,
        label="their base rate" if labelled else None,
    )
    axes.annotate(
        f"n = {line.n}", (x, high), _LABEL_OFFSET, textcoords="offset points", ha="center", fontsize=8, color=colour
    )


def coefficients(path: Path, daily: pd.Series, summary: RankCorrelation, *, score: str) -> Path:
    """Draw daily rank correlations and their mean over 60 days.

    Args:
        path: The PNG file; its folder is created.
        daily: Spearman's rho by entry session.
        summary: Their mean and its t.
        score: What was correlated with returns, in words.

    Returns:
        The path.
    """
    figure, axes = _new_figure(
        f"Rank IC of {score} over time, {_held(summary.horizon)}", "Entry session", "Spearman's rho"
    )
    days = pd.DatetimeIndex(daily.index)
    axes.axhline(0, color=MUTED, linewidth=0.8)
    axes.plot(days, daily.to_numpy(), ".", color=DOT, markersize=4, label=f"daily ({len(daily)} days)", zorder=1)
    rolling_mean = daily.rolling(ROLLING_DAYS).mean()
    axes.plot(days, rolling_mean.to_numpy(), color=ACCENT, linewidth=1.8, label=f"{ROLLING_DAYS}-day mean")
    if summary.mean is not None:
        axes.axhline(summary.mean, color=WARM, linewidth=1.2, linestyle="--", label=f"mean {summary.mean:+.3f}")

    if summary.t is None:
        t_text = "too few days"
    else:
        lags = f"{summary.horizon} lag{'' if summary.horizon == 1 else 's'}"
        t_text = f"t = {summary.t:+.2f} (Newey-West, {lags})"
    _add_note(figure, f"All companies with a score: {summary.n:,} pairs on {summary.n_dates} days; {t_text}.")
    figure.autofmt_xdate(rotation=0, ha="center")
    return _save(figure, axes, path)


def calibration(path: Path, reliability: Reliability) -> Path:
    """Draw tone confidence against the share of next sessions that agreed with the tone; returns the path."""
    figure, axes = _new_figure(
        "Tone confidence against the next session", "Tone confidence, %", "Next session agreed with the tone, %"
    )
    axes.plot(
        [30, 100], [30, 100], color=DOT, linewidth=1.2, linestyle=":", label="if confidence were a chance of profit"
    )
    for position, (line, confidence) in enumerate(zip(reliability.lines, reliability.mean_confidences, strict=True)):
        labelled = position == 0
        x, rate, high = 100 * confidence, 100 * line.hit_rate, 100 * line.high
        below, above = rate - 100 * line.low, high - rate
        axes.errorbar(x, rate, [[below], [above]], color=ACCENT, capsize=3, linewidth=1.4)
        axes.plot(
            x,
            rate,
            "o",
            markerfacecolor=ACCENT if line.enough else "white",
            markeredgecolor=ACCENT,
            markersize=7,
            label="agreed" if labelled else None,
        )
        axes.plot(
            x,
            100 * line.base_rate,
            "_",
            color=WARM,
            markersize=18,
            markeredgewidth=2.2,
            label="base rate" if labelled else None,
        )
        axes.annotate(f"n = {line.n}", (x, high), _LABEL_OFFSET, textcoords="offset points", ha="center", fontsize=8)

    axes.set_xlim(30, 102)  # three tones: the most likely one has at least a third
    axes.set_ylim(0, 105)
    error = "" if reliability.error is None else f" Calibration error {reliability.error:.2f}."
    _add_note(
        figure, f"n = {reliability.n} on {reliability.n_dates} days.{error} Confidence is not a chance of profit."
    )
    return _save(figure, axes, path)


def tuning(path: Path, result: TuningResult) -> Path:
    """Draw signals per week against hit rate, one point per setting.

    Args:
        path: The PNG file; its folder is created.
        result: The trials; the first is the setting in use.

    Returns:
        The path.
    """
    title = f"{len(result.trials)} settings replayed, {_held(result.horizon)}"
    figure, axes = _new_figure(title, "Signals per week", "Hit rate, %")

    judged = [trial for trial in result.trials if trial.hit_rate is not None and trial.t is not None]
    per_week = [trial.a_week for trial in judged]
    axes.plot(
        per_week,
        [_percent(trial.hit_rate) for trial in judged],
        "o",
        color=ACCENT,
        alpha=0.35,
        markersize=5,
        markeredgewidth=0,
        label=f"one setting ({len(judged)} in all, n = {_range([trial.n for trial in judged])})",
    )
    axes.plot(
        per_week,
        [_percent(trial.base_rate) for trial in judged],
        "_",
        color=MUTED,
        markersize=7,
        label="its base rate",
    )

    in_use = result.trials[0]
    if result.best is not None:
        _highlight_trial(axes, result.best, ACCENT, "best")
    if in_use.hit_rate is not None and in_use != result.best:
        _highlight_trial(axes, in_use, WARM, "in use")
    _add_note(figure, result.conclusion)
    return _save(figure, axes, path)


def _highlight_trial(axes: "Axes", trial: Trial, colour: str, name: str) -> None:
    rate = _percent(trial.hit_rate)
    below, above = rate - 100 * trial.low, 100 * trial.high - rate
    axes.errorbar(
        trial.a_week,
        rate,
        [[below], [above]],
        color=colour,
        capsize=4,
        marker="D",
        markersize=7,
        linewidth=1.6,
        label=f"{name}: {rate:.0f}% of n = {trial.n}, 95% interval",
    )


def _range(counts: Sequence[int]) -> str:
    return f"{min(counts)} to {max(counts)}" if counts else "0"


def _percent(share: float | None) -> float:
    return float("nan") if share is None else 100 * share


def _held(horizon: int) -> str:
    return f"{horizon} session{'' if horizon == 1 else 's'} held"


# The frame of every figure


def _new_figure(title: str, x_label: str, y_label: str) -> "tuple[Figure, Axes]":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.8), dpi=120, facecolor="white")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", color=INK, fontsize=13, fontweight="bold", pad=12)
    axes.set_xlabel(x_label, color=INK)
    axes.set_ylabel(y_label, color=INK)
    axes.grid(axis="y", color=FAINT, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(colors=MUTED)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure, axes


def _add_note(figure: "Figure", text: str) -> None:
    figure.text(0.01, 0.012, text, color=MUTED, fontsize=8, wrap=True)


def _save(figure: "Figure", axes: "Axes", path: Path) -> Path:
    _, labels = axes.get_legend_handles_labels()
    if labels:
        axes.legend(frameon=False, fontsize=8, loc="best")
    figure.subplots_adjust(left=0.09, right=0.98, top=0.9, bottom=0.17)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = io.BytesIO()
    # Without matplotlib's version: the same bytes everywhere.
    figure.savefig(picture, format=path.suffix.removeprefix("."), metadata={"Software": None})
    write_bytes(path, picture.getvalue())
    return path
