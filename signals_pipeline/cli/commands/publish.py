"""`signals publish`: pages, API and feed as static files."""

import click

from signals_pipeline.settings import Settings


@click.command()
@click.option("--all", "everything", is_flag=True, help="Render and write every page, not only those that changed.")
def publish(*, everything: bool) -> None:
    """Publish pages, API and feed to SIGNALS_PUBLISH_URL.

    Each live run does the same at its end.
    """
    from signals_pipeline.cli.publish import publish_site

    for line in publish_site(Settings.checked(), everything=everything):
        click.echo(line)
