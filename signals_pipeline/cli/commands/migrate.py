"""`signals migrate`: upgrade the database."""

import click

from signals_pipeline.settings import Settings


@click.command()
@click.option("--check", is_flag=True, help="Only check, on a temporary database, that migrations and tables agree.")
def migrate(*, check: bool) -> None:
    """Upgrade the pipeline's own database to the newest revision."""
    from signals_pipeline.adapters.stores import migrations

    if check:
        migrations.check_tables_match()
        click.echo(f"migrations and tables agree at revision {migrations.head()}")
        return
    settings = Settings.checked()
    migrations.upgrade(settings.database_url)
    click.echo(f"database at revision {migrations.head()}")
