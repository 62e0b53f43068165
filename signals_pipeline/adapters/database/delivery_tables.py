"""The tables of what readers were sent and what they said: the outbox, suppressed recipients, feedback."""

import sqlalchemy as sa

from signals_pipeline.adapters.database.columns import instant, metadata, one_of, text

delivery = sa.Table(
    "delivery",
    metadata,
    sa.Column("id", sa.Integer(), primary_key=True),
    instant("window_start"),
    text("kind", 16),
    sa.Column("mode", sa.String(16), nullable=True),  # of the digest; none where the mail says that there is no digest
    sa.Column("released", sa.Boolean(), nullable=False),
    text("recipient", 320),
    text("state", 16),
    sa.Column("attempts", sa.Integer(), nullable=False),
    text("message_id", 255),
    text("detail"),  # why there is no digest
    text("provider_id"),
    text("last_error"),
    instant("created_at"),
    instant("next_attempt_at"),
    instant("claimed_at", nullable=True),
    instant("sent_at", nullable=True),
    instant("updated_at"),
    sa.ForeignKeyConstraint(["window_start", "mode"], ["digest.window_start", "digest.mode"]),
    sa.UniqueConstraint("window_start", "kind", "recipient"),
    sa.Index(None, "state", "next_attempt_at"),
    one_of("kind", "digest", "failed"),
    one_of("state", "pending", "sending", "sent", "failed", "unknown"),
    # Only a live digest may be mailed by itself; any other needs an operator who released it.
    sa.CheckConstraint(
        "(kind = 'failed' AND mode IS NULL) OR (kind = 'digest' AND mode IS NOT NULL AND (mode = 'live' OR released))",
        name="live",
    ),
    sa.CheckConstraint("attempts >= 0", name="attempts"),
)

suppression = sa.Table(
    "suppression",
    metadata,
    text("recipient", 320, primary_key=True),
    text("reason", 16),
    instant("created_at"),
    one_of("reason", "unsubscribed", "bounced", "complaint"),
)

feedback = sa.Table(
    "feedback",
    metadata,
    sa.Column("id", sa.Integer(), primary_key=True),
    instant("window_start"),
    text("symbol", 32),
    text("signal_type", 4),
    text("recipient_hash", 64),
    text("verdict", 16),
    instant("created_at"),
    sa.UniqueConstraint("window_start", "symbol", "signal_type", "recipient_hash"),
    one_of("signal_type", "BUY", "SELL"),
    one_of("verdict", "useful", "not_useful"),
)
