"""`signals model`: what it says, and what it refuses before it starts."""

import json
import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from signals_pipeline import sample
from signals_pipeline.adapters.model.folder import CONFIG_FILE, MODEL_FILE, ModelError, read_manifest, write_manifest
from signals_pipeline.cli.commands.model import model
from signals_pipeline.cli.title_lists import TitleListError, read_titles
from signals_pipeline_tests.support.checkpoints import write_checkpoint
from signals_pipeline_tests.support.model_sources import prepared


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "var" / "models"


@pytest.fixture(autouse=True)
def _data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNALS_DATA_DIR", str(tmp_path / "var"))


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(model, [os.fspath(each) for each in arguments])


@pytest.mark.finbert
def test_two_models_are_prepared_side_by_side_and_chosen_by_name(
    tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nameless = {0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"}
    write_checkpoint(tmp_path / "Finbert-Tone", "bert")
    write_checkpoint(tmp_path / "other", "distilbert", nameless)

    fetched = invoke("fetch", "--from", tmp_path / "Finbert-Tone")
    source = models / "finbert-tone-source"
    expected = f"{tmp_path / 'Finbert-Tone'} at local is in {source}; next: signals model export finbert-tone\n"
    assert fetched.output == expected
    assert invoke("export").output.startswith(f"{models / 'finbert-tone'}: finbert-tone @")

    labels = ("--labels", "positive,negative,neutral")
    assert invoke("fetch", "--from", tmp_path / "other", "--name", "mine", *labels).exit_code == 0
    assert "mine     fetched, not prepared: signals model export mine" in invoke("list").output
    # Without a name, the model that was fetched last.
    assert invoke("export").output.startswith(f"{models / 'mine'}: mine @")
    assert invoke("verify", "finbert-tone").output.startswith(f"{models / 'finbert-tone'}: finbert-tone @")

    lines = invoke("list").output.splitlines()
    assert lines[1].startswith("finbert-tone @")
    assert "; Finbert-Tone@local (bert); verified against fp32: " in lines[1]
    assert "; other@local (distilbert, labels LABEL_0/LABEL_1/LABEL_2); " in lines[2]
    for name in ("mine", "finbert-tone"):
        monkeypatch.setenv("SENTIMENT_MODEL", name)
        assert f"@{read_manifest(models / name).revision}: " in invoke("check").output


def test_a_folder_without_a_model_is_one_line(tmp_path: Path) -> None:
    result = invoke("fetch", "--from", tmp_path)
    assert isinstance(result.exception, ModelError)
    assert str(result.exception) == f"{tmp_path}: no config.json; name a folder with a model in the hub's layout"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--from", "x", "--revision", "1"), "--from copies a folder as it is"),
        (("a/b", "--from", "x"), "--from copies a folder as it is"),
        (("a/b", "--name", "My Model"), "lower-case letters"),
        (("a/b", "--name", "compact"), "a model can't be called compact; give another name with --name"),
        (("a/auto",), "a model can't be called auto"),
        (("a/b", "--name", "b-source"), "a model can't be called b-source"),
    ],
)
def test_options_that_make_no_sense_are_refused(arguments: tuple[str, ...], reason: str) -> None:
    result = invoke("fetch", *arguments)
    assert result.exit_code == 2
    assert reason in " ".join(result.output.split())


def test_exporting_needs_fetched_weights() -> None:
    result = invoke("export")
    assert isinstance(result.exception, ModelError)
    assert "no origin.json; fetch the model first: signals model fetch" in str(result.exception)


def test_verifying_needs_a_prepared_folder() -> None:
    result = invoke("verify")
    assert isinstance(result.exception, ModelError)
    assert "no config.json; prepare the model folder again or name another" in str(result.exception)


def test_a_model_that_is_not_prepared_says_what_is(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(sample.COMPACT_MODEL, models / "mine")
    shutil.copytree(sample.COMPACT_MODEL, models / "fetched-source")
    monkeypatch.setenv("SENTIMENT_MODEL", "finbert-tone")
    result = invoke("check")
    assert isinstance(result.exception, ModelError)
    assert str(result.exception) == (
        f"SENTIMENT_MODEL=finbert-tone: not prepared at {models / 'finbert-tone'}; signals model fetch, then signals"
        " model export, or choose one of auto, compact, mine"
    )


def test_the_model_that_is_named_is_checked(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(shutil.copytree(sample.COMPACT_MODEL, models / "mine"))
    manifest = read_manifest(folder)
    write_manifest(
        folder,
        name="mine",
        id2label=manifest.id2label,
        max_length=manifest.max_length,
        vocabulary=manifest.vocabulary,
        quantisation=manifest.quantisation,
    )
    monkeypatch.setenv("SENTIMENT_MODEL", "mine")
    assert invoke("check").output.startswith("mine int8: ")


def test_the_list_names_the_bundled_model_and_what_finbert_lacks(models: Path) -> None:
    lines = invoke("list").output.splitlines()
    revision = json.loads((sample.COMPACT_MODEL / "config.json").read_text())["revision"]
    assert lines[0].startswith(f"compact  @{revision}  int8: ")
    folder = models / "finbert"
    assert lines[1:] == [f"finbert  not prepared at {folder}: signals model fetch, then signals model export"]


def test_the_list_tells_a_damaged_folder(models: Path) -> None:
    folder = prepared(models / "finbert", int8=True)
    assert invoke("list").output.splitlines()[1].startswith("finbert  @")
    (folder / MODEL_FILE).write_bytes(b"half")
    assert "model.onnx: not the file that config.json was made for" in invoke("list").output
    (folder / CONFIG_FILE).unlink()
    assert "no config.json" in invoke("list").output


# --- Distillation ---


def test_the_compact_model_cannot_teach_itself(tmp_path: Path) -> None:
    (tmp_path / "titles.txt").write_text("Profit rises\n")
    result = invoke("distil", "--titles", tmp_path / "titles.txt")
    assert isinstance(result.exception, ModelError)
    assert str(result.exception).startswith("compact can't teach itself; prepare another model first: signals model ")


def test_a_teacher_that_is_not_prepared_is_one_line() -> None:
    result = invoke("distil", "--teacher", "finbert")
    assert isinstance(result.exception, ModelError)
    assert "not prepared" in str(result.exception)


def test_distilling_before_there_is_a_database_is_one_line(models: Path) -> None:
    prepared(models / "finbert", int8=True)
    result = invoke("distil")
    assert isinstance(result.exception, TitleListError)
    assert str(result.exception).startswith("there is no database yet; ")


def test_titles_of_a_csv_are_read_in_the_order_of_their_time(tmp_path: Path) -> None:
    file = tmp_path / "titles.csv"
    file.write_text('published_at,title\n2026-02-02T10:00:00Z,Second\n2026-01-02T10:00:00Z,"First, and more"\n')
    assert read_titles(file) == ["First, and more", "Second"]


def test_titles_of_a_plain_file_are_its_lines(tmp_path: Path) -> None:
    file = tmp_path / "titles.txt"
    file.write_text("Profit rises, says bank\nProfit falls\n")
    assert read_titles(file) == ["Profit rises, says bank", "Profit falls"]


def test_a_file_that_is_no_text_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "titles.txt"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TitleListError, match=r"titles.txt: no UTF-8 text; save it as UTF-8"):
        read_titles(file)
