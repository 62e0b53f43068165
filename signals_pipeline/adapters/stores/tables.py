"""The tables of the database, one schema for SQLite and PostgreSQL.

The revisions in `alembic/` create them; a test keeps the two equal. Nothing here reads or writes: each repository
beside this module imports the tables that it needs. Every instant is stored in UTC, see `instants`;
every text is the same on both, see `texts`.
"""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Literal, get_args

import sqlalchemy as sa

from signals_pipeline.adapters.stores.instants import UtcDateTime
from signals_pipeline.adapters.stores.texts import StoredText
from signals_pipeline.core.prices.earnings import ReportTime
from signals_pipeline.core.signal_fields import (
    CandidateFields,
    DecisionFields,
    Lifecycle,
    SignalType,
    declared_fields,
)
from signals_pipeline.core.units import BOUND_TOLERANCE, Range

Mode = Literal["live", "catch_up", "backfill", "manual"]
"""What started a run."""

MODEL_CHARACTERS = 200
"""Of the description of the model that decided a window."""

# Names of constraints and indexes are part of the schema: a revision needs them to change or drop one.
metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    }
)


def _instant(name: str, *, primary_key: bool = False, nullable: bool = False) -> sa.Column[datetime]:
    """A timezone-aware UTC instant."""
    return sa.Column(name, UtcDateTime(), nullable=nullable, primary_key=primary_key)


def _date(name: str, *, primary_key: bool = False) -> sa.Column[date]:
    return sa.Column(name, sa.Date(), nullable=False, primary_key=primary_key)


def _text(name: str, length: int | None = None, *, primary_key: bool = False, nullable: bool = False) -> sa.Column[str]:
    """Text of at most `length` characters, of any length where none is given."""
    return sa.Column(name, StoredText(name, length), nullable=nullable, primary_key=primary_key)


def _real(name: str, *, nullable: bool = False) -> sa.Column[float]:
    """A double precision number."""
    return sa.Column(name, sa.Double(), nullable=nullable)


def _bar_values() -> tuple[sa.Column[Any], ...]:
    """Prices and volume of a bar, as traded."""
    return tuple(_real(name) for name in ("open", "high", "low", "close", "volume"))


def _bar_checks() -> tuple[sa.CheckConstraint, ...]:
    """What holds for every bar."""
    return (
        sa.CheckConstraint("low > 0 AND low <= high", name="prices"),
        sa.CheckConstraint("volume >= 0", name="volume"),
    )


