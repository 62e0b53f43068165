"""The tables of windows, signals and digests as the queries are written against them, one schema for both databases.

The revisions in `alembic/` make them; a test holds the two equal.
"""

from typing import Any

import sqlalchemy as sa

from signals_pipeline.adapters.database.columns import instant, json, metadata, mode_check, one_of, real, text, within


def _signal_columns() -> list[sa.Column[Any]]:
    return [
        instant("window_end"),
        real("combined_score"),
        real("tone"),
        real("confidence_score"),
        real("technical", nullable=True),
        sa.Column("fresh", sa.Boolean(), nullable=False),
        sa.Column("fragile", sa.Boolean(), nullable=False),
        text("story_id", 64),
        text("news_title"),
        text("news_url"),
        text("contributions"),
        text("source", 32),
        instant("known_at", nullable=True),  # NULL where no headline was weighed, or before revision 006
    ]


def _signal_checks() -> list[sa.CheckConstraint]:
    return [
        one_of("signal_type", "BUY", "SELL"),
        one_of("source", "news_driven_ml", "technical"),
        within("combined_score", -1, 1),
        within("tone", -1, 1),
        within("confidence_score", 0, 1),
        within("technical", -1, 1),
    ]


window_run = sa.Table(
    "window_run",
    metadata,
    instant("window_start", primary_key=True),
    instant("window_end"),
    instant("history_start"),  # signals decided at or before this instant had expired: the decision saw none of them
    text("mode", 16),
    text("model", 200),
    json("knobs"),
    json("funnel"),
    json("near_misses"),
    instant("decided_at"),
    instant("updated_at"),
    mode_check(),
    sa.CheckConstraint("history_start < window_end AND window_start < window_end", name="span"),
)

headline_score = sa.Table(
    "headline_score",
    metadata,
    text("text_hash", 64, primary_key=True),
    text("model_revision", 200, primary_key=True),
    real("negative"),
    real("neutral"),
    real("positive"),
    instant("scored_at"),
)

coverage = sa.Table(
    "coverage",
    metadata,
    instant("window_start", primary_key=True),
    instant("window_end"),
    text("status", 16),
    sa.Column("gap_minutes", sa.Integer(), nullable=False),
    json("content"),
    instant("updated_at"),
    one_of("status", "ok", "degraded", "failed"),
    sa.CheckConstraint("gap_minutes >= 0", name="gap"),
)

signal_candidate = sa.Table(
    "signal_candidate",
    metadata,
    instant("window_start", primary_key=True),
    text("symbol", 32, primary_key=True),
    text("signal_type", 4, primary_key=True),
    *_signal_columns(),
    sa.ForeignKeyConstraint(["window_start"], ["window_run.window_start"], ondelete="CASCADE"),
    *_signal_checks(),
    sa.CheckConstraint("known_at < window_end", name="known"),
)

signal_history = sa.Table(
    "signal_history",
    metadata,
    sa.Column("id", sa.Integer(), primary_key=True),
    instant("window_start"),
    text("symbol", 32),
    text("signal_type", 4),
    *_signal_columns(),
    text("lifecycle", 16),
    text("model", 200),
    text("mode", 16),
    instant("decided_at"),
    instant("expires_at"),
    instant("created_at"),
    sa.ForeignKeyConstraint(["window_start"], ["window_run.window_start"], ondelete="CASCADE"),
    sa.UniqueConstraint("window_start", "symbol", "signal_type"),
    sa.Index(None, "decided_at", "symbol"),
    sa.Index(None, "symbol", "decided_at"),
    *_signal_checks(),
    one_of("lifecycle", "new", "stronger", "flipped"),
    mode_check(),
    sa.CheckConstraint("expires_at > decided_at", name="expiry"),
    sa.CheckConstraint("known_at <= decided_at", name="known"),
)

digest = sa.Table(
    "digest",
    metadata,
    instant("window_start", primary_key=True),
    instant("window_end"),
    text("kind", 16),
    text("mode", 16),
    text("subject"),
    text("content"),
    text("sha256", 64),
    instant("created_at"),
    sa.UniqueConstraint("window_start", "mode"),
    one_of("kind", "full", "quiet", "degraded", "failed"),
    mode_check(),
)

signal_outcome = sa.Table(
    "signal_outcome",
    metadata,
    instant("window_start", primary_key=True),
    text("symbol", 32, primary_key=True),
    text("signal_type", 4, primary_key=True),
    sa.Column("horizon", sa.Integer(), primary_key=True, autoincrement=False),
    instant("decided_at"),
    real("combined_score"),
    real("confidence_score"),
    text("lifecycle", 16),
    instant("entry_session"),
    instant("exit_session"),
    real("entry"),
    real("exit"),
    real("raw_return"),
    real("benchmark_return"),
    real("net_return"),
    sa.Column("hit", sa.Boolean(), nullable=False),
    real("base_rate"),
    text("benchmark", 64),
    instant("known_at"),
    # A signal that is derived anew takes its outcomes with it: they mature again from its new values.
    sa.ForeignKeyConstraint(
        ["window_start", "symbol", "signal_type"],
        ["signal_history.window_start", "signal_history.symbol", "signal_history.signal_type"],
        ondelete="CASCADE",
    ),
    sa.CheckConstraint("horizon > 0", name="horizon"),
)
