"""The tables of the database, one schema for SQLite and PostgreSQL.

The revisions in `alembic/` create them; a test keeps the two equal.
"""

from datetime import datetime
from typing import Any, Literal, get_args

import sqlalchemy as sa

from signals_pipeline.adapters.stores.instants import UtcDateTime

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


delivery = sa.Table(
    "delivery",
    metadata,
    sa.Column("id", sa.Integer(), primary_key=True),
    instant("window_start"),
    text("kind", 16),
    sa.Column("mode", sa.String(16), nullable=True),  # of the digest; none where the mail says that there is no digest
    sa.Column("released", sa.Boolean(), nullable=False),
    text("recipient", 320),
    text("state", 16),
    sa.Column("attempts", sa.Integer(), nullable=False),
    text("message_id", 255),
    text("detail"),  # why there is no digest
    text("provider_id"),
    text("last_error"),
    instant("created_at"),
    instant("next_attempt_at"),
    instant("claimed_at", nullable=True),
    instant("sent_at", nullable=True),
    instant("updated_at"),
    sa.ForeignKeyConstraint(["window_start", "mode"], ["digest.window_start", "digest.mode"]),
    sa.UniqueConstraint("window_start", "kind", "recipient"),
    sa.Index(None, "state", "next_attempt_at"),
    one_of("kind", "digest", "failed"),
    one_of("state", "pending", "sending", "sent", "failed", "unknown"),
    # Only a live digest may be mailed by itself; any other needs an operator who released it.
    sa.CheckConstraint(
        "(kind = 'failed' AND mode IS NULL) OR (kind = 'digest' AND mode IS NOT NULL AND (mode = 'live' OR released))",
        name="live",
    ),
    sa.CheckConstraint("attempts >= 0", name="attempts"),
)

suppression = sa.Table(
    "suppression",
    metadata,
    text("recipient", 320, primary_key=True),
    text("reason", 16),
    instant("created_at"),
    one_of("reason", "unsubscribed", "bounced", "complaint"),
)

feedback = sa.Table(
    "feedback",
    metadata,
    sa.Column("id", sa.Integer(), primary_key=True),
    instant("window_start"),
    text("symbol", 32),
    text("signal_type", 4),
    text("recipient_hash", 64),
    text("verdict", 16),
    instant("created_at"),
    sa.UniqueConstraint("window_start", "symbol", "signal_type", "recipient_hash"),
    one_of("signal_type", "BUY", "SELL"),
    one_of("verdict", "useful", "not_useful"),
)


source_call = sa.Table(
    "source_call",
    metadata,
    text("vendor", 64, primary_key=True),
    sa.Column("day", sa.Date(), primary_key=True),
    sa.Column("calls", sa.Integer(), nullable=False),
    sa.CheckConstraint("calls >= 0", name="calls"),
)

source_state = sa.Table(
    "source_state",
    metadata,
    text("vendor", 64, primary_key=True),
    sa.Column("failures", sa.Integer(), nullable=False),  # failed answers in a row
    instant("open_until", nullable=True),  # no call before this instant: the circuit is open
    text("detail"),
    instant("updated_at"),
    sa.CheckConstraint("failures >= 0", name="failures"),
)

# One row a version of an item: an edited title is a version of its own, first seen when the edit was.
headline_item = sa.Table(
    "headline_item",
    metadata,
    text("item_id", 64, primary_key=True),
    text("version", 64, primary_key=True),
    text("feed", 64),
    instant("published_at", nullable=True),
    instant("first_seen_at", nullable=True),  # unknown for what was there before the first collection
    instant("known_at", nullable=True),
    sa.Column("title", sa.Text(), nullable=True),
    sa.Column("url", sa.Text(), nullable=True),
    sa.Column("source", sa.Text(), nullable=True),
    sa.Column("summary", sa.Text(), nullable=True),
    json("tags"),
    sa.Index(None, "known_at"),
    sa.CheckConstraint("known_at >= first_seen_at AND known_at >= published_at", name="known"),
)

collection = sa.Table(
    "collection",
    metadata,
    sa.Column("id", sa.Integer(), primary_key=True),
    text("feed", 64),
    instant("collected_at"),
    instant("asked_from"),
    instant("asked_to"),
    instant("whole_from", nullable=True),  # everything published from here to whole_to was delivered
    instant("whole_to", nullable=True),
    text("status", 16),
    sa.Column("fetched", sa.Integer(), nullable=False),
    sa.Column("calls", sa.Integer(), nullable=False),
    text("detail"),
    sa.Index(None, "asked_to"),
    one_of("status", "ok", "degraded", "failed"),
    sa.CheckConstraint("asked_from <= asked_to", name="asked"),
    sa.CheckConstraint("(whole_from IS NULL) = (whole_to IS NULL) AND whole_from <= whole_to", name="whole"),
    sa.CheckConstraint("fetched >= 0 AND calls >= 0", name="counts"),
)

daily_bar = sa.Table(
    "daily_bar",
    metadata,
    text("symbol", 32, primary_key=True),
    sa.Column("session", sa.Date(), primary_key=True),
    real("open"),  # prices as traded that day: later splits and dividends are applied as-of, when read
    real("high"),
    real("low"),
    real("close"),
    real("volume"),
    text("source", 32),
    instant("first_seen_at"),
    sa.CheckConstraint("low > 0 AND low <= high", name="prices"),
    sa.CheckConstraint("volume >= 0", name="volume"),
)

corporate_action = sa.Table(
    "corporate_action",
    metadata,
    text("symbol", 32, primary_key=True),
    sa.Column("session", sa.Date(), primary_key=True),  # the ex-date
    text("kind", 16, primary_key=True),
    real("value"),  # split: new shares for one old; dividend: currency a share
    text("source", 32),
    instant("first_seen_at"),
    one_of("kind", "split", "dividend"),
    sa.CheckConstraint("value > 0", name="value"),
)

bar_reach = sa.Table(
    "bar_reach",
    metadata,
    text("symbol", 32, primary_key=True),
    sa.Column("asked_from", sa.Date(), nullable=False),  # sessions from this date on have been asked for
    instant("updated_at"),
)
