"""Dagster's SQLite storage, made fast enough for runs over hundreds of windows.

Dagster makes an engine, a connection and a commit per statement, and five to eight statements per event; a year in one
run has nine thousand events. Here an engine per file is kept, and a batch of events (DAGSTER_EVENT_BATCH_SIZE) is one
transaction with a few statements. The rows are those of Dagster's own storage, so either reads what the other wrote.

A file that can't be read or written is one line that names it, as it is for the pipeline's own database. The files of
an instance are created by one process at a time and appear whole, so that several processes may begin at once and each
may be killed.
"""

import fcntl
import os
import shutil
import sqlite3
import tempfile
from collections import OrderedDict
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from threading import RLock
from typing import Any

import dagster as dg
import sqlalchemy as sa
from alembic.migration import MigrationContext
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.event import listen

from signals_pipeline.adapters.stores.engine import (
    DatabaseError,
    DatabaseProblem,
    require_database_file,
    sqlite_failure,
)
from signals_pipeline.adapters.waiting import announced_wait
from signals_pipeline.defs.local_files import instance_folder

MAXIMUM_ENGINES = 8  # one for the index of all runs, the others for the runs read or written last
# Types with an event per window. Other types have a few events per run, which Dagster's own code stores.
BULK_TYPES = {dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED, dg.DagsterEventType.ASSET_MATERIALIZATION}
BUSY_TIMEOUT_SECONDS = 30  # as Dagster's own: other processes write to the index as well

# The files that are written for every run. A run's own file may be empty: its process may have been killed early.
SHARED_FILES = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")
# What no retry and no other statement helps against. Dagster itself handles others, such as tables that exist already.
FINAL_PROBLEMS = {
    DatabaseProblem.CANNOT_OPEN_FILE,
    DatabaseProblem.DAMAGED,
    DatabaseProblem.DISK_FULL,
    DatabaseProblem.INPUT_OUTPUT,
    DatabaseProblem.NOT_A_DATABASE,
    DatabaseProblem.READ_ONLY,
}
_UNFINISHED = ".creating-"  # begins the names of folders with files that are being created
_folders: set[Path] = set()  # of the storages that this process has opened


class LocalStorage(DagsterSqliteStorage):
    """The storage that `dagster.yaml` names: runs, events and schedules in SQLite files under `base_dir`.

    Without `base_dir` they are in the data folder.

    Raises:
        DatabaseError: a file of it is empty, damaged, no database, or can't be written.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        folder = Path(base_dir).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        _folders.add(folder)
        with exclusive(folder):
            _require_files(folder)
            _create_files(folder)
            super().__init__(base_dir, inst_data)
        self._event_log_storage = BatchedEventLogStorage(str(Path(base_dir) / "history" / "runs"))

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """As Dagster's own, but `base_dir` may be missing."""
        return {"base_dir": dg.Field(dg.StringSource, is_required=False)}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Any) -> "LocalStorage":  # noqa: ANN401
        """The storage of an instance's configuration; Dagster's own method names its own class."""
        return cls.from_local(config_value.get("base_dir") or str(instance_folder()), inst_data)


