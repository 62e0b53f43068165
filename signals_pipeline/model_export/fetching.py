# pyright: reportMissingImports=false
"""How a source folder arrives: downloaded from the Hugging Face hub, or copied; whole and usable, or not at all."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import permutations
from pathlib import Path

import numpy as np

from signals_pipeline.adapters.model.folder import LABELS, ModelError, checksum
from signals_pipeline.model_export.reference import TorchModel
from signals_pipeline.model_export.source import (
    CONFIG,
    LOCAL_REVISION,
    ORIGIN_FILE,
    SMALL_FILES,
    TOKENIZERS,
    WEIGHTS,
    Origin,
    check,
    check_config,
    first_file,
)
from signals_pipeline.model_export.staging import staged
from signals_pipeline.model_export.tokens import read_tokenizer
from signals_pipeline.model_export.verify import MIN_PROBES_RIGHT, PROBES, probe_answers, probe_faults

REPOSITORY = "ProsusAI/finbert"
REVISION = "4556d13015211d73dccd3fdd39d39232506f3e43"
# A snapshot in the hub client's own cache: .../models--ProsusAI--finbert/snapshots/<commit>
_SNAPSHOT = re.compile(r"models--(?P<owner>[^/]+?)--(?P<name>[^/]+)/snapshots/(?P<commit>[0-9a-f]{40})")


def fetch(
    target: Path, *, repository: str = REPOSITORY, revision: str = REVISION, labels: tuple[str, ...] = ()
) -> Origin:
    """Download a revision of a model from the Hugging Face hub to `target`.

    The configuration and the tokenizer are downloaded and checked first, so that an unusable model is refused before
    its weights are.

    Args:
        target: The source folder.
        repository: Name on the hub, such as ProsusAI/finbert.
        revision: A commit, a tag or a branch; the commit that it stands for is downloaded and recorded.
        labels: What the output columns are, where the configuration doesn't say it.

    Raises:
        ModelError: the hub can't be reached, has no such revision, or what it delivered is no usable model.
    """
    with staged(target) as folder:
        commit = _download(repository, revision, folder, SMALL_FILES)
        with _reported_as(repository, folder):
            first_file(folder, (CONFIG,))
            checkpoint = check_config(folder / CONFIG, labels)
            first_file(folder, TOKENIZERS)
            read_tokenizer(folder, checkpoint.vocab_size)

        preferred, fallback = WEIGHTS
        _download(repository, commit, folder, (preferred,))
        if not (folder / preferred).exists():
            _download(repository, commit, folder, (fallback,))
        # The hub client's metadata about the download.
        shutil.rmtree(folder / ".cache", ignore_errors=True)
        with _reported_as(repository, folder):
            first_file(folder, WEIGHTS)
            return _try_and_record(folder, repository, commit, labels)


def copy(original: Path, target: Path, *, labels: tuple[str, ...] = ()) -> Origin:
    """Copy a folder in the hub's layout to `target`.

    Args:
        original: The folder; a snapshot in the hub client's cache is recorded by its repository and commit.
        target: The source folder.
        labels: What the output columns are, where the configuration doesn't say it.

    Raises:
        ModelError: a file is missing or unusable.
    """
    check(original, labels)
    repository, revision = origin_of(original)
    with staged(target) as folder:
        for name in (first_file(original, WEIGHTS), *SMALL_FILES):
            if (original / name).is_file():
                shutil.copyfile(original / name, folder / name)
        with _reported_as(str(original), folder):
            return _try_and_record(folder, repository, revision, labels)


def origin_of(original: Path) -> tuple[str, str]:
    """Repository and revision of a folder that is to be copied."""
    snapshot = _SNAPSHOT.search(original.absolute().as_posix())
    if snapshot is None:
        return str(original), LOCAL_REVISION
    return f"{snapshot['owner']}/{snapshot['name']}", snapshot["commit"]


def _download(repository: str, revision: str, folder: Path, names: tuple[str, ...]) -> str:
    """Download the files of these names that the repository has.

    Returns:
        The commit that the revision stands for.
    """
    try:
        from httpx2 import HTTPError  # what the hub's client sends requests with
        from huggingface_hub import HfApi, snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
    except ImportError as error:
        raise ModelError(f"{error.name} is not installed; pip install 'signals_pipeline[finbert]'") from error
    try:
        commit = revision
        if not re.fullmatch(r"[0-9a-f]{40}", revision):
            commit = HfApi().model_info(repository, revision=revision).sha or revision
        snapshot_download(repository, revision=commit, local_dir=folder, allow_patterns=list(names))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, HTTPError, OSError) as error:
        # The first line may be a status without its meaning: "404 Client Error.", then "Repository Not Found".
        reason = " ".join([line for line in str(error).splitlines() if line.strip()][:2])
        raise ModelError(
            f"{repository} at {revision} can't be fetched ({reason}); check the network and the name, or give a"
            " folder that has it: signals model fetch --from FOLDER"
        ) from error
    return commit


@contextmanager
def _reported_as(repository: str, folder: Path) -> Iterator[None]:
    """Name the repository instead of the temporary folder in errors."""
    try:
        yield
    except ModelError as error:
        raise ModelError(str(error).replace(str(folder), repository)) from error


def _try_and_record(folder: Path, repository: str, revision: str, labels: tuple[str, ...]) -> Origin:
    """Load the fetched model, ask it the plain sentences, and record its origin in the folder.

    Raises:
        ModelError: the weights are incomplete or unreadable, the tokenizer is not theirs, or the answers are wrong.
    """
    model = TorchModel.load(folder, device="cpu", labels=labels)
    _refuse_wrong_answers(model)
    checksums = {file.name: checksum(file) for file in sorted(folder.iterdir()) if file.is_file()}
    by_column = model.checkpoint.labels
    origin = Origin(
        repository=repository,
        revision=revision,
        checksums=checksums,
        labels=tuple(by_column[column] for column in sorted(by_column)),
    )
    (folder / ORIGIN_FILE).write_text(origin.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return origin


def _refuse_wrong_answers(model: TorchModel) -> None:
    """Refuse a model that does not tell plainly good from plainly bad sentences.

    Raises:
        ModelError: fewer than `MIN_PROBES_RIGHT` answers are right; where another order of the labels makes enough of
            them right, the message names it.
    """
    logits = model.logits(list(PROBES))
    faults = probe_faults(*probe_answers(logits))
    if not faults:
        return
    # The model's own columns, as --labels orders them.
    own_logits = logits[:, [LABELS.index(model.checkpoint.labels[column]) for column in range(len(LABELS))]]
    remedy = "use another model"
    for order in permutations(LABELS):
        columns = [order.index(label) for label in LABELS]
        right, distinct = probe_answers(np.ascontiguousarray(own_logits[:, columns]))
        if right >= MIN_PROBES_RIGHT and not probe_faults(right, distinct):
            remedy = f"--labels {','.join(order)} gives {right} of {len(PROBES)}"
            break
    raise ModelError(f"{model.folder}: refused, {'; '.join(faults)}; {remedy}")
