"""A run killed at any point and run again leaves the rows and frames of a run that nothing happened to."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from signals_pipeline_tests.support.databases import PROCESSES, database_url, store
from signals_pipeline_tests.support.pipeline import SAMPLE_WINDOWS, TestPipeline

__all__ = ["database_url", "store"]

POINTS = 10
WINDOWS = SAMPLE_WINDOWS[8 : 8 + POINTS]
TABLES = ("coverage", "headline_score", "window_run", "signal_candidate", "signal_history", "signal_outcome", "digest")


class _Fatal:
    """Ends the process at the chosen one of the statements that read or write the pipeline's own tables."""

    def __init__(self, chosen: int) -> None:
        self.left = chosen

    def __call__(self, _c: object, _cursor: object, sql: str, _p: object, _context: object, _many: object) -> None:
        if any(table in sql for table in TABLES):
            self.left -= 1
            if not self.left:
                os.kill(os.getpid(), signal.SIGKILL)


def interrupted(folder: Path, url: str, at: int) -> None:
    """Run one window of the ten and be killed on the way, each one a bit later than the one before."""
    with TestPipeline.joined(folder, "dagster", signals_database_url=url) as pipeline:
        event.listen(Engine, "after_cursor_execute", _Fatal(1 + 2 * at))
        pipeline.run(WINDOWS[at : at + 1])
        os._exit(3)  # there were not so many statements


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, str]]:
    """State and digests of a run over all windows that nothing happened to."""
    with TestPipeline.open(tmp_path_factory.mktemp("whole")) as pipeline:
        pipeline.run(WINDOWS)
        return pipeline.state(), pipeline.files("digests")


def test_ten_kills_and_a_repeat_leave_no_trace(
    whole: tuple[dict[str, Any], dict[str, str]], database_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "killed"
    with TestPipeline.open(folder, signals_database_url=database_url) as pipeline:
        for at in range(POINTS):
            worker = PROCESSES.Process(target=interrupted, args=(folder, database_url, at))
            worker.start()
            worker.join()
            assert worker.exitcode == -signal.SIGKILL, f"point {at}"
        assert len(pipeline.rows("digest")) < POINTS
        pipeline.run(WINDOWS)
        assert pipeline.state() == whole[0]
        assert pipeline.files("digests") == whole[1]
