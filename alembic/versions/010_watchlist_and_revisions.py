"""The watchlist that a window was run with, and the revisions of windows whose digest was sent."""

import sqlalchemy as sa
from alembic import op

revision = "010"
down_revision = "008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # NULL in rows from before this revision.
    with op.batch_alter_table("window_run") as batch:
        batch.add_column(sa.Column("watchlist", sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("window_run") as batch:
        batch.drop_column("watchlist")
