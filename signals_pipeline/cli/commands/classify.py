"""`signals classify`: what the pipeline makes of headlines, one by one."""

from pathlib import Path

import click

from signals_pipeline.settings import Settings


@click.command()
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--json", "as_json", is_flag=True, help="One JSON object per headline.")
@click.option(
    "--watchlist", type=click.Path(path_type=Path), help="Watchlist file or preset instead of SIGNALS_WATCHLIST."
)
@click.option("--model", help="Sentiment model instead of SENTIMENT_MODEL.")
def classify(file: Path, *, as_json: bool, watchlist: Path | None, model: str | None) -> None:
    """Show companies, roles, events and tone of the headlines in FILE.

    FILE is a CSV file with a column `title` and optionally `symbol`, `url`, `source`, `summary` and `published_at`, or
    a text with one title per line; `-` reads from standard input. Nothing is stored, and no database is needed.
    """
    from signals_pipeline.cli.classify import print_classified, read_titles

    print_classified(Settings.checked(), read_titles(file), watchlist=watchlist, model=model, as_json=as_json)
