"""`signals model`: what it says, and what it refuses before it starts."""

import json
import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from signals_pipeline import sample
from signals_pipeline.adapters.model.folder import MODEL_FILE, ModelError
from signals_pipeline.cli.commands.model import model
from signals_pipeline_tests.support.model_sources import prepared, write_files


@pytest.fixture(autouse=True)
def _data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNALS_DATA_DIR", str(tmp_path / "var"))


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(model, [os.fspath(each) for each in arguments])


def test_fetching_from_a_folder_says_what_is_next(tmp_path: Path) -> None:
    (write_files(tmp_path / "given") / "model.safetensors").write_bytes(b"weights")
    result = invoke("fetch", "--from", tmp_path / "given")
    assert result.exit_code == 0
    folder = tmp_path / "var" / "models" / "finbert-source"
    assert result.output == f"{tmp_path / 'given'} at local is in {folder}; next: signals model export\n"
    assert (folder / "model.safetensors").read_bytes() == b"weights"


def test_a_folder_without_a_model_is_one_line(tmp_path: Path) -> None:
    result = invoke("fetch", "--from", tmp_path)
    assert isinstance(result.exception, ModelError)
    assert str(result.exception) == f"{tmp_path}: no config.json; name a folder with a model in the hub's layout"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--repository", "a/b"), "--repository requires --revision"),
        (("--from", "x", "--revision", "1"), "--from copies a folder as it is"),
    ],
)
def test_options_that_contradict_each_other_are_refused(arguments: tuple[str, ...], reason: str) -> None:
    result = invoke("fetch", *arguments)
    assert result.exit_code == 2
    assert reason in result.output


def test_exporting_needs_fetched_weights() -> None:
    result = invoke("export")
    assert isinstance(result.exception, ModelError)
    assert "no origin.json; fetch the model first: signals model fetch" in str(result.exception)


def test_verifying_needs_a_prepared_folder() -> None:
    result = invoke("verify")
    assert isinstance(result.exception, ModelError)
    assert "no config.json; prepare the model folder again or name another" in str(result.exception)


def test_the_list_names_the_bundled_model_and_what_finbert_lacks(tmp_path: Path) -> None:
    lines = invoke("list").output.splitlines()
    revision = json.loads((sample.COMPACT_MODEL / "config.json").read_text())["revision"]
    assert lines[0].startswith(f"compact  @{revision}  int8: ")
    folder = tmp_path / "var" / "models" / "finbert"
    assert lines[1:] == [f"finbert  not prepared at {folder}: signals model fetch, then signals model export"]


def test_the_list_tells_a_damaged_folder(tmp_path: Path) -> None:
    folder = prepared(tmp_path / "var" / "models" / "finbert", int8=True)
    assert invoke("list").output.splitlines()[1].startswith("finbert  @")
    (folder / MODEL_FILE).write_bytes(b"half")
    assert "model.onnx: not the file that config.json was made for" in invoke("list").output
    shutil.rmtree(folder)
    folder.mkdir()
    assert "no config.json" in invoke("list").output
