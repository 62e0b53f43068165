"""`signals record`: the track record of signals, as lines and figures.

The numbers come from `core.record`; here they are read for the windows asked for, printed and drawn. Everything is of
one origin: the generator and model of the newest window are shown in full, the others listed apart.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import click
import numpy as np
import pandas as pd

from signals_pipeline.adapters.rendering import charts
from signals_pipeline.core.prices.earnings import EarningsSource
from signals_pipeline.core.record.calibration import agreement, reliability
from signals_pipeline.core.record.forward_returns import ForwardReturns, ScorePanel, pairs
from signals_pipeline.core.record.information_coefficient import daily_spearman, rank_correlation
from signals_pipeline.core.record.origin import Generation, Origin, rows_by_origin
from signals_pipeline.core.record.outcomes import HORIZONS
from signals_pipeline.core.record.slices import (
    EARNINGS,
    NOT_RECORDED,
    publisher_of,
    reaction_of,
    reports_while_held,
    slice_record,
)
from signals_pipeline.core.record.track_record import RecordLine, record_section, records_by_origin
from signals_pipeline.core.windows import Window
from signals_pipeline.definitions import build_resources
from signals_pipeline.defs.research_data import ResearchData, open_inputs, origins_of, read_research_data, windows_run
from signals_pipeline.defs.resources import Store
from signals_pipeline.settings import Settings

# Dimensions whose slices are shown even with few outcomes: they have few values, and a gap would mislead.
ALWAYS_SHOWN = ("event", "reaction", "lifecycle", EARNINGS)


@dataclass(frozen=True, eq=False, slots=True)
class OriginScores:
    """The scores of the windows of one origin, and the returns after them."""

    panel: ScorePanel
    forward: ForwardReturns


def show(settings: Settings, span: tuple[str | None, str | None, int], horizon: int, now: datetime) -> None:
    """Print the track record of past windows and write its figures.

    Args:
        settings: The deployment.
        span: Keys of the first and last window, None if open, and the maximum number of windows.
        horizon: Holding period in sessions, for the slices and the figure of the rank correlation.
        now: Only what was known before this time is used.

    Raises:
        WindowError: a key is not a window's, or no window was run in the span.
    """
    with open_inputs(build_resources(settings)) as inputs:
        windows = windows_run(inputs.store, *span)
        past = read_research_data(inputs, windows, now)
        outcomes = with_evidence(inputs.store, inputs.earnings, now)
        origins = origins_of(inputs.store, windows)
    # `with_evidence` returns the outcomes of all windows.
    starts = [window.start for window in windows]
    outcomes = outcomes[outcomes["window_start"].isin(starts)]
    current = origins[windows[-1]].generation
    scores = scores_by_origin(past, origins)

    count = "1 window" if len(windows) == 1 else f"{len(windows)} windows"
    click.echo(f"{count}, {windows[0].key} to {windows[-1].key}; hits are net of the benchmark.")
    click.echo(f"Current generator and model: {current.words}.")
    for line in _signal_lines(outcomes, current, horizon):
        click.echo(line)
    for origin, of_origin in scores.items():
        for line in _score_lines(origin, of_origin):
            click.echo(line)
    for path in draw(settings.record_dir, outcomes, scores, current, horizon):
        click.echo(path)


def with_evidence(store: Store, earnings: EarningsSource, as_of: datetime) -> pd.DataFrame:
    """Outcomes with what their signals rest on.

    Args:
        store: The pipeline's store.
        earnings: Source of the earnings dates.
        as_of: Only outcomes known before this time.

    Returns:
        Rows of KNOWN_OUTCOMES with more columns: the signal's `publisher` and `event`, and `reaction` and `earnings`
        in words.
    """
    evidence = store.outcomes.evidence(as_of)
    moves = zip(evidence["reaction"], evidence["signal_type"], evidence["event"], strict=True)
    evidence = evidence.assign(
        publisher=[publisher_of(contributions) for contributions in evidence["contributions"]],
        event=evidence["event"].replace("", NOT_RECORDED),
        reaction=[reaction_of(reaction, signal_type, event) for reaction, signal_type, event in moves],
    )
    evidence = evidence.drop(columns=["contributions"])
    outcomes = store.outcomes.known(as_of).merge(evidence, on=["window_start", "symbol", "signal_type"])

    # Whether the company reported between the entry's open and the exit's close.
    calendar = earnings.calendar(sorted(set(outcomes["symbol"])))
    periods = zip(outcomes["symbol"], outcomes["entry_session"], outcomes["exit_session"], strict=True)
    return outcomes.assign(
        earnings=[
            reports_while_held(calendar.reported_between(symbol, entry.date(), exit_.date(), as_of))
            for symbol, entry, exit_ in periods
        ]
    )


def scores_by_origin(past: ResearchData, origins: Mapping[Window, Origin]) -> dict[Origin, OriginScores]:
    """The scores of past windows, and the returns after them, by origin; that of the newest window first."""
    panel = past.evidence.panel
    origin_of_window = [origins[window] for window in panel.windows]
    scores: dict[Origin, OriginScores] = {}
    for origin in dict.fromkeys(reversed(origin_of_window)):  # distinct ones, the newest first
        chosen = np.array([other == origin for other in origin_of_window], dtype=bool)
        scores[origin] = OriginScores(panel.rows(chosen), past.forward.rows(chosen))
    return scores


def draw(
    folder: Path,
    outcomes: pd.DataFrame,
    scores: Mapping[Origin, OriginScores],
    current: Generation,
    horizon: int,
) -> Iterator[Path]:
    """Write the figures of the current generator and model; yields their paths.

    Rank correlation and calibration are those of the newest window's origin.
    """
    records = _records(outcomes, current)
    yield charts.hit_rates(folder / "hit_rates.png", records)

    # Rank correlation of the combined score with later returns, per day.
    newest = next(iter(scores.values()))
    observations = pairs(newest.panel.combined, newest.forward, horizon)
    summary = rank_correlation(observations, horizon)
    daily = daily_spearman(observations)
    yield charts.coefficients(folder / "rank_ic.png", daily, summary, score="the combined score")

    # How often tone and return agree, by the model's confidence.
    calibration = reliability(agreement(newest.panel, newest.forward))
    yield charts.calibration(folder / "calibration.png", calibration)


def _records(outcomes: pd.DataFrame, generation: Generation) -> list[tuple[RecordLine, ...]]:
    """The record of all signals of a generator and model, live and backfilled apart, each where it has an outcome."""
    records = records_by_origin(outcomes)
    return [lines for origin, lines in records.items() if origin.generation == generation]


def _signal_lines(outcomes: pd.DataFrame, current: Generation, horizon: int) -> Iterator[str]:
    """Hit rates of all signals, then by slice, of each origin; those of the current generator and model first."""
    if outcomes.empty:
        yield "No outcome of a signal is known yet."
        return
    # A stable sort: live before backfilled within each.
    by_origin = rows_by_origin(outcomes)
    ordered = sorted(by_origin, key=lambda origin: origin.generation != current)
    if ordered[0].generation != current:
        yield f"No outcome of a signal of {current.words} is known yet."
    records = records_by_origin(outcomes)
    others_began = False
    for origin in ordered:
        if origin.generation != current and not others_began:
            others_began = True
            yield "\nOther generators and models, never added to the record above:"
        heading, lines = record_section(records[origin])
        yield f"\n{heading}"
        for line in lines:
            yield f"  {line.text}; {line.net_text}" if line.net_text else f"  {line.text}"
        yield from _slice_lines(origin, by_origin[origin], horizon)


def _slice_lines(origin: Origin, rows: pd.DataFrame, horizon: int) -> Iterator[str]:
    """The record of one origin by slice."""
    cut = slice_record(rows, horizon)
    yield f"\nBy symbol, publisher, event, reaction and lifecycle, {origin.words}: {cut.remark}"
    # Slices with too few outcomes say nothing; they are only counted.
    shown = [piece for piece in cut.slices if piece.line.enough or piece.dimension in ALWAYS_SHOWN]
    for piece in shown:
        yield f"  {piece.dimension} {piece.text}"
    hidden = len(cut.slices) - len(shown)
    if hidden:
        yield f"  {hidden} more with too few outcomes"


def _score_lines(origin: Origin, of_origin: OriginScores) -> Iterator[str]:
    """Rank correlation and calibration of scores, over all companies whether they had a signal or not."""
    panel = of_origin.panel
    scores = {
        "combined score, all companies that have one": panel.combined,
        "tone alone": panel.tone,
    }
    for name, values in scores.items():
        yield f"\nRank IC of the {name}, Newey-West t, {origin.words}"
        for horizon in HORIZONS:
            observations = pairs(values, of_origin.forward, horizon)
            correlation = rank_correlation(observations, horizon)
            yield f"  {correlation.text}"
    # Bonferroni over 2 scores x 4 horizons: 0.05 / 8 two-sided is |t| > 2.73 of a normal distribution.
    yield "8 coefficients are tested: by chance alone the largest |t| exceeds 2.7 once in 20 times."
    calibration = reliability(agreement(panel, of_origin.forward))
    yield f"\n{calibration.text}\n"
