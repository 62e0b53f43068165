"""The event type that a model gives a text, beside its logits."""

import sqlalchemy as sa
from alembic import op

revision = "007"
down_revision = "006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # NULL in rows from before this revision, and in those of models without an event head.
    with op.batch_alter_table("headline_score") as batch:
        batch.add_column(sa.Column("event", sa.Text(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("headline_score") as batch:
        batch.drop_column("event")
