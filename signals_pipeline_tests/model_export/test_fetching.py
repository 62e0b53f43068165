"""A source arrives whole, usable and with its commit, or not at all; what cannot work is refused in one line."""

# pyright: reportMissingImports=false
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from signals_pipeline.adapters.model.folder import ModelError
from signals_pipeline.model_export import fetching, source
from signals_pipeline_tests.support.checkpoints import LABEL_NAMES, write_checkpoint
from signals_pipeline_tests.support.hub_server import COMMIT, Hub, hub

pytestmark = pytest.mark.finbert


@pytest.fixture(scope="module")
def roberta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("checkpoints") / "roberta", "roberta")


@pytest.fixture
def given(roberta: Path, tmp_path: Path) -> Path:
    """A folder in the hub's layout, to be harmed."""
    folder = Path(shutil.copytree(roberta, tmp_path / "given"))
    (folder / "README.md").write_text("not needed")
    return folder


@pytest.fixture
def served(given: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub that has the folder as owner/tone."""
    from huggingface_hub import constants

    with hub({"owner/tone": given}) as server:
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        yield server


# --- From the hub ---


def test_a_branch_is_resolved_to_the_commit_that_is_recorded(served: Hub, tmp_path: Path) -> None:
    origin = fetching.fetch(tmp_path / "tone-source", repository="owner/tone", revision="main")
    assert (origin.repository, origin.revision) == ("owner/tone", COMMIT)
    assert origin.labels == tuple(LABEL_NAMES.values())
    assert source.read_origin(tmp_path / "tone-source") == origin
    assert "README.md" not in served.downloads
    assert sorted(path.name for path in tmp_path.iterdir()) == ["given", "tone-source"]


def test_an_unusable_model_is_refused_before_its_weights_are_downloaded(
    served: Hub, given: Path, tmp_path: Path
) -> None:
    configure(id2label={0: "no", 1: "yes"})(given)
    with pytest.raises(ModelError, match=r"^owner/tone/config.json: 2 classes \(no, yes\)"):
        fetching.fetch(tmp_path / "tone-source", repository="owner/tone", revision="main")
    assert "model.safetensors" not in served.downloads
    assert sorted(path.name for path in tmp_path.iterdir()) == ["given"]


def test_a_repository_that_the_hub_lacks_is_one_line(served: Hub, tmp_path: Path) -> None:
    assert served.repositories
    with pytest.raises(ModelError) as caught:
        fetching.fetch(tmp_path / "source", repository="owner/nothing", revision="main")
    assert str(caught.value).startswith("owner/nothing at main can't be fetched (")
    assert "\n" not in str(caught.value)


def test_a_hub_that_cannot_be_reached_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError) as caught:
        fetching.fetch(tmp_path / "source")
    message = str(caught.value)
    assert message.startswith(f"ProsusAI/finbert at {fetching.REVISION} can't be fetched (")
    assert message.endswith("signals model fetch --from FOLDER")
    assert "\n" not in message
    assert list(tmp_path.iterdir()) == []


# --- From a folder ---


def test_a_copy_has_the_required_files_and_records_its_origin(given: Path, tmp_path: Path) -> None:
    origin = fetching.copy(given, tmp_path / "source")
    names = {"config.json", "model.safetensors", "vocab.json", "merges.txt", "tokenizer_config.json"}
    assert set(origin.checksums) == names
    assert {file.name for file in (tmp_path / "source").iterdir()} == names | {"origin.json"}
    assert source.read_origin(tmp_path / "source") == origin
    assert (origin.repository, origin.revision) == (str(given), "local")


def test_safetensors_are_preferred_to_a_pickle(given: Path, tmp_path: Path) -> None:
    (given / "pytorch_model.bin").write_bytes(b"weights")
    assert "pytorch_model.bin" not in fetching.copy(given, tmp_path / "source").checksums


def test_a_snapshot_of_the_hubs_cache_keeps_repository_and_commit(given: Path, tmp_path: Path) -> None:
    snapshot = tmp_path / "hub" / "models--yiyanghkust--finbert-tone" / "snapshots" / COMMIT
    snapshot.parent.mkdir(parents=True)
    given.rename(snapshot)
    origin = fetching.copy(snapshot, tmp_path / "source")
    assert (origin.repository, origin.revision) == ("yiyanghkust/finbert-tone", COMMIT)


# --- What is refused ---


def configure(**changes: object) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


def truncate(folder: Path) -> None:
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[: len(content) // 2])


def leave_out_head(folder: Path) -> None:
    """As in a base model that was saved under a classifier's name."""
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    rest = {name: tensor for name, tensor in weights.items() if not name.startswith("classifier")}
    save_file(rest, folder / "model.safetensors", metadata={"format": "pt"})


def shorten_vocabulary(folder: Path) -> None:
    vocabulary = json.loads((folder / "vocab.json").read_text())
    last = max(vocabulary.values())
    rest = {word: place for word, place in vocabulary.items() if place < last - 300}
    (folder / "vocab.json").write_text(json.dumps(rest))
    (folder / "merges.txt").write_text("#version: 0.2\n")


HARM: dict[str, tuple[Callable[[Path], object], str]] = {
    "two classes": (configure(id2label={0: "negative", 1: "positive"}), "2 classes (negative, positive)"),
    "mixed-up labels": (
        configure(id2label={0: "negative", 1: "positive", 2: "neutral"}),
        "hints at mixed-up labels; --labels positive,negative,neutral gives 10 of 10",
    ),
    "truncated weights": (truncate, "weights unreadable ("),
    "no head": (leave_out_head, "the weights lack classifier."),
    "another vocabulary": (shorten_vocabulary, "tokens, the model "),
    "no tokenizer": (lambda folder: (folder / "vocab.json").unlink(), "no tokenizer.json or vocab.txt or "),
    "weights of another shape": (configure(vocab_size=1_600), "weights"),
}


@pytest.mark.parametrize("case", HARM)
def test_what_cannot_work_is_refused_in_one_line_and_the_former_source_stays(
    given: Path, tmp_path: Path, case: str
) -> None:
    former = fetching.copy(given, tmp_path / "source")
    harm, reason = HARM[case]
    harm(given)
    with pytest.raises(ModelError) as caught:
        fetching.copy(given, tmp_path / "source")
    assert reason in str(caught.value)
    assert str(given) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert source.read_origin(tmp_path / "source") == former
    assert sorted(path.name for path in tmp_path.iterdir()) == ["given", "source"]


def test_mixed_up_labels_are_corrected_by_the_user(given: Path, tmp_path: Path) -> None:
    configure(id2label={0: "negative", 1: "positive", 2: "neutral"})(given)
    origin = fetching.copy(given, tmp_path / "source", labels=("positive", "negative", "neutral"))
    assert origin.labels == ("positive", "negative", "neutral")


def test_a_sentencepiece_model_alone_says_what_to_install(given: Path, tmp_path: Path) -> None:
    for name in ("vocab.json", "merges.txt", "tokenizer_config.json"):
        (given / name).unlink()
    configure(model_type="deberta-v2")(given)
    (given / "spm.model").write_bytes(b"\x0a\x0e")
    with pytest.raises(ModelError, match="pip install sentencepiece protobuf, or save"):
        fetching.copy(given, tmp_path / "source")
