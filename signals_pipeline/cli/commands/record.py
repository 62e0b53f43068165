"""`signals record`: the track record."""

import click

from signals_pipeline.cli.commands import options
from signals_pipeline.settings import Settings


@click.command()
@options.first_window
@options.last_window
@options.max_windows
@options.horizon
def record(first: str | None, last: str | None, windows: int, horizon: str) -> None:
    """Show the track record, and write its figures.

    Hit rates, rank correlation, calibration and slices; the figures are PNG files.
    """
    from signals_pipeline.adapters.clock import utc_now
    from signals_pipeline.cli.record import show

    show(Settings.checked(), (first, last, windows), int(horizon), utc_now())
