"""`signals deliveries`: unsent mails, and what the operator decides about them."""

import click
from rich.table import Table

from signals_pipeline.adapters.clock import utc_now
from signals_pipeline.cli.console import console
from signals_pipeline.cli.console import table as empty_table
from signals_pipeline.cli.mail import request_lines, summary_lines
from signals_pipeline.core.digest.delivery import Mail
from signals_pipeline.defs.dispatch import mailing_of, send_due
from signals_pipeline.defs.reader_requests import apply_requests, link_key_of, reader_queue_of
from signals_pipeline.defs.resources import open_store
from signals_pipeline.settings import Settings

WIDTH = 160  # the last column quotes what a mail server said


@click.group(invoke_without_command=True)
@click.pass_context
def deliveries(context: click.Context) -> None:
    """List unsent mails; release, abandon or send them.

    A mail that is `unknown` may or may not have arrived: ask the recipient, or look at the mail server, before you
    release it, because a released mail is sent. Readers' requests that wait in SIGNALS_READER_QUEUE are applied first.
    """
    if context.invoked_subcommand is None:
        settings = Settings.checked()
        store = open_store(settings.database_url)
        for line in request_lines(apply_requests(store, reader_queue_of(settings), link_key_of(settings))):
            click.echo(line)
        mails = store.outbox.open()
        if mails:
            console(WIDTH).print(table(mails))
        else:
            click.echo("no mail was ever promised" if store.outbox.is_empty() else "all mails were sent")


@deliveries.command()
@click.argument("numbers", nargs=-1, required=True, type=int)
def release(numbers: tuple[int, ...]) -> None:
    """Allow these mails to be sent, whatever their age and state: by `signals deliveries send` or the next run."""
    store = open_store(Settings.checked().database_url)
    store.outbox.release(numbers, utc_now())
    click.echo(f"released: {_listed(numbers)}; next: signals deliveries send")


@deliveries.command()
@click.argument("numbers", nargs=-1, required=True, type=int)
def abandon(numbers: tuple[int, ...]) -> None:
    """Never send these mails."""
    store = open_store(Settings.checked().database_url)
    store.outbox.abandon(numbers, utc_now())
    click.echo(f"abandoned: {_listed(numbers)}")


@deliveries.command()
def send() -> None:
    """Send every mail that is due or released, now."""
    settings = Settings.checked()
    posted = send_due(open_store(settings.database_url), mailing_of(settings))
    for line in summary_lines(posted):
        click.echo(line)


def table(mails: list[Mail]) -> Table:
    """The mails, oldest first, and why each was not sent."""
    now = utc_now()
    rows = empty_table("Unsent mails", expand=True)
    for name in ("mail", "window", "kind", "recipient", "state", "tries"):
        rows.add_column(name, no_wrap=name != "recipient")
    rows.add_column("why", ratio=1)
    for mail in mails:
        rows.add_row(
            str(mail.id),
            mail.window_key,
            mail.kind,
            mail.recipient,
            mail.state,
            str(mail.attempts),
            mail.explanation(now),
        )
    return rows


def _listed(numbers: tuple[int, ...]) -> str:
    return ", ".join(str(number) for number in numbers)
