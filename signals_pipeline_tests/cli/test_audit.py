"""`signals audit` says for each comparison whether it is the same, and ends with 1 where one is not."""

import pytest
from click.testing import CliRunner

from signals_pipeline.cli import main
from signals_pipeline.core.tables import SCORES
from signals_pipeline.defs.io_manager import WindowFrames
from signals_pipeline_tests.support.pipeline import SAMPLE_WINDOWS, TestPipeline

RUN, NEXT = SAMPLE_WINDOWS[10:12]


@pytest.fixture
def told(pipeline: TestPipeline, monkeypatch: pytest.MonkeyPatch) -> TestPipeline:
    """A pipeline, named by the environment."""
    monkeypatch.setenv("SIGNALS_DATA_DIR", str(pipeline.settings.signals_data_dir))
    monkeypatch.setenv("SIGNALS_DATABASE_URL", pipeline.settings.database_url)
    return pipeline


def test_an_honest_window_is_the_same_and_what_was_changed_is_named(told: TestPipeline) -> None:
    told.run([RUN])
    ran = CliRunner().invoke(main, ["audit", "--window", RUN.key, "--window", NEXT.key])
    assert ran.exit_code == 0, ran.output
    lines = ran.output.splitlines()
    assert lines[0] == f"{RUN.key}  compared with inputs that end at {RUN.as_of:%Y-%m-%d %H:%M} UTC:"
    assert [line.split()[0] for line in lines[1:5]] == ["same"] * 4
    assert len(lines) == 5 + 4  # of the window that was never run nothing is kept
    frames = WindowFrames(base=told.settings.frames_url)
    changed = frames.read(SCORES, RUN.key).assign(fragile=True)
    changed.to_parquet(f"{told.settings.frames_url}/scores/{RUN.key.replace(':', '')}.parquet")
    again = CliRunner().invoke(main, ["audit", "--window", RUN.key])
    assert again.exit_code == 1
    assert "  DIFFERENT  what is kept of the window: scores " in again.output


def test_a_key_that_is_no_window_is_refused_in_one_line(told: TestPipeline) -> None:
    ran = CliRunner().invoke(main, ["audit", "--window", "2015-02-02"])
    assert ran.exit_code == 2
    assert "no window has the key '2015-02-02'" in ran.output
    assert told.history() == []
