"""Event type of a signal's leading story, and how far the price had moved since its headline."""

import sqlalchemy as sa
from alembic import op

revision = "007"
down_revision = "006"
branch_labels = None
depends_on = None

# NULL in rows from before this revision, and where a signal rests on no story.
EVENTS = (
    *("results", "guidance", "rating", "mna", "legal", "product", "capital", "people", "price", "opinion", "macro"),
    "other",
)
TABLES = ("signal_candidate", "signal_history")


def upgrade() -> None:
    allowed = ", ".join(f"'{event}'" for event in EVENTS)
    for table in TABLES:
        with op.batch_alter_table(table) as batch:
            batch.add_column(sa.Column("event", sa.String(16), nullable=True))
            batch.add_column(sa.Column("reaction", sa.Double(), nullable=True))
            batch.create_check_constraint(op.f(f"ck_{table}_event"), f"event IN ({allowed})")


def downgrade() -> None:
    for table in TABLES:
        with op.batch_alter_table(table) as batch:
            batch.drop_constraint(op.f(f"ck_{table}_event"), type_="check")
            batch.drop_column("reaction")
            batch.drop_column("event")
