"""What a vendor says later about a stored session's bar."""

import sqlalchemy as sa
from alembic import op

from signals_pipeline.adapters.stores.instants import UtcDateTime

revision = "010"
down_revision = "009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bar_correction",
        sa.Column("symbol", sa.String(32), nullable=False),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("first_seen_at", UtcDateTime(), nullable=False),
        sa.Column("open", sa.Double(), nullable=False),
        sa.Column("high", sa.Double(), nullable=False),
        sa.Column("low", sa.Double(), nullable=False),
        sa.Column("close", sa.Double(), nullable=False),
        sa.Column("volume", sa.Double(), nullable=False),
        sa.Column("source", sa.String(32), nullable=False),
        sa.CheckConstraint("low > 0 AND low <= high", name=op.f("ck_bar_correction_prices")),
        sa.CheckConstraint("volume >= 0", name=op.f("ck_bar_correction_volume")),
        sa.PrimaryKeyConstraint("symbol", "session", "first_seen_at", name=op.f("pk_bar_correction")),
    )


def downgrade() -> None:
    op.drop_table("bar_correction")
