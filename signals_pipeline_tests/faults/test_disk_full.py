"""A disk that fills up anywhere in a run: one line with the file, and the run repeated with room is a whole one."""

from pathlib import Path
from typing import Any

import pytest

from signals_pipeline.core.windows import window_for_key
from signals_pipeline_tests.support.pipeline import TestPipeline
from signals_pipeline_tests.support.small_disks import filled, small_disk

WINDOW = window_for_key("2015-02-03-08:30")
FREE = (0, 40_000, 100_000, 200_000, 300_000, 400_000, 500_000)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a run leaves that never meets a full disk."""
    with TestPipeline.open(tmp_path_factory.mktemp("whole")) as pipeline:
        pipeline.run([WINDOW])
        return pipeline.state() | {"digests": pipeline.files("digests")}


@pytest.mark.parametrize("free", FREE)
def test_a_run_that_fills_the_disk_is_one_line_and_whole_when_repeated(
    tmp_path: Path, whole: dict[str, Any], free: int
) -> None:
    with small_disk(tmp_path / "disk", size="16m") as disk, TestPipeline.open(disk) as pipeline:
        with filled(disk, free=free):
            message = pipeline.refusal([WINDOW])
            left = [path.name for path in disk.rglob("*.part")]
        assert "\n" not in message
        assert str(disk) in message
        assert message.endswith(" and run again; nothing is half-written")
        assert left == []

        pipeline.run([WINDOW])

        assert pipeline.state() | {"digests": pipeline.files("digests")} == whole
