"""What sources delivered: headlines with their edits, collections, bars as traded; and their circuit breakers."""

import sqlalchemy as sa
from alembic import op

from signals_pipeline.adapters.stores.instants import UtcDateTime

revision = "004"
down_revision = "003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "source_state",
        sa.Column("vendor", sa.String(64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("open_until", UtcDateTime(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("failures >= 0", name=op.f("ck_source_state_failures")),
        sa.PrimaryKeyConstraint("vendor", name=op.f("pk_source_state")),
    )
    _create_headlines()
    _create_prices()


def downgrade() -> None:
    for table in ("bar_reach", "corporate_action", "daily_bar", "collection", "headline_item", "source_state"):
        op.drop_table(table)


def _create_headlines() -> None:
    op.create_table(
        "headline_item",
        sa.Column("item_id", sa.String(64), nullable=False),
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("feed", sa.String(64), nullable=False),
        sa.Column("published_at", UtcDateTime(), nullable=True),
        sa.Column("first_seen_at", UtcDateTime(), nullable=True),
        sa.Column("known_at", UtcDateTime(), nullable=True),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("summary", sa.Text(), nullable=True),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.CheckConstraint(
            "known_at >= first_seen_at AND known_at >= published_at", name=op.f("ck_headline_item_known")
        ),
        sa.PrimaryKeyConstraint("item_id", "version", name=op.f("pk_headline_item")),
    )
    op.create_index(op.f("ix_headline_item_known_at"), "headline_item", ["known_at"])
    op.create_table(
        "collection",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("feed", sa.String(64), nullable=False),
        sa.Column("collected_at", UtcDateTime(), nullable=False),
        sa.Column("asked_from", UtcDateTime(), nullable=False),
        sa.Column("asked_to", UtcDateTime(), nullable=False),
        sa.Column("whole_from", UtcDateTime(), nullable=True),
        sa.Column("whole_to", UtcDateTime(), nullable=True),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("fetched", sa.Integer(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.CheckConstraint("status IN ('ok', 'degraded', 'failed')", name=op.f("ck_collection_status")),
        sa.CheckConstraint("asked_from <= asked_to", name=op.f("ck_collection_asked")),
        sa.CheckConstraint(
            "(whole_from IS NULL) = (whole_to IS NULL) AND whole_from <= whole_to", name=op.f("ck_collection_whole")
        ),
        sa.CheckConstraint("fetched >= 0 AND calls >= 0", name=op.f("ck_collection_counts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_collection")),
    )
    op.create_index(op.f("ix_collection_asked_to"), "collection", ["asked_to"])


def _create_prices() -> None:
    op.create_table(
        "daily_bar",
        sa.Column("symbol", sa.String(32), nullable=False),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("open", sa.Double(), nullable=False),
        sa.Column("high", sa.Double(), nullable=False),
        sa.Column("low", sa.Double(), nullable=False),
        sa.Column("close", sa.Double(), nullable=False),
        sa.Column("volume", sa.Double(), nullable=False),
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("first_seen_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("low > 0 AND low <= high", name=op.f("ck_daily_bar_prices")),
        sa.CheckConstraint("volume >= 0", name=op.f("ck_daily_bar_volume")),
        sa.PrimaryKeyConstraint("symbol", "session", name=op.f("pk_daily_bar")),
    )
    op.create_table(
        "corporate_action",
        sa.Column("symbol", sa.String(32), nullable=False),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("first_seen_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("kind IN ('split', 'dividend')", name=op.f("ck_corporate_action_kind")),
        sa.CheckConstraint("value > 0", name=op.f("ck_corporate_action_value")),
        sa.PrimaryKeyConstraint("symbol", "session", "kind", name=op.f("pk_corporate_action")),
    )
    op.create_table(
        "bar_reach",
        sa.Column("symbol", sa.String(32), nullable=False),
        sa.Column("asked_from", sa.Date(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("symbol", name=op.f("pk_bar_reach")),
    )
