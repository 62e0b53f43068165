"""The file of tried settings is written whole, and a damaged one is refused, not overwritten."""

from pathlib import Path

import pytest

from signals_pipeline.adapters.stores.tried_settings import (
    TriedSettingsError,
    read_tried_settings,
    write_tried_settings,
)
from signals_pipeline.core.research.replay import ParameterSet

SETTINGS = (ParameterSet(0.6, 0.3, 0.6, 6.0, 7.0, 25), ParameterSet(0.1, 0.25, 1 / 3, 6.5, 7.0, 5, "technical"))


def test_settings_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / "tried.json"
    assert read_tried_settings(path) == ()
    write_tried_settings(path, SETTINGS)
    write_tried_settings(path, SETTINGS[::-1])
    assert read_tried_settings(path) == SETTINGS[::-1]
    assert [each.name for each in path.parent.iterdir()] == ["tried.json"]


@pytest.mark.parametrize("content", ["", "{", '[{"weight": 1}]', "[1]"])
def test_a_damaged_file_is_refused_in_one_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "tried.json"
    path.write_text(content)
    with pytest.raises(TriedSettingsError, match=r"tried\.json: no list of settings") as error:
        read_tried_settings(path)
    assert "\n" not in str(error.value)
