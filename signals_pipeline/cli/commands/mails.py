"""Commands that send mails."""

import click

from signals_pipeline.settings import Settings


@click.command()
@click.argument("window")
@click.option("--release", is_flag=True, help="Send it whatever its age, and also where it was backfilled.")
def send(window: str, *, release: bool) -> None:
    """Send the digest of WINDOW to every recipient who has not got it; nobody gets it twice."""
    from signals_pipeline.cli import mail

    for line in mail.send(Settings.checked(), window, release=release):
        click.echo(line)


@click.command("send-test")
@click.argument("address")
def send_test(address: str) -> None:
    """Send a short test mail to ADDRESS by way of MAIL_TRANSPORT."""
    from signals_pipeline.cli import mail

    click.echo(mail.send_test(Settings.checked(), address))


COMMANDS: tuple[click.Command, ...] = (send, send_test)
