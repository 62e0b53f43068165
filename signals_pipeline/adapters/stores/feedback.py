"""What readers said of a signal, kept by a recipient's pseudonym: no address is in it."""

import json
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.stores.engine import read_transaction, write_transaction
from signals_pipeline.adapters.stores.tables import feedback, signal_history
from signals_pipeline.core.record.engagement import Rating

Said = Literal["recorded", "changed", "unchanged"]

_SIGNAL = ("window_start", "symbol", "signal_type")


class Feedback:
    """One verdict a signal and recipient; the last one counts. Methods raise `DatabaseError`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record(
        self, window_start: datetime, symbol: str, signal_type: str, recipient_hash: str, *, useful: bool, at: datetime
    ) -> Said:
        """Keep a verdict in place of the recipient's earlier one; the same again changes nothing, its time included."""
        key = dict(zip(_SIGNAL, (window_start, symbol, signal_type), strict=True)) | {"recipient_hash": recipient_hash}
        ours = sa.and_(*(feedback.c[name] == value for name, value in key.items()))
        said = {"verdict": "useful" if useful else "not_useful", "created_at": at}
        with write_transaction(self._engine, alone=True) as connection:
            before = connection.scalar(sa.select(feedback.c.verdict).where(ours))
            if before is None:
                connection.execute(sa.insert(feedback).values(**key, **said))
                return "recorded"
            if before == said["verdict"]:
                return "unchanged"
            connection.execute(sa.update(feedback).where(ours).values(**said))
            return "changed"

    def verdicts(self) -> list[Rating]:
        """Every verdict on a signal that is in the history, by time."""
        same = [feedback.c[name] == signal_history.c[name] for name in _SIGNAL]
        query = (
            sa.select(feedback.c.symbol, feedback.c.verdict, signal_history.c.story_id, signal_history.c.contributions)
            .join(signal_history, sa.and_(*same))
            .order_by(feedback.c.created_at, feedback.c.id)
        )
        with read_transaction(self._engine) as connection:
            rows = connection.execute(query).all()
        return [
            Rating(row.symbol, _publisher(row.contributions, row.story_id), row.verdict == "useful") for row in rows
        ]


def _publisher(contributions: str, story_id: str) -> str:
    """Publisher of the signal's leading story; empty where it has none."""
    parts = json.loads(contributions)
    return next((part["source"] for part in parts if part.get("story_id") == story_id), "")
