"""`signals tune`: past windows replayed with a grid of knobs, and whether the best setting is more than luck.

The replay and the statistics are `core.research`; here are the grid, the texts of --try, and what is printed and
written.
"""

import csv
import dataclasses
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from signals_pipeline.adapters.rendering import charts
from signals_pipeline.adapters.stores.tried_settings import read_tried_settings, write_tried_settings
from signals_pipeline.cli.console import console, table
from signals_pipeline.core.research.replay import ParameterSet, replay_signals
from signals_pipeline.core.research.tuning import Trial, TuningResult, parameter_grid, tune
from signals_pipeline.definitions import build_resources
from signals_pipeline.defs.research_data import (
    Comparison,
    ResearchData,
    open_inputs,
    origins_of,
    read_research_data,
    setting_of,
    windows_run,
)
from signals_pipeline.settings import Settings
from signals_pipeline.settings.strategy import Knobs, SettingsError

SHOWN = 10  # best settings in the printed table
# Without --try: 5 x 5 x 2 x 2 = 100 settings around the defaults.
GRID: dict[str, tuple[float, ...]] = {
    "sentiment_weight": (0.4, 0.5, 0.6, 0.7, 0.8),
    "min_combined_score": (0.2, 0.25, 0.3, 0.35, 0.4),
    "min_sentiment_confidence": (0.5, 0.6),
    "tone_half_life_hours": (6.0, 12.0),
}
# The knobs that a replay can change, and their columns in the table.
_COLUMNS = {
    "sentiment_weight": "weight",
    "min_combined_score": "min. score",
    "min_sentiment_confidence": "min. conf.",
    "tone_half_life_hours": "half-life h",
    "tone_events": "events",
    "signal_expiry_days": "expiry d",
    "flip_cooldown_days": "cool-down d",
    "max_signals": "max.",
    "signal_generator": "generator",
}


def _event_types(text: str) -> str:
    """Event types as the setting has them, from the form of --try, where commas separate values: `results+guidance`."""
    return text.replace("+", ",")


_DEFAULT_EVENTS = Knobs().tone_events
# How the values of a knob are read; all others are numbers with decimals.
_READERS = {"max_signals": int, "signal_generator": str, "tone_events": _event_types}


def replayed(
    settings: Settings,
    choices: dict[str, Sequence[Any]],
    span: tuple[str | None, str | None, int],
    horizon: int,
    now: datetime,
) -> TuningResult:
    """Replay past windows, print the best settings and the verdict, write all trials as CSV and the figure as PNG.

    Args:
        settings: The deployment; its knobs are the setting in use.
        choices: Values by knob; GRID if empty.
        span: Keys of the first and last window, None if open, and the maximum number of windows.
        horizon: Holding period in sessions.
        now: The current time.

    Raises:
        SettingsError: a value is out of its knob's bounds.
        WindowError: a key is not a window's, or no window was run in the span.
    """
    in_use = setting_of(settings.knobs)
    requested = checked(settings.knobs, parameter_grid(in_use, choices or GRID))

    # Settings of earlier calls are replayed, too: the verdict must count everything that was ever tried.
    tried_path = settings.record_dir / "settings_tried.json"
    earlier = read_tried_settings(tried_path)
    trials = tuple(dict.fromkeys([*requested, *earlier]))  # deduplicated, the setting in use first
    with open_inputs(build_resources(settings)) as inputs:
        windows = windows_run(inputs.store, *span)
        past = read_research_data(inputs, windows, now)
        origins = origins_of(inputs.store, windows)
    signals = replay_signals(past.evidence, trials, past.before)
    tuning = tune(trials, signals, past.forward, horizon=horizon, weeks=past.weeks)
    write_tried_settings(tried_path, trials)

    generations = dict.fromkeys(origin.generation for origin in origins.values())
    if len(generations) > 1:
        names = "; ".join(generation.words for generation in generations)
        click.echo(f"These windows were scored by {len(generations)} models ({names}): choose those of one by --from.")

    # The CSV and the figure have all trials, the printed table only the best.
    only_earlier = set(earlier) - set(requested)
    _show(past, tuning, past.compare(signals, 0), earlier=len(only_earlier))
    table_path = settings.record_dir / "tuning.csv"
    write_table(table_path, tuning)
    click.echo(table_path)
    click.echo(charts.tuning(settings.record_dir / "tuning.png", tuning))
    return tuning


