"""`signals migrate`: upgrade the database."""

import click

from signals_pipeline.settings import Settings


@click.command()
@click.option(
    "--check", is_flag=True, help="Change nothing: check migrations against tables, and the database, if any."
)
def migrate(*, check: bool) -> None:
    """Upgrade the pipeline's own database to the newest revision."""
    from signals_pipeline.adapters.stores import migrations
    from signals_pipeline.cli.database import database_engine, existing_database

    settings = Settings.checked()
    if check:
        # The configured database is only read, and not created where it is missing.
        with existing_database(settings) as engine:
            version = migrations.schema_version(engine) if engine else None
        migrations.check_tables_match()
        click.echo(f"migrations and tables agree at revision {migrations.head()}")
        if version:
            state = f"is at revision {version.revision}" if version.revision else "has no tables yet"
            is_pending = version.revision != migrations.head() and version.newer_than is None
            pending = ", `signals migrate` upgrades it" if is_pending else ""
            click.echo(f"database {state}{pending}")
            if version.notice:
                click.echo(version.notice)
        return

    migrations.upgrade(settings.database_url)
    with database_engine(settings) as engine:
        version = migrations.require_head(engine)
    click.echo(f"database at revision {version.revision}")
    for line in (version.notice, version.remark):
        if line:
            click.echo(line)
