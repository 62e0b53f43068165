"""Dagster's SQLite storage for ranges of hundreds of windows: a batch of events is one commit, engines are kept.

Dagster makes an engine, a connection and a commit a statement, and five to eight statements an event; a year in one run
has nine thousand events. Its PostgreSQL storage writes batches (DAGSTER_EVENT_BATCH_SIZE) as one; here SQLite does too.
The databases are those of Dagster's own storage, row for row: either reads what the other wrote. A run's new file
gets the number of Dagster's newest revision, for which Dagster reads all fifty twice a run: a tenth of a window's run.
"""

import fcntl
import os
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import groupby
from pathlib import Path
from threading import RLock
from typing import Any

import dagster as dg
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from dagster._core.events import ASSET_EVENTS
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    SqlEventLogStorageMetadata,
    SqlEventLogStorageTable,
)
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME, SqliteEventLogStorage
from dagster._core.storage.sql import get_alembic_config
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import event as on

OPEN_FILES = 8  # engines kept: the index of all runs, and the runs asked for last


class LocalStorage(DagsterSqliteStorage):
    """What `dagster.yaml` names: runs, events and schedules in SQLite files under `base_dir`."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data)
        self._event_log_storage = BatchedEvents(str(Path(base_dir) / "history" / "runs"))

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Any) -> "LocalStorage":  # noqa: ANN401
        """The storage that an instance's configuration asks for."""
        return cls.from_local(inst_data=inst_data, **config_value)


class BatchedEvents(SqliteEventLogStorage):
    """The event log: one transaction a batch and file; no fsync a commit.

    SQLite's write-ahead log stays consistent also where the power fails (https://www.sqlite.org/pragma.html,
    synchronous); at worst the run's last events are missing from the local instance.
    """

    def __init__(self, base_dir: str) -> None:
        self._engines: OrderedDict[str, sa.Engine] = OrderedDict()
        super().__init__(base_dir)
        self._db_lock = RLock()  # a batch holds two files at once

    def store_event_batch(self, events: Sequence[dg.EventLogEntry]) -> None:
        """Store events in their order; those of assets that follow each other together."""
        for of_assets, group in groupby(events, lambda each: each.dagster_event_type in ASSET_EVENTS):
            if of_assets:
                self._store_together(list(group))
            else:
                super().store_event_batch(list(group))

    def _store_together(self, events: Sequence[dg.EventLogEntry]) -> None:
        """Store events of assets as `store_event` does one by one; the table of assets keeps the last of each kind."""
        rows = [self._event_to_row(each) for each in events]
        with self.run_connection(events[0].run_id) as run, self.index_transaction() as index:  # all or nothing
            run.execute(SqlEventLogStorageTable.insert(), rows)
            index.execute(SqlEventLogStorageTable.insert(), rows)
            numbers = self._numbers(index, len(rows))
            self._store_asset_event_tags(index, events, numbers)
            newest = {
                (each.get_dagster_event().asset_key, each.dagster_event_type): (each, number)
                for each, number in zip(events, numbers, strict=True)
            }
            for each, number in newest.values():
                self._store_asset_event(index, each, number)

    def _store_asset_check_evaluation_planned(self, event: dg.EventLogEntry, event_id: int | None) -> None:
        """One row a window, as Dagster makes them; it writes the event out and compiles the statement for each."""
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

    def _numbers(self, index: sa.Connection, count: int) -> range:
        """The ids of the rows just inserted: the open transaction keeps every other writer out."""
        last = index.execute(sa.select(sa.func.max(SqlEventLogStorageTable.c.id))).scalar_one()
        return range(last - count + 1, last + 1)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[sa.Connection]:
        with self._db_lock:
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.begin() as connection:
                yield connection

    def _initdb(self, engine: sa.Engine, for_index_shard: bool = False) -> None:
        """Make the tables where there are none; processes may do so at once.

        One after the other: SQLite changes to WAL only where nobody else so much as reads, and waits for nobody then.
        """
        with _alone_in(Path(self._base_dir)):
            with engine.connect() as connection:
                if MigrationContext.configure(connection).get_current_revision():
                    return
            if for_index_shard:
                super()._initdb(engine, for_index_shard)
                return
            with engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode=WAL")
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                SqlEventLogStorageMetadata.create_all(connection)
                _VERSION.metadata.create_all(connection)
                connection.execute(_VERSION.insert().values(version_num=_newest_revision()))
                connection.commit()

    def has_table(self, table_name: str) -> bool:
        """Whether the index has this table; asked inside a transaction on it."""
        return sa.inspect(self._engine(INDEX_SHARD_NAME)).has_table(table_name)

    def _engine(self, shard: str) -> sa.Engine:
        """The engine of a file, which keeps its connections and its compiled statements."""
        engine = self._engines.pop(shard, None) or _engine(self.conn_string_for_shard(shard))
        self._engines[shard] = engine
        if len(self._engines) > OPEN_FILES:
            self._engines.popitem(last=False)[1].dispose()
        return engine

    def wipe(self) -> None:
        """Delete every event, the files of runs included."""
        self._close()
        super().wipe()

    def dispose(self) -> None:
        """Close what is open."""
        super().dispose()
        self._close()

    def _close(self) -> None:
        while self._engines:
            self._engines.popitem()[1].dispose()


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep other processes that ask for the same folder out meanwhile."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)


_VERSION = sa.Table("alembic_version", sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True))


@cache
def _newest_revision() -> str | None:
    return ScriptDirectory.from_config(get_alembic_config(sqlite_event_log.__file__)).get_current_head()


def _engine(url: str) -> sa.Engine:
    engine = sa.create_engine(url, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS})
    on.listen(engine, "connect", lambda connection, _record: connection.execute("PRAGMA synchronous=NORMAL"))
    return engine


def instance_in(folder: Path) -> dg.DagsterInstance:
    """A Dagster instance that keeps everything in this folder, made where it is missing; it reports nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    kept: Any = {"module": __name__, "class": LocalStorage.__name__, "config": {"base_dir": str(folder)}}
    settings = {"storage": {"custom": kept}, "telemetry": {"enabled": False}}
    return dg.DagsterInstance.local_temp(str(folder), overrides=settings)
