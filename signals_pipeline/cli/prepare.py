"""`signals prepare`: upgrade the pipeline's tables and Dagster's own. A release runs it as a task before the switch."""

import click
import dagster as dg
import sqlalchemy as sa

from signals_pipeline.adapters.stores.engine import write_transaction
from signals_pipeline.adapters.stores.migrations import upgrade
from signals_pipeline.cli.database import database_engine
from signals_pipeline.cli.instances import local_instance
from signals_pipeline.definitions import ASSETS
from signals_pipeline.defs.clock_steps import discard_future_ticks
from signals_pipeline.defs.leases import reclaim
from signals_pipeline.settings import Settings


def prepare(settings: Settings) -> None:
    """Bring the pipeline's tables and the Dagster instance's to what this code needs; it is idempotent.

    Raises:
        DatabaseError: the database can't be upgraded.
    """
    click.echo(f"database at revision {upgrade(settings.database_url)}")
    with database_engine(settings) as engine:
        # deploy/dagster.yaml keeps Dagster's tables in a schema of their own.
        if engine.dialect.name == "postgresql":
            with write_transaction(engine, alone=True) as connection:
                connection.execute(sa.text("CREATE SCHEMA IF NOT EXISTS dagster"))
    with local_instance(settings) as instance:
        instance.upgrade()
        _create_pools(instance)
        for line in (*reclaim(instance), *discard_future_ticks(instance)):
            click.echo(line)
    click.echo("Dagster's tables are up to date")


def _create_pools(instance: dg.DagsterInstance) -> None:
    """Create the concurrency pools of the assets, each with the instance's default limit.

    Dagster creates a pool when a step first needs it. If two runs do so at the same time on PostgreSQL, one of them
    fails: it goes on in a transaction that its own insert has broken (dagster 1.13.27).
    """
    storage = instance.event_log_storage
    existing = storage.get_concurrency_keys()
    needed = {asset.op.pool for asset in ASSETS if asset.op.pool}
    for pool in sorted(needed - existing):
        storage.initialize_concurrency_limit_to_default(pool)
