"""Digests as they were composed, and the outcomes of signals."""

import sqlalchemy as sa
from alembic import op

from signals_pipeline.adapters.stores.instants import UtcDateTime

revision = "003"
down_revision = "002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "digest",
        sa.Column("window_start", UtcDateTime(), nullable=False),
        sa.Column("window_end", UtcDateTime(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("mode", sa.String(16), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("kind IN ('full', 'quiet', 'degraded', 'failed')", name=op.f("ck_digest_kind")),
        sa.CheckConstraint("mode IN ('live', 'catch_up', 'backfill', 'manual')", name=op.f("ck_digest_mode")),
        sa.PrimaryKeyConstraint("window_start", name=op.f("pk_digest")),
    )
    op.create_table(
        "signal_outcome",
        sa.Column("window_start", UtcDateTime(), nullable=False),
        sa.Column("symbol", sa.String(32), nullable=False),
        sa.Column("signal_type", sa.String(4), nullable=False),
        sa.Column("horizon", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=False),
        sa.Column("combined_score", sa.Double(), nullable=False),
        sa.Column("confidence_score", sa.Double(), nullable=False),
        sa.Column("lifecycle", sa.String(16), nullable=False),
        sa.Column("entry_session", UtcDateTime(), nullable=False),
        sa.Column("exit_session", UtcDateTime(), nullable=False),
        sa.Column("entry", sa.Double(), nullable=False),
        sa.Column("exit", sa.Double(), nullable=False),
        sa.Column("raw_return", sa.Double(), nullable=False),
        sa.Column("benchmark_return", sa.Double(), nullable=False),
        sa.Column("net_return", sa.Double(), nullable=False),
        sa.Column("hit", sa.Boolean(), nullable=False),
        sa.Column("base_rate", sa.Double(), nullable=False),
        sa.Column("benchmark", sa.String(64), nullable=False),
        sa.Column("known_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("horizon > 0", name=op.f("ck_signal_outcome_horizon")),
        sa.ForeignKeyConstraint(
            ["window_start", "symbol", "signal_type"],
            ["signal_history.window_start", "signal_history.symbol", "signal_history.signal_type"],
            name=op.f("fk_signal_outcome_window_start_signal_history"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("window_start", "symbol", "signal_type", "horizon", name=op.f("pk_signal_outcome")),
    )


def downgrade() -> None:
    op.drop_table("signal_outcome")
    op.drop_table("digest")
