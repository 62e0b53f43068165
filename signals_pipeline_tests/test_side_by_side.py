"""Two releases side by side: code runs on the schema of the release after it, says so, and neither harms the other."""

import json
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from signals_pipeline.adapters.stores import migrations
from signals_pipeline.adapters.stores.engine import DatabaseError, engine_for, migration_transaction, write_transaction
from signals_pipeline.adapters.stores.tables import metadata
from signals_pipeline.cli.commands.migrate import migrate
from signals_pipeline.cli.doctor.local import database as probe_database
from signals_pipeline.core.digest.model import Digest
from signals_pipeline.defs.resources import open_store
from signals_pipeline.settings import Settings
from signals_pipeline_tests.support.databases import new_database
from signals_pipeline_tests.support.next_release import (
    REVISION,
    as_release,
    upgrade_as,
    write_next_release,
)
from signals_pipeline_tests.support.pipeline import SAMPLE_WINDOWS, TestPipeline
from signals_pipeline_tests.support.schema_changes import breaking_changes, described

WINDOWS = SAMPLE_WINDOWS[6:9]
HEAD = migrations.head()
NOTICE = (
    f"the database is at revision {REVISION}, newer than this release ({HEAD}); it declares itself compatible:"
    " update this host"
)
CONTENT = ("signal_candidate", "signal_history", "signal_outcome", "window_run", "coverage", "digest", "headline_score")


def execute(url: str, *statements: str) -> None:
    engine = engine_for(url)
    with write_transaction(engine) as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    engine.dispose()


def scalar(url: str, query: str) -> Any:
    engine = engine_for(url)
    with engine.connect() as connection:
        value = connection.execute(sa.text(query)).scalar_one()
    engine.dispose()
    return value


# --- What a revision may do ---


@pytest.mark.parametrize("revision", [each for each in migrations.known_revisions() if each >= "010"])
def test_a_revision_only_adds_what_the_code_before_it_can_live_with(empty_url: str, revision: str) -> None:
    known = migrations.known_revisions()
    migrations.upgrade(empty_url, known[known.index(revision) - 1])
    engine = engine_for(empty_url)
    before = described(engine)
    migrations.upgrade(empty_url, revision)
    assert breaking_changes(before, described(engine)) == []
    engine.dispose()


@pytest.mark.parametrize(
    ("body", "change"),
    [
        ('op.drop_column("digest", "subject")', "digest.subject: dropped or renamed"),
        ('op.rename_table("feedback", "rating")', "feedback: dropped or renamed"),
        ('op.alter_column("digest", "subject", new_column_name="title")', "digest.subject: dropped or renamed"),
        (
            'op.alter_column("source_call", "calls", type_=sa.BigInteger())',
            "source_call.calls: INTEGER became BIGINT",
        ),
        ('op.alter_column("headline_item", "url", nullable=False)', "headline_item.url: NULL is refused now"),
        (
            'op.add_column("digest", sa.Column("mood", sa.String(16), nullable=False))',
            "digest.mood: added NOT NULL without a default",
        ),
        ('op.create_check_constraint("ck_calls_few", "source_call", "calls < 9")', "source_call: its checks differ"),
        ('op.create_unique_constraint("uq_feed", "collection", ["feed"])', "collection: its unique differ"),
        ('op.drop_constraint("uq_digest_window_start_mode", "digest")', "digest: its unique differ"),
    ],
)
@pytest.mark.postgres
def test_a_revision_that_breaks_the_code_before_it_is_found(tmp_path: Path, body: str, change: str) -> None:
    url = new_database("postgresql", tmp_path)
    engine = engine_for(url)
    before = described(engine)
    if "uq_digest" in body:
        execute(url, "ALTER TABLE delivery DROP CONSTRAINT fk_delivery_window_start_digest")
        before = described(engine)
    upgrade_as(write_next_release(tmp_path / "next", body=body), url)
    assert change in breaking_changes(before, described(engine))
    engine.dispose()


