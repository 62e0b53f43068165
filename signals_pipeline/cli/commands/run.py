"""`signals run`: run windows in this process and show the newest digest."""

import click

from signals_pipeline.settings import Settings


@click.command()
@click.option("--window", help="Key of one window, its start in New York: 2015-02-02-17:30.")
def run(window: str | None) -> None:
    """Upgrade the database, run the job, show the newest digest.

    Without --window, the demo runs every window of its sample, and any other deployment the newest complete window.
    """
    from signals_pipeline.cli import report, runs
    from signals_pipeline.cli.database import prepare_database

    settings = Settings.checked()
    windows = runs.windows_to_run(settings, window)
    mode = "manual" if window else runs.default_mode(settings)
    prepare_database(settings)
    result = runs.execute(settings, windows, mode=mode)
    report.show(settings, windows, result.get_asset_check_evaluations())
