"""Recipients who are not written to: who unsubscribed, whose address bounced, who complained."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.stores.engine import read_transaction, write_transaction
from signals_pipeline.adapters.stores.tables import suppression

Reason = Literal["unsubscribed", "bounced", "complaint"]


@dataclass(frozen=True, slots=True)
class Suppression:
    """A recipient who is not written to, why, and since when (UTC)."""

    recipient: str
    reason: Reason
    created_at: datetime


class Suppressions:
    """Suppressed recipients; an address is the same however its case. Methods raise `DatabaseError`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, recipient: str, reason: Reason, at: datetime) -> bool:
        """Write to a recipient no more; the first reason and time stay. Whether that is new."""
        insert = sqlite.insert if self._engine.dialect.name == "sqlite" else postgresql.insert
        row = {"recipient": same(recipient), "reason": reason, "created_at": at}
        with write_transaction(self._engine) as connection:
            return connection.execute(insert(suppression).values(row).on_conflict_do_nothing()).rowcount == 1

    def remove(self, recipient: str) -> bool:
        """Write to a recipient again. Whether it was suppressed."""
        with write_transaction(self._engine) as connection:
            found = connection.execute(sa.delete(suppression).where(suppression.c.recipient == same(recipient)))
            return found.rowcount == 1

    def among(self, recipients: Iterable[str]) -> frozenset[str]:
        """Those of the recipients, as given, who are not written to."""
        given = list(recipients)
        query = sa.select(suppression.c.recipient).where(suppression.c.recipient.in_({same(each) for each in given}))
        with read_transaction(self._engine) as connection:
            suppressed = set(connection.scalars(query))
        return frozenset(each for each in given if same(each) in suppressed)

    def all(self) -> list[Suppression]:
        """Every suppressed recipient, by address."""
        query = sa.select(suppression).order_by(suppression.c.recipient)
        with read_transaction(self._engine) as connection:
            return [Suppression(row.recipient, row.reason, row.created_at) for row in connection.execute(query)]


def same(recipient: str) -> str:
    """The form in which two spellings of one address are equal."""
    return recipient.strip().casefold()
