"""The code of the release before this one, out of the repository's history.

It is that of the newest tag `v*`; without one, of the commit that `deploy/last-release` names.
"""

import io
import re
import subprocess
import tarfile
from pathlib import Path

import pytest

from signals_pipeline.adapters.aws.files import repository

PARTS = ("signals_pipeline", "alembic", "pyproject.toml", "deploy/stack.yaml")
"""What of a checkout runs."""


def last_release() -> str:
    """The commit of the release before; a shallow clone, which does not have it, leaves the test out and says so."""
    tags = _git("tag", "--list", "v*", "--sort=-version:refname").decode().split()
    name = tags[0] if tags else (repository() / "deploy" / "last-release").read_text(encoding="utf-8").strip()
    if not _git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"):
        pytest.skip(f"this clone does not have the last release, {name}: git fetch --unshallow --tags")
    return name


def export(commit: str, folder: Path) -> Path:
    """Write a commit's code into a folder."""
    archive = _git("archive", "--format=tar", commit, *PARTS)
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
    return folder


def schema_of(folder: Path) -> str:
    """The revision that a checkout's code was written for: the newest of its migrations."""
    names = [path.name for path in (folder / "alembic" / "versions").glob("*.py")]
    return max(found[1] for name in names if (found := re.match(r"(\d{3})_", name)))


def _git(*arguments: str) -> bytes:
    """What git prints; empty where it refuses."""
    return subprocess.run(["git", *arguments], cwd=repository(), capture_output=True, check=False).stdout
