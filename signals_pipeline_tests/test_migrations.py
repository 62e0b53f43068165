"""The revisions create the tables that the queries are written for, on both databases, up and down."""

import os
import subprocess
import sys
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.stores import migrations
from signals_pipeline.adapters.stores.engine import DatabaseError, engine_for, migration_transaction, write_transaction
from signals_pipeline.adapters.stores.outbox import Outbox
from signals_pipeline.adapters.stores.tables import metadata
from signals_pipeline_tests.support.databases import PROCESSES, database_url, empty_url, engine, store

__all__ = ["database_url", "empty_url", "engine", "store"]

ROOT = Path(__file__).parents[1]


def shape(engine: Engine) -> dict[str, Any]:
    """Everything that the database reports about our tables."""
    inspector = sa.inspect(engine)
    return {
        table: {
            "columns": [(each["name"], str(each["type"]), each["nullable"]) for each in inspector.get_columns(table)],
            "key": inspector.get_pk_constraint(table)["constrained_columns"],
            "checks": sorted((str(each["name"]), each["sqltext"]) for each in inspector.get_check_constraints(table)),
            "unique": sorted(
                (str(each["name"]), each["column_names"]) for each in inspector.get_unique_constraints(table)
            ),
            "indexes": sorted((str(each["name"]), each["column_names"]) for each in inspector.get_indexes(table)),
            "foreign": sorted(
                (str(each["name"]), each["constrained_columns"], each.get("options"))
                for each in inspector.get_foreign_keys(table)
            ),
        }
        for table in metadata.tables
    }


def ordered(columns: dict[str, Any]) -> dict[str, Any]:
    return {table: parts | {"columns": sorted(parts["columns"])} for table, parts in columns.items()}


def test_the_revisions_create_the_tables_of_the_queries(empty_url: str) -> None:
    migrations.check_tables_match(empty_url)


def test_a_difference_between_revisions_and_tables_is_named(empty_url: str) -> None:
    extra = sa.Table("forgotten", metadata, sa.Column("id", sa.Integer(), primary_key=True))
    try:
        with pytest.raises(DatabaseError, match=r"forgotten.*add a revision"):
            migrations.check_tables_match(empty_url)
    finally:
        metadata.remove(extra)


def test_the_revisions_create_the_constraints_of_the_tables(engine: Engine) -> None:
    migrated = ordered(shape(engine))
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE signals_alembic_version"))
    metadata.drop_all(engine)
    metadata.create_all(engine)
    assert ordered(shape(engine)) == migrated


def test_up_down_up_ends_where_it_began(empty_url: str) -> None:
    assert migrations.current(empty_url) is None
    assert migrations.upgrade(empty_url) == "015" == migrations.head()
    before = engine_for(empty_url)
    first = shape(before)
    before.dispose()
    for revision in ("011", "010", "008", "006", "005", "004", "003", "002", "001"):
        assert migrations.downgrade(empty_url, revision) == revision
    assert migrations.downgrade(empty_url, "base") is None
    left = engine_for(empty_url)
    assert sa.inspect(left).get_table_names() == ["signals_alembic_version"]
    left.dispose()
    assert migrations.upgrade(empty_url) == "015"
    after = engine_for(empty_url)
    assert shape(after) == first
    after.dispose()


def test_each_revision_adds_its_tables(empty_url: str) -> None:
    expected = {
        "001": {"window_run", "headline_score", "coverage", "source_call"},
        "002": {"signal_candidate", "signal_history"},
        "003": {"digest", "signal_outcome"},
        "004": {"source_state", "headline_item", "collection", "daily_bar", "corporate_action", "bar_reach"},
        "005": {"delivery", "suppression", "feedback"},
        "006": set(),
        "007": set(),
        "008": set(),
        "009": {"window_revision"},
        "010": {"bar_correction"},
        "011": set(),
        "012": {"schema_compatibility"},
        "013": set(),
        "014": {"reader_choice"},
        "015": {"earnings_date", "earnings_visit"},
    }
    tables = {"signals_alembic_version"}
    for revision, added in expected.items():
        migrations.upgrade(empty_url, revision)
        tables |= added
        opened = engine_for(empty_url)
        assert set(sa.inspect(opened).get_table_names()) == tables
        opened.dispose()


def test_rows_survive_going_to_an_older_revision_and_back(database_url: str) -> None:
    opened = engine_for(database_url)
    with write_transaction(opened) as connection:
        connection.execute(sa.text("INSERT INTO source_call (vendor, day, calls) VALUES ('newsapi', '2026-03-02', 7)"))
    migrations.downgrade(database_url, "001")
    migrations.upgrade(database_url)
    with opened.connect() as connection:
        assert connection.execute(sa.text("SELECT calls FROM source_call")).scalar_one() == 7
    opened.dispose()


