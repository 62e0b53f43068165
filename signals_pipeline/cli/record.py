"""`signals record`: how signals did, in words and figures."""

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
from signals_pipeline.core.record.slices import publisher_of, sliced
from signals_pipeline.core.record.track_record import RecordLine, judged, record
from signals_pipeline.definitions import build_resources
from signals_pipeline.defs.research_data import Past, look_back, opened, windows_run
from signals_pipeline.defs.resources import Store
from signals_pipeline.settings import Settings


def show(settings: Settings, span: tuple[str | None, str | None, int], horizon: int, now: datetime) -> None:
    """Print the record of the windows asked for and write its figures.

    Args:
        settings: Where things are.
        span: First and last window's key, None where open, and the most windows.
        horizon: Sessions held, for the slices and the figure of the rank correlation.
        now: Only what was known before this instant.
    """
    with opened(build_resources(settings)) as inputs:
        windows = windows_run(inputs.store, *span)
        past = look_back(inputs, windows, now)
        outcomes = with_origins(inputs.store, now)
    outcomes = outcomes[outcomes["window_start"].isin([window.start for window in windows])]
    counted = f"{len(windows)} window{'' if len(windows) == 1 else 's'}"
    click.echo(f"{counted}, {windows[0].key} to {windows[-1].key}; hits are net of the benchmark.")
    for line in (*_signals(outcomes, horizon), *_companies(past)):
        click.echo(line)
    for path in draw(settings.record_dir, records_of(outcomes), past, horizon):
        click.echo(path)


def with_origins(store: Store, as_of: datetime) -> pd.DataFrame:
    """OUTCOMES rows known before `as_of` with the signal's `model`, `publisher` and `standing` (live, backfilled)."""
    origins = store.outcomes.origins(as_of)
    live = origins["mode"].isin(LIVE_MODES)
    told = origins.assign(
        publisher=[publisher_of(each) for each in origins["contributions"]],
        standing=live.map({True: "live", False: "backfilled"}).astype("str"),
    )
    return store.outcomes.known(as_of).merge(
        told.drop(columns=["mode", "contributions"]), on=["window_start", "symbol", "signal_type"]
    )


def records_of(outcomes: pd.DataFrame) -> list[tuple[RecordLine, ...]]:
    """The record of all signals, live and backfilled apart, each where it has an outcome."""
    records: list[tuple[RecordLine, ...]] = []
    for provenance in PROVENANCES:
        rows = outcomes[outcomes["standing"] == provenance]
        if len(rows):
            records.append(record(rows, label=f"All signals, {provenance}", provenance=provenance))
    return records


def draw(folder: Path, records: list[tuple[RecordLine, ...]], past: Past, horizon: int) -> Iterator[Path]:
    """Write the figures; yields their paths."""
    yield charts.hit_rates(folder / "hit_rates.png", records)
    found = pairs(past.evidence.panel.combined, past.forward, horizon)
    summary = rank_correlation(found, horizon)
    yield charts.coefficients(folder / "rank_ic.png", daily_spearman(found), summary, score="the combined score")
    agreed = agreement(past.evidence.panel, past.forward)
    yield charts.calibration(folder / "calibration.png", reliability(agreed))


def _signals(outcomes: pd.DataFrame, horizon: int) -> Iterator[str]:
    records = records_of(outcomes)
    if not records:
        yield "No outcome of a signal is known yet."
    for lines in records:
        heading, rows = judged(lines)
        yield f"\n{heading}"
        for line in rows:
            yield f"  {line.text}{f'; {line.net_text}' if line.net_text else ''}"
    for standing, part in outcomes.groupby("standing", sort=True):
        cut = sliced(part, horizon)
        yield f"\nBy symbol, publisher, lifecycle and model, {standing}: {cut.remark}"
        shown = [each for each in cut.slices if each.line.enough or each.dimension in ("lifecycle", "model")]
        for each in shown:
            yield f"  {each.dimension} {each.text}"
        few = len(cut.slices) - len(shown)
        if few:
            yield f"  {few} more with too few outcomes"


def _companies(past: Past) -> Iterator[str]:
    panel = past.evidence.panel
    for name, values in (("combined score, all companies with one", panel.combined), ("tone alone", panel.tone)):
        yield f"\nRank IC of the {name}, Newey-West t"
        for horizon in HORIZONS:
            yield f"  {rank_correlation(pairs(values, past.forward, horizon), horizon).text}"
    yield "8 coefficients are looked at: chance alone takes the largest |t| above 2.7 once in 20."
    yield f"\n{reliability(agreement(panel, past.forward)).text}\n"
