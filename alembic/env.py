"""Alembic's entry point: the pipeline's tables only, SQLite and PostgreSQL alike.

The URL comes from `alembic -x url=...`, from `signals_pipeline.adapters.stores.migrations`, or from the settings.
"""

from alembic import context

from signals_pipeline.adapters.stores.engine import engine_for, migration_transaction
from signals_pipeline.adapters.stores.migrations import prepare, record_compatibility
from signals_pipeline.adapters.stores.schema_version import VERSION_TABLE
from signals_pipeline.adapters.stores.tables import metadata
from signals_pipeline.settings import Settings


def database_url() -> str:
    from_command_line = context.get_x_argument(as_dictionary=True).get("url")
    from_migrations = context.config.attributes.get("url")
    return str(from_command_line or from_migrations or Settings.checked().database_url)


def print_sql() -> None:
    context.configure(url=database_url(), target_metadata=metadata, literal_binds=True, version_table=VERSION_TABLE)
    with context.begin_transaction():
        context.run_migrations()


def migrate() -> None:
    engine = engine_for(database_url())
    try:
        with migration_transaction(engine) as connection:
            if not prepare(connection):
                return
            context.configure(
                connection=connection,
                target_metadata=metadata,
                version_table=VERSION_TABLE,
                # Another installation may have one in a schema further down PostgreSQL's search path.
                version_table_schema=engine.dialect.default_schema_name,
                # SQLite can't alter most of a table: batch mode writes revisions that copy it.
                render_as_batch=engine.dialect.name == "sqlite",
            )
            context.run_migrations()
            record_compatibility(connection)
    finally:
        engine.dispose()


if context.is_offline_mode():
    print_sql()
else:
    migrate()
