"""`signals readers`: who gets which digests and who gets no mail, for requests that come by hand."""

import click

from signals_pipeline.settings import Settings


@click.group()
def readers() -> None:
    """List and invite readers, check their file, unsubscribe one."""


@readers.command(name="list")
def list_readers() -> None:
    """List who gets which digests and what of each, and the addresses that get no mail, why, and since when."""
    from signals_pipeline.cli.readers import show_readers

    show_readers(Settings.checked())


@readers.command()
def check() -> None:
    """Check the file of SIGNALS_READERS: one line per mistake, with its line number."""
    from signals_pipeline.cli.readers import check_readers

    click.echo(check_readers(Settings.checked()))


@readers.command()
@click.argument("address")
def invite(address: str) -> None:
    """Mail ADDRESS a link by which its reader subscribes; nothing else is sent to it before the link is used."""
    from signals_pipeline.cli.readers import invite_reader

    click.echo(invite_reader(Settings.checked(), address))


@readers.command()
@click.argument("reader")
def feed(reader: str) -> None:
    """Print the signed address of an Atom feed of what READER gets: an address, or a channel such as slack:desk."""
    from signals_pipeline.cli.readers import feed_address

    click.echo(feed_address(Settings.checked(), reader))


@readers.command()
@click.argument("address")
def unsubscribe(address: str) -> None:
    """Send ADDRESS no more mail, as its own link would."""
    from signals_pipeline.cli.readers import unsubscribe_reader

    click.echo(unsubscribe_reader(Settings.checked(), address))


@readers.command()
@click.argument("address")
def resubscribe(address: str) -> None:
    """Send ADDRESS mail again, if DIGEST_RECIPIENTS or the readers file names it, or its reader subscribed."""
    from signals_pipeline.cli.readers import resubscribe_reader

    click.echo(resubscribe_reader(Settings.checked(), address))
