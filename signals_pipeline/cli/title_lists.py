"""Titles of headlines from files, for `signals classify` and `signals model distil`, and from the database."""

import csv
import io
import sys
from pathlib import Path
from typing import Literal

from signals_pipeline.adapters.stores.headline_archive import HeadlineArchive
from signals_pipeline.cli.database import existing_database
from signals_pipeline.core.errors import SignalsError
from signals_pipeline.settings import Settings

MAX_BYTES = 100_000_000  # about a million headlines

# The columns that are read.
_COLUMNS = ("title", "symbol", "url", "source", "summary", "published_at")


class TitleListError(SignalsError):
    """A file or database has no titles; the message is one line: what is wrong, where, what to do."""


def read_titles(file: Path) -> list[str]:
    """The titles of a file, the oldest first.

    Args:
        file: A CSV whose header has a column `title`, sorted by its column `published_at` where it has one; any other
            file has one title per line.

    Raises:
        TitleListError: the file can't be read, is too large, is no UTF-8 text, has a column twice, or has no titles.
    """
    text = read_text(file)
    rows = titled_rows(file, text)
    if rows is None:
        return text.splitlines()
    # ISO 8601 in one time zone sorts as text.
    rows.sort(key=lambda row: row.get("published_at", ""))
    return [row["title"] for row in rows]


def read_text(file: Path, *, errors: Literal["strict", "replace"] = "strict") -> str:
    """The text of a file, at most MAX_BYTES of it; `-` is standard input.

    Args:
        file: The file.
        errors: What to do with bytes that are not UTF-8: refuse the file, or show each as a replacement character.

    Raises:
        TitleListError: the file can't be read, is larger, is no UTF-8 text, or holds nothing but white space.
    """
    try:
        if str(file) == "-":
            content = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with file.open("rb") as stream:
                content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise TitleListError(f"{file}: can't be read ({error.strerror or error}); check the path") from error
    if len(content) > MAX_BYTES:
        raise TitleListError(f"{file}: larger than {MAX_BYTES:,} bytes; split it")
    try:
        text = content.decode("utf-8-sig", errors=errors)
    except UnicodeDecodeError as error:
        raise TitleListError(f"{file}: no UTF-8 text; save it as UTF-8") from error
    if not text or text.isspace():
        raise _no_titles(file)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def titled_rows(file: Path, text: str) -> list[dict[str, str]] | None:
    """The rows of a CSV text whose header names a column `title`, by column in lower case; None for any other text.

    A row has every column, empty where its cell is missing; empty rows are left out.

    Args:
        file: The text's file, for messages.
        text: What `read_text` has read of it.

    Raises:
        TitleListError: A column that is read is there more than once, or there is no row.
    """
    # The limit of the module is the process's; a cell is never longer than its text.
    csv.field_size_limit(MAX_BYTES)
    reader = csv.reader(io.StringIO(text, newline=""))
    columns = [name.strip().casefold() for name in next(reader, [])]
    if "title" not in columns:
        return None
    for column in _COLUMNS:
        if columns.count(column) > 1:
            raise TitleListError(f"{file}: column {column!r} is there more than once; rename or remove all but one")
    empty = dict.fromkeys(columns, "")
    rows = [empty | dict(zip(columns, cells, strict=False)) for cells in reader if any(cells)]
    if not rows:
        raise _no_titles(file)
    return rows


def archived_titles(settings: Settings) -> list[str]:
    """The titles of all live headlines in the database, the oldest first.

    Raises:
        TitleListError: there is no database.
        DatabaseError: it can't be read.
    """
    with existing_database(settings) as engine:
        if engine is None:
            raise TitleListError("there is no database yet; collect live headlines first, or give a file with --titles")
        return HeadlineArchive(engine).titles()


def _no_titles(file: Path) -> TitleListError:
    return TitleListError(f"{file}: no headline in it; give one title per line, or a CSV file with a column 'title'")
