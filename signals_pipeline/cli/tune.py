"""`signals tune`: past windows under a grid of the knobs, and whether the best is more than luck."""

import csv
import dataclasses
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from signals_pipeline.adapters.rendering import charts
from signals_pipeline.adapters.stores.tried_settings import keep_tried, tried_settings
from signals_pipeline.core.research.replay import Setting, replay
from signals_pipeline.core.research.tuning import Trial, Tuning, grid, tune
from signals_pipeline.definitions import build_resources
from signals_pipeline.defs.research_data import Past, look_back, opened, setting_of, windows_run
from signals_pipeline.settings import Settings
from signals_pipeline.settings.strategy import Knobs, SettingsError

SHOWN = 10
WIDTH = 120  # columns where there is no terminal to ask
# 5 x 5 x 2 x 2 = 100 settings.
GRID: dict[str, tuple[float, ...]] = {
    "sentiment_weight": (0.4, 0.5, 0.6, 0.7, 0.8),
    "min_combined_score": (0.2, 0.25, 0.3, 0.35, 0.4),
    "min_sentiment_confidence": (0.5, 0.6),
    "tone_half_life_hours": (6.0, 12.0),
}
_COLUMNS = {
    "sentiment_weight": "weight",
    "min_combined_score": "least score",
    "min_sentiment_confidence": "least conf.",
    "tone_half_life_hours": "half-life h",
    "signal_expiry_days": "expiry d",
    "max_signals": "most",
    "signal_generator": "generator",
}


def replayed(
    settings: Settings,
    choices: dict[str, Sequence[Any]],
    span: tuple[str | None, str | None, int],
    horizon: int,
    now: datetime,
) -> Tuning:
    """Replay, judge, print the best settings and the verdict, write the table as CSV and the figure as PNG.

    Args:
        settings: Where things are; their knobs are the setting in use.
        choices: Values by knob; those of GRID where empty.
        span: First and last window's key, None where open, and the most windows.
        horizon: Sessions held.
        now: The present.
    """
    used = setting_of(settings.knobs)
    asked = checked(settings.knobs, grid(used, choices or GRID))
    folder = settings.record_dir
    earlier = tried_settings(folder / "settings_tried.json")
    tried = tuple(dict.fromkeys((*asked, *earlier)))
    with opened(build_resources(settings)) as inputs:
        past = look_back(inputs, windows_run(inputs.store, *span), now)
    signals = replay(past.evidence, tried, past.before)
    found = tune(tried, signals, past.forward, horizon=horizon, weeks=past.weeks)
    keep_tried(folder / "settings_tried.json", tried)
    _tell(past, found, past.reproduced(signals, 0), len(set(earlier) - set(asked)))
    write_table(folder / "tuning.csv", found)
    for path in (folder / "tuning.csv", charts.tuning(folder / "tuning.png", found)):
        click.echo(path)
    return found


def choices_of(texts: Sequence[str]) -> dict[str, Sequence[Any]]:
    """The values to try by knob, from texts such as `SENTIMENT_WEIGHT=0.4,0.6`.

    Raises:
        SettingsError: a knob that a replay can't turn, or a value that can't be read.
    """
    found: dict[str, Sequence[Any]] = {}
    for text in texts:
        name, _, values = text.partition("=")
        knob = name.strip().lower()
        read = {"max_signals": int, "signal_generator": str}.get(knob, float)
        if knob not in _COLUMNS:
            turned = ", ".join(each.upper() for each in _COLUMNS)
            raise SettingsError(f"--try {text}: a replay can turn {turned}; write one as NAME=VALUE,VALUE")
        try:
            found[knob] = tuple(read(value.strip()) for value in values.split(","))
        except ValueError as error:
            raise SettingsError(f"--try {text}: {error}; write NAME=VALUE,VALUE") from error
    return found


def checked(knobs: Knobs, settings: tuple[Setting, ...]) -> tuple[Setting, ...]:
    """The settings, each knob within its bounds.

    Raises:
        SettingsError: one is not; the line says which, and what is allowed.
    """
    for each in settings:
        Knobs.checked(**(knobs.stored() | dataclasses.asdict(each)))
    return settings


def write_table(path: Path, found: Tuning) -> None:
    """All trials as CSV, the setting in use first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        figures = [field.name for field in dataclasses.fields(Trial) if field.name != "setting"]
        writer.writerow([*_COLUMNS, "horizon", *figures])
        for trial in found.trials:
            knobs = [getattr(trial.setting, name) for name in _COLUMNS]
            writer.writerow([*knobs, found.horizon, *(getattr(trial, name) for name in figures)])


def _tell(past: Past, found: Tuning, reproduced: bool, earlier: int) -> None:
    console = Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else WIDTH)
    console.print(trials_table(found))
    first, last = past.windows[0].key, past.windows[-1].key
    console.print(f"{len(past.windows)} windows, {first} to {last}; outcomes over {found.horizon} sessions, net.")
    console.print(
        f"The replay of the setting in use gives the {len(past.stored)} signals of the history exactly."
        if reproduced
        else f"The {len(past.stored)} signals of the history were made with other knobs than the setting in use."
    )
    before = f", {earlier} of them in earlier calls" if earlier else ""
    console.print(f"{len(found.trials)} settings tried{before}; all are counted.")
    console.print(found.conclusion, style="bold", soft_wrap=True)


def trials_table(found: Tuning) -> Table:
    """The setting in use, then the best by t; knobs that never differ are left out."""
    ranked = sorted((each for each in found.trials[1:] if each.t is not None), key=lambda each: -(each.t or 0.0))
    shown = (found.trials[0], *ranked[:SHOWN])
    turned = [name for name in _COLUMNS if len({getattr(each.setting, name) for each in found.trials}) > 1]
    table = Table(title=f"The setting in use, then the best {len(shown) - 1} of the others", title_justify="left")
    for name in ("", *(_COLUMNS[name] for name in turned), "signals/week", "n", "hit rate (95%)", "base", "t"):
        table.add_column(name, justify="right", no_wrap=True)
    for place, trial in enumerate(shown):
        knobs = (f"{value:g}" if isinstance(value, float) else str(value) for value in _values(trial.setting, turned))
        table.add_row("in use" if not place else str(place), *knobs, *_figures(trial))
    return table


def _values(setting: Setting, names: Sequence[str]) -> list[Any]:
    return [getattr(setting, name) for name in names]


def _figures(trial: Trial) -> tuple[str, ...]:
    if trial.hit_rate is None or trial.base_rate is None or trial.t is None:
        return f"{trial.a_week:.1f}", str(trial.n), "too few", "", ""
    rate = f"{trial.hit_rate:.0%} ({100 * trial.low:.0f} to {trial.high:.0%})"
    t = f"{trial.t:+.1f}".replace("-", "−")
    return f"{trial.a_week:.1f}", str(trial.n), rate, f"{trial.base_rate:.0%}", t
