"""What of a digest each mail shows, and what readers chose themselves by signed links."""

import sqlalchemy as sa
from alembic import op

from signals_pipeline.adapters.stores.instants import UtcDateTime

revision = "014"
down_revision = "013"
branch_labels = None
depends_on = None

# The code of the release before puts in mails without an edition, which show everything.
oldest_code = "011"


def upgrade() -> None:
    op.add_column("delivery", sa.Column("edition", sa.Text(), nullable=True))
    op.create_table(
        "reader_choice",
        sa.Column("recipient", sa.String(320), nullable=False),
        sa.Column("edition", sa.Text(), nullable=True),
        sa.Column("digests", sa.String(255), nullable=False),
        sa.Column("subscribed", sa.Boolean(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("recipient", name=op.f("pk_reader_choice")),
    )


def downgrade() -> None:
    op.drop_table("reader_choice")
    # Not in batch mode: on SQLite that copies the table without its CHECK constraints.
    op.drop_column("delivery", "edition")
