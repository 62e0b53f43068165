"""The loader refuses every model folder that it can't verify, with a one-line error."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import signals_pipeline
from signals_pipeline.adapters.model.folder import (
    CONFIG_FILE,
    ENTITY_FILE,
    EVENT_LABELS,
    LABELS,
    MODEL_FILE,
    TOKENIZER_FILE,
    WEIGHTS_FILE,
    ModelError,
    checksum,
    write_manifest,
)
from signals_pipeline.adapters.model.inference import SentimentModel
from signals_pipeline_tests.support.model_sources import prepared

COMPACT = Path(signals_pipeline.__file__).parent / "sample" / "model" / "compact"
ID2LABEL = dict(enumerate(LABELS))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(COMPACT, tmp_path / "model"))


def rewrite_config(folder: Path, **changes: object) -> None:
    path = folder / CONFIG_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def rewrite_manifest(folder: Path, **changes: object) -> None:
    """Write a manifest with the checksums of the files as they are now: what a broken export would leave."""
    config = SentimentModel.load(COMPACT, threads=1)
    known: dict[str, object] = {"name": config.name, "id2label": ID2LABEL, "max_length": 64, "vocabulary": 30522}
    write_manifest(folder, **(known | {"quantisation": config.quantisation} | changes))  # pyright: ignore[reportArgumentType]


def test_binary_labels_are_refused(folder: Path) -> None:
    rewrite_config(folder, id2label={"0": "NEGATIVE", "1": "POSITIVE"})
    with pytest.raises(ModelError, match=r"config.json: id2label must name .* not \{0: NEGATIVE, 1: POSITIVE\}"):
        SentimentModel.load(folder)


def test_nameless_labels_are_refused(folder: Path) -> None:
    with pytest.raises(ModelError, match="id2label must name negative, neutral and positive"):
        rewrite_manifest(folder, id2label={0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"})


def drop(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def halve(name: str) -> Callable[[Path], None]:
    def cut(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])

    return cut


def flip(folder: Path) -> None:
    content = bytearray((folder / MODEL_FILE).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / MODEL_FILE).write_bytes(content)


def foreign_tokenizer(folder: Path) -> None:
    path = folder / TOKENIZER_FILE
    tokenizer = json.loads(path.read_text())
    tokenizer["model"]["vocab"] = dict(list(tokenizer["model"]["vocab"].items())[:2_000])
    path.write_text(json.dumps(tokenizer))


def with_new_manifest(damage: Callable[[Path], None]) -> Callable[[Path], None]:
    def both(folder: Path) -> None:
        damage(folder)
        rewrite_manifest(folder)

    return both


def write(name: str, content: str) -> Callable[[Path], None]:
    def put(folder: Path) -> None:
        (folder / name).write_text(content)

    return put


DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "no config": (drop(CONFIG_FILE), "no config.json"),
    "no model": (drop(MODEL_FILE), "no model.onnx"),
    "no tokenizer": (drop(TOKENIZER_FILE), "no tokenizer.json"),
    "no graph of tokens": (drop(ENTITY_FILE), "no entity.onnx"),
    "half a config": (halve(CONFIG_FILE), "config.json: JSON: "),
    "half a model": (halve(MODEL_FILE), "model.onnx: not the file that config.json was made for"),
    "half a tokenizer": (halve(TOKENIZER_FILE), "tokenizer.json: not the file that config.json was made for"),
    "one bit": (flip, "model.onnx: not the file that config.json was made for"),
    "no checksum": (lambda folder: rewrite_config(folder, checksums={}), "model.onnx: not the file"),
    "another revision": (
        lambda folder: rewrite_config(folder, revision="0" * 12),
        "revision is not that of the content",
    ),
    "another length": (lambda folder: rewrite_config(folder, max_length=16), "revision is not that of the content"),
    "no length": (lambda folder: rewrite_config(folder, max_length=0), "config.json: max_length: "),
    "foreign tokenizer": (with_new_manifest(foreign_tokenizer), "tokens, but the model has 30522 word vectors"),
    "half a model with a new manifest": (with_new_manifest(halve(MODEL_FILE)), "model.onnx: unreadable"),
    "half a tokenizer with a new manifest": (with_new_manifest(halve(TOKENIZER_FILE)), "tokenizer.json: unreadable"),
    "text for a model": (with_new_manifest(write(MODEL_FILE, "<html>not found</html>")), "model.onnx: unreadable"),
}


@pytest.mark.parametrize("case", DAMAGES)
def test_a_damaged_folder_is_refused_in_one_line(folder: Path, case: str) -> None:
    damage, reason = DAMAGES[case]
    damage(folder)
    with pytest.raises(ModelError) as caught:
        SentimentModel.load(folder)
    message = str(caught.value)
    assert reason in message
    assert str(folder) in message
    assert "\n" not in message
    assert "prepare the model folder again" in message or "put the model's own tokenizer there" in message


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"nowhere: no config.json"):
        SentimentModel.load(tmp_path / "nowhere")


def test_the_manifest_has_the_checksums_of_the_files(folder: Path) -> None:
    rewrite_manifest(folder)
    stored = json.loads((folder / CONFIG_FILE).read_text())["checksums"]
    names = (MODEL_FILE, TOKENIZER_FILE, WEIGHTS_FILE, ENTITY_FILE)
    assert stored == {name: checksum(folder / name) for name in names}


def test_other_event_names_are_refused(folder: Path) -> None:
    with pytest.raises(ModelError, match=r"config.json: events must be results, guidance, .* not gains, losses"):
        rewrite_manifest(folder, events=("gains", "losses"))


def test_events_without_an_output_for_them_are_refused(folder: Path, tmp_path: Path) -> None:
    # The graph of a model with one head, over weights of its own.
    other = prepared(tmp_path / "one head", int8=False, pooler=False)
    for name in (MODEL_FILE, WEIGHTS_FILE):
        shutil.copyfile(other / name, folder / name)
    rewrite_manifest(folder, events=EVENT_LABELS)
    with pytest.raises(ModelError, match=r"no output for the events that config.json names"):
        SentimentModel.load(folder)
