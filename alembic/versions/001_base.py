"""Windows that were run, the sentiment score cache, the coverage ledger and the quota ledger."""

import sqlalchemy as sa
from alembic import op

from signals_pipeline.adapters.stores.instants import UtcDateTime

revision = "001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "window_run",
        sa.Column("window_start", UtcDateTime(), nullable=False),
        sa.Column("window_end", UtcDateTime(), nullable=False),
        sa.Column("history_start", UtcDateTime(), nullable=False),
        sa.Column("mode", sa.String(16), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("knobs", sa.JSON(), nullable=False),
        sa.Column("funnel", sa.JSON(), nullable=False),
        sa.Column("near_misses", sa.JSON(), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("mode IN ('live', 'catch_up', 'backfill', 'manual')", name=op.f("ck_window_run_mode")),
        sa.CheckConstraint("history_start < window_end AND window_start < window_end", name=op.f("ck_window_run_span")),
        sa.PrimaryKeyConstraint("window_start", name=op.f("pk_window_run")),
    )
    op.create_table(
        "headline_score",
        sa.Column("text_hash", sa.String(64), nullable=False),
        sa.Column("model_revision", sa.String(200), nullable=False),
        sa.Column("negative", sa.Double(), nullable=False),
        sa.Column("neutral", sa.Double(), nullable=False),
        sa.Column("positive", sa.Double(), nullable=False),
        sa.Column("scored_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("text_hash", "model_revision", name=op.f("pk_headline_score")),
    )
    op.create_table(
        "coverage",
        sa.Column("window_start", UtcDateTime(), nullable=False),
        sa.Column("window_end", UtcDateTime(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("gap_minutes", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("status IN ('ok', 'degraded', 'failed')", name=op.f("ck_coverage_status")),
        sa.CheckConstraint("gap_minutes >= 0", name=op.f("ck_coverage_gap")),
        sa.PrimaryKeyConstraint("window_start", name=op.f("pk_coverage")),
    )
    op.create_table(
        "source_call",
        sa.Column("vendor", sa.String(64), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.CheckConstraint("calls >= 0", name=op.f("ck_source_call_calls")),
        sa.PrimaryKeyConstraint("vendor", "day", name=op.f("pk_source_call")),
    )


def downgrade() -> None:
    op.drop_table("source_call")
    op.drop_table("coverage")
    op.drop_table("headline_score")
    op.drop_table("window_run")
