"""`signals send`: mail the digest of a window."""

import click

from signals_pipeline.settings import Settings


@click.command()
@click.argument("window")
@click.option("--release", is_flag=True, help="Send it whatever its age, even if it was backfilled.")
def send(window: str, *, release: bool) -> None:
    """Mail the digest of WINDOW to those who have not received it."""
    from signals_pipeline.cli.mail import send_digest

    for line in send_digest(Settings.checked(), window, release=release):
        click.echo(line)
