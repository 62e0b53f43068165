"""`signals feedback`: what readers think of signals."""

import click

from signals_pipeline.settings import Settings


@click.command()
def feedback() -> None:
    """Show how readers rated signals, by source and symbol."""
    from signals_pipeline.cli.feedback import show_feedback

    show_feedback(Settings.checked())
