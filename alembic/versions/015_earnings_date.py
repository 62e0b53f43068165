"""The earnings calendar: what was announced when, and each visit to its source."""

import sqlalchemy as sa
from alembic import op

from signals_pipeline.adapters.stores.instants import UtcDateTime

revision = "015"
down_revision = "014"
branch_labels = None
depends_on = None

# Only tables of its own, which the code of the release before neither reads nor writes.
oldest_code = "011"


def upgrade() -> None:
    op.create_table(
        "earnings_date",
        sa.Column("symbol", sa.String(32), nullable=False),
        sa.Column("first_seen_at", UtcDateTime(), nullable=False),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("report_time", sa.String(16), nullable=False),
        sa.Column("estimated", sa.Boolean(), nullable=False),
        sa.Column("source", sa.String(32), nullable=False),
        sa.CheckConstraint(
            "report_time IN ('before_open', 'after_close', 'unknown')", name=op.f("ck_earnings_date_report_time")
        ),
        sa.PrimaryKeyConstraint("symbol", "first_seen_at", name=op.f("pk_earnings_date")),
    )
    op.create_table(
        "earnings_visit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("visited_at", UtcDateTime(), nullable=False),
        sa.Column("answered", sa.JSON(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.CheckConstraint("calls >= 0", name=op.f("ck_earnings_visit_calls")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_earnings_visit")),
    )
    op.create_index(op.f("ix_earnings_visit_visited_at"), "earnings_visit", ["visited_at"])


def downgrade() -> None:
    op.drop_table("earnings_visit")
    op.drop_table("earnings_date")
