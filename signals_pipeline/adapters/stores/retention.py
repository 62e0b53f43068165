"""What may be deleted with age, because it can be made again: frames, rendered digests and cached scores.

`signals prune` calls it; the database's own history is never deleted.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from upath import UPath

from signals_pipeline.adapters.stores.engine import read_transaction, write_transaction
from signals_pipeline.adapters.stores.tables import headline_score
from signals_pipeline.core.windows import KEY_FORMAT, NEW_YORK


@dataclass(frozen=True, slots=True)
class OldFiles:
    """Files of windows that started before an instant.

    Attributes:
        paths: Sorted.
        size: Bytes of all of them.
    """

    paths: tuple[UPath, ...]
    size: int

    def remove(self) -> None:
        """Delete them; a file that is gone already is no error."""
        for path in self.paths:
            path.unlink(missing_ok=True)


def old_files(folder: UPath, before: datetime) -> OldFiles:
    """Files at any depth below a folder that are named by a window which started before the instant.

    A file with another kind of name is left alone.
    """
    if not folder.exists():
        return OldFiles((), 0)
    old_paths: list[UPath] = []
    for path in folder.rglob("*"):
        start = _window_start(path) if path.is_file() else None
        if start is not None and start < before:
            old_paths.append(path)
    size = sum(path.stat().st_size for path in old_paths)
    return OldFiles(tuple(sorted(old_paths, key=str)), size)


def _window_start(path: UPath) -> datetime | None:
    """The window's start by the file's name, such as `2015-02-02-1730.parquet`; None for another kind of name."""
    # Files are named by the window's key, without the colon that not every file system allows.
    file_format = KEY_FORMAT.replace(":", "")
    try:
        return datetime.strptime(Path(path.name).stem, file_format).replace(tzinfo=NEW_YORK)
    except ValueError:
        return None


def old_scores(engine: Engine, before: datetime) -> int:
    """Number of cached scores that were made before the instant."""
    with read_transaction(engine) as connection:
        query = sa.select(sa.func.count()).select_from(headline_score).where(headline_score.c.scored_at < before)
        return connection.execute(query).scalar_one()


def remove_scores(engine: Engine, before: datetime) -> None:
    """Delete the scores that were made before the instant; a headline that comes again gets the same score again."""
    with write_transaction(engine) as connection:
        connection.execute(sa.delete(headline_score).where(headline_score.c.scored_at < before))
