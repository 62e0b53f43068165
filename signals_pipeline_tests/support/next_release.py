"""A release after this one: a copy of the migrations with one more revision, as another host would run it."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from signals_pipeline.adapters.stores import migrations

REVISION = "900"

EXPANDING = """
    op.add_column("digest", sa.Column("mood", sa.String(16), nullable=True))
    op.add_column("signal_history", sa.Column("weight", sa.Double(), nullable=False, server_default="1"))
    op.create_index("ix_coverage_status", "coverage", ["status"])
    op.create_table("desk", sa.Column("name", sa.String(16), primary_key=True))
"""
"""What a revision may do: the release before runs on its schema."""

_TEMPLATE = '''"""A revision of the next release."""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{head}"
branch_labels = None
depends_on = None
oldest_code = "{oldest_code}"


def upgrade() -> None:
    {body}


def downgrade() -> None:
    pass
'''


def write_next_release(folder: Path, *, body: str = EXPANDING, oldest_code: str | None = None) -> Path:
    """Write a checkout's migrations into a folder: those of this one and a revision with these operations."""
    head = migrations.head()
    shutil.copytree(Path(migrations.__file__).parents[3] / "alembic", folder / "alembic")
    text = _TEMPLATE.format(revision=REVISION, head=head, oldest_code=oldest_code or head, body=body.strip())
    (folder / "alembic" / "versions" / f"{REVISION}_next.py").write_text(text)
    return folder


@contextmanager
def as_release(folder: Path) -> Iterator[None]:
    """This process's migrations are those of the checkout in a folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migrations, "_CHECKOUT", folder)
        yield


def upgrade_as(folder: Path, url: str) -> str | None:
    """Upgrade a database with the migrations of the checkout in a folder."""
    with as_release(folder):
        return migrations.upgrade(url)


if __name__ == "__main__":
    # The process of another host: FOLDER URL.
    sys.stdout.write(f"{upgrade_as(Path(sys.argv[1]), sys.argv[2])}\n")
