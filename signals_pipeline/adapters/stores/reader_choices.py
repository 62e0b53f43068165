"""What readers chose themselves by signed links: which digests they get, and what of each."""

from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.stores.engine import read_transaction, write_transaction
from signals_pipeline.adapters.stores.tables import reader_choice
from signals_pipeline.core.digest.editions import EditionError, parse_edition, stored_edition
from signals_pipeline.core.digest.readers import DigestTimes, ReaderChoice, ReaderError, parse_digest_times, reader_key

PutResult = Literal["stored", "unchanged", "outdated"]


class ReaderChoices:
    """One choice per recipient, of which the last one counts. Methods raise `DatabaseError`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, choice: ReaderChoice) -> PutResult:
        """Store a choice in place of the recipient's earlier one.

        A choice that is older than the stored one changes nothing. Once subscribed by a link, a reader stays so: later
        choices are about the digests alone.
        """
        key = reader_key(choice.recipient)
        values = {
            "edition": stored_edition(choice.edition),
            "digests": ",".join(choice.digests.choices),
            "subscribed": choice.subscribed,
        }
        is_row = reader_choice.c.recipient == key
        # Alone, so that of two requests at once the second one sees the first.
        with write_transaction(self._engine, alone=True) as connection:
            stored = connection.execute(sa.select(reader_choice).where(is_row)).one_or_none()
            if stored is None:
                connection.execute(
                    sa.insert(reader_choice).values(recipient=key, changed_at=choice.changed_at, **values)
                )
                return "stored"
            values["subscribed"] = choice.subscribed or stored.subscribed
            if all(getattr(stored, name) == value for name, value in values.items()):
                return "unchanged"
            if choice.changed_at < stored.changed_at:
                return "outdated"
            connection.execute(sa.update(reader_choice).where(is_row).values(changed_at=choice.changed_at, **values))
            return "stored"

    def get(self, recipient: str) -> ReaderChoice | None:
        """A recipient's choice; None where there is none.

        Raises:
            EditionError, ReaderError: it can't be read.
        """
        query = sa.select(reader_choice).where(reader_choice.c.recipient == reader_key(recipient))
        with read_transaction(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _choice(row)

    def all(self) -> tuple[dict[str, ReaderChoice], list[str]]:
        """Every choice by `reader_key`, in the order of recipients, and one line per choice that can't be read."""
        query = sa.select(reader_choice).order_by(reader_choice.c.recipient)
        with read_transaction(self._engine) as connection:
            rows = connection.execute(query).all()
        choices: dict[str, ReaderChoice] = {}
        problems: list[str] = []
        for row in rows:
            try:
                choices[row.recipient] = _choice(row)
            except (EditionError, ReaderError) as error:
                problems.append(
                    f"the choice of a reader of {row.changed_at:%Y-%m-%d %H:%M} UTC is not applied: {error}"
                )
        return choices, problems


def _choice(row: sa.Row[tuple[str, str | None, str, bool, datetime]]) -> ReaderChoice:
    digests = parse_digest_times(row.digests.split(",")) if row.digests else DigestTimes()
    return ReaderChoice(row.recipient, parse_edition(row.edition), digests, row.subscribed, row.changed_at)
