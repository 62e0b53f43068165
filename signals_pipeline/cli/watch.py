"""`signals watch` and `signals prepare`: what a deployment runs in tasks of their own."""

from datetime import UTC, datetime, timedelta

import click
import dagster as dg
import sqlalchemy as sa

from signals_pipeline.adapters.aws.metrics import write
from signals_pipeline.adapters.stores.digests import Digests
from signals_pipeline.adapters.stores.engine import DatabaseError, engine_for, write_transaction
from signals_pipeline.adapters.stores.migrations import upgrade
from signals_pipeline.core.checks.metrics import heartbeat
from signals_pipeline.core.windows import newest_complete
from signals_pipeline.settings import Settings

GRACE = timedelta(minutes=20)  # after a window's end, until its digest is missed


def watch(settings: Settings, now: datetime | None = None) -> None:
    """Beat if the digest that is due is there.

    Args:
        settings: Where the database is, and whether metrics are told.
        now: Aware instant; None asks the clock.

    Raises:
        DatabaseError: the digest is not there; the message says what to do.
    """
    at = now or datetime.now(UTC)
    due = newest_complete(at - GRACE)
    told = Digests(engine_for(settings.database_url)).get(due.start) is not None
    if settings.tells_metrics:
        write(heartbeat(digest_present=told), dimensions={"Stack": settings.signals_stack}, at=at)
    if not told:
        raise DatabaseError(f"the digest of window {due.key} is due and not there: see its run in the UI, or the log")
    click.echo(f"the digest of window {due.key} is there")


def prepare(settings: Settings) -> None:
    """Bring the pipeline's tables and the Dagster instance's own to what this code needs; safe to repeat.

    Raises:
        DatabaseError: the database refuses.
    """
    click.echo(f"database at revision {upgrade(settings.database_url)}")
    engine = engine_for(settings.database_url)
    if engine.dialect.name == "postgresql":
        with write_transaction(engine, alone=True) as connection:
            connection.execute(sa.text("CREATE SCHEMA IF NOT EXISTS dagster"))
    engine.dispose()
    with dg.DagsterInstance.get() as instance:
        instance.upgrade()
        _make_pools(instance)
    click.echo("Dagster's own tables are up to date")


def _make_pools(instance: dg.DagsterInstance) -> None:
    """Make the pools of the assets, each with the instance's limit.

    Dagster makes a pool when a step first asks for it. Of two runs that do so at once on PostgreSQL, one would fail: it
    goes on in a transaction that its insert has broken (dagster 1.13.27).
    """
    from signals_pipeline.definitions import ASSETS  # noqa: PLC0415 - the hourly `signals watch` does without

    storage = instance.event_log_storage
    there = storage.get_concurrency_keys()
    for pool in sorted({asset.op.pool for asset in ASSETS if asset.op.pool} - there):
        storage.initialize_concurrency_limit_to_default(pool)
