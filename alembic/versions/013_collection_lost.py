"""Items that a visit to a live feed lost between the feed and the archive."""

import sqlalchemy as sa
from alembic import op

revision = "013"
down_revision = "012"
branch_labels = None
depends_on = None

# The code of the release before inserts visits without it.
oldest_code = "011"


def upgrade() -> None:
    op.add_column("collection", sa.Column("lost", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    with op.batch_alter_table("collection") as batch:
        batch.drop_column("lost")