class BatchedEventLogStorage(SqliteEventLogStorage):
    """Dagster's event log with one engine per file, one transaction per batch and no fsync per commit."""

    def __init__(self, base_dir: str) -> None:
        self._engines: OrderedDict[str, sa.Engine] = OrderedDict()
        self._transactions: dict[str, sa.Connection] = {}
        super().__init__(base_dir)
        self._db_lock = RLock()  # a thread that writes a batch asks for further connections

    def store_event_batch(self, events: Sequence[dg.EventLogEntry]) -> None:
        """Store the events of a run, all or none: Dagster stores a batch that failed again, event by event."""
        with self.run_connection(events[0].run_id), self.index_connection():
            for event_type, group in groupby(events, attrgetter("dagster_event_type")):
                if event_type in BULK_TYPES:
                    self._store_bulk(list(group))
                else:
                    super().store_event_batch(list(group))

    def _store_bulk(self, events: Sequence[dg.EventLogEntry]) -> None:
        """Store events of one type as `store_event` does one by one, with a statement per table."""
        rows = [self._event_to_row(event) for event in events]
        with self.run_connection(events[0].run_id) as run, self.index_connection() as index:
            run.execute(SqlEventLogStorageTable.insert(), rows)
            index.execute(SqlEventLogStorageTable.insert(), rows)

            # The ids are consecutive: the open transaction keeps every other writer out.
            last_id = index.execute(sa.select(sa.func.max(SqlEventLogStorageTable.c.id))).scalar_one()
            event_ids = range(last_id - len(rows) + 1, last_id + 1)
            self._store_asset_event_tags(index, events, event_ids)

            # The table of assets holds the newest event of each asset.
            newest = {
                event.get_dagster_event().asset_key: (event, id_) for event, id_ in zip(events, event_ids, strict=True)
            }
            for event, event_id in newest.values():
                self._store_asset_event(index, event, event_id)

    def _store_asset_check_evaluation_planned(self, event: dg.EventLogEntry, event_id: int | None) -> None:
        """Store one row per window, as Dagster does; but that serialises the event anew for each row."""
        planned = event.get_dagster_event().asset_check_planned_data
        row = {
            "asset_key": planned.asset_key.to_string(),
            "check_name": planned.check_name,
            "run_id": event.run_id,
            "execution_status": AssetCheckExecutionRecordStatus.PLANNED.value,
            "evaluation_event": dg.serialize_value(event),
            "evaluation_event_timestamp": self._event_insert_timestamp(event),
            "evaluation_event_storage_id": event_id,
        }
        keys = planned.partitions_subset.get_partition_keys() if planned.partitions_subset else [None]
        with self.index_connection() as index:
            index.execute(AssetCheckExecutionsTable.insert(), [row | {"partition": key} for key in keys])

    @contextmanager
    def _connect(self, shard: str) -> Generator[sa.Connection]:
        """A connection within a transaction on a run's file or the index; the open one, where a batch has one."""
        with self._db_lock:
            if shard in self._transactions:
                yield self._transactions[shard]
                return

            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.begin() as connection:
                self._transactions[shard] = connection
                try:
                    yield connection
                finally:
                    del self._transactions[shard]

    def _initdb(self, engine: sa.Engine, for_index_shard: bool = False) -> None:
        """Create the tables of a new file, while other processes that open the same file wait.

        Without the lock they fail: SQLite switches to WAL only while no one else reads, and does not wait for that.
        """
        with exclusive(Path(self._base_dir)):
            with engine.connect() as connection:
                # Dagster would load its fifty revisions to compare, which takes longer than everything else here.
                if MigrationContext.configure(connection).get_current_revision():
                    return
            super()._initdb(engine, for_index_shard)

    def _engine(self, shard: str) -> sa.Engine:
        """The engine of a file; it keeps connections and compiled statements. The one used longest ago is closed."""
        engine = self._engines.pop(shard, None)
        if engine is None:
            url = self.conn_string_for_shard(shard)
            engine = sa.create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_SECONDS})
            listen(engine, "connect", _do_not_sync)
        self._engines[shard] = engine
        if len(self._engines) > MAXIMUM_ENGINES:
            _, oldest = self._engines.popitem(last=False)
            oldest.dispose()
        return engine

    def wipe(self) -> None:
        """Delete every event and the files of all runs."""
        self._close()
        super().wipe()

    def dispose(self) -> None:
        """Close all files."""
        super().dispose()
        self._close()

    def _close(self) -> None:
        while self._engines:
            _, engine = self._engines.popitem()
            engine.dispose()


