"""The suppression list: recipients who get no mail, because they unsubscribed, complained, or their address bounced."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from signals_pipeline.adapters.stores.engine import read_transaction, write_transaction
from signals_pipeline.adapters.stores.tables import suppression
from signals_pipeline.adapters.stores.upsert import insert_or_ignore

Reason = Literal["unsubscribed", "bounced", "complaint"]


@dataclass(frozen=True, slots=True)
class Suppression:
    """A recipient who gets no mail, why, and since when (UTC)."""

    recipient: str
    reason: Reason
    created_at: datetime


class SuppressionList:
    """Suppressed recipients; addresses that differ in case are the same. Methods raise `DatabaseError`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, recipient: str, reason: Reason, at: datetime) -> bool:
        """Send a recipient no more mail; the first reason and time stay. Whether that is new."""
        row = {"recipient": _normalise(recipient), "reason": reason, "created_at": at}
        with write_transaction(self._engine) as connection:
            result = connection.execute(insert_or_ignore(connection, suppression).values(row))
            return result.rowcount == 1

    def resubscribe(self, recipient: str) -> Reason | None:
        """Send mail again to a recipient who had unsubscribed.

        Returns:
            Why the recipient gets no mail all the same: it came back, or was reported as spam; None where nothing stops
            it.
        """
        is_recipient = suppression.c.recipient == _normalise(recipient)
        with write_transaction(self._engine, alone=True) as connection:
            had_unsubscribed = sa.and_(is_recipient, suppression.c.reason == "unsubscribed")
            connection.execute(sa.delete(suppression).where(had_unsubscribed))
            return connection.scalar(sa.select(suppression.c.reason).where(is_recipient))

    def remove(self, recipient: str) -> Reason | None:
        """Send a recipient mail again. Why it was suppressed; None where it was not."""
        is_recipient = suppression.c.recipient == _normalise(recipient)
        with write_transaction(self._engine) as connection:
            return connection.scalar(sa.delete(suppression).where(is_recipient).returning(suppression.c.reason))

    def among(self, recipients: Iterable[str]) -> frozenset[str]:
        """Those of the recipients, as given, who are suppressed."""
        with read_transaction(self._engine) as connection:
            return suppressed_among(connection, recipients)

    def all(self) -> list[Suppression]:
        """Every suppressed recipient, by address."""
        query = sa.select(suppression).order_by(suppression.c.recipient)
        with read_transaction(self._engine) as connection:
            return [Suppression(row.recipient, row.reason, row.created_at) for row in connection.execute(query)]


def suppressed_among(connection: Connection, recipients: Iterable[str]) -> frozenset[str]:
    """Those of the recipients, as given, who are suppressed, inside the caller's transaction."""
    normalised = {recipient: _normalise(recipient) for recipient in recipients}
    # Stored addresses are normalised, so the query can use the primary key.
    query = sa.select(suppression.c.recipient).where(suppression.c.recipient.in_(set(normalised.values())))
    suppressed = set(connection.scalars(query))
    return frozenset(recipient for recipient, address in normalised.items() if address in suppressed)


def _normalise(recipient: str) -> str:
    """The form in which two spellings of one address are equal."""
    return recipient.strip().casefold()
