"""`signals prepare` on a real PostgreSQL: Dagster's own tables are the writer's to write, and nobody's to change."""

from pathlib import Path
from uuid import uuid4

import dagster as dg
import pytest
import sqlalchemy as sa

from signals_pipeline.adapters.stores.digests import DigestRepository
from signals_pipeline.adapters.stores.engine import DatabaseError, engine_for, write_transaction
from signals_pipeline.adapters.stores.read_only import read_only_engine
from signals_pipeline.adapters.stores.roles import READER_RIGHTS, missing_rights
from signals_pipeline.cli.doctor.local import database
from signals_pipeline.cli.prepare import prepare
from signals_pipeline.core.windows import window_for_key
from signals_pipeline.settings import Settings
from signals_pipeline_tests.support.control_service import database_variables, home
from signals_pipeline_tests.support.databases import create_postgres
from signals_pipeline_tests.support.pipeline import TestPipeline

pytestmark = pytest.mark.postgres

WINDOW = window_for_key("2015-02-05-17:30")


def test_the_roles_that_it_makes_run_the_pipeline_and_its_dagster_instance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url, prefix = create_postgres(f"prepared_{uuid4().hex}"), f"p{uuid4().hex[:12]}"
    instance_home = home(tmp_path, url)
    for name, value in {**database_variables(url), "SIGNALS_RUN_TASK_DEFINITION": "run:1", "PGPASSWORD": "x"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SIGNALS_DATABASE_PASSWORD", "s")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    owner = Settings.checked(
        dagster_home=instance_home,
        signals_database_url=url,
        signals_database_roles=prefix,
        signals_writer_password="w",  # noqa: S106
        signals_reader_password="r",  # noqa: S106
    )
    for _ in range(2):
        prepare(owner)
        assert f"{prefix}_writer and {prefix}_reader have their rights" in capsys.readouterr().out

    def settings_as(role: str) -> Settings:
        role_url = sa.make_url(url).set(username=f"{prefix}_{role}").render_as_string()
        return Settings.checked(signals_database_url=role_url, dagster_home=instance_home)

    assert database(settings_as("writer")).status == "ok"
    monkeypatch.setenv("DAGSTER_DATABASE_USER", f"{prefix}_writer")
    with dg.DagsterInstance.from_config(str(instance_home)) as instance:
        instance.add_dynamic_partitions("some", ["one"])
        instance.event_log_storage.initialize_concurrency_limit_to_default("another")
        run = instance.create_run_for_job(dg.job(name="job")(_nothing))
        instance.report_engine_event("it wrote", run)
        assert instance.get_run_by_id(run.run_id)

    writer_url = settings_as("writer").database_url
    with TestPipeline.joined(tmp_path, "runs", signals_database_url=writer_url) as pipeline:
        assert pipeline.run([WINDOW]).success
    writer = engine_for(writer_url)
    for table in ("dagster.runs", "signal_history"):
        with pytest.raises(DatabaseError, match="must be owner"), write_transaction(writer) as connection:
            connection.execute(sa.text(f"DROP TABLE {table}"))
    writer.dispose()
    reader = read_only_engine(settings_as("reader").database_url)
    assert DigestRepository(reader).get(WINDOW.start) is not None
    assert missing_rights(reader, READER_RIGHTS) == {}
    reader.dispose()
    assert "has no right to DELETE, INSERT, UPDATE on dagster." in database(settings_as("reader")).text


def test_a_missing_password_is_said_before_anything_is_changed(tmp_path: Path) -> None:
    settings = Settings.checked(
        signals_database_url=f"sqlite:///{tmp_path / 'a.db'}",
        signals_database_roles="desk",
        signals_reader_password="r",  # noqa: S106
    )
    with pytest.raises(DatabaseError, match="needs SIGNALS_WRITER_PASSWORD"):
        prepare(settings)
    assert not (tmp_path / "a.db").exists()


def test_the_pages_read_with_the_password_of_the_reader() -> None:
    url = "postgresql+psycopg2://desk_reader@db.example/signals"
    settings = Settings.checked(signals_web_database_url=url, signals_reader_password="r@")  # noqa: S106
    assert settings.web_database_url == "postgresql+psycopg2://desk_reader:r%40@db.example/signals"
    assert Settings.checked(signals_database_url=url).web_database_url == url


def _nothing() -> None:
    """A job without ops."""
