"""Dagster's local storage: a batch of events leaves the rows that Dagster's own leaves one by one."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster._core.storage.event_log.base import EventLogStorage
from sqlalchemy.exc import DatabaseError as SQLAlchemyDatabaseError

from signals_pipeline.adapters.stores.engine import DatabaseError
from signals_pipeline.defs import sqlite_storage
from signals_pipeline.defs.sqlite_storage import BatchedEventLogStorage, instance_in
from signals_pipeline_tests.support.databases import PROCESSES

DAYS = dg.StaticPartitionsDefinition([f"day {at:02d}" for at in range(4)])
NORMAL = 1
VOLATILE = {"id", "run_id", "last_run_id", "timestamp", "event", "last_materialization", "evaluation_event", "value"}


@dg.asset(partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
def counted(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """Says something of every partition."""
    for at, key in enumerate(context.partition_keys):
        context.add_asset_metadata({"at": at}, partition_key=key)
    return dg.MaterializeResult()


@dg.asset(partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run(), deps=[counted])
def after(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """Comes after."""
    return dg.MaterializeResult(metadata={"partitions": len(context.partition_keys)})


@dg.asset_check(asset=counted)
def checked() -> dg.AssetCheckResult:
    """Stands between the events of assets in a batch."""
    return dg.AssetCheckResult(passed=True)


@dg.asset_check(asset=counted, partitions_def=DAYS)
def checked_by_day() -> dg.AssetCheckResult:
    """Is planned for every partition."""
    return dg.AssetCheckResult(passed=True)


def run(instance: dg.DagsterInstance, last: str = "day 03") -> str:
    """One run over a range of days; gives its id."""
    checks = [checked, checked_by_day]
    definitions = dg.Definitions([counted, after], asset_checks=checks, jobs=[dg.define_asset_job("all")])
    tags = {"dagster/asset_partition_range_start": "day 00", "dagster/asset_partition_range_end": last}
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    job = definitions.resolve_job_def("all")
    return job.execute_in_process(instance=instance, tags=tags, run_config=quiet).run_id


def tables(folder: Path, run_id: str) -> dict[str, list[dict[str, Any]]]:
    """What stands in the event log's files, without what differs between two runs of the same."""
    held = {}
    for name, shard in (("of the run", run_id), ("index", "index")):
        engine = sa.create_engine(f"sqlite:///{folder}/history/runs/{shard}.db")
        with engine.connect() as connection:
            for table in ("event_logs", "asset_keys", "asset_event_tags", "asset_check_executions"):
                rows = connection.execute(sa.text(f"SELECT * FROM {table} ORDER BY id")).mappings()  # noqa: S608
                held[f"{table} {name}"] = [
                    {key: value for key, value in row.items() if key not in VOLATILE and "timestamp" not in key}
                    for row in rows
                ]
        engine.dispose()
    return held


@pytest.mark.parametrize("batch", ["0", "3", "100"])
def test_a_batch_leaves_the_rows_of_dagsters_own_storage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: str
) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    theirs.mkdir()
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", batch)
    with instance_in(ours) as instance:
        run(instance, "day 01")
        mine = tables(ours, run(instance))
    monkeypatch.delenv("DAGSTER_EVENT_BATCH_SIZE")
    with dg.DagsterInstance.local_temp(str(theirs)) as instance:
        run(instance, "day 01")
        reference = tables(theirs, run(instance))
    assert {name: len(rows) for name, rows in mine.items()} == {name: len(rows) for name, rows in reference.items()}
    for name, rows in reference.items():
        assert sorted(map(str, mine[name])) == sorted(map(str, rows)), name
    assert len(mine["event_logs index"]) > 2 * 4
    assert mine["asset_event_tags index"]
    planned = {row["partition"] for row in mine["asset_check_executions index"]}
    assert planned == {None, *DAYS.get_partition_keys()}


def schema(folder: Path, run_id: str) -> set[tuple[str, ...]]:
    """Tables and indexes of a run's file, its journal, and the revision that it says it is at."""
    engine = sa.create_engine(f"sqlite:///{folder}/history/runs/{run_id}.db")
    with engine.connect() as connection:
        made = connection.exec_driver_sql("SELECT type, name, tbl_name FROM sqlite_master").all()
        columns = connection.exec_driver_sql(
            'SELECT m.name, c.name, c.type, c."notnull", c.pk FROM sqlite_master m, pragma_table_info(m.name) c'
        ).all()
        [journal] = connection.exec_driver_sql("PRAGMA journal_mode").all()
        versions = connection.exec_driver_sql("SELECT version_num FROM alembic_version").all()
    engine.dispose()
    return {tuple(map(str, each)) for each in (*made, *columns, journal, *versions)}


