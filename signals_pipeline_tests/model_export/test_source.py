"""A source folder is checked by its files and its configuration; each reason against it is one line."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from signals_pipeline import sample
from signals_pipeline.adapters.model.folder import ModelError, checksum
from signals_pipeline.model_export import source
from signals_pipeline.model_export.staging import staged
from signals_pipeline_tests.support.model_sources import CONFIG, LABELS, write_files


@pytest.fixture
def given(tmp_path: Path) -> Path:
    """A folder in the hub's layout; what is in its weights, these checks don't ask."""
    folder = write_files(tmp_path / "given")
    (folder / "pytorch_model.bin").write_bytes(b"weights")
    return folder


def test_a_berts_configuration_says_kind_vocabulary_and_labels(given: Path) -> None:
    checkpoint = source.check(given)
    assert checkpoint.model_type is source.ModelType.BERT
    assert checkpoint.vocab_size == 30_522
    assert checkpoint.labels == checkpoint.label_names == LABELS


def drop(*names: str) -> Callable[[Path], object]:
    return lambda folder: [(folder / name).unlink() for name in names]


def configure(**changes: object) -> Callable[[Path], object]:
    return lambda folder: (folder / "config.json").write_text(json.dumps(CONFIG | changes))


FIVE = dict(enumerate(("very negative", "negative", "neutral", "positive", "very positive")))
HARM: dict[str, tuple[Callable[[Path], object], str]] = {
    "no config": (drop("config.json"), "no config.json; name a folder with a model in the hub's layout"),
    "no weights": (drop("pytorch_model.bin"), "no model.safetensors or pytorch_model.bin; name a folder"),
    "no tokenizer": (drop("tokenizer.json"), "no tokenizer.json or vocab.txt or vocab.json or "),
    "half a config": (lambda folder: (folder / "config.json").write_text('{"model_type": "b'), "JSON: "),
    "another architecture": (configure(model_type="t5"), "use a classifier of one of these kinds: bert, roberta,"),
    "no architecture": (lambda folder: (folder / "config.json").write_text("{}"), "config.json: model_type: "),
    "no classification head": (configure(architectures=["BertModel"]), "a BertModel, which has no classification head"),
    "a head for tokens": (configure(architectures=["BertForTokenClassification"]), "has no classification head"),
    "two classes": (configure(id2label={0: "negative", 1: "positive"}), "2 classes (negative, positive), not "),
    "five classes": (configure(id2label=FIVE), "5 classes (very negative, negative, neutral, positive, very positive)"),
    "no labels": (
        lambda folder: (folder / "config.json").write_text(
            json.dumps({k: v for k, v in CONFIG.items() if k != "id2label"})
        ),
        "2 classes (LABEL_0, LABEL_1), not negative, neutral and positive",
    ),
    "nameless labels": (
        configure(id2label={0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"}),
        "does not say which class LABEL_0 is; say it with --labels negative,neutral,positive in the model's order",
    ),
    "a label twice": (configure(id2label={0: "neg", 1: "Negative", 2: "positive"}), "names negative twice; correct it"),
}


@pytest.mark.parametrize("case", HARM)
def test_an_unusable_folder_is_refused_in_one_line(given: Path, case: str) -> None:
    harm, reason = HARM[case]
    harm(given)
    with pytest.raises(ModelError) as caught:
        source.check(given)
    assert reason in str(caught.value)
    assert str(given) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("repository", "name"),
    [
        ("ProsusAI/finbert", "finbert"),
        ("yiyanghkust/finbert-tone", "finbert-tone"),
        ("mrm8488/distilroberta-finetuned-Financial.News_v2", "distilroberta-finetuned-financial.news_v2"),
        ("/models/My Model/", "my-model"),
        ("finbert-source", "finbert"),
    ],
)
def test_a_model_is_named_like_its_repository(repository: str, name: str) -> None:
    assert source.name_for(repository) == name


def test_a_repository_without_letters_needs_a_name() -> None:
    with pytest.raises(ModelError, match="give one with --name"):
        source.name_for("/")


def write_record(folder: Path) -> None:
    checksums = {file.name: checksum(file) for file in folder.iterdir()}
    origin = source.Origin(repository="a/b", revision="1" * 40, checksums=checksums)
    (folder / "origin.json").write_text(origin.model_dump_json())


@pytest.mark.parametrize("name", ["pytorch_model.bin", "tokenizer.json"])
def test_a_source_that_changed_since_is_refused(given: Path, name: str) -> None:
    write_record(given)
    assert source.read_origin(given).repository == "a/b"
    (given / name).write_bytes(b"else")
    with pytest.raises(ModelError, match=rf"{name}: not as it was fetched; fetch the model again"):
        source.read_origin(given)
    (given / name).unlink()
    with pytest.raises(ModelError, match="not as it was fetched"):
        source.read_origin(given)


def test_a_folder_that_was_not_fetched_is_refused(given: Path) -> None:
    with pytest.raises(ModelError, match=r"no origin.json; fetch the model first: signals model fetch"):
        source.read_origin(given)
    (given / "origin.json").write_text("{")
    with pytest.raises(ModelError, match=r"origin.json: unreadable; fetch the model again"):
        source.read_origin(given)


def test_the_bundled_model_is_no_source() -> None:
    with pytest.raises(ModelError, match=r"config.json: model_type: "):
        source.check(sample.COMPACT_MODEL)


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
