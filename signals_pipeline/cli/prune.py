"""`signals prune`: delete old data that can be recomputed.

Signals, digests, deliveries, outcomes, archived headlines and bars are never deleted: they can't be recomputed.
"""

from datetime import datetime, timedelta

import click
from upath import UPath

from signals_pipeline.adapters.stores.retention import old_files, old_scores, remove_scores
from signals_pipeline.cli.database import database_engine
from signals_pipeline.cli.instances import local_instance
from signals_pipeline.defs.retention import old_runs, remove_runs
from signals_pipeline.settings import Settings


def prune(settings: Settings, *, now: datetime, frames_days: int, scores_days: int, runs_days: int, act: bool) -> None:
    """Print what is old, and delete it if asked to.

    Args:
        settings: The deployment.
        now: The time from which ages are counted.
        frames_days: Minimum age in days of frames and rendered digests.
        scores_days: Minimum age in days of cached scores.
        runs_days: Minimum age in days of Dagster runs.
        act: Delete; otherwise only print.
    """
    frames_before = now - timedelta(days=frames_days)
    scores_before = now - timedelta(days=scores_days)
    runs_before = now - timedelta(days=runs_days)
    frames = old_files(UPath(settings.frames_url), frames_before)
    digests = old_files(UPath(settings.digests_dir), frames_before)
    with database_engine(settings) as engine, local_instance(settings) as instance:
        scores = old_scores(engine, scores_before)
        runs = old_runs(instance, runs_before)

        click.echo(f"frames          {len(frames.paths):>8} files, {_mib(frames.size)}, older than {frames_days} days")
        click.echo(
            f"digest files    {len(digests.paths):>8} files, {_mib(digests.size)}, older than {frames_days} days"
        )
        click.echo(f"cached scores   {scores:>8} rows, older than {scores_days} days")
        click.echo(f"Dagster runs    {len(runs):>8} with their events, older than {runs_days} days")

        if act:
            frames.remove()
            digests.remove()
            remove_scores(engine, scores_before)
            remove_runs(instance, runs)
    click.echo("deleted" if act else "nothing was deleted: add --yes to delete it")


def _mib(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"
