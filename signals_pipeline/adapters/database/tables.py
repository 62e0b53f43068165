"""The tables as the queries are written against them, one schema for SQLite and PostgreSQL.

The revisions in `alembic/` make them; a test holds the two equal.
"""

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


def _one_of(column: str, *values: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"{column} IN ({', '.join(repr(value) for value in values)})", name=column)


def _within(column: str, low: int, high: int) -> sa.CheckConstraint:
    # The bounds leave room for the last bits of a weighted sum.
    return sa.CheckConstraint(f"{column} BETWEEN {low - 1e-9!r} AND {high + 1e-9!r}", name=column)


def _mode() -> sa.CheckConstraint:
    return _one_of("mode", *get_args(Mode))


def _instant(name: str, *, primary_key: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, UtcDateTime(), nullable=False, primary_key=primary_key)


def _text(name: str, length: int | None = None, *, primary_key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length) if length else sa.Text(), nullable=False, primary_key=primary_key)


def _real(name: str, *, nullable: bool = False) -> sa.Column[float]:
    return sa.Column(name, sa.Double(), nullable=nullable)


def _json(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.JSON(), nullable=False)


def _signal_columns() -> list[sa.Column[Any]]:
    return [
        _instant("window_end"),
        _real("combined_score"),
        _real("tone"),
        _real("confidence_score"),
        _real("technical", nullable=True),
        sa.Column("fresh", sa.Boolean(), nullable=False),
        sa.Column("fragile", sa.Boolean(), nullable=False),
        _text("story_id", 64),
        _text("news_title"),
        _text("news_url"),
        _text("contributions"),
        _text("source", 32),
    ]


def _signal_checks() -> list[sa.CheckConstraint]:
    return [
        _one_of("signal_type", "BUY", "SELL"),
        _one_of("source", "news_driven_ml", "technical"),
        _within("combined_score", -1, 1),
        _within("tone", -1, 1),
        _within("confidence_score", 0, 1),
        _within("technical", -1, 1),
    ]


window_run = sa.Table(
    "window_run",
    metadata,
    _instant("window_start", primary_key=True),
    _instant("window_end"),
    _instant("history_start"),  # signals decided at or before this instant had expired: the decision saw none of them
    _text("mode", 16),
    _text("model", 200),
    _json("knobs"),
    _json("funnel"),
    _json("near_misses"),
    _instant("decided_at"),
    _instant("updated_at"),
    _mode(),
    sa.CheckConstraint("history_start < window_end AND window_start < window_end", name="span"),
)

headline_score = sa.Table(
    "headline_score",
    metadata,
    _text("text_hash", 64, primary_key=True),
    _text("model_revision", 200, primary_key=True),
    _real("negative"),
    _real("neutral"),
    _real("positive"),
    _instant("scored_at"),
)

coverage = sa.Table(
    "coverage",
    metadata,
    _instant("window_start", primary_key=True),
    _instant("window_end"),
    _text("status", 16),
    sa.Column("gap_minutes", sa.Integer(), nullable=False),
    _json("content"),
    _instant("updated_at"),
    _one_of("status", "ok", "degraded", "failed"),
    sa.CheckConstraint("gap_minutes >= 0", name="gap"),
)

source_call = sa.Table(
    "source_call",
    metadata,
    _text("vendor", 64, primary_key=True),
    sa.Column("day", sa.Date(), primary_key=True),
    sa.Column("calls", sa.Integer(), nullable=False),
    sa.CheckConstraint("calls >= 0", name="calls"),
)

signal_candidate = sa.Table(
    "signal_candidate",
    metadata,
    _instant("window_start", primary_key=True),
    _text("symbol", 32, primary_key=True),
    _text("signal_type", 4, primary_key=True),
    *_signal_columns(),
    sa.ForeignKeyConstraint(["window_start"], ["window_run.window_start"], ondelete="CASCADE"),
    *_signal_checks(),
)

signal_history = sa.Table(
    "signal_history",
    metadata,
    sa.Column("id", sa.Integer(), primary_key=True),
    _instant("window_start"),
    _text("symbol", 32),
    _text("signal_type", 4),
    *_signal_columns(),
    _text("lifecycle", 16),
    _text("model", 200),
    _text("mode", 16),
    _instant("decided_at"),
    _instant("expires_at"),
    _instant("created_at"),
    sa.ForeignKeyConstraint(["window_start"], ["window_run.window_start"], ondelete="CASCADE"),
    sa.UniqueConstraint("window_start", "symbol", "signal_type"),
    sa.Index(None, "decided_at", "symbol"),
    sa.Index(None, "symbol", "decided_at"),
    *_signal_checks(),
    _one_of("lifecycle", "new", "stronger", "flipped"),
    _mode(),
    sa.CheckConstraint("expires_at > decided_at", name="expiry"),
)

digest = sa.Table(
    "digest",
    metadata,
    _instant("window_start", primary_key=True),
    _instant("window_end"),
    _text("kind", 16),
    _text("mode", 16),
    _text("subject"),
    _text("content"),
    _text("sha256", 64),
    _instant("created_at"),
    _one_of("kind", "full", "quiet", "degraded", "failed"),
    _mode(),
)

signal_outcome = sa.Table(
    "signal_outcome",
    metadata,
    _instant("window_start", primary_key=True),
    _text("symbol", 32, primary_key=True),
    _text("signal_type", 4, primary_key=True),
    sa.Column("horizon", sa.Integer(), primary_key=True, autoincrement=False),
    _instant("decided_at"),
    _real("combined_score"),
    _real("confidence_score"),
    _text("lifecycle", 16),
    _instant("entry_session"),
    _instant("exit_session"),
    _real("entry"),
    _real("exit"),
    _real("raw_return"),
    _real("benchmark_return"),
    _real("net_return"),
    sa.Column("hit", sa.Boolean(), nullable=False),
    _real("base_rate"),
    _text("benchmark", 64),
    _instant("known_at"),
    # A signal that is derived anew takes its outcomes with it: they mature again from its new values.
    sa.ForeignKeyConstraint(
        ["window_start", "symbol", "signal_type"],
        ["signal_history.window_start", "signal_history.symbol", "signal_history.signal_type"],
        ondelete="CASCADE",
    ),
    sa.CheckConstraint("horizon > 0", name="horizon"),
)
