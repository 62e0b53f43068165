"""`signals backfill`: run past windows, in this process or as several runs through a Dagster webserver."""

import click

from signals_pipeline.settings import Settings


@click.command()
@click.option("--from", "first", required=True, help="Key of the first window.")
@click.option("--to", "last", required=True, help="Key of the last window, inclusive.")
@click.option("--force", is_flag=True, help="Also run windows that already have a digest.")
@click.option("--parallel", default=0, help="Launch up to this many concurrent runs through a Dagster webserver.")
@click.option("--at", "url", default="http://127.0.0.1:3000", show_default=True, help="URL of the Dagster webserver.")
def backfill(first: str, last: str, *, force: bool, parallel: int, url: str) -> None:
    """Run past windows that have no digest yet; nothing is mailed.

    Without --parallel, the windows run in this process. With it, they are split into several runs that go through
    Dagster's queue and respect its limits.
    """
    from signals_pipeline.adapters.stores.migrations import upgrade
    from signals_pipeline.cli import report, runs
    from signals_pipeline.cli.backfill import Launcher, parts, show_left

    settings = Settings.checked()
    windows = runs.windows_in_range(settings, first, last)
    upgrade(settings.database_url)
    done = () if force else runs.windows_with_digest(settings, windows)
    # In this process the ranges only bound the memory of a run; in parallel they also share the work evenly.
    ranges = parts(windows, done, count=max(parallel, 1))
    show_left(windows, ranges)
    if parallel:
        Launcher(url.rstrip("/"), click.echo).run(ranges, parallel=parallel)
    else:
        for part in ranges:
            runs.execute(settings, part, mode="backfill")
    report.show(settings, windows)
