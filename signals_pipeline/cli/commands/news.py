"""`signals news`: check a file of recorded headlines before it is used."""

from pathlib import Path

import click

from signals_pipeline import sample
from signals_pipeline.adapters.clock import utc_now
from signals_pipeline.cli.news import check_file
from signals_pipeline.settings import Settings


@click.group()
def news() -> None:
    """Check a file of recorded headlines."""


@news.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--timezone", help="IANA zone of times without a UTC offset, instead of NEWS_TIMEZONE.")
@click.pass_context
def check(context: click.Context, file: Path | None, timezone: str | None) -> None:
    """Tell what would be read of FILE and what would be dropped; without FILE, of SIGNALS_NEWS_PATH or the sample.

    The exit code is 1 if something would be dropped, and 2 if the file can't be used.
    """
    settings = Settings.checked(news_timezone=timezone) if timezone else Settings.checked()
    result = check_file(settings, file or settings.signals_news_path or sample.HEADLINES, utc_now())
    for line in result.lines:
        click.echo(line)
    context.exit(1 if result.is_lossy else 0)
