"""When the newest headline behind a signal became known, and that it was before the signal was decided."""

import sqlalchemy as sa
from alembic import op

from signals_pipeline.adapters.stores.instants import UtcDateTime

revision = "006"
down_revision = "005"
branch_labels = None
depends_on = None

# Rows from before this revision keep NULL: what they kept of a story is its weightiest headline, not its newest.
RULES = {"signal_candidate": "known_at < window_end", "signal_history": "known_at <= decided_at"}


def upgrade() -> None:
    for table, rule in RULES.items():
        with op.batch_alter_table(table) as batch:
            batch.add_column(sa.Column("known_at", UtcDateTime(), nullable=True))
            batch.create_check_constraint(op.f(f"ck_{table}_known"), rule)


def downgrade() -> None:
    for table in RULES:
        with op.batch_alter_table(table) as batch:
            batch.drop_constraint(op.f(f"ck_{table}_known"), type_="check")
            batch.drop_column("known_at")
