"""The tables of what sources delivered and how they behaved: headlines, bars, corporate actions, calls, circuits."""

import sqlalchemy as sa

from signals_pipeline.adapters.database.columns import instant, json, metadata, one_of, real, text

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
