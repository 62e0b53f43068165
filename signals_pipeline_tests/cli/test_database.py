"""A run prepares its own database, and never upgrades one that other hosts use."""

from pathlib import Path
from uuid import uuid4

import pytest

from signals_pipeline.adapters.stores import migrations
from signals_pipeline.adapters.stores.engine import DatabaseError
from signals_pipeline.cli.database import prepare_database
from signals_pipeline.settings import Settings
from signals_pipeline.settings.choices import Deployment
from signals_pipeline.settings.strategy import SettingsError
from signals_pipeline_tests.support.databases import create_postgres
from signals_pipeline_tests.support.next_release import REVISION, as_release, write_next_release

HEAD = migrations.head()
BEFORE = migrations.known_revisions()[-2]


def settings(url: str, deployment: Deployment, folder: Path) -> Settings:
    return Settings.checked(
        _env_file=None,
        signals_database_url=url,
        signals_deployment=deployment,
        signals_data_dir=folder,
        signals_database_wait_seconds=0,
    )


def database(store: str, folder: Path, revision: str | None) -> str:
    url = f"sqlite:///{folder / 'signals.db'}" if store == "sqlite" else create_postgres(f"runs_{uuid4().hex}")
    if revision is not None:
        migrations.upgrade(url, revision)
    return url


@pytest.mark.parametrize("deployment", [Deployment.LOCAL, Deployment.PRODUCTION])
@pytest.mark.postgres
def test_a_run_does_not_upgrade_a_server_that_an_older_release_uses(tmp_path: Path, deployment: Deployment) -> None:
    """Also from a laptop that calls itself local and has production's URL."""
    url = database("postgresql", tmp_path, BEFORE)
    with pytest.raises(
        DatabaseError, match=f"is at revision {BEFORE}, this code needs {HEAD}: a run does not"
    ) as caught:
        prepare_database(settings(url, deployment, tmp_path))
    assert "`signals migrate`, or in production release this code" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert migrations.current(url) == BEFORE


@pytest.mark.postgres
def test_in_production_a_run_does_not_make_the_tables_either(tmp_path: Path) -> None:
    url = database("postgresql", tmp_path, None)
    with pytest.raises(DatabaseError, match=f"has no tables yet, this code needs {HEAD}: a run does not upgrade"):
        prepare_database(settings(url, Deployment.PRODUCTION, tmp_path))
    assert migrations.current(url) is None
    prepare_database(settings(url, Deployment.LOCAL, tmp_path))  # the first run on an empty database of one's own
    assert migrations.current(url) == HEAD


@pytest.mark.parametrize("revision", [None, BEFORE, HEAD])
def test_a_file_is_upgraded_before_a_run(tmp_path: Path, revision: str | None) -> None:
    url = database("sqlite", tmp_path, revision)
    prepare_database(settings(url, Deployment.LOCAL, tmp_path))
    assert migrations.current(url) == HEAD


@pytest.mark.postgres
def test_a_run_of_the_release_before_goes_on_on_the_schema_of_the_next(tmp_path: Path) -> None:
    url = database("postgresql", tmp_path, None)
    with as_release(write_next_release(tmp_path / "next")):
        migrations.upgrade(url)
    prepare_database(settings(url, Deployment.PRODUCTION, tmp_path))
    assert migrations.current(url) == REVISION


def test_production_without_a_database_is_refused_in_one_line(tmp_path: Path) -> None:
    bare = Settings.checked(_env_file=None, signals_deployment="production", signals_data_dir=tmp_path)
    with pytest.raises(
        SettingsError, match=r"^SIGNALS_DATABASE_URL: SIGNALS_DEPLOYMENT=production needs one; .*--stack"
    ):
        prepare_database(bare)
    assert list(tmp_path.iterdir()) == []
