"""The outbox, which only live digests enter by themselves; suppressed recipients; and readers' feedback."""

import sqlalchemy as sa
from alembic import op

from signals_pipeline.adapters.stores.instants import UtcDateTime

revision = "005"
down_revision = "004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("digest") as batch:
        batch.create_unique_constraint(op.f("uq_digest_window_start_mode"), ["window_start", "mode"])
    _create_outbox()
    op.create_table(
        "suppression",
        sa.Column("recipient", sa.String(320), nullable=False),
        sa.Column("reason", sa.String(16), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("reason IN ('unsubscribed', 'bounced', 'complaint')", name=op.f("ck_suppression_reason")),
        sa.PrimaryKeyConstraint("recipient", name=op.f("pk_suppression")),
    )
    op.create_table(
        "feedback",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("window_start", UtcDateTime(), nullable=False),
        sa.Column("symbol", sa.String(32), nullable=False),
        sa.Column("signal_type", sa.String(4), nullable=False),
        sa.Column("recipient_hash", sa.String(64), nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("signal_type IN ('BUY', 'SELL')", name=op.f("ck_feedback_signal_type")),
        sa.CheckConstraint("verdict IN ('useful', 'not_useful')", name=op.f("ck_feedback_verdict")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback")),
        sa.UniqueConstraint(
            "window_start",
            "symbol",
            "signal_type",
            "recipient_hash",
            name=op.f("uq_feedback_window_start_symbol_signal_type_recipient_hash"),
        ),
    )


def downgrade() -> None:
    for table in ("feedback", "suppression", "delivery"):
        op.drop_table(table)
    with op.batch_alter_table("digest") as batch:
        batch.drop_constraint(op.f("uq_digest_window_start_mode"), type_="unique")


def _create_outbox() -> None:
    op.create_table(
        "delivery",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("window_start", UtcDateTime(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("mode", sa.String(16), nullable=True),
        sa.Column("released", sa.Boolean(), nullable=False),
        sa.Column("recipient", sa.String(320), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.String(255), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("next_attempt_at", UtcDateTime(), nullable=False),
        sa.Column("claimed_at", UtcDateTime(), nullable=True),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "state IN ('pending', 'sending', 'sent', 'failed', 'unknown')", name=op.f("ck_delivery_state")
        ),
        sa.CheckConstraint("kind IN ('digest', 'failed')", name=op.f("ck_delivery_kind")),
        sa.CheckConstraint(
            "(kind = 'failed' AND mode IS NULL)"
            " OR (kind = 'digest' AND mode IS NOT NULL AND (mode = 'live' OR released))",
            name=op.f("ck_delivery_live"),
        ),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_delivery_attempts")),
        sa.ForeignKeyConstraint(
            ["window_start", "mode"],
            ["digest.window_start", "digest.mode"],
            name=op.f("fk_delivery_window_start_digest"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
        sa.UniqueConstraint("window_start", "kind", "recipient", name=op.f("uq_delivery_window_start_kind_recipient")),
    )
    op.create_index(op.f("ix_delivery_state_next_attempt_at"), "delivery", ["state", "next_attempt_at"])
