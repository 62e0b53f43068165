"""Outcomes of signals over each horizon, stored when they become known.

The outcomes themselves are computed in `core.record.outcomes`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.stores.engine import read_transaction, write_transaction
from signals_pipeline.adapters.stores.tables import signal_history, signal_outcome, window_run
from signals_pipeline.adapters.stores.upsert import insert_or_update
from signals_pipeline.core.record.origin import provenance_of
from signals_pipeline.core.record.outcomes import HORIZONS
from signals_pipeline.core.tables import INSTANT, KNOWN_OUTCOMES, OUTCOMES

_SIGNAL_KEY = ["window_start", "symbol", "signal_type"]
_OUTCOME_KEY = list(OUTCOMES.key)
_OUTCOME_VALUES = [name for name in OUTCOMES.names if name not in _OUTCOME_KEY]


class OutcomeRepository:
    """Outcomes by signal and horizon. Methods raise `DatabaseError` where the database refuses."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def upsert(self, outcomes: pd.DataFrame) -> int:
        """Store outcomes, in place of earlier ones of the same signal and horizon.

        Args:
            outcomes: OUTCOMES frame.

        Returns:
            How many were stored. The outcome of a signal that is no longer in the history is left out.
        """
        conformed = OUTCOMES.conform(outcomes)
        records: list[dict[str, Any]] = conformed.to_dict("records")  # pyright: ignore[reportAssignmentType]  # names are str
        with write_transaction(self._engine, alone=True) as connection:
            signal_columns = [signal_history.c[name] for name in _SIGNAL_KEY]
            stored_signals = {tuple(row) for row in connection.execute(sa.select(*signal_columns))}
            rows: list[dict[str, Any]] = []
            for record in records:
                signal_key = tuple(record[name] for name in _SIGNAL_KEY)
                if signal_key in stored_signals:
                    rows.append(record)
            if rows:
                upsert = insert_or_update(connection, signal_outcome, key=_OUTCOME_KEY, columns=_OUTCOME_VALUES)
                connection.execute(upsert, rows)
        return len(rows)

    def known(self, as_of: datetime) -> pd.DataFrame:
        """KNOWN_OUTCOMES frame of those that were known before `as_of`.

        A signal is live where the run behind its window is: the run that its digest reports.
        """
        outcome_columns = [signal_outcome.c[name] for name in OUTCOMES.names]
        origin_columns = [window_run.c.mode, signal_history.c.source, signal_history.c.model]
        query = (
            sa.select(*outcome_columns, *origin_columns)
            .join_from(signal_outcome, signal_history, sa.and_(*_same_signal()))
            .join(window_run, window_run.c.window_start == signal_history.c.window_start)
            .where(signal_outcome.c.known_at < as_of)
        )
        with read_transaction(self._engine) as connection:
            rows = connection.execute(query).all()
        if not rows:
            return KNOWN_OUTCOMES.empty()
        frame = pd.DataFrame(rows, columns=[*OUTCOMES.names, "mode", "generator", "model"])
        return KNOWN_OUTCOMES.conform(frame.assign(provenance=frame["mode"].map(provenance_of)))

    def evidence(self, as_of: datetime) -> pd.DataFrame:
        """What the signals whose outcomes were known before `as_of` rest on.

        Returns:
            One row per signal: window_start, symbol, signal_type, contributions, event (empty where there is none) and
            reaction (NaN likewise); sorted by the key.
        """
        names = [*_SIGNAL_KEY, "contributions", "event", "reaction"]
        has_outcome = sa.exists().where(*_same_signal(), signal_outcome.c.known_at < as_of)
        query = sa.select(*(signal_history.c[name] for name in names)).where(has_outcome)
        with read_transaction(self._engine) as connection:
            rows = connection.execute(query).all()
        dtypes = dict.fromkeys(names, "str") | {"window_start": INSTANT, "reaction": "float64"}
        frame = pd.DataFrame(rows, columns=names).fillna({"event": ""}).astype(dtypes)
        return frame.sort_values(_SIGNAL_KEY, ignore_index=True)

    def missing(self, as_of: datetime, horizons: Sequence[int] = HORIZONS) -> pd.DataFrame:
        """Signals decided before `as_of`, and their horizons, that have no outcome yet.

        Returns:
            One row per signal and horizon: window_start, symbol, signal_type, horizon, decided_at; sorted by them.
        """
        # Every signal with every horizon, less those that have an outcome (an anti-join).
        horizon_rows = [sa.select(sa.literal(horizon).label("horizon")) for horizon in horizons]
        wanted = sa.union_all(*horizon_rows).subquery()
        has_outcome = sa.and_(*_same_signal(), signal_outcome.c.horizon == wanted.c.horizon)
        signal_columns = [signal_history.c[name] for name in _SIGNAL_KEY]
        query = (
            sa.select(*signal_columns, wanted.c.horizon, signal_history.c.decided_at)
            .join_from(signal_history, wanted, sa.true())
            .outerjoin(signal_outcome, has_outcome)
            .where(signal_outcome.c.horizon.is_(None), signal_history.c.decided_at < as_of)
        )
        with read_transaction(self._engine) as connection:
            rows = connection.execute(query).all()
        frame = pd.DataFrame(rows, columns=[*_OUTCOME_KEY, "decided_at"]).astype(
            {"window_start": INSTANT, "symbol": "str", "signal_type": "str", "horizon": "int64", "decided_at": INSTANT}
        )
        return frame.sort_values(_OUTCOME_KEY, ignore_index=True)


def _same_signal() -> list[sa.ColumnElement[bool]]:
    """The condition that an outcome is the signal's."""
    return [signal_outcome.c[name] == signal_history.c[name] for name in _SIGNAL_KEY]