def choices_of(texts: Sequence[str]) -> dict[str, Sequence[Any]]:
    """The values to try by knob, from texts such as `SENTIMENT_WEIGHT=0.4,0.6`.

    Raises:
        SettingsError: a replay can't change the knob, or a value is unreadable.
    """
    choices: dict[str, Sequence[Any]] = {}
    for text in texts:
        name, _, values = text.partition("=")
        knob = name.strip().lower()
        if knob not in _COLUMNS:
            supported = ", ".join(column.upper() for column in _COLUMNS)
            raise SettingsError(f"--try {text}: a replay can change {supported}; write NAME=VALUE,VALUE")
        read = _READERS.get(knob, float)
        try:
            choices[knob] = tuple(read(value.strip()) for value in values.split(","))
        except ValueError as error:
            raise SettingsError(f"--try {text}: {error}; write NAME=VALUE,VALUE") from error
    return choices


def checked(knobs: Knobs, settings: tuple[ParameterSet, ...]) -> tuple[ParameterSet, ...]:
    """The settings as knobs store them, after each was checked against its bounds.

    Raises:
        SettingsError: a knob is out of bounds.
    """
    # As the setting would be stored: event types, for instance, have an order.
    return tuple(setting_of(Knobs.checked(**(knobs.stored() | dataclasses.asdict(setting)))) for setting in settings)


def write_table(path: Path, tuning: TuningResult) -> None:
    """Write all trials as CSV, the setting in use first."""
    figures = [field.name for field in dataclasses.fields(Trial) if field.name != "setting"]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*_COLUMNS, "horizon", *figures])
        for trial in tuning.trials:
            knobs = [getattr(trial.setting, name) for name in _COLUMNS]
            values = [getattr(trial, name) for name in figures]
            writer.writerow([*knobs, tuning.horizon, *values])


def _show(past: ResearchData, tuning: TuningResult, comparison: Comparison, *, earlier: int) -> None:
    """Print the table of trials, what it is based on, and the verdict."""
    output = console()
    output.print(trials_table(tuning))

    first, last = past.windows[0].key, past.windows[-1].key
    output.print(f"{len(past.windows)} windows, {first} to {last}; outcomes over {tuning.horizon} sessions, net.")
    if comparison.is_same:
        output.print(f"The replay of the setting in use reproduces the {len(past.stored)} signals of the history.")
    else:
        output.print(
            f"The {len(past.stored)} signals of the history were made with other knobs or an earlier release. With "
            f"the setting in use there are {comparison.replayed}: {comparison.both} in both, {comparison.added} only "
            f"now, {comparison.gone} only then."
        )
    before = f", {earlier} of them in earlier calls" if earlier else ""
    output.print(f"{len(tuning.trials)} settings tried{before}; all of them count.")
    output.print(tuning.conclusion, style="bold", soft_wrap=True)


def trials_table(tuning: TuningResult) -> Table:
    """The setting in use, then the best by t; knobs that have the same value in all trials are left out."""
    in_use = tuning.trials[0]
    # Trials with too few outcomes have no t.
    judged = [trial for trial in tuning.trials[1:] if trial.t is not None]
    best = sorted(judged, key=lambda trial: -(trial.t or 0.0))[:SHOWN]
    varied = []
    for name in _COLUMNS:
        values = {getattr(trial.setting, name) for trial in tuning.trials}
        if len(values) > 1:
            varied.append(name)

    rows = table(f"The setting in use, then the best {len(best)} of the others")
    knob_columns = [_COLUMNS[name] for name in varied]
    figure_columns = ["signals/week", "n", "hit rate (95%)", "base", "t"]
    for name in ["", *knob_columns, *figure_columns]:
        rows.add_column(name, justify="right", no_wrap=True)
    for rank, trial in enumerate([in_use, *best]):
        knobs = [_shown(getattr(trial.setting, name)) for name in varied]
        rows.add_row("in use" if rank == 0 else str(rank), *knobs, *_figures(trial))
    return rows


def _shown(value: object) -> str:
    if value == _DEFAULT_EVENTS:
        return "default"
    # As --try takes event types.
    return f"{value:g}" if isinstance(value, float) else str(value).replace(",", "+")


def _figures(trial: Trial) -> tuple[str, ...]:
    """Cells of a trial: signals per week, n, hit rate, base rate, t."""
    per_week = f"{trial.a_week:.1f}"
    if trial.hit_rate is None or trial.base_rate is None or trial.t is None:
        return per_week, str(trial.n), "too few", "", ""
    hit_rate = f"{trial.hit_rate:.0%} ({100 * trial.low:.0f} to {trial.high:.0%})"
    t = f"{trial.t:+.1f}".replace("-", "−")
    return per_week, str(trial.n), hit_rate, f"{trial.base_rate:.0%}", t
