"""The files of `deploy/` are found in a checkout only."""

from pathlib import Path

import pytest

from signals_pipeline.adapters.aws import files


def test_away_from_a_checkout_the_error_says_where_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_CHECKOUT", tmp_path)
    monkeypatch.chdir(tmp_path)

    with pytest.raises(files.DeployFilesError, match=r"^no deploy/ in .*: run this from a checkout of the project$"):
        files.repository()
