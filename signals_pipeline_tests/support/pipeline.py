"""A whole pipeline for tests: real definitions, database, frames and Dagster instance in a folder of its own."""

import atexit
import hashlib
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
import sqlalchemy as sa

from signals_pipeline import sample
from signals_pipeline.adapters.stores.engine import engine_for
from signals_pipeline.adapters.stores.migrations import upgrade
from signals_pipeline.adapters.stores.tables import metadata
from signals_pipeline.cli.errors import user_message
from signals_pipeline.core.signals.decision import Signal
from signals_pipeline.core.windows import Window, window_for_key, windows_between
from signals_pipeline.definitions import build_definitions
from signals_pipeline.defs.dispatch import mailing_of
from signals_pipeline.defs.leases import lease_tags, reclaim
from signals_pipeline.defs.partitions import MODE_TAG, RANGE_END_TAG, RANGE_START_TAG
from signals_pipeline.defs.resources import open_store
from signals_pipeline.defs.sqlite_storage import instance_in
from signals_pipeline.settings import Settings
from signals_pipeline_tests.support.databases import migrated_template

SAMPLE_WINDOWS = windows_between(window_for_key(sample.FIRST_WINDOW).start, window_for_key(sample.LAST_WINDOW).end)
# What tells when or by which run a row was written, not what it says.
UNSAID = {"id", "created_at", "updated_at", "mode", "scored_at"}


@dataclass
class TestPipeline:
    """One pipeline; `settings` may be replaced by `with_settings` before a run."""

    __test__ = False

    settings: Settings
    instance: dg.DagsterInstance

    @classmethod
    @contextmanager
    def open(cls, folder: Path, **overrides: object) -> Iterator["TestPipeline"]:
        """A pipeline whose everything lies in this folder, its database at head."""
        _make_database(sa.make_url(_settings(folder, overrides).database_url))
        with cls.joined(folder, "dagster", **overrides) as pipeline:
            yield pipeline

    @classmethod
    @contextmanager
    def joined(cls, folder: Path, instance: str, **overrides: object) -> Iterator["TestPipeline"]:
        """The pipeline of a folder as another process opens it, with a Dagster instance of this name in the folder."""
        if not (folder / instance).exists():
            shutil.copytree(_new_instance(), folder / instance)
        with instance_in(folder / instance) as opened:
            yield cls(_settings(folder, overrides), opened)

    def run(
        self,
        windows: Sequence[Window],
        *,
        mode: str = "backfill",
        knobs: dict[str, Any] | None = None,
        only: str | None = None,
        tags: dict[str, str] | None = None,
    ) -> dg.ExecuteInProcessResult:
        """One Dagster run of the job (or of one asset) over neighbouring windows, knobs as the launchpad gives them.

        A live one takes place, for its mails, a minute after the newest window's end. Runs that died before it are
        ended first, as by `signals run`.
        """
        for line in reclaim(self.instance):
            sys.stderr.write(f"{line}\n")
        config: dict[str, Any] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        if knobs:
            config["resources"] = {"knobs": {"config": knobs}}
        run_id = str(uuid4())
        all_tags = {
            MODE_TAG: mode,
            RANGE_START_TAG: windows[0].key,
            RANGE_END_TAG: windows[-1].key,
            **lease_tags(run_id),
            **(tags or {}),
        }
        selection = [dg.AssetKey(only)] if only else None
        overrides = in_time(self.settings, windows[-1]) if mode == "live" else None
        job = build_definitions(self.settings, resource_overrides=overrides).resolve_job_def("digest_job")
        return job.execute_in_process(
            instance=self.instance, run_id=run_id, tags=all_tags, run_config=config, asset_selection=selection
        )

    def refusal(self, windows: Sequence[Window], **options: Any) -> str:
        """The line with which a run is refused; see `run` for the options."""
        try:
            self.run(windows, **options)
        except Exception as error:
            line = user_message(error)
            if line is None:
                raise
            return line
        return "not refused"

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows of a table in a fixed order, without what tells when or by which run they were written."""
        engine = engine_for(self.settings.database_url)
        with engine.connect() as connection:
            found = [dict(row) for row in connection.execute(sa.select(metadata.tables[table])).mappings()]
        engine.dispose()
        said = [{name: value for name, value in row.items() if name not in UNSAID} for row in found]
        return sorted(said, key=lambda row: [str(value) for value in row.values()])

    def history(self) -> list[Signal]:
        """All signals, by time and symbol."""
        return open_store(self.settings.database_url).history.between(
            SAMPLE_WINDOWS[0].start, datetime(2100, 1, 1, tzinfo=UTC)
        )

    def files(self, folder: str) -> dict[str, str]:
        """SHA-256 of every file below a folder of the data folder, by path."""
        root = self.settings.signals_data_dir / folder
        found = sorted(path for path in root.rglob("*") if path.is_file())
        return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}

    def metadata(self, result: dg.ExecuteInProcessResult, asset: str) -> dict[str, Any]:
        """Metadata values of an asset's last materialisation in a run."""
        events = result.asset_materializations_for_node(asset)
        return {name: value.value for name, value in events[-1].metadata.items()}

    def state(self) -> dict[str, Any]:
        """Everything that a run leaves and that the order of runs must not show in."""
        tables = ("signal_candidate", "signal_history", "signal_outcome")
        return {table: self.rows(table) for table in tables} | {"frames": self.files("frames")}


def in_time(settings: Settings, newest: Window) -> dict[str, Any]:
    """Resources of a live run that takes place, for its mails, a minute after its newest window's end."""
    mailing = replace(mailing_of(settings), now=lambda: newest.end + timedelta(minutes=1))
    return {"mailing": dg.ResourceDefinition.hardcoded_resource(mailing)}


def _make_database(url: sa.URL) -> None:
    file = Path(url.database or "")
    if url.get_backend_name() != "sqlite" or file.exists():
        upgrade(url.render_as_string(hide_password=False))
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(migrated_template("sqlite"), file)


@cache
def _new_instance() -> Path:
    """A Dagster instance without runs, to be copied: making its tables costs ten times as much."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with instance_in(folder):
        return folder


def _settings(folder: Path, overrides: dict[str, object]) -> Settings:
    # A .env of the machine is kept out by the fixtures of this process, but not in others.
    return Settings.checked(**{"signals_data_dir": folder / "data", "_env_file": None, **overrides})
