"""`signals prune`: delete old data that can be recomputed."""

import click

from signals_pipeline.settings import Settings

# 400: over a year, so that a window can be compared with the same week of the year before. 60: in the Dagster UI people
# look at recent runs.
FRAMES_DAYS = SCORES_DAYS = 400
RUNS_DAYS = 60


@click.command()
@click.option("--frames-days", default=FRAMES_DAYS, show_default=True, help="Days to keep frames and rendered digests.")
@click.option("--scores-days", default=SCORES_DAYS, show_default=True, help="Days to keep cached sentiment scores.")
@click.option("--runs-days", default=RUNS_DAYS, show_default=True, help="Days to keep Dagster runs and their events.")
@click.option("--yes", "act", is_flag=True, help="Delete; without it only the counts are shown.")
def prune(*, frames_days: int, scores_days: int, runs_days: int, act: bool) -> None:
    """Delete old data that can be recomputed.

    Signals, digests and mails are kept.
    """
    from signals_pipeline.adapters.clock import utc_now
    from signals_pipeline.cli.prune import prune as delete_old

    delete_old(
        Settings.checked(),
        now=utc_now(),
        frames_days=frames_days,
        scores_days=scores_days,
        runs_days=runs_days,
        act=act,
    )
