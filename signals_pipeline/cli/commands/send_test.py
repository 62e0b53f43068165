"""`signals send-test`: check the mail transport, or a channel."""

import click

from signals_pipeline.settings import Settings


@click.command("send-test")
@click.argument("address")
def send_test(address: str) -> None:
    """Send a short test mail to ADDRESS, or to a channel.

    ADDRESS is a mail address, or a channel of the readers file such as slack:desk.
    """
    from signals_pipeline.cli.mail import send_test_mail

    click.echo(send_test_mail(Settings.checked(), address))