def test_a_runs_file_is_the_one_that_dagsters_own_storage_makes(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    theirs.mkdir()
    with instance_in(ours) as instance:
        mine = schema(ours, run(instance))
        assert schema(ours, "index") == mine
    with dg.DagsterInstance.local_temp(str(theirs)) as instance:
        assert mine == schema(theirs, run(instance))


def _look(at: tuple[str, str]) -> int:
    """How many events a run has, which has a file from then on."""
    events = BatchedEventLogStorage(at[0])
    found = events.get_logs_for_run(at[1])
    events.dispose()
    return len(found)


def test_processes_may_make_a_runs_file_at_once(tmp_path: Path) -> None:
    _look((str(tmp_path), "none"))
    with PROCESSES.Pool(4) as pool:
        for at in range(5):
            assert pool.map(_look, [(str(tmp_path), f"run {at}")] * 4, chunksize=1) == [0] * 4


def test_dagsters_own_storage_reads_on_where_ours_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "100")
    with instance_in(tmp_path) as instance:
        run(instance)
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        run(instance, "day 01")
        assert instance.get_materialized_partitions(counted.key) == set(DAYS.get_partition_keys())
    with instance_in(tmp_path) as instance:
        newest = instance.get_latest_materialization_event(counted.key)
        assert newest is not None
        assert newest.asset_materialization is not None
        assert f"day 0{newest.asset_materialization.metadata['at'].value}" == newest.asset_materialization.partition
        assert instance.get_latest_asset_check_evaluation_record(next(iter(checked.check_keys))) is not None


def test_a_batch_that_breaks_is_stored_once_by_single_events(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "100")

    whole_batch = sqlite_storage.BatchedEventLogStorage.store_event_batch

    def break_off(storage: Any, events: Any) -> None:
        """The disk is full in the middle of a batch: its first event is written already."""
        monkeypatch.setattr(EventLogStorage, "store_event_batch", store_first)
        whole_batch(storage, events)

    def store_first(storage: Any, events: Any) -> None:
        storage.store_event(events[0])
        raise OSError("disk full")

    with instance_in(tmp_path) as instance:
        whole = tables(tmp_path, run(instance))
        monkeypatch.setattr(sqlite_storage.BatchedEventLogStorage, "store_event_batch", break_off)
        single = tables(tmp_path, run(instance))
    assert "disk full" in capsys.readouterr().err
    assert len(single["event_logs of the run"]) == len(whole["event_logs of the run"])
    assert len(single["event_logs index"]) == 2 * len(whole["event_logs index"])


def test_commits_are_not_synced_and_few_files_stay_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_storage, "MAXIMUM_ENGINES", 2)
    with instance_in(tmp_path) as instance:
        runs = [run(instance, "day 00") for _ in range(3)]
        storage = instance.event_log_storage
        assert isinstance(storage, sqlite_storage.BatchedEventLogStorage)
        for connect in (storage.index_connection, lambda: storage.run_connection(runs[0])):
            with connect() as connection:
                assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == NORMAL
        assert open_databases(tmp_path) == {"index.db", f"{runs[0]}.db"}
        instance.wipe()
        assert instance.get_materialized_partitions(counted.key) == set()
        run(instance, "day 00")
        assert instance.get_materialized_partitions(counted.key) == {"day 00"}
    assert open_databases(tmp_path) == set()


def open_databases(folder: Path) -> set[str]:
    """Names of the event log's files that this process has open."""
    found = set()
    for each in Path("/proc/self/fd").iterdir():
        try:
            target = each.readlink()
        except FileNotFoundError:  # the descriptor of the listing itself
            continue
        if target.parent == folder / "history" / "runs" and target.suffix == ".db":
            found.add(target.name)
    return found


def _used(folder: Path) -> dict[str, bytes]:
    """An instance with one run, closed; the contents of its files that every run is written to."""
    with instance_in(folder) as instance:
        run(instance)
    return {name: (folder / name).read_bytes() for name in sqlite_storage.SHARED_FILES}


def _failure(folder: Path) -> str:
    """The line with which a run over these files is refused."""

    def open_and_run() -> None:
        with instance_in(folder) as instance:
            run(instance)

    with pytest.raises(DatabaseError) as caught:
        open_and_run()
    return str(caught.value)


@pytest.mark.parametrize("name", sqlite_storage.SHARED_FILES)
def test_an_empty_file_is_refused_before_its_runs_are_forgotten(tmp_path: Path, name: str) -> None:
    _used(tmp_path)
    (tmp_path / name).write_bytes(b"")
    message = _failure(tmp_path)
    assert message == (
        f"database {tmp_path / name} is empty (0 bytes): restore it from a backup, or delete it to begin a new history"
    )


@pytest.mark.parametrize("name", sqlite_storage.SHARED_FILES)
@pytest.mark.parametrize(
    ("content", "words"),
    [(b"no database" * 1_000, "file is not a database; the file is not SQLite"), (None, "it is damaged or cut off")],
)
def test_a_file_that_is_damaged_is_one_line_that_names_it(
    tmp_path: Path, name: str, content: bytes | None, words: str
) -> None:
    former = _used(tmp_path)[name]
    (tmp_path / name).write_bytes(content or former[: len(former) // 8192 * 4096])
    for journal in tmp_path.rglob("*-wal"):
        journal.unlink()
    message = _failure(tmp_path)
    assert message.startswith(f"database {tmp_path / name}: ")
    assert words in message
    assert "\n" not in message


def test_a_folder_in_place_of_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "history" / "runs.db").mkdir(parents=True)
    assert _failure(tmp_path) == (
        f"database {tmp_path / 'history' / 'runs.db'}: not a file; remove it, or choose another path"
    )


def test_a_file_of_another_application_keeps_its_own_errors(tmp_path: Path) -> None:
    with instance_in(tmp_path / "dagster"):
        pass
    (tmp_path / "other.db").write_bytes(b"no database" * 1_000)
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'other.db'}")
    with pytest.raises(SQLAlchemyDatabaseError), engine.connect() as connection:
        connection.exec_driver_sql("SELECT * FROM sqlite_master")
    engine.dispose()
