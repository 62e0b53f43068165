"""Candidates that passed the gates, and the signals decided from them."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from signals_pipeline.adapters.stores.instants import UtcDateTime

revision = "002"
down_revision = "001"
branch_labels = None
depends_on = None


def signal_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("window_start", UtcDateTime(), nullable=False),
        sa.Column("symbol", sa.String(32), nullable=False),
        sa.Column("signal_type", sa.String(4), nullable=False),
        sa.Column("window_end", UtcDateTime(), nullable=False),
        sa.Column("combined_score", sa.Double(), nullable=False),
        sa.Column("tone", sa.Double(), nullable=False),
        sa.Column("confidence_score", sa.Double(), nullable=False),
        sa.Column("technical", sa.Double(), nullable=True),
        sa.Column("fresh", sa.Boolean(), nullable=False),
        sa.Column("fragile", sa.Boolean(), nullable=False),
        sa.Column("story_id", sa.String(64), nullable=False),
        sa.Column("news_title", sa.Text(), nullable=False),
        sa.Column("news_url", sa.Text(), nullable=False),
        sa.Column("contributions", sa.Text(), nullable=False),
        sa.Column("source", sa.String(32), nullable=False),
    ]


def signal_constraints(table: str) -> list[sa.Constraint]:
    checks = {
        "signal_type": "signal_type IN ('BUY', 'SELL')",
        "source": "source IN ('news_driven_ml', 'technical')",
        "combined_score": "combined_score BETWEEN -1.000000001 AND 1.000000001",
        "tone": "tone BETWEEN -1.000000001 AND 1.000000001",
        "confidence_score": "confidence_score BETWEEN -1e-09 AND 1.000000001",
        "technical": "technical BETWEEN -1.000000001 AND 1.000000001",
    }
    return [
        *(sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}")) for name, rule in checks.items()),
        sa.ForeignKeyConstraint(
            ["window_start"],
            ["window_run.window_start"],
            name=op.f(f"fk_{table}_window_start_window_run"),
            ondelete="CASCADE",
        ),
    ]


def upgrade() -> None:
    op.create_table(
        "signal_candidate",
        *signal_columns(),
        *signal_constraints("signal_candidate"),
        sa.PrimaryKeyConstraint("window_start", "symbol", "signal_type", name=op.f("pk_signal_candidate")),
    )
    op.create_table(
        "signal_history",
        sa.Column("id", sa.Integer(), nullable=False),
        *signal_columns(),
        sa.Column("lifecycle", sa.String(16), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("mode", sa.String(16), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        *signal_constraints("signal_history"),
        sa.CheckConstraint("lifecycle IN ('new', 'stronger', 'flipped')", name=op.f("ck_signal_history_lifecycle")),
        sa.CheckConstraint("mode IN ('live', 'catch_up', 'backfill', 'manual')", name=op.f("ck_signal_history_mode")),
        sa.CheckConstraint("expires_at > decided_at", name=op.f("ck_signal_history_expiry")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signal_history")),
        sa.UniqueConstraint(
            "window_start", "symbol", "signal_type", name=op.f("uq_signal_history_window_start_symbol_signal_type")
        ),
    )
    op.create_index(op.f("ix_signal_history_decided_at_symbol"), "signal_history", ["decided_at", "symbol"])
    op.create_index(op.f("ix_signal_history_symbol_decided_at"), "signal_history", ["symbol", "decided_at"])


def downgrade() -> None:
    op.drop_table("signal_history")
    op.drop_table("signal_candidate")
