"""`signals watch`: check that the digest that is due exists, and report a heartbeat to the operator's monitoring."""

from datetime import datetime, timedelta

import click

from signals_pipeline.adapters.aws.metrics import write
from signals_pipeline.adapters.clock import utc_now
from signals_pipeline.adapters.stores.digests import DigestRepository
from signals_pipeline.adapters.stores.engine import DatabaseError
from signals_pipeline.cli.database import database_engine
from signals_pipeline.core.checks.metrics import heartbeat_metric
from signals_pipeline.core.windows import newest_complete
from signals_pipeline.settings import Settings

# A run takes about five minutes; the digest is missed when it is not there so long after the window's end.
GRACE = timedelta(minutes=20)


def watch(settings: Settings, now: datetime | None = None) -> None:
    """Report a heartbeat of 1 if the digest that is due exists, otherwise of 0.

    Args:
        settings: The deployment.
        now: The current time, aware; None asks the clock.

    Raises:
        DatabaseError: the digest does not exist; the message says what to do.
    """
    now = now or utc_now()
    due = newest_complete(now - GRACE)
    with database_engine(settings) as engine:
        exists = DigestRepository(engine).get(due.start) is not None
    # Also if it is missing: a 0 tells a missing digest from a watch that does not run.
    if settings.reports_metrics:
        write(heartbeat_metric(digest_present=exists), dimensions={"Stack": settings.signals_stack}, at=now)
    if not exists:
        raise DatabaseError(f"the digest of window {due.key} is due but missing: see its run in the UI, or the log")
    click.echo(f"the digest of window {due.key} exists")
