"""`signals prices`: check a file of recorded daily bars before the pipeline reads it."""

import sys
from pathlib import Path

import click

from signals_pipeline import sample
from signals_pipeline.adapters.prices.recording import Findings, Recording, read_recording
from signals_pipeline.adapters.watchlist import load_watchlist
from signals_pipeline.core.watchlist import Watchlist
from signals_pipeline.settings import Settings

# Symbols of the watchlist without bars that are named; the rest is counted.
_MAX_NAMED = 20


@click.group()
def prices() -> None:
    """Check a file of recorded daily bars."""


@prices.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
def check(file: Path | None) -> None:
    """Show what would be read from FILE and what would be dropped; without FILE, from that of SIGNALS_PRICES_PATH.

    The exit code is 0 where every row is read, 1 where some are dropped, and 2 where the file is refused.
    """
    settings = Settings.checked()
    path = file or settings.signals_prices_path or sample.PRICES
    watchlist = load_watchlist(settings.signals_watchlist or sample.WATCHLIST)
    recording = read_recording(path)
    for line in report(path, recording, watchlist):
        click.echo(line)
    sys.exit(1 if recording.dropped.counts else 0)


def report(path: Path, recording: Recording, watchlist: Watchlist) -> list[str]:
    """What would be read from a recording and what would be dropped, one line each."""
    bars = recording.bars
    lines = [f"{path}: {recording.rows:,} rows, {len(bars):,} read", f"symbols: {len(recording.symbols):,}"]
    if not bars.empty:
        lines.append(f"sessions: {bars['session'].min():%Y-%m-%d} to {bars['session'].max():%Y-%m-%d}")
    adjusted = "adjusted by adj_close" if recording.adjusted else "as they are: there is no column adj_close"
    lines.append(f"prices: {adjusted}")
    lines += _counted("dropped", recording.dropped)
    lines += _counted("odd", recording.remarks)

    missing = [symbol for symbol in watchlist.symbols if symbol not in recording.symbols]
    if missing:
        more = f" and {len(missing) - _MAX_NAMED} more" if len(missing) > _MAX_NAMED else ""
        named = ", ".join(missing[:_MAX_NAMED])
        lines.append(f"watchlist: {len(missing)} of {len(watchlist)} symbols have no bars: {named}{more}")
    else:
        lines.append(f"watchlist: all {len(watchlist)} symbols have bars")
    return lines


def _counted(label: str, findings: Findings) -> list[str]:
    """One line per finding: how many rows, and where the first of them is."""
    lines: list[str] = []
    for finding, places in findings.places.items():
        lines.append(f"{label}: {findings.counts[finding]:,}: {finding}; the first: {places[0]}")
    return lines
