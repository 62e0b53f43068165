"""What became of the signals, as it becomes known."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.stores.engine import read_transaction, write_transaction
from signals_pipeline.adapters.stores.tables import signal_history, signal_outcome
from signals_pipeline.core.record.outcomes import HORIZONS
from signals_pipeline.core.tables import INSTANT, OUTCOMES

_KEY = list(OUTCOMES.key)
_SIGNAL = ["window_start", "symbol", "signal_type"]


class OutcomesStore:
    """Outcomes by signal and horizon. Methods raise `DatabaseError` where the database refuses."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def upsert(self, outcomes: pd.DataFrame) -> int:
        """Keep outcomes, in place of earlier ones of the same signal and horizon.

        Args:
            outcomes: OUTCOMES frame.

        Returns:
            How many were kept. The outcome of a signal that is no longer in the history is left out.
        """
        records: list[dict[str, Any]] = OUTCOMES.conform(outcomes).to_dict("records")  # pyright: ignore[reportAssignmentType]
        with write_transaction(self._engine, alone=True) as connection:
            known = {tuple(row) for row in connection.execute(sa.select(*(signal_history.c[name] for name in _SIGNAL)))}
            rows = [row for row in records if tuple(row[name] for name in _SIGNAL) in known]
            if rows:
                insert = (sqlite.insert if self._engine.dialect.name == "sqlite" else postgresql.insert)(signal_outcome)
                update = {name: insert.excluded[name] for name in OUTCOMES.names if name not in _KEY}
                connection.execute(insert.on_conflict_do_update(index_elements=_KEY, set_=update), rows)
        return len(rows)

    def known(self, as_of: datetime) -> pd.DataFrame:
        """OUTCOMES frame of those known before `as_of`."""
        columns = [signal_outcome.c[name] for name in OUTCOMES.names]
        query = sa.select(*columns).where(signal_outcome.c.known_at < as_of)
        with read_transaction(self._engine) as connection:
            rows = connection.execute(query).all()
        return OUTCOMES.conform(pd.DataFrame(rows, columns=OUTCOMES.names)) if rows else OUTCOMES.empty()

    def origins(self, as_of: datetime) -> pd.DataFrame:
        """What the signals whose outcomes were known before `as_of` came from.

        Returns:
            One row a signal: window_start, symbol, signal_type, model, mode, contributions; sorted by the first three.
        """
        names = [*_SIGNAL, "model", "mode", "contributions"]
        same = [signal_outcome.c[name] == signal_history.c[name] for name in _SIGNAL]
        matured = sa.exists().where(*same, signal_outcome.c.known_at < as_of)
        with read_transaction(self._engine) as connection:
            rows = connection.execute(sa.select(*(signal_history.c[name] for name in names)).where(matured)).all()
        frame = pd.DataFrame(rows, columns=names).astype({"window_start": INSTANT} | dict.fromkeys(names[1:], "str"))
        return frame.sort_values(_SIGNAL, ignore_index=True)

    def missing(self, as_of: datetime, horizons: Sequence[int] = HORIZONS) -> pd.DataFrame:
        """Signals decided before `as_of`, and their horizons, that have no outcome yet.

        Returns:
            One row a (signal, horizon): window_start, symbol, signal_type, horizon, decided_at; sorted by them.
        """
        names = [*_KEY, "decided_at"]
        wanted = sa.union_all(*(sa.select(sa.literal(each).label("horizon")) for each in horizons)).subquery()
        same = [signal_outcome.c[name] == signal_history.c[name] for name in _SIGNAL]
        query = (
            sa.select(*(signal_history.c[name] for name in _SIGNAL), wanted.c.horizon, signal_history.c.decided_at)
            .join_from(signal_history, wanted, sa.true())
            .outerjoin(signal_outcome, sa.and_(*same, signal_outcome.c.horizon == wanted.c.horizon))
            .where(signal_outcome.c.horizon.is_(None), signal_history.c.decided_at < as_of)
        )
        with read_transaction(self._engine) as connection:
            rows = connection.execute(query).all()
        frame = pd.DataFrame(rows, columns=names).astype(
            {"window_start": INSTANT, "symbol": "str", "signal_type": "str", "horizon": "int64", "decided_at": INSTANT}
        )
        return frame.sort_values(_KEY, ignore_index=True)
