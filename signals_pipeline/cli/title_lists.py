"""Titles of headlines for `signals model distil`: from a file, or from the live headlines in the database."""

import csv
from pathlib import Path

from signals_pipeline.adapters.stores.headline_archive import HeadlineArchive
from signals_pipeline.cli.database import existing_database
from signals_pipeline.core.errors import SignalsError
from signals_pipeline.settings import Settings


class TitleListError(SignalsError):
    """A file or database has no titles; the message is one line: what is wrong, where, what to do."""


def read_titles(file: Path) -> list[str]:
    """The titles of a file, the oldest first.

    Args:
        file: A CSV whose header has a column `title`, sorted by its column `published_at` where it has one; any other
            file has one title per line.

    Raises:
        TitleListError: the file is no UTF-8 text.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise TitleListError(f"{file}: no UTF-8 text; save it as UTF-8") from error
    reader = csv.DictReader(text.splitlines())
    columns = reader.fieldnames or []
    if "title" not in columns:
        return text.splitlines()
    rows = list(reader)
    if "published_at" in columns:
        # ISO 8601 in one time zone sorts as text.
        rows.sort(key=lambda row: row["published_at"] or "")
    return [row["title"] or "" for row in rows]


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
