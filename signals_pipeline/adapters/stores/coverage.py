"""The coverage ledger: what each window's sources delivered.

An entry is stored as soon as the window's headlines are there, so that it stands also where a later stage fails. Its
content is computed in `core.news.coverage`.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.stores.engine import read_transaction, write_transaction
from signals_pipeline.adapters.stores.tables import coverage
from signals_pipeline.core.news.coverage import Coverage
from signals_pipeline.core.windows import Window, window_for_key


class CoverageRepository:
    """Coverage by window. Methods raise `DatabaseError` where the database refuses."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, entries: Iterable[Coverage]) -> None:
        """Store entries in place of earlier ones of the same windows, all or none."""
        rows = [_to_row(entry) for entry in entries]
        if not rows:
            return
        # Deleted and inserted rather than upserted: one transaction replaces the entries of all windows at once.
        starts = [row["window_start"] for row in rows]
        with write_transaction(self._engine, alone=True) as connection:
            connection.execute(sa.delete(coverage).where(coverage.c.window_start.in_(starts)))
            connection.execute(sa.insert(coverage), rows)

    def get(self, window: Window) -> Coverage | None:
        """The window's entry; None where it has none."""
        query = sa.select(coverage.c.content).where(coverage.c.window_start == window.start)
        with read_transaction(self._engine) as connection:
            content = connection.scalar(query)
        return None if content is None else Coverage.from_dict(content)

    def entries(self, windows: Sequence[Window]) -> dict[Window, Coverage]:
        """The entries of these windows in one query; a window without one is left out.

        Args:
            windows: The oldest first, at least one; the result has their order.
        """
        in_range = coverage.c.window_start.between(windows[0].start, windows[-1].start)
        query = sa.select(coverage.c.window_start, coverage.c.content).where(in_range)
        with read_transaction(self._engine) as connection:
            contents = {row.window_start: row.content for row in connection.execute(query)}
        return {window: Coverage.from_dict(contents[window.start]) for window in windows if window.start in contents}

    def covered(self, before: datetime) -> tuple[Window, ...]:
        """The windows with an entry that start before this instant, oldest first."""
        query = (
            sa.select(coverage.c.window_start, coverage.c.window_end)
            .where(coverage.c.window_start < before)
            .order_by(coverage.c.window_start)
        )
        with read_transaction(self._engine) as connection:
            return tuple(Window(row.window_start, row.window_end) for row in connection.execute(query))


def _to_row(entry: Coverage) -> dict[str, object]:
    window = window_for_key(entry.window_key)
    return {
        "window_start": window.start,
        "window_end": window.end,
        "status": entry.status,
        "gap_minutes": entry.gap_minutes,
        "content": entry.to_dict(),
        "updated_at": datetime.now(UTC),
    }
