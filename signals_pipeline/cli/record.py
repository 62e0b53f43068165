"""`signals record`: the track record of signals, as lines and figures.

The numbers come from `core.track_record`; here they are read for the windows asked for, printed and drawn.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import click
import pandas as pd

from signals_pipeline.adapters.rendering import charts
from signals_pipeline.core.record.calibration import agreement, reliability
from signals_pipeline.core.record.forward_returns import pairs
from signals_pipeline.core.record.information_coefficient import daily_spearman, rank_correlation
from signals_pipeline.core.record.outcomes import HORIZONS, LIVE_MODES, PROVENANCES
from signals_pipeline.core.record.slices import NOT_RECORDED, publisher_of, reaction_of, slice_record
from signals_pipeline.core.record.track_record import RecordLine, record_section, track_record
from signals_pipeline.definitions import build_resources
from signals_pipeline.defs.research_data import ResearchData, open_inputs, read_research_data, windows_run
from signals_pipeline.defs.resources import Store
from signals_pipeline.settings import Settings

# Dimensions whose slices are shown even with few outcomes: they have few values, and a gap would mislead.
ALWAYS_SHOWN = ("event", "reaction", "lifecycle", "model")


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
        outcomes = with_origins(inputs.store, now)
    # `with_origins` returns the outcomes of all windows.
    starts = [window.start for window in windows]
    outcomes = outcomes[outcomes["window_start"].isin(starts)]

    count = "1 window" if len(windows) == 1 else f"{len(windows)} windows"
    click.echo(f"{count}, {windows[0].key} to {windows[-1].key}; hits are net of the benchmark.")
    for line in _signal_lines(outcomes, horizon):
        click.echo(line)
    for line in _score_lines(past):
        click.echo(line)
    for path in draw(settings.record_dir, records_of(outcomes), past, horizon):
        click.echo(path)


def with_origins(store: Store, as_of: datetime) -> pd.DataFrame:
    """Outcomes with where their signals came from.

    Args:
        store: The pipeline's store.
        as_of: Only outcomes known before this time.

    Returns:
        Rows of OUTCOMES with more columns: the signal's `model`, `publisher` and `event`, `reaction` in words, and
        `standing`, which is live or backfilled.
    """
    origins = store.outcomes.origins(as_of)
    is_live = origins["mode"].isin(LIVE_MODES)
    moves = zip(origins["reaction"], origins["signal_type"], origins["event"], strict=True)
    origins = origins.assign(
        publisher=[publisher_of(contributions) for contributions in origins["contributions"]],
        event=origins["event"].replace("", NOT_RECORDED),
        reaction=[reaction_of(reaction, signal_type, event) for reaction, signal_type, event in moves],
        standing=is_live.map({True: "live", False: "backfilled"}).astype("str"),
    )
    origins = origins.drop(columns=["mode", "contributions"])
    return store.outcomes.known(as_of).merge(origins, on=["window_start", "symbol", "signal_type"])


def records_of(outcomes: pd.DataFrame) -> list[tuple[RecordLine, ...]]:
    """The record of all signals, live and backfilled apart, each where it has an outcome."""
    records: list[tuple[RecordLine, ...]] = []
    for provenance in PROVENANCES:
        rows = outcomes[outcomes["standing"] == provenance]
        if len(rows):
            records.append(track_record(rows, label=f"All signals, {provenance}", provenance=provenance))
    return records


def draw(folder: Path, records: list[tuple[RecordLine, ...]], past: ResearchData, horizon: int) -> Iterator[Path]:
    """Write the figures; yields their paths."""
    yield charts.hit_rates(folder / "hit_rates.png", records)

    # Rank correlation of the combined score with later returns, per day.
    observations = pairs(past.evidence.panel.combined, past.forward, horizon)
    summary = rank_correlation(observations, horizon)
    daily = daily_spearman(observations)
    yield charts.coefficients(folder / "rank_ic.png", daily, summary, score="the combined score")

    # How often tone and return agree, by the model's confidence.
    calibration = reliability(agreement(past.evidence.panel, past.forward))
    yield charts.calibration(folder / "calibration.png", calibration)


def _signal_lines(outcomes: pd.DataFrame, horizon: int) -> Iterator[str]:
    """Hit rates of all signals, then by slice."""
    records = records_of(outcomes)
    if not records:
        yield "No outcome of a signal is known yet."
    for lines in records:
        heading, rows = record_section(lines)
        yield f"\n{heading}"
        for line in rows:
            yield f"  {line.text}; {line.net_text}" if line.net_text else f"  {line.text}"
    for standing, part in outcomes.groupby("standing", sort=True):
        cut = slice_record(part, horizon)
        yield f"\nBy symbol, publisher, event, reaction, lifecycle and model, {standing}: {cut.remark}"
        # Slices with too few outcomes say nothing; they are only counted.
        shown = [piece for piece in cut.slices if piece.line.enough or piece.dimension in ALWAYS_SHOWN]
        for piece in shown:
            yield f"  {piece.dimension} {piece.text}"
        hidden = len(cut.slices) - len(shown)
        if hidden:
            yield f"  {hidden} more with too few outcomes"


def _score_lines(past: ResearchData) -> Iterator[str]:
    """Rank correlation and calibration of scores, over all companies whether they had a signal or not."""
    panel = past.evidence.panel
    scores = {
        "combined score, all companies that have one": panel.combined,
        "tone alone": panel.tone,
    }
    for name, values in scores.items():
        yield f"\nRank IC of the {name}, Newey-West t"
        for horizon in HORIZONS:
            observations = pairs(values, past.forward, horizon)
            correlation = rank_correlation(observations, horizon)
            yield f"  {correlation.text}"
    # Bonferroni over 2 scores x 4 horizons: 0.05 / 8 two-sided is |t| > 2.73 of a normal distribution.
    yield "8 coefficients are tested: by chance alone the largest |t| exceeds 2.7 once in 20 times."
    calibration = reliability(agreement(panel, past.forward))
    yield f"\n{calibration.text}\n"
