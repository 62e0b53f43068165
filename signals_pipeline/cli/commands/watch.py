"""`signals watch`: check that the digest that is due exists."""

import click

from signals_pipeline.settings import Settings


@click.command()
def watch() -> None:
    """Report a heartbeat if the digest that is due exists.

    Without that digest it fails, and no heartbeat is reported.
    """
    from signals_pipeline.cli.watch import watch as check_digest

    check_digest(Settings.checked())
