"""Which releases still run on the schema that a revision made: older code reads it before it refuses.

Every revision from this one on declares `oldest_code`: the oldest revision whose code still runs on its schema. A
revision may only add; one that drops or changes something waits until no host runs code that needs it.
"""

import sqlalchemy as sa
from alembic import op

revision = "012"
down_revision = "011"
branch_labels = None
depends_on = None

# The release with revision 010 does not read this table, and refuses what it does not know.
oldest_code = "011"


def upgrade() -> None:
    op.create_table(
        "schema_compatibility",
        sa.Column("revision", sa.String(32), nullable=False),
        sa.Column("oldest_code", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("revision", name=op.f("pk_schema_compatibility")),
    )


def downgrade() -> None:
    op.drop_table("schema_compatibility")
