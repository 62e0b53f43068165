"""`signals audit` prints whether each comparison is the same, and exits with 1 if one is not."""

import pytest
from click.testing import CliRunner

from signals_pipeline.cli import main
from signals_pipeline.core.tables import SCORES
from signals_pipeline.defs.io_manager import WindowFrames
from signals_pipeline_tests.support.pipeline import SAMPLE_WINDOWS, TestPipeline

RUN, NEXT = SAMPLE_WINDOWS[10:12]


@pytest.fixture
def deployed(pipeline: TestPipeline, monkeypatch: pytest.MonkeyPatch) -> TestPipeline:
    """A pipeline whose settings are in the environment."""
    monkeypatch.setenv("SIGNALS_DATA_DIR", str(pipeline.settings.signals_data_dir))
    monkeypatch.setenv("SIGNALS_DATABASE_URL", pipeline.settings.database_url)
    return pipeline


def test_an_unchanged_window_has_no_differences_and_a_changed_frame_is_named(deployed: TestPipeline) -> None:
    deployed.run([RUN])

    result = CliRunner().invoke(main, ["audit", "--window", RUN.key, "--window", NEXT.key])

    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0] == f"{RUN.key}  compared with inputs that end at {RUN.as_of:%Y-%m-%d %H:%M} UTC:"
    assert [line.split()[0] for line in lines[1:5]] == ["same"] * 4
    assert len(lines) == 5 + 4  # the window that was never run has no stored frames to compare with

    frames = WindowFrames(base=deployed.settings.frames_url)
    changed = frames.read(SCORES, RUN.key).assign(fragile=True)
    changed.to_parquet(f"{deployed.settings.frames_url}/scores/{RUN.key.replace(':', '')}.parquet")

    again = CliRunner().invoke(main, ["audit", "--window", RUN.key])

    assert again.exit_code == 1
    assert "  DIFFERENT  what is kept of the window: scores " in again.output


def test_a_key_that_is_not_a_window_s_is_rejected_in_one_line(deployed: TestPipeline) -> None:
    result = CliRunner().invoke(main, ["audit", "--window", "2015-02-02"])

    assert result.exit_code == 2
    assert "no window has the key '2015-02-02'" in result.output
    assert deployed.history() == []
