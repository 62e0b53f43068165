"""`signals readers`: who gets no mail, for requests that come by hand."""

import click

from signals_pipeline.settings import Settings


@click.group()
def readers() -> None:
    """List readers who get no mail; unsubscribe or resubscribe one."""


@readers.command(name="list")
def list_readers() -> None:
    """List the addresses that get no mail, why, and since when."""
    from signals_pipeline.cli.readers import show_suppressed

    show_suppressed(Settings.checked())


@readers.command()
@click.argument("address")
def unsubscribe(address: str) -> None:
    """Send ADDRESS no more mail, as its own link would."""
    from signals_pipeline.cli.readers import unsubscribe_reader

    click.echo(unsubscribe_reader(Settings.checked(), address))


@readers.command()
@click.argument("address")
def resubscribe(address: str) -> None:
    """Send ADDRESS mail again, if DIGEST_RECIPIENTS names it."""
    from signals_pipeline.cli.readers import resubscribe_reader

    click.echo(resubscribe_reader(Settings.checked(), address))