def _require_files(folder: Path) -> None:
    """Refuse files that SQLite would take for new databases, whose runs and ticks would be forgotten in silence.

    Raises:
        DatabaseError: one of them is empty or not a file.
    """
    for name in SHARED_FILES:
        if (folder / name).exists():
            require_database_file(folder / name)


def _create_files(folder: Path) -> None:
    """Create the files that are missing: each appears with all of its tables or not at all.

    Dagster would create them in place, table by table. What a killed process leaves of that is taken for a file of an
    old release, and what two processes make of it at once has two revisions, which no command can read.
    """
    missing = [name for name in SHARED_FILES if not (folder / name).exists()]
    for leftover in folder.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(leftover)
    if not missing:
        return
    with tempfile.TemporaryDirectory(prefix=_UNFINISHED, dir=folder) as temporary:
        DagsterSqliteStorage(temporary).dispose()
        for name in missing:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            # Its last connection is closed, so that nothing of it is left in a journal.
            (Path(temporary) / name).rename(folder / name)


def _name_the_file(context: ExceptionContext) -> DatabaseError | None:
    """The error to raise in place of SQLAlchemy's, where a file of Dagster's can't be read or written; else None."""
    error = context.original_exception
    database = context.engine.url.database if context.engine else None
    if not database or not isinstance(error, sqlite3.Error):
        return None
    if not any(Path(database).absolute().is_relative_to(folder) for folder in _folders):
        return None
    failure = sqlite_failure(database, error)
    return failure if failure.problem in FINAL_PROBLEMS else None


# On the class: Dagster creates an engine per statement in the storages of runs and of schedules.
listen(sa.Engine, "handle_error", _name_the_file)


def _do_not_sync(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's connection
    """Commit without fsync.

    A file in WAL mode stays consistent even after a power failure (https://www.sqlite.org/pragma.html#pragma_synchronous);
    at worst the last events of a run are missing from the local instance.
    """
    connection.execute("PRAGMA synchronous=NORMAL")


@contextmanager
def exclusive(path: Path) -> Generator[None]:
    """Hold an exclusive lock on a folder or file; other processes that ask for it wait, and say so.

    The lock ends with the process, however that ends.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with announced_wait(f"another process that opens {path}"):
                fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


# As in dagster.yaml and deploy/dagster.yaml, whose comments say why.
SAFEGUARDS: dict[str, Any] = {
    "run_coordinator": {
        "module": "signals_pipeline.defs.clock_steps",
        "class": "RecoveringRunCoordinator",
        "config": {"block_op_concurrency_limited_runs": {"enabled": False}},
    },
    "concurrency": {
        "runs": {
            "max_concurrent_runs": 3,
            "tag_concurrency_limits": [
                {"key": "signals/mode", "value": "backfill", "limit": 2},
                {"key": "dagster/backfill", "limit": 2},
            ],
        },
        "pools": {"default_limit": 1},
    },
    "run_monitoring": {
        "enabled": True,
        "poll_interval_seconds": 30,
        "start_timeout_seconds": 300,
        "cancel_timeout_seconds": 120,
        "max_runtime_seconds": 3600,
        "free_slots_after_run_end_seconds": 30,
        "max_resume_run_attempts": 0,
    },
    "run_retries": {"enabled": True, "max_retries": 2, "retry_on_asset_or_op_failure": False},
    "run_launcher": {"module": "signals_pipeline.defs.local_launcher", "class": "LocalLauncher"},
}


def instance_in(folder: Path) -> dg.DagsterInstance:
    """A Dagster instance that keeps everything in this folder, without telemetry; the folder is created if missing."""
    folder.mkdir(parents=True, exist_ok=True)
    storage: Any = {"module": __name__, "class": LocalStorage.__name__, "config": {"base_dir": str(folder)}}
    overrides: Any = {"storage": {"custom": storage}, "telemetry": {"enabled": False}, **SAFEGUARDS}
    return dg.DagsterInstance.local_temp(str(folder), overrides=overrides)
