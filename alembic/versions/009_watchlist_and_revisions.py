"""The watchlist that a window was run with, and the revisions of windows whose digest was sent."""

import sqlalchemy as sa
from alembic import op

from signals_pipeline.adapters.stores.instants import UtcDateTime

revision = "009"
down_revision = "008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # NULL in rows from before this revision.
    with op.batch_alter_table("window_run") as batch:
        batch.add_column(sa.Column("watchlist", sa.JSON(none_as_null=True), nullable=True))
    op.create_table(
        "window_revision",
        sa.Column("window_start", UtcDateTime(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("mode", sa.String(16), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("knobs", sa.JSON(), nullable=False),
        sa.Column("funnel", sa.JSON(), nullable=False),
        sa.Column("near_misses", sa.JSON(), nullable=False),
        sa.Column("watchlist", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("candidates", sa.JSON(), nullable=False),
        sa.Column("signals", sa.JSON(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=True),
        sa.CheckConstraint("mode IN ('live', 'catch_up', 'backfill', 'manual')", name=op.f("ck_window_revision_mode")),
        sa.CheckConstraint("number >= 2", name=op.f("ck_window_revision_number")),
        sa.ForeignKeyConstraint(
            ["window_start"],
            ["window_run.window_start"],
            name=op.f("fk_window_revision_window_start_window_run"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("window_start", "number", name=op.f("pk_window_revision")),
    )


def downgrade() -> None:
    op.drop_table("window_revision")
    with op.batch_alter_table("window_run") as batch:
        batch.drop_column("watchlist")
