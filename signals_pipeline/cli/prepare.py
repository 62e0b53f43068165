"""`signals prepare`: upgrade the pipeline's tables and Dagster's own, and grant the roles their rights on both.

A release runs it as a task before the switch, as the owner of the database.
"""

import click
import dagster as dg
import sqlalchemy as sa

from signals_pipeline.adapters.stores.engine import write_transaction
from signals_pipeline.adapters.stores.migrations import upgrade
from signals_pipeline.adapters.stores.roles import DAGSTER_SCHEMA, Role, grant_roles, pipeline_roles
from signals_pipeline.cli.database import database_engine
from signals_pipeline.cli.instances import local_instance
from signals_pipeline.definitions import ASSETS
from signals_pipeline.defs.clock_steps import discard_future_ticks
from signals_pipeline.defs.leases import reclaim
from signals_pipeline.settings import Settings


def prepare(settings: Settings) -> None:
    """Bring the pipeline's tables and the Dagster instance's to what this code needs; it is idempotent.

    Where SIGNALS_DATABASE_ROLES is set, the roles that run the pipeline and serve its pages are made, too.

    Raises:
        DatabaseError: the database can't be upgraded, or its roles can't be made.
    """
    roles = _roles(settings)
    click.echo(f"database at revision {upgrade(settings.database_url)}")
    with database_engine(settings) as engine:
        # deploy/dagster.yaml keeps Dagster's tables in a schema of their own.
        if engine.dialect.name == "postgresql":
            with write_transaction(engine, alone=True) as connection:
                connection.execute(sa.text(f"CREATE SCHEMA IF NOT EXISTS {DAGSTER_SCHEMA}"))
    with local_instance(settings) as instance:
        instance.upgrade()
        _create_pools(instance)
        for line in (*reclaim(instance), *discard_future_ticks(instance)):
            click.echo(line)
    click.echo("Dagster's tables are up to date")
    if roles:
        # Last, when every table is there.
        with database_engine(settings) as engine:
            grant_roles(engine, roles)
        names = " and ".join(role.name for role in roles)
        click.echo(f"{names} have their rights")


def _roles(settings: Settings) -> tuple[Role, ...]:
    """The roles that are asked for; none unless SIGNALS_DATABASE_ROLES names them.

    Raises:
        DatabaseError: a password is missing.
    """
    if not settings.signals_database_roles:
        return ()
    passwords = (settings.signals_writer_password, settings.signals_reader_password)
    writer, reader = ("" if password is None else password.get_secret_value() for password in passwords)
    return pipeline_roles(settings.signals_database_roles, writer_password=writer, reader_password=reader)


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
