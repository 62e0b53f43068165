"""`signals prune`: what is old and can be made again goes; without --yes it only says what would go."""

from datetime import UTC, datetime, timedelta

import click
from upath import UPath

from signals_pipeline.adapters.stores.engine import engine_for
from signals_pipeline.adapters.stores.retention import old_files, old_scores, remove_scores
from signals_pipeline.cli.instances import local_instance
from signals_pipeline.defs.retention import old_runs, remove_runs
from signals_pipeline.settings import Settings


def prune(settings: Settings, *, now: datetime, frames_days: int, scores_days: int, runs_days: int, act: bool) -> None:
    """Say what is older than its days and, where `act`, remove it.

    Signals, digests, deliveries, outcomes, archived headlines and bars are never touched: they can't be made again.
    """
    frames_before, scores_before = now - timedelta(days=frames_days), now - timedelta(days=scores_days)
    frames = old_files(UPath(settings.frames_url), frames_before)
    pages = old_files(UPath(settings.digests_dir), frames_before)
    engine = engine_for(settings.database_url)
    scores = old_scores(engine, scores_before)
    with local_instance(settings) as instance:
        runs = old_runs(instance, now - timedelta(days=runs_days))
        click.echo(f"frames          {len(frames.paths):>8} files, {_mib(frames.size)}, older than {frames_days} days")
        click.echo(f"digest files    {len(pages.paths):>8} files, {_mib(pages.size)}, older than {frames_days} days")
        click.echo(f"cached scores   {scores:>8} rows, older than {scores_days} days")
        click.echo(f"Dagster runs    {len(runs):>8} with their events, older than {runs_days} days")
        if act:
            frames.remove()
            pages.remove()
            remove_scores(engine, scores_before)
            remove_runs(instance, runs)
    engine.dispose()
    click.echo("removed" if act else "nothing was removed: add --yes to remove it")


def today() -> datetime:
    """The instant that ages are counted from."""
    return datetime.now(UTC)


def _mib(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"