def _integer(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _boolean(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def _json(name: str) -> sa.Column[Any]:
    """A JSON document."""
    return sa.Column(name, sa.JSON(), nullable=False)


def _json_or_null(name: str) -> sa.Column[Any]:
    """A JSON document; NULL in the database where there is none, not the JSON text `null`."""
    return sa.Column(name, sa.JSON(none_as_null=True), nullable=True)


def _row_id() -> sa.Column[int]:
    """The key that the database numbers rows with."""
    return sa.Column("id", sa.Integer(), primary_key=True)


def _allowed(column: str, *values: str) -> sa.CheckConstraint:
    """A check that the column holds one of these values."""
    quoted = ", ".join(repr(value) for value in values)
    return sa.CheckConstraint(f"{column} IN ({quoted})", name=column)


def _allowed_modes() -> sa.CheckConstraint:
    """A check that the column `mode` holds a `Mode`."""
    return _allowed("mode", *get_args(Mode))


def _range(column: str, bounds: Range) -> sa.CheckConstraint:
    """A check that the column lies within its bounds, up to rounding."""
    low = float(bounds.low) - BOUND_TOLERANCE
    if bounds.high is None:
        return sa.CheckConstraint(f"{column} >= {low!r}", name=column)
    high = bounds.high + BOUND_TOLERANCE
    return sa.CheckConstraint(f"{column} BETWEEN {low!r} AND {high!r}", name=column)


# --- A signal's columns, from the declaration of its fields ---

_SIGNAL_FIELDS = {**declared_fields(CandidateFields), **declared_fields(DecisionFields)}
_COLUMN_TYPES: dict[type, Callable[[], sa.types.TypeEngine[Any]]] = {
    float: sa.Double,
    bool: sa.Boolean,
    datetime: UtcDateTime,
}

_KEY_COLUMNS = ("window_start", "symbol", "signal_type")

# The order in which the revisions create the other columns of a candidate; fields that are not named here follow.
# `known_at` is NULL also in rows from before revision 006.
_FIRST_COLUMNS = (
    "window_end", "combined_score", "tone", "confidence_score", "technical", "fresh", "fragile", "story_id",
    "news_title", "news_url", "contributions", "source", "known_at",
)  # fmt: skip
_LATER_COLUMNS = [
    name for name in declared_fields(CandidateFields) if name not in _KEY_COLUMNS and name not in _FIRST_COLUMNS
]
_SHARED_COLUMNS = (*_FIRST_COLUMNS, *_LATER_COLUMNS)


def _signal_column(name: str, *, primary_key: bool = False) -> sa.Column[Any]:
    """The column of a field of a signal."""
    field = _SIGNAL_FIELDS[name]
    column_type = StoredText(name, field.max_length) if field.value_type is str else _COLUMN_TYPES[field.value_type]()
    return sa.Column(name, column_type, nullable=field.nullable, primary_key=primary_key)


def _signal_key(*, primary_key: bool = False) -> list[sa.Column[Any]]:
    """The columns that identify a signal."""
    return [_signal_column(name, primary_key=primary_key) for name in _KEY_COLUMNS]


def _signal_columns() -> list[sa.Column[Any]]:
    """What a candidate and the signal made from it share."""
    return [_signal_column(name) for name in _SHARED_COLUMNS]


def _signal_checks() -> list[sa.CheckConstraint]:
    """The checks of the key and of the shared columns: allowed values first, then bounds."""
    declared = [_SIGNAL_FIELDS[name] for name in ("signal_type", *_SHARED_COLUMNS)]
    allowed = [_allowed(field.name, *field.values) for field in declared if field.values]
    ranges = [_range(field.name, field.bounds) for field in declared if field.bounds]
    return [*allowed, *ranges]


# --- The schema itself ---

# One row: the revision that the database is at, and the oldest revision whose code still runs on it.
schema_compatibility = sa.Table(
    "schema_compatibility",
    metadata,
    _text("revision", 32, primary_key=True),
    _text("oldest_code", 32),
)

# --- Windows, and what each decided ---

window_run = sa.Table(
    "window_run",
    metadata,
    _instant("window_start", primary_key=True),
    _instant("window_end"),
    # The look-back of the decision: signals decided at or before this instant had expired.
    _instant("history_start"),
    _text("mode", 16),
    _text("model", MODEL_CHARACTERS),
    _json("knobs"),
    _json("funnel"),
    _json("near_misses"),
    _instant("decided_at"),
    _instant("updated_at"),
    # Symbols of the watchlist that the window was run with; NULL in rows from before revision 009.
    _json_or_null("watchlist"),
    _allowed_modes(),
    sa.CheckConstraint("history_start < window_end AND window_start < window_end", name="span"),
)

signal_candidate = sa.Table(
    "signal_candidate",
    metadata,
    *_signal_key(primary_key=True),
    *_signal_columns(),
    sa.ForeignKeyConstraint(["window_start"], ["window_run.window_start"], ondelete="CASCADE"),
    *_signal_checks(),
    sa.CheckConstraint("known_at < window_end", name="known"),
)

signal_history = sa.Table(
    "signal_history",
    metadata,
    _row_id(),
    *_signal_key(),
    *_signal_columns(),
    _signal_column("lifecycle"),
    _text("model", MODEL_CHARACTERS),
    _text("mode", 16),
    _signal_column("decided_at"),
    _signal_column("expires_at"),
    _instant("created_at"),
    sa.ForeignKeyConstraint(["window_start"], ["window_run.window_start"], ondelete="CASCADE"),
    sa.UniqueConstraint("window_start", "symbol", "signal_type"),
    sa.Index(None, "decided_at", "symbol"),
    sa.Index(None, "symbol", "decided_at"),
    *_signal_checks(),
    _allowed("lifecycle", *get_args(Lifecycle)),
    _allowed_modes(),
    sa.CheckConstraint("expires_at > decided_at", name="expiry"),
    sa.CheckConstraint("known_at <= decided_at", name="known"),
)

signal_outcome = sa.Table(
    "signal_outcome",
    metadata,
    *_signal_key(primary_key=True),
    sa.Column("horizon", sa.Integer(), primary_key=True, autoincrement=False),
    *(_signal_column(name) for name in ("decided_at", "combined_score", "confidence_score", "lifecycle")),
    _instant("entry_session"),
    _instant("exit_session"),
    _real("entry"),
    _real("exit"),
    _real("raw_return"),
    _real("benchmark_return"),
    _real("net_return"),
    _boolean("hit"),
    _real("base_rate"),
    _text("benchmark", 64),
    _instant("known_at"),
    # A signal that is derived again takes its outcomes with it: they are computed again from its new values.
    sa.ForeignKeyConstraint(
        ["window_start", "symbol", "signal_type"],
        ["signal_history.window_start", "signal_history.symbol", "signal_history.signal_type"],
        ondelete="CASCADE",
    ),
    sa.CheckConstraint("horizon > 0", name="horizon"),
)

# What a later run of a window decided whose digest had been sent: the other tables keep what readers were told.
window_revision = sa.Table(
    "window_revision",
    metadata,
    _instant("window_start", primary_key=True),
    sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
    _instant("made_at"),
    _text("mode", 16),
    _text("model", 200),
    _json("knobs"),
    _json("funnel"),
    _json("near_misses"),
    _json_or_null("watchlist"),
    _json("candidates"),
    _json("signals"),
    _text("digest", nullable=True),  # NULL until it was composed
    sa.ForeignKeyConstraint(["window_start"], ["window_run.window_start"], ondelete="CASCADE"),
    _allowed_modes(),
    sa.CheckConstraint("number >= 2", name="number"),
)

# --- What windows are computed from ---

coverage = sa.Table(
    "coverage",
    metadata,
    _instant("window_start", primary_key=True),
    _instant("window_end"),
    _text("status", 16),
    _integer("gap_minutes"),
    _json("content"),
    _instant("updated_at"),
    _allowed("status", "ok", "degraded", "failed"),
    sa.CheckConstraint("gap_minutes >= 0", name="gap"),
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
    # The event type of the text; NULL where the model has no event head.
    _text("event", nullable=True),
)

# --- Digests, their mails, and the readers' answers ---

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
    sa.UniqueConstraint("window_start", "mode"),
    _allowed("kind", "full", "quiet", "degraded", "failed"),
    _allowed_modes(),
)

delivery = sa.Table(
    "delivery",
    metadata,
    _row_id(),
    _instant("window_start"),
    _text("kind", 16),
    _text("mode", 16, nullable=True),  # the digest's; NULL where the mail reports that there is no digest
    _boolean("released"),
    _text("recipient", 320),
    _text("state", 16),
    _integer("attempts"),
    _text("message_id", 255),
    _text("detail"),  # why there is no digest; empty in a digest's mail
    _text("provider_id"),
    _text("last_error"),
    _instant("created_at"),
    _instant("next_attempt_at"),
    _instant("claimed_at", nullable=True),  # NULL where it certainly reached nobody
    _instant("sent_at", nullable=True),
    _instant("updated_at"),
    # Added by revision 011, and NULL in rows of releases before it; `core.digest.delivery.Mail` has their meaning.
    _text("reason", 16, nullable=True),
    _instant("cleared_at", nullable=True),
    _instant("notified_at", nullable=True),
    # Added by revision 014: what of the digest the mail shows; NULL for all of it.
    _text("edition", nullable=True),
    sa.ForeignKeyConstraint(["window_start", "mode"], ["digest.window_start", "digest.mode"]),
    sa.UniqueConstraint("window_start", "kind", "recipient"),
    sa.Index(None, "state", "next_attempt_at"),
    _allowed("kind", "digest", "failed"),
    _allowed("state", "pending", "sending", "sent", "failed", "unknown"),
    # Only a live digest is mailed automatically; any other must have been released by an operator.
    sa.CheckConstraint(
        "(kind = 'failed' AND mode IS NULL) OR (kind = 'digest' AND mode IS NOT NULL AND (mode = 'live' OR released))",
        name="live",
    ),
    sa.CheckConstraint("attempts >= 0", name="attempts"),
)

suppression = sa.Table(
    "suppression",
    metadata,
    _text("recipient", 320, primary_key=True),
    _text("reason", 16),
    _instant("created_at"),
    _allowed("reason", "unsubscribed", "bounced", "complaint"),
)

# What readers chose themselves by signed links; it counts before the readers file.
reader_choice = sa.Table(
    "reader_choice",
    metadata,
    _text("recipient", 320, primary_key=True),
    _text("edition", nullable=True),  # NULL for the whole digest
    _text("digests", 255),  # separated by commas; empty for every digest
    _boolean("subscribed"),  # by a confirmation link: no list needs to name the reader
    _instant("changed_at"),
)

feedback = sa.Table(
    "feedback",
    metadata,
    _row_id(),
    *_signal_key(),
    _text("recipient_hash", 64),
    _text("verdict", 16),
    _instant("created_at"),
    sa.UniqueConstraint("window_start", "symbol", "signal_type", "recipient_hash"),
    _allowed("signal_type", *get_args(SignalType)),
    _allowed("verdict", "useful", "not_useful"),
)

# --- News vendors: quotas, circuit breakers and the archive of live headlines ---

source_call = sa.Table(
    "source_call",
    metadata,
    _text("vendor", 64, primary_key=True),
    _date("day", primary_key=True),
    _integer("calls"),
    sa.CheckConstraint("calls >= 0", name="calls"),
)

source_state = sa.Table(
    "source_state",
    metadata,
    _text("vendor", 64, primary_key=True),
    _integer("failures"),  # consecutive ones
    _instant("open_until", nullable=True),  # no call before this instant: the circuit is open
    _text("detail"),
    _instant("updated_at"),
    sa.CheckConstraint("failures >= 0", name="failures"),
)

# One row per version of an item: an edited title is a version of its own, first seen when the edit was.
headline_item = sa.Table(
    "headline_item",
    metadata,
    _text("item_id", 64, primary_key=True),
    _text("version", 64, primary_key=True),
    _text("feed", 64),
    _instant("published_at", nullable=True),
    _instant("first_seen_at", nullable=True),  # NULL for what was there before the first collection
    _instant("known_at", nullable=True),
    _text("title", nullable=True),
    _text("url", nullable=True),
    _text("source", nullable=True),
    _text("summary", nullable=True),
    _json("tags"),
    sa.Index(None, "known_at"),
    sa.CheckConstraint("known_at >= first_seen_at AND known_at >= published_at", name="known"),
)

collection = sa.Table(
    "collection",
    metadata,
    _row_id(),
    _text("feed", 64),
    _instant("collected_at"),
    _instant("asked_from"),
    _instant("asked_to"),
    # The feed delivered everything that was published in [whole_from, whole_to]; NULL where it may have gaps.
    _instant("whole_from", nullable=True),
    _instant("whole_to", nullable=True),
    _text("status", 16),
    _integer("fetched"),
    # Neither stored nor left out for a reason; releases before revision 013 insert none.
    sa.Column("lost", sa.Integer(), nullable=False, server_default="0"),
    _integer("calls"),
    _text("detail"),
    sa.Index(None, "asked_to"),
    _allowed("status", "ok", "degraded", "failed"),
    sa.CheckConstraint("asked_from <= asked_to", name="asked"),
    sa.CheckConstraint("(whole_from IS NULL) = (whole_to IS NULL) AND whole_from <= whole_to", name="whole"),
    sa.CheckConstraint("fetched >= 0 AND calls >= 0", name="counts"),
)

# --- Daily bars ---

daily_bar = sa.Table(
    "daily_bar",
    metadata,
    _text("symbol", 32, primary_key=True),
    _date("session", primary_key=True),
    # Prices as traded that day: later splits and dividends are applied when read, as of the reader's instant.
    *_bar_values(),
    _text("source", 32),
    _instant("first_seen_at"),
    *_bar_checks(),
)

# A vendor's later value of a stored session: windows that end after first_seen_at use it, earlier ones the bar before.
bar_correction = sa.Table(
    "bar_correction",
    metadata,
    _text("symbol", 32, primary_key=True),
    _date("session", primary_key=True),
    _instant("first_seen_at", primary_key=True),
    *_bar_values(),
    _text("source", 32),
    *_bar_checks(),
)

corporate_action = sa.Table(
    "corporate_action",
    metadata,
    _text("symbol", 32, primary_key=True),
    _date("session", primary_key=True),  # the ex-date
    _text("kind", 16, primary_key=True),
    _real("value"),  # split: new shares per old one; dividend: currency per share
    _text("source", 32),
    _instant("first_seen_at"),
    _allowed("kind", "split", "dividend"),
    sa.CheckConstraint("value > 0", name="value"),
)

bar_reach = sa.Table(
    "bar_reach",
    metadata,
    _text("symbol", 32, primary_key=True),
    _date("asked_from"),  # the vendor was asked for sessions from this date on
    _instant("updated_at"),
)

# --- The earnings calendar ---

# What a source announced, and when that was first seen. A date that moves is a further row; none is ever changed.
earnings_date = sa.Table(
    "earnings_date",
    metadata,
    _text("symbol", 32, primary_key=True),
    _instant("first_seen_at", primary_key=True),
    sa.Column("day", sa.Date(), nullable=True),  # NULL where the source no longer listed a date
    _text("report_time", 16),
    _boolean("estimated"),
    _text("source", 32),
    _allowed("report_time", *(each.value for each in ReportTime)),
)

# One row per visit to the source: without a fresh answer about a company its next report is unknown.
earnings_visit = sa.Table(
    "earnings_visit",
    metadata,
    _row_id(),
    _text("source", 32),
    _instant("visited_at"),
    _json("answered"),  # symbols about which the source has answered
    _integer("calls"),
    _text("detail"),
    sa.Index(None, "visited_at"),
    sa.CheckConstraint("calls >= 0", name="calls"),
)