def test_mails_of_the_release_before_get_their_reasons_and_are_still_written_by_it(empty_url: str) -> None:
    """Revision 011 reads the texts that told the reasons; the release before writes none of its columns."""
    migrations.upgrade(empty_url, "010")
    opened = engine_for(empty_url)
    texts = {
        "abandoned": ("failed", "abandoned by an operator"),
        "unsubscribed": ("failed", "not sent: this recipient has unsubscribed, or mail to it came back"),
        "lost": (
            "unknown",
            "the process that was sending it stopped without reporting a result: it may have arrived or not",
        ),
        "none": ("failed", "550 no such user"),
        "never tried": ("pending", ""),
    }
    at = "2026-03-02T14:00:00.000000+00:00"
    insert = sa.text(
        "INSERT INTO delivery (window_start, kind, released, recipient, state, attempts, message_id, detail,"
        " provider_id, last_error, created_at, next_attempt_at, updated_at)"
        " VALUES (:at, 'failed', false, :to, :state, 0, :to, '', '', :text, :at, :at, :at)"
    )
    with write_transaction(opened) as connection:
        for recipient, (state, text) in texts.items():
            connection.execute(insert, {"at": at, "to": recipient, "state": state, "text": text})
    migrations.upgrade(empty_url)
    with write_transaction(opened) as connection:
        connection.execute(insert, {"at": at, "to": "new", "state": "pending", "text": ""})
    mails = {mail.recipient: mail for mail in Outbox(opened).open()}
    assert set(mails) == {"lost", "none", "never tried", "new"}
    assert {name: mail.reason for name, mail in mails.items()} == {
        "lost": "lost", "none": None, "never tried": None, "new": None,
    }  # fmt: skip
    assert {name for name, mail in mails.items() if mail.cleared_at is not None} == {"lost", "none"}
    migrations.downgrade(empty_url, "010")
    migrations.upgrade(empty_url)
    assert {mail.recipient for mail in Outbox(opened).open()} == set(mails)
    opened.dispose()


def test_an_empty_database_is_refused(empty_url: str) -> None:
    with pytest.raises(DatabaseError, match="has no tables yet: run `signals migrate`"):
        migrations.require_head(engine_for(empty_url))


def test_an_older_revision_is_refused(empty_url: str) -> None:
    migrations.upgrade(empty_url, "001")
    with pytest.raises(DatabaseError, match="is at revision 001, this code needs 015: run `signals migrate`"):
        migrations.require_head(engine_for(empty_url))


def test_an_unknown_revision_is_refused_and_never_migrated(database_url: str) -> None:
    opened = engine_for(database_url)
    migrations.require_head(opened)
    with opened.begin() as connection:
        connection.execute(sa.text("UPDATE signals_alembic_version SET version_num = '099'"))
    for attempt in (
        lambda: migrations.require_head(opened),
        lambda: migrations.upgrade(database_url),
        lambda: migrations.downgrade(database_url, "base"),
    ):
        with pytest.raises(DatabaseError, match=r"revision 099, which this code .at 015. does not know.*newer"):
            attempt()
    assert migrations.current(database_url) == "099"
    opened.dispose()


def test_an_unknown_target_is_refused(database_url: str) -> None:
    with pytest.raises(DatabaseError, match="no revision '7'; this code has 001, 002, 003"):
        migrations.upgrade(database_url, "7")


def test_a_failing_upgrade_leaves_the_database_as_it_was(empty_url: str) -> None:
    opened = engine_for(empty_url)
    with opened.begin() as connection:
        connection.execute(sa.text("CREATE TABLE elsewhere (id INTEGER)"))
        connection.execute(sa.text("CREATE INDEX ix_signal_history_symbol_decided_at ON elsewhere (id)"))
    with pytest.raises(DatabaseError, match=r"ix_signal_history_symbol.*already exists; another application"):
        migrations.upgrade(empty_url)
    assert sa.inspect(opened).get_table_names() == ["elsewhere"]
    opened.dispose()


def upgraded(url: str, start: Barrier, results: "Queue[str | None]") -> None:
    start.wait()
    try:
        results.put(migrations.upgrade(url))
    except DatabaseError as error:
        results.put(str(error))


def test_two_processes_that_start_at_once_upgrade_once(empty_url: str) -> None:
    start, results = PROCESSES.Barrier(2), PROCESSES.Queue()
    workers = [PROCESSES.Process(target=upgraded, args=(empty_url, start, results)) for _ in range(2)]
    for worker in workers:
        worker.start()
    assert [results.get(timeout=60) for _ in workers] == ["015", "015"]
    for worker in workers:
        worker.join()


def test_alembic_itself_takes_the_url_from_its_command_line(empty_url: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "alembic", "-x", f"url={empty_url}", "upgrade", "002"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ran.returncode, migrations.current(empty_url)) == (0, "002"), ran.stderr


def test_alembic_itself_takes_the_url_from_the_settings(tmp_path: Path) -> None:
    empty_url = f"sqlite:///{tmp_path / 'a.db'}"
    ran = subprocess.run(
        [sys.executable, "-m", "alembic", "upgrade", "head"],
        cwd=ROOT, capture_output=True, text=True, check=False, env=os.environ | {"SIGNALS_DATABASE_URL": empty_url},
    )  # fmt: skip
    assert (ran.returncode, migrations.current(empty_url)) == (0, "015"), ran.stderr


def test_the_sql_can_be_printed_without_a_database() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "alembic", "-x", "url=postgresql+psycopg2://a@b/c", "upgrade", "head", "--sql"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert [name for name in metadata.tables if f"CREATE TABLE {name} (" not in ran.stdout] == []
    assert "TIMESTAMP WITH TIME ZONE" in ran.stdout


def test_missing_migrations_are_an_error_that_names_the_places_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "_CHECKOUT", tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DatabaseError, match="run from the repository, or install the package with `pip install -e`"):
        migrations.head()
    monkeypatch.chdir(ROOT)
    assert migrations.head() == "015"


def test_a_revision_that_violates_a_foreign_key_is_rolled_back(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    migrations.upgrade(url)
    opened = engine_for(url)
    orphan = (
        "INSERT INTO signal_candidate VALUES "
        "('2026', 'A', 'BUY', '2026', 0.5, 0.5, 0.9, NULL, 1, 0, '', '', '', '[]', 'technical', NULL, NULL, NULL)"
    )
    violated = pytest.raises(DatabaseError, match="rows that violate a foreign key")
    with violated, migration_transaction(opened) as connection:
        connection.exec_driver_sql(orphan)
    with opened.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM signal_candidate").scalar_one() == 0
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
    opened.dispose()


def test_the_check_creates_its_own_database_where_none_is_given() -> None:
    migrations.check_tables_match()
