"""Commands that run windows, or make one again."""

import sys
from pathlib import Path

import click

from signals_pipeline.settings import Settings


@click.command()
@click.option("--window", help="One window by its key, the start in New York: 2015-02-02-17:30.")
def run(window: str | None) -> None:
    """Upgrade the database, run the job, show the newest digest.

    Without --window the demo runs all windows of its sample, any other deployment the newest complete window.
    """
    from signals_pipeline.adapters.stores.migrations import upgrade
    from signals_pipeline.cli import report, runs

    settings = Settings.checked()
    windows = runs.windows_to_run(settings, window)
    upgrade(settings.database_url)
    runs.execute(settings, windows, mode="manual" if window else runs.default_mode(settings))
    report.show(settings, windows)


@click.command()
@click.option("--from", "first", required=True, help="First window's key.")
@click.option("--to", "last", required=True, help="Last window's key, included.")
@click.option("--force", is_flag=True, help="Also run windows that have their digest already.")
@click.option("--parallel", default=0, help="Launch so many runs at a time through a Dagster webserver.")
@click.option("--at", "url", default="http://127.0.0.1:3000", show_default=True, help="That webserver's address.")
def backfill(first: str, last: str, *, force: bool, parallel: int, url: str) -> None:
    """Run past windows that are not done yet; nothing is mailed.

    Without --parallel the windows run in this process. With it a long history goes as several runs through Dagster's
    queue, and its limits hold.
    """
    from signals_pipeline.adapters.stores.migrations import upgrade
    from signals_pipeline.cli import backfill, report, runs

    settings = Settings.checked()
    windows = runs.windows_in_range(settings, first, last)
    upgrade(settings.database_url)
    ranges = backfill.parts(windows, () if force else runs.windows_told(settings, windows), count=max(parallel, 1))
    backfill.show_left(windows, ranges)
    if parallel:
        backfill.Launcher(url.rstrip("/"), click.echo).run(ranges, parallel=parallel)
    else:
        for part in ranges:
            runs.execute(settings, part, mode="backfill")
    report.show(settings, windows)


@click.command()
@click.option("--window", "windows", multiple=True, required=True, help="A window's key; may be given several times.")
def audit(windows: tuple[str, ...]) -> None:
    """Make windows again from inputs cut, and from inputs poisoned, after their end: nothing known later may count.

    Ends with exit code 1 where anything differs.
    """
    from signals_pipeline.cli.audit import findings, line

    differs = False
    for window, found in findings(Settings.checked(), windows):
        click.echo(f"{window.key}  compared with the inputs cut at {window.as_of:%Y-%m-%d %H:%M} UTC:")
        for each in found:
            click.echo(line(each))
            differs |= each.difference is not None
    sys.exit(1 if differs else 0)


@click.command()
@click.argument("window")
@click.option("--to", "folder", type=click.Path(path_type=Path), help="Folder to write to; default: the digests' own.")
def preview(window: str, folder: Path | None) -> None:
    """Write the digest of WINDOW as HTML, text, JSON and as the mail (.eml), and say where; nothing is sent."""
    from signals_pipeline.cli import mail, report

    settings = Settings.checked()
    folder = folder or settings.digests_dir
    for path in (*report.write_preview(settings, window, folder), mail.write_mail(settings, window, folder)):
        click.echo(path)


COMMANDS: tuple[click.Command, ...] = (run, backfill, audit, preview)
