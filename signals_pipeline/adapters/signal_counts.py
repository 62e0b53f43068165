"""How many signals the newest windows kept."""

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.database import reading, signal_history, window_run
from signals_pipeline.core.windows import Window


def signal_counts(engine: Engine, newest: Window, limit: int) -> list[int]:
    """Signals a window, the newest first, of the windows that were run up to and with this one.

    Args:
        engine: The pipeline's database.
        newest: The window to look back from.
        limit: How many windows at most.

    Raises:
        DatabaseError: the database refuses.
    """
    query = (
        sa.select(sa.func.count(signal_history.c.id))
        .select_from(window_run.outerjoin(signal_history, signal_history.c.window_start == window_run.c.window_start))
        .where(window_run.c.window_start <= newest.start)
        .group_by(window_run.c.window_start)
        .order_by(window_run.c.window_start.desc())
        .limit(limit)
    )
    with reading(engine) as connection:
        return list(connection.scalars(query))
