"""Why a mail is in its state, whether its window's checks let it go, and when an operator was told of it.

Every column may be NULL: the release before writes none of them.
"""

import sqlalchemy as sa
from alembic import op

from signals_pipeline.adapters.stores.instants import UtcDateTime

revision = "011"
down_revision = "010"
branch_labels = None
depends_on = None

# What releases up to revision 010 wrote into `last_error`; they still look for the first two.
_REASON_BY_ERROR = {
    "abandoned by an operator": "abandoned",
    "not sent: this recipient has unsubscribed, or mail to it came back": "unsubscribed",
    "the process that was sending it stopped without reporting a result: it may have arrived or not": "lost",
}


def upgrade() -> None:
    op.add_column("delivery", sa.Column("reason", sa.String(16), nullable=True))
    op.add_column("delivery", sa.Column("cleared_at", UtcDateTime(), nullable=True))
    op.add_column("delivery", sa.Column("notified_at", UtcDateTime(), nullable=True))

    delivery = sa.table(
        "delivery",
        sa.column("state", sa.String()),
        sa.column("attempts", sa.Integer()),
        sa.column("last_error", sa.String()),
        sa.column("reason", sa.String()),
        sa.column("cleared_at", UtcDateTime()),
        sa.column("updated_at", UtcDateTime()),
    )
    for error, reason in _REASON_BY_ERROR.items():
        undelivered = sa.and_(delivery.c.state.in_(["failed", "unknown"]), delivery.c.last_error == error)
        op.execute(sa.update(delivery).where(undelivered).values(reason=reason))
    # An attempt followed the checks. A mail that was never tried may be one that they held back.
    was_tried = sa.or_(delivery.c.state != "pending", delivery.c.attempts > 0)
    op.execute(sa.update(delivery).where(was_tried).values(cleared_at=delivery.c.updated_at))


def downgrade() -> None:
    # Not in batch mode: on SQLite that copies the table without its CHECK constraints.
    for column in ("notified_at", "cleared_at", "reason"):
        op.drop_column("delivery", column)
