"""`signals export`: write the signal history as one table, to a file that appears whole or to standard output."""

import sys
from pathlib import Path
from typing import cast, get_args

import click

from signals_pipeline.adapters.atomic_write import write_bytes
from signals_pipeline.adapters.signal_table import TableFormat, table_bytes
from signals_pipeline.adapters.stores.read_only import read_only_engine
from signals_pipeline.adapters.stores.signals import SignalEntry, SignalFilter, SignalReader
from signals_pipeline.core.errors import SignalsError
from signals_pipeline.settings import Settings

STANDARD_OUTPUT = "-"
_FORMATS: tuple[str, ...] = get_args(TableFormat)


class ExportError(SignalsError):
    """The table can't be written there, or in that format; the message says what to do."""


def write_history(settings: Settings, file: str, table_format: str | None, wanted: SignalFilter) -> None:
    """Write the signals that are wanted, newest first.

    Args:
        settings: The deployment.
        file: Path of the file, which is replaced where it exists, or `-`.
        table_format: One of `TableFormat`; None: by the file's ending.
        wanted: Only these signals.

    Raises:
        ExportError: The format is unknown, the folder does not exist, or a terminal would get Parquet.
        DatabaseError: The database is missing or does not respond.
        OSError: The file can't be written; a former one is still there.
    """
    chosen = _format_of(file, table_format)
    path = Path(file)
    # Before the history is read, which may take a while.
    if file != STANDARD_OUTPUT and not path.parent.is_dir():
        raise ExportError(f"{path.parent}: this folder does not exist; create it, or choose another for {path.name}")

    engine = read_only_engine(settings.web_database_url)
    pages: list[list[SignalEntry]] = []
    try:
        pages.extend(SignalReader(engine).pages(wanted))
    finally:
        engine.dispose()
    content = table_bytes(pages, chosen)

    if file == STANDARD_OUTPUT:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    else:
        write_bytes(path, content)
    # On standard error, so that it is never part of the table.
    click.echo(f"{sum(map(len, pages))} signals as {chosen}: {file}", err=True)


def _format_of(file: str, table_format: str | None) -> TableFormat:
    """The format that was named or follows from the file's ending."""
    if table_format is None:
        table_format = "csv" if file == STANDARD_OUTPUT else Path(file).suffix.removeprefix(".").lower()
    if table_format not in _FORMATS:
        raise ExportError(f"{file}: its ending names no format; add --format {', '.join(_FORMATS)}")
    if table_format == "parquet" and file == STANDARD_OUTPUT and sys.stdout.isatty():
        raise ExportError("Parquet is not for a terminal; give a file, or pipe the output")
    return cast("TableFormat", table_format)
