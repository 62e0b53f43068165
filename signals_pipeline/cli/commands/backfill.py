"""`signals backfill`: run past windows, in this process, as several runs through a Dagster webserver, or on AWS."""

from typing import TYPE_CHECKING

import click

from signals_pipeline.settings import Settings

if TYPE_CHECKING:
    import dagster as dg


@click.command()
@click.option("--from", "first", required=True, help="Key of the first window.")
@click.option("--to", "last", required=True, help="Key of the last window, inclusive.")
@click.option("--force", is_flag=True, help="Also run windows that already have a digest.")
@click.option("--parallel", default=0, help="Launch up to this many concurrent runs through a Dagster webserver.")
@click.option("--at", "url", default="http://127.0.0.1:3000", show_default=True, help="URL of the Dagster webserver.")
@click.option("--stack", help="Run in a task of this stack on AWS, with its data and the release that is in service.")
@click.option(
    "--wait",
    default=6 * 3600.0,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    help="With --stack: seconds until the task is stopped.",
)
def backfill(first: str, last: str, *, force: bool, parallel: int, url: str, stack: str | None, wait: float) -> None:
    """Run past windows that have no digest; nothing is mailed.

    Without --parallel, the windows run in this process. With it, they are split into several runs that go through
    Dagster's queue and respect its limits. With --stack, this command runs in a task on AWS, and its output is shown
    here; the control service may sleep meanwhile.
    """
    if stack is not None:
        if parallel:
            raise click.UsageError("--parallel goes through a webserver of yours: leave it out with --stack")
        from signals_pipeline.cli.remote import backfill_in_stack

        backfill_in_stack(stack, first, last, force=force, seconds=wait)
        return

    from signals_pipeline.cli import report, runs
    from signals_pipeline.cli.backfill import Launcher, parts, show_left
    from signals_pipeline.cli.database import prepare_database

    settings = Settings.checked()
    windows = runs.windows_in_range(settings, first, last)
    prepare_database(settings)
    done = () if force else runs.windows_with_digest(settings, windows)
    # In this process the ranges only bound the memory of a run; in parallel they also share the work evenly.
    ranges = parts(windows, done, count=max(parallel, 1))
    show_left(windows, ranges)
    evaluations: list[dg.AssetCheckEvaluation] = []
    if parallel:
        Launcher(url.rstrip("/"), click.echo).run(ranges, parallel=parallel)
    else:
        for number, part in enumerate(ranges, start=1):
            result = runs.execute(settings, part, mode="backfill")
            evaluations += result.get_asset_check_evaluations()
            if len(ranges) > 1:
                click.echo(f"{number} of {len(ranges)} runs done: windows {part[0].key} to {part[-1].key}")
    report.show(settings, windows, evaluations)
