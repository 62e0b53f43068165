"""What all tables are made of: the one `MetaData`, column kinds and constraints."""

from datetime import datetime
from typing import Any, Literal, get_args

import sqlalchemy as sa

from signals_pipeline.adapters.database.instants import UtcDateTime

Mode = Literal["live", "catch_up", "backfill", "manual"]
"""What started a run."""

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    }
)


def one_of(column: str, *values: str) -> sa.CheckConstraint:
    """The column holds one of these values."""
    return sa.CheckConstraint(f"{column} IN ({', '.join(repr(value) for value in values)})", name=column)


def within(column: str, low: int, high: int) -> sa.CheckConstraint:
    """The column lies in [low, high]."""
    # The bounds leave room for the last bits of a weighted sum.
    return sa.CheckConstraint(f"{column} BETWEEN {low - 1e-9!r} AND {high + 1e-9!r}", name=column)


def mode_check() -> sa.CheckConstraint:
    """The column `mode` holds a `Mode`."""
    return one_of("mode", *get_args(Mode))


def instant(name: str, *, primary_key: bool = False, nullable: bool = False) -> sa.Column[datetime]:
    """A timezone-aware UTC instant."""
    return sa.Column(name, UtcDateTime(), nullable=nullable, primary_key=primary_key)


def text(name: str, length: int | None = None, *, primary_key: bool = False) -> sa.Column[str]:
    """Text, of any length where none is given."""
    return sa.Column(name, sa.String(length) if length else sa.Text(), nullable=False, primary_key=primary_key)


def real(name: str, *, nullable: bool = False) -> sa.Column[float]:
    """A double precision number."""
    return sa.Column(name, sa.Double(), nullable=nullable)


def json(name: str) -> sa.Column[Any]:
    """A JSON document."""
    return sa.Column(name, sa.JSON(), nullable=False)
