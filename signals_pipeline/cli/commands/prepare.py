"""`signals prepare`: upgrade all tables before a release."""

import click

from signals_pipeline.settings import Settings


@click.command()
def prepare() -> None:
    """Upgrade the pipeline's tables and Dagster's before a release."""
    from signals_pipeline.cli.prepare import prepare as upgrade_tables

    upgrade_tables(Settings.checked())
