"""`signals deliveries`: the mails that were not sent, and what an operator decides about them."""

import click
from rich.console import Console
from rich.table import Table

from signals_pipeline.adapters.stores.outbox import Mail
from signals_pipeline.cli.mail import told
from signals_pipeline.defs.dispatch import clock, mailing_of, send_due
from signals_pipeline.defs.resources import open_store
from signals_pipeline.settings import Settings

WIDTH = 160  # columns where there is no terminal to ask


@click.group(invoke_without_command=True)
@click.pass_context
def deliveries(context: click.Context) -> None:
    """List the mails that were not sent, and decide about them.

    `unknown` may have arrived or not: ask the recipient or look at the mail server before you release it, because a
    released mail is sent.
    """
    if context.invoked_subcommand is None:
        store = open_store(Settings.checked().database_url)
        mails = store.outbox.open()
        Console(width=None if Console().is_terminal else WIDTH).print(table(mails) if mails else "every mail was sent")


@deliveries.command()
@click.argument("numbers", nargs=-1, required=True, type=int)
def release(numbers: tuple[int, ...]) -> None:
    """Let these mails be sent, whatever their age and state; `signals deliveries send` or the next run sends them."""
    store = open_store(Settings.checked().database_url)
    store.outbox.release(numbers, clock())
    click.echo(f"released: {_listed(numbers)}; next: signals deliveries send")


@deliveries.command()
@click.argument("numbers", nargs=-1, required=True, type=int)
def abandon(numbers: tuple[int, ...]) -> None:
    """Never send these mails."""
    store = open_store(Settings.checked().database_url)
    store.outbox.abandon(numbers, clock())
    click.echo(f"abandoned: {_listed(numbers)}")


@deliveries.command()
def send() -> None:
    """Send every mail that is due or released, now."""
    settings = Settings.checked()
    for line in told(send_due(open_store(settings.database_url), mailing_of(settings))):
        click.echo(line)


def table(mails: list[Mail]) -> Table:
    """The mails, oldest first, each with what it waits for."""
    now = clock()
    shown = Table(title="Mails that were not sent", title_justify="left", expand=True)
    for name in ("mail", "window", "kind", "recipient", "state", "tries"):
        shown.add_column(name, no_wrap=name != "recipient")
    shown.add_column("why", ratio=1)
    for mail in mails:
        why = mail.last_error or (mail.held(now) if mail.state == "pending" else "")
        row = (str(mail.id), mail.window.key, mail.kind, mail.recipient, mail.state, str(mail.attempts))
        shown.add_row(*row, why or "waits for its turn")
    return shown


def _listed(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers))
