"""Sites for the tests of pages and API."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from signals_pipeline_tests.support.databases import database_url, migrated_template, store
from signals_pipeline_tests.support.web_site import fill, site

__all__ = ["database_url", "store"]


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A SQLite database at head, without rows."""
    return f"sqlite:///{shutil.copy(migrated_template('sqlite'), tmp_path / 'signals.db')}"


@pytest.fixture(scope="module")
def filled_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A SQLite database with the rows of `fill`; only read it."""
    path = tmp_path_factory.mktemp("site") / "signals.db"
    url = f"sqlite:///{shutil.copy(migrated_template('sqlite'), path)}"
    fill(url)
    return url


@pytest.fixture(scope="module")
def client(filled_url: str) -> Iterator[TestClient]:
    """A client of the site over those rows."""
    with site(filled_url) as opened:
        yield opened
