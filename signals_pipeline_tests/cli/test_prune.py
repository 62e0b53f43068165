"""Pruning first shows what it would delete, deletes only what can be recomputed, and that can be recomputed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from signals_pipeline.adapters.stores.retention import old_files
from signals_pipeline.cli.prune import prune
from signals_pipeline.settings import Settings
from signals_pipeline_tests.support.pipeline import SAMPLE_WINDOWS, TestPipeline

WINDOWS = SAMPLE_WINDOWS[4:7]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The desk's settings with its Dagster instance in a home of its own."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text(
        f"storage:\n  sqlite:\n    base_dir: {tmp_path / 'dagster'}\ntelemetry:\n  enabled: false\n"
    )
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    return Settings.checked(signals_data_dir=tmp_path / "data")


def counts(output: str) -> list[int]:
    return [int(line.split("s  ")[1].split()[0]) for line in output.splitlines() if "older than" in line]


def test_nothing_is_deleted_without_yes_and_what_is_deleted_can_be_recomputed(
    tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    days = {"frames_days": 30, "scores_days": 30, "runs_days": 30}
    later = datetime.now(UTC) + timedelta(days=40)
    with TestPipeline.open(tmp_path) as pipeline:
        pipeline.run(WINDOWS)
        pipeline.run(WINDOWS)
        before, history = pipeline.state(), pipeline.rows("signal_history")
        prune(settings, now=later, **days, act=False)
        output = capsys.readouterr().out
        assert "nothing was deleted" in output
        frames, pages, scores, runs = counts(output)
        assert (frames, pages, runs) == (12, 9, 1)  # the newer run holds what the UI shows
        assert scores > 0
        assert pipeline.state() == before

        prune(settings, now=later, **days, act=True)
        assert capsys.readouterr().out.endswith("deleted\n")
        assert (pipeline.files("frames"), pipeline.files("digests"), pipeline.rows("headline_score")) == ({}, {}, [])
        assert pipeline.rows("signal_history") == history
        assert len(pipeline.instance.get_run_records()) == 1
        prune(settings, now=later, **days, act=False)
        assert counts(capsys.readouterr().out) == [0, 0, 0, 0]

        pipeline.run(WINDOWS)
        assert pipeline.state() == before


def test_files_that_are_young_or_not_of_a_window_are_kept(tmp_path: Path) -> None:
    from upath import UPath

    for name in ("scores/2015-02-02-1730.parquet", "scores/2015-02-03-0830.parquet", "notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("content")
    found = old_files(UPath(tmp_path), datetime(2015, 2, 3, tzinfo=UTC))
    assert [path.name for path in found.paths] == ["2015-02-02-1730.parquet"]
    assert found.size == 7
    assert old_files(UPath(tmp_path / "nowhere"), datetime(2015, 2, 3, tzinfo=UTC)).paths == ()
