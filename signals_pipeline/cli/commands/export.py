"""`signals export`: the signal history as a table."""

import click

from signals_pipeline.settings import Settings


@click.command()
@click.argument("file", metavar="FILE|-")
@click.option(
    "--format",
    "table_format",
    type=click.Choice(["csv", "parquet", "jsonl"]),
    help="Format of the table; without it the ending of FILE decides, and - is CSV.",
)
@click.option("--from", "first_day", metavar="DAY", help="Decided on this day or later, New York time: 2015-02-02.")
@click.option("--to", "last_day", metavar="DAY", help="Decided on this day or earlier.")
@click.option("--symbol", "symbols", multiple=True, help="Only of this company; may be repeated.")
@click.option("--signal-type", "signal_types", multiple=True, help="Only BUY, or only SELL.")
@click.option("--lifecycle", "lifecycles", multiple=True, help="Only new, stronger or flipped; may be repeated.")
@click.option("--mode", "modes", multiple=True, help="Only live, catch_up, backfill or manual; may be repeated.")
@click.option("--event", "events", multiple=True, help="Only of this event type, such as results; may be repeated.")
def export(
    *,
    file: str,
    table_format: str | None,
    first_day: str | None,
    last_day: str | None,
    symbols: tuple[str, ...],
    signal_types: tuple[str, ...],
    lifecycles: tuple[str, ...],
    modes: tuple[str, ...],
    events: tuple[str, ...],
) -> None:
    """Write signals and their outcomes to FILE as one table.

    `-` writes to standard output. The columns are described in docs/export.md.
    """
    from signals_pipeline.cli.export import write_history
    from signals_pipeline.web.signal_queries import signal_conditions

    asked = {
        "from": first_day,
        "to": last_day,
        "symbol": list(symbols),
        "signal_type": list(signal_types),
        "lifecycle": list(lifecycles),
        "mode": list(modes),
        "event": list(events),
    }
    write_history(Settings.checked(), file, table_format, signal_conditions(asked).wanted)
