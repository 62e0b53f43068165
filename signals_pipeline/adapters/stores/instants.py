"""The column type of instants: aware UTC in and out, the same order in SQLite as in PostgreSQL."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DontWrapMixin


class NaiveDatetimeError(ValueError, DontWrapMixin):
    """A datetime without a timezone was about to be stored or compared."""


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An instant: timezone-aware in, aware UTC out, to the microsecond.

    PostgreSQL keeps `timestamptz`; SQLite keeps ISO text of fixed width in UTC, so that text order is time order.
    """

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        """Fixed-width text on SQLite, `timestamptz` elsewhere."""
        instant = sa.String(32) if dialect.name == "sqlite" else sa.DateTime(timezone=True)
        return dialect.type_descriptor(instant)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | datetime | None:
        """The stored form.

        Raises:
            NaiveDatetimeError: the datetime has no timezone.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise NaiveDatetimeError(f"{value!r} has no timezone: instants are stored in UTC, give an aware datetime")
        in_utc = value if value.tzinfo is UTC else value.astimezone(UTC)
        # A pandas Timestamp is a datetime with nanoseconds, which its isoformat would write.
        if type(in_utc) is not datetime:
            in_utc = datetime.combine(in_utc.date(), in_utc.timetz())
        return in_utc.isoformat(timespec="microseconds") if dialect.name == "sqlite" else in_utc

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ANN401
        """The instant, aware, in UTC."""
        if value is None:
            return None
        instant = datetime.fromisoformat(value) if dialect.name == "sqlite" else value
        return instant.astimezone(UTC)
