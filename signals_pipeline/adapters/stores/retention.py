"""What may be thrown away with age: frames and rendered digests that can be made again, and scores nobody asked for."""

from collections.abc import Iterator
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
    """Files of windows that started before an instant."""

    paths: tuple[UPath, ...]
    size: int

    def remove(self) -> None:
        """Delete them; one that is gone already is no error."""
        for path in self.paths:
            path.unlink(missing_ok=True)


def old_files(folder: UPath, before: datetime) -> OldFiles:
    """Files at any depth below a folder that are named by a window which started before the instant.

    A file with another kind of name is left alone.
    """
    found = [path for path in _below(folder) if (start := _start(path)) is not None and start < before]
    return OldFiles(tuple(sorted(found, key=str)), sum(path.stat().st_size for path in found))


def _below(folder: UPath) -> Iterator[UPath]:
    if folder.exists():
        yield from (path for path in folder.rglob("*") if path.is_file())


def _start(path: UPath) -> datetime | None:
    """The window's start by the file's name, such as `2015-02-02-1730.parquet`."""
    try:
        return datetime.strptime(Path(path.name).stem, KEY_FORMAT.replace(":", "")).replace(tzinfo=NEW_YORK)
    except ValueError:
        return None


def old_scores(engine: Engine, before: datetime) -> int:
    """Number of cached scores that were made before the instant."""
    with read_transaction(engine) as connection:
        count = sa.select(sa.func.count()).select_from(headline_score).where(headline_score.c.scored_at < before)
        return connection.execute(count).scalar_one()


def remove_scores(engine: Engine, before: datetime) -> None:
    """Forget the scores made before the instant; a headline that comes again is scored again, with the same answer."""
    with write_transaction(engine) as connection:
        connection.execute(sa.delete(headline_score).where(headline_score.c.scored_at < before))