def test_every_revision_declares_the_oldest_code_that_runs_on_it_and_the_database_tells_it(empty_url: str) -> None:
    """The code of the revision before runs on it, too: hosts are updated one after the other."""
    known = migrations.known_revisions()
    for before, revision in pairwise(known):
        if revision < "012":
            continue
        migrations.upgrade(empty_url, revision)
        declared = scalar(empty_url, "SELECT oldest_code FROM schema_compatibility")
        assert scalar(empty_url, "SELECT revision FROM schema_compatibility") == revision
        assert declared in known
        assert declared <= before
    migrations.downgrade(empty_url, "011")
    assert "schema_compatibility" not in sa.inspect(engine_for(empty_url)).get_table_names()


# --- What older code says and does ---


def settings_for(url: str, folder: Path) -> Settings:
    return Settings.checked(signals_data_dir=folder / "data", signals_database_url=url, _env_file=None)


def test_a_newer_schema_that_is_compatible_is_used_named_and_never_changed(
    database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = engine_for(database_url)
    own = described(engine)
    assert upgrade_as(write_next_release(tmp_path / "next"), database_url) == REVISION
    before = described(engine)
    assert breaking_changes(own, before) == []  # as the rule asks of the next revision

    assert migrations.require_head(engine).notice == NOTICE
    assert caplog.messages == [NOTICE]
    assert migrations.upgrade(database_url) == REVISION
    with pytest.raises(DatabaseError, match="update this host; only its own code can take it back to base"):
        migrations.downgrade(database_url, "base")
    with migration_transaction(engine) as connection:
        assert not migrations.prepare(connection)  # upgraded by another host after this one had looked
    assert open_store(database_url).digests.newest() is None

    result = probe_database(settings_for(database_url, tmp_path))
    assert (result.status, result.remedy) == ("warn", "deploy the newer release here")
    assert result.text == f"{engine.dialect.name}: {NOTICE}"
    monkeypatch.setenv("SIGNALS_DATABASE_URL", database_url)
    for words in (["--check"], []):
        output = CliRunner().invoke(migrate, words, catch_exceptions=False).output
        assert NOTICE in output.splitlines()
        assert "upgrades it" not in output
    assert described(engine) == before
    assert migrations.current(database_url) == REVISION
    engine.dispose()


@pytest.mark.parametrize("declared", ["900", None])
def test_a_newer_schema_that_needs_newer_code_is_refused_in_one_line_and_never_changed(
    database_url: str, tmp_path: Path, declared: str | None
) -> None:
    upgrade_as(write_next_release(tmp_path / "next", oldest_code="900"), database_url)
    if declared is None:
        execute(database_url, "DELETE FROM schema_compatibility")
    engine = engine_for(database_url)
    before = described(engine)
    needed = "newer code made it, and it needs code at 900 or newer;" if declared else "newer code made it;"
    for attempt in (
        lambda: migrations.require_head(engine),
        lambda: migrations.upgrade(database_url),
        lambda: migrations.downgrade(database_url, "base"),
        lambda: open_store(database_url),
        lambda: probe_database(settings_for(database_url, tmp_path)),
    ):
        with pytest.raises(DatabaseError, match=rf"at revision 900, which this code \(at {HEAD}\) does not know") as no:
            attempt()
        assert needed in str(no.value)
        assert "\n" not in str(no.value)
    assert described(engine) == before
    engine.dispose()


def test_the_next_release_itself_reads_its_own_declaration_as_its_own(database_url: str, tmp_path: Path) -> None:
    folder = write_next_release(tmp_path / "next")
    upgrade_as(folder, database_url)
    with as_release(folder):
        version = migrations.schema_version(engine_for(database_url))
    assert (version.revision, version.oldest_code, version.notice) == (REVISION, HEAD, "")


# --- Two hosts at work ---


@pytest.mark.postgres
def test_two_hosts_of_two_releases_work_on_one_database_and_neither_harms_the_other(tmp_path: Path) -> None:
    """This release runs windows while another host upgrades the database and writes what only it knows."""
    database_url = new_database("postgresql", tmp_path)
    with TestPipeline.open(tmp_path / "alone") as alone:
        assert alone.run(WINDOWS).success
        expected = {table: alone.rows(table) for table in CONTENT}
        frames = alone.files("frames")

    folder = write_next_release(tmp_path / "next")
    with TestPipeline.open(tmp_path / "shared", signals_database_url=database_url) as shared:
        assert shared.run(WINDOWS[:1]).success
        opened_before = open_store(database_url)  # by a process that lives on, like the web server
        newer = subprocess.Popen(
            [sys.executable, "-m", "signals_pipeline_tests.support.next_release", str(folder), database_url],
            stdout=subprocess.PIPE,
            text=True,
        )
        # Meanwhile this host runs its next window; which of them is first does not matter.
        assert shared.run(WINDOWS[1:2]).success
        assert newer.communicate(timeout=120)[0].split() == [REVISION]
        execute(
            database_url,
            "UPDATE digest SET mood = 'calm'",
            "UPDATE signal_history SET weight = 2",
            "INSERT INTO desk VALUES ('New York')",
        )

        # This host goes on, and runs the windows that the other one has written to again.
        assert shared.run(WINDOWS[2:]).success
        assert shared.run(WINDOWS[:2]).success

        assert {table: shared.rows(table) for table in CONTENT} == expected
        assert shared.files("frames") == frames
        newest = opened_before.digests.newest()
        assert newest is not None
        assert Digest.from_json(newest.content).window_key == WINDOWS[-1].key
    # What the other host wrote is still there.
    assert scalar(database_url, "SELECT count(*) FROM desk") == 1
    assert scalar(database_url, "SELECT count(*) FROM digest WHERE mood = 'calm'") == 2
    told = len(expected["signal_history"])
    assert told
    written = scalar(database_url, "SELECT count(*) FROM signal_history WHERE weight = 2")
    assert written + scalar(database_url, "SELECT count(*) FROM signal_history WHERE weight = 1") == told
    assert written
    assert migrations.current(database_url) == REVISION


# --- What is stored as JSON ---


def with_unknown_keys(value: Any, is_open: Callable[[str], bool], path: str = "") -> Any:
    """A JSON value with a key of a newer release in each object, but for those that hold anything anyway."""
    if isinstance(value, list):
        return [with_unknown_keys(item, is_open, path) for item in value]
    if not isinstance(value, dict) or is_open(path):
        return value
    objects = {name: with_unknown_keys(item, is_open, f"{path}.{name}") for name, item in value.items()}
    return objects | {"of_a_newer_release": {"any": ["thing"]}}


def test_rows_of_a_newer_release_with_more_in_their_json_are_read_and_composed_again(tmp_path: Path) -> None:
    with TestPipeline.open(tmp_path) as pipeline:
        assert pipeline.run(WINDOWS).success
        store = open_store(pipeline.settings.database_url)
        before = store.digests.content(WINDOWS[-1])
        stored = json.loads(before)
        open_objects = {".knobs", ".funnel", ".new.contributions", ".changed.contributions", ".coverage.drops"}
        newer = json.dumps(with_unknown_keys(stored, open_objects.__contains__))
        assert newer.count("of_a_newer_release") > 10
        assert Digest.from_json(newer) == Digest.from_json(before)

        with write_transaction(store.engine) as connection:
            for table, column in (("coverage", "content"), ("window_run", "near_misses"), ("window_run", "funnel")):
                columns = metadata.tables[table].c
                for row in connection.execute(sa.select(columns.window_start, columns[column])).all():
                    value = row[1]
                    if column == "funnel":
                        value = {**value, "of_a_newer_release": 1}
                    else:
                        value = with_unknown_keys(value, {".drops"}.__contains__)
                    change = sa.update(metadata.tables[table]).where(columns.window_start == row[0])
                    connection.execute(change.values({column: value}))
            connection.execute(sa.update(metadata.tables["digest"]).values(content=newer))
        assert pipeline.run(WINDOWS[-1:], only="digest").success
        again = Digest.from_json(store.digests.content(WINDOWS[-1]))
        assert (again.coverage, again.near_misses) == (
            Digest.from_json(before).coverage,
            Digest.from_json(before).near_misses,
        )
