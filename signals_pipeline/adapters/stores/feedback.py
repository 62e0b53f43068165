"""Readers' ratings of signals, stored under a recipient's pseudonym: no address is in the table."""

import json
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.stores.engine import read_transaction, write_transaction
from signals_pipeline.adapters.stores.tables import feedback, signal_history
from signals_pipeline.core.record.engagement import Rating

RecordResult = Literal["recorded", "changed", "unchanged", "outdated"]

_SIGNAL_KEY = ("window_start", "symbol", "signal_type")


class FeedbackRepository:
    """One rating per signal and recipient; the last one counts. Methods raise `DatabaseError`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record(
        self, window_start: datetime, symbol: str, signal_type: str, recipient_hash: str, *, useful: bool, at: datetime
    ) -> RecordResult:
        """Store a rating in place of the recipient's earlier one; the same again changes nothing, its time included.

        A rating that is older than the stored one changes nothing either: a queue may deliver late, twice, or in
        another order.
        """
        key = {
            "window_start": window_start,
            "symbol": symbol,
            "signal_type": signal_type,
            "recipient_hash": recipient_hash,
        }
        is_row = sa.and_(*(feedback.c[name] == value for name, value in key.items()))
        verdict = "useful" if useful else "not_useful"
        # Alone, so that of two clicks at once the second one sees the first.
        with write_transaction(self._engine, alone=True) as connection:
            stored = connection.execute(
                sa.select(feedback.c.verdict, feedback.c.created_at).where(is_row)
            ).one_or_none()
            if stored is None:
                connection.execute(sa.insert(feedback).values(**key, verdict=verdict, created_at=at))
                return "recorded"
            if stored.verdict == verdict:
                return "unchanged"
            if at < stored.created_at:
                return "outdated"
            connection.execute(sa.update(feedback).where(is_row).values(verdict=verdict, created_at=at))
            return "changed"

    def ratings(self) -> list[Rating]:
        """Every rating of a signal that is in the history, by time."""
        # The id breaks ties of the time, so that the order is the same on both databases.
        same_signal = sa.and_(*(feedback.c[name] == signal_history.c[name] for name in _SIGNAL_KEY))
        query = (
            sa.select(feedback.c.symbol, feedback.c.verdict, signal_history.c.story_id, signal_history.c.contributions)
            .join(signal_history, same_signal)
            .order_by(feedback.c.created_at, feedback.c.id)
        )
        with read_transaction(self._engine) as connection:
            rows = connection.execute(query).all()
        ratings: list[Rating] = []
        for row in rows:
            publisher = _leading_publisher(row.contributions, row.story_id)
            ratings.append(Rating(row.symbol, publisher, row.verdict == "useful"))
        return ratings


def _leading_publisher(contributions: str, story_id: str) -> str:
    """Publisher of the signal's leading story; empty where it has none."""
    for contribution in json.loads(contributions):
        if contribution.get("story_id") == story_id:
            return contribution["source"]
    return ""
