"""A source folder arrives whole and as published, or not at all; each reason is one line."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from signals_pipeline import sample
from signals_pipeline.adapters.model.folder import ModelError
from signals_pipeline.model_export import source
from signals_pipeline.model_export.staging import staged
from signals_pipeline_tests.support.model_sources import CONFIG, write_files


@pytest.fixture
def given(tmp_path: Path) -> Path:
    """A folder in the hub's layout; what is in its weights, copying doesn't ask."""
    folder = write_files(tmp_path / "given")
    (folder / "pytorch_model.bin").write_bytes(b"weights")
    (folder / "README.md").write_text("not needed")
    return folder


def test_a_copy_has_the_required_files_and_records_its_origin(given: Path, tmp_path: Path) -> None:
    origin = source.copy(given, tmp_path / "source")
    names = {"config.json", "pytorch_model.bin", "tokenizer.json", "tokenizer_config.json"}
    assert set(origin.checksums) == names
    assert {file.name for file in (tmp_path / "source").iterdir()} == names | {"origin.json"}
    assert source.read_origin(tmp_path / "source") == origin
    assert origin.repository == str(given)


def test_safetensors_are_preferred_to_a_pickle(given: Path, tmp_path: Path) -> None:
    (given / "model.safetensors").write_bytes(b"weights")
    assert "pytorch_model.bin" not in source.copy(given, tmp_path / "source").checksums


def drop(*names: str) -> Callable[[Path], object]:
    return lambda folder: [(folder / name).unlink() for name in names]


def configure(**changes: object) -> Callable[[Path], object]:
    return lambda folder: (folder / "config.json").write_text(json.dumps(CONFIG | changes))


HARM: dict[str, tuple[Callable[[Path], object], str]] = {
    "no config": (drop("config.json"), "no config.json; name a folder with a model in the hub's layout"),
    "no weights": (drop("pytorch_model.bin"), "no model.safetensors or pytorch_model.bin; name a folder"),
    "no tokenizer": (drop("tokenizer.json"), "no tokenizer.json or vocab.txt; name a folder"),
    "half a config": (lambda folder: (folder / "config.json").write_text('{"model_type": "b'), "JSON: "),
    "another architecture": (configure(model_type="roberta"), "config.json: model_type: "),
    "another activation": (configure(hidden_act="gelu_new"), "config.json: hidden_act: "),
    "two classes": (
        configure(id2label={0: "negative", 1: "positive"}),
        "id2label must name negative, neutral, positive",
    ),
}


@pytest.mark.parametrize("case", HARM)
def test_an_unusable_folder_is_refused_in_one_line_and_the_former_stays(given: Path, tmp_path: Path, case: str) -> None:
    former = source.copy(given, tmp_path / "source")
    harm, reason = HARM[case]
    harm(given)
    with pytest.raises(ModelError) as caught:
        source.copy(given, tmp_path / "source")
    assert reason in str(caught.value)
    assert str(given) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert source.read_origin(tmp_path / "source") == former
    assert sorted(path.name for path in tmp_path.iterdir()) == ["given", "source"]


@pytest.mark.parametrize("name", ["pytorch_model.bin", "tokenizer.json"])
def test_a_source_that_changed_since_is_refused(given: Path, tmp_path: Path, name: str) -> None:
    source.copy(given, tmp_path / "source")
    (tmp_path / "source" / name).write_bytes(b"else")
    with pytest.raises(ModelError, match=rf"{name}: not as it was fetched; fetch the model again"):
        source.read_origin(tmp_path / "source")
    (tmp_path / "source" / name).unlink()
    with pytest.raises(ModelError, match="not as it was fetched"):
        source.read_origin(tmp_path / "source")


def test_a_folder_that_was_not_fetched_is_refused(given: Path) -> None:
    with pytest.raises(ModelError, match=r"no origin.json; fetch the model first: signals model fetch"):
        source.read_origin(given)
    (given / "origin.json").write_text("{")
    with pytest.raises(ModelError, match=r"origin.json: unreadable; fetch the model again"):
        source.read_origin(given)


def test_a_hub_that_cannot_be_reached_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError) as caught:
        source.fetch(tmp_path / "source")
    message = str(caught.value)
    assert message.startswith(f"ProsusAI/finbert at {source.REVISION} can't be fetched (")
    assert message.endswith("signals model fetch --from FOLDER")
    assert "\n" not in message
    assert list(tmp_path.iterdir()) == []


def test_the_bundled_model_is_no_source(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no model.safetensors or pytorch_model.bin"):
        source.copy(sample.COMPACT_MODEL, tmp_path / "source")


# --- Folders appear whole or not at all ---


def test_a_folder_appears_when_its_block_succeeds(tmp_path: Path) -> None:
    with staged(tmp_path / "deep" / "target") as folder:
        (folder / "a").write_text("1")
        assert not (tmp_path / "deep" / "target").exists()
    assert (tmp_path / "deep" / "target" / "a").read_text() == "1"
    with staged(tmp_path / "deep" / "target") as folder:
        (folder / "b").write_text("2")
    assert [file.name for file in (tmp_path / "deep" / "target").iterdir()] == ["b"]
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["target"]


def write_half(target: Path, fault: type[BaseException]) -> None:
    with staged(target) as folder:
        (folder / "half").write_text("1")
        raise fault


@pytest.mark.parametrize("fault", [KeyboardInterrupt, OSError, ModelError])
def test_a_block_that_fails_leaves_the_former_folder(tmp_path: Path, fault: type[BaseException]) -> None:
    shutil.copytree(sample.COMPACT_MODEL, tmp_path / "target")
    with pytest.raises(fault):
        write_half(tmp_path / "target", fault)
    assert {file.name for file in (tmp_path / "target").iterdir()} == {
        file.name for file in sample.COMPACT_MODEL.iterdir()
    }
    assert [path.name for path in tmp_path.iterdir()] == ["target"]
