"""`signals preview`: write a stored digest as files."""

from pathlib import Path

import click

from signals_pipeline.settings import Settings


@click.command()
@click.argument("window")
@click.option("--to", "folder", type=click.Path(path_type=Path), help="Target folder; default: the digests' folder.")
def preview(window: str, folder: Path | None) -> None:
    """Write the digest of WINDOW as HTML, text, JSON and mail.

    The paths are printed; nothing is sent.
    """
    from signals_pipeline.cli.mail import write_mail
    from signals_pipeline.cli.report import write_preview

    settings = Settings.checked()
    folder = folder or settings.digests_dir
    for path in write_preview(settings, window, folder):
        click.echo(path)
    click.echo(write_mail(settings, window, folder))
