"""One live run over three windows of the sample, whose assets the tests of this folder look at."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import dagster as dg
import pandas as pd
import pytest

from signals_pipeline.adapters.mail.files import FileTransport
from signals_pipeline.core.tables import STAGES
from signals_pipeline.core.windows import Window
from signals_pipeline.defs.dispatch import Mailing
from signals_pipeline.defs.io_manager import WindowFrames
from signals_pipeline.defs.resources import Store, open_store
from signals_pipeline_tests.support.live_runs import DAYS, NEWEST, RECORDED, run
from signals_pipeline_tests.support.outbox_processes import At
from signals_pipeline_tests.support.pipeline import TestPipeline


@dataclass(frozen=True)
class AssetRun:
    """A run over three windows, oldest first, with what it stored."""

    pipeline: TestPipeline
    result: dg.ExecuteInProcessResult
    store: Store
    windows: tuple[Window, ...]

    @property
    def newest(self) -> Window:
        return self.windows[-1]

    def metadata(self, asset: str) -> dict[str, dict[str, Any]]:
        """Metadata values of an asset by window key."""
        return {
            str(event.partition): {name: value.value for name, value in event.metadata.items()}
            for event in self.result.asset_materializations_for_node(asset)
        }

    def frame(self, asset: str) -> pd.DataFrame:
        """The stored frame of a stage over all windows."""
        frames = WindowFrames(base=self.pipeline.settings.frames_url)
        return frames.read(STAGES[asset], *(window.key for window in self.windows))


@pytest.fixture(scope="session")
def asset_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AssetRun]:
    """A live run that writes its mails to files, a minute after the newest window's end."""
    folder = tmp_path_factory.mktemp("assets")
    with TestPipeline.open(folder, signals_deployment="local", **RECORDED) as pipeline:
        mailing = Mailing(
            sender="Signals <signals@example.org>",
            recipients=("reader@example.org",),
            transport=FileTransport(pipeline.settings.mail_dir),
            now=At(NEWEST.end + timedelta(minutes=1)),
        )
        result = run(pipeline, DAYS[-3:], mailing)
        store = open_store(pipeline.settings.database_url)
        yield AssetRun(pipeline, result, store, DAYS[-3:])
        store.engine.dispose()
