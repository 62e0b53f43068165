"""The model folder that a setting asks for."""

from pathlib import Path

from signals_pipeline import sample
from signals_pipeline.adapters.model.folder import CONFIG_FILE, SOURCE_SUFFIX, ModelError
from signals_pipeline.settings.choices import ModelChoice


def model_folder(choice: str, models_dir: Path) -> Path:
    """The folder of the model that runs use for a choice.

    Args:
        choice: A value of SENTIMENT_MODEL: a `ModelChoice` or the name of a prepared model.
        models_dir: Folder with one sub-folder per prepared model, named like it.

    Raises:
        ModelError: a model is chosen by name and not prepared.
    """
    finbert = models_dir / ModelChoice.FINBERT
    if choice == ModelChoice.AUTO:
        return finbert if _is_prepared(finbert) else sample.COMPACT_MODEL
    if choice == ModelChoice.COMPACT:
        return sample.COMPACT_MODEL
    folder = models_dir / choice
    if not _is_prepared(folder):
        names = ", ".join([ModelChoice.AUTO, ModelChoice.COMPACT, *(path.name for path in prepared_models(models_dir))])
        raise ModelError(
            f"SENTIMENT_MODEL={choice}: not prepared at {folder}; signals model fetch, then signals model export, or"
            f" choose one of {names}"
        )
    return folder


def prepared_models(models_dir: Path) -> list[Path]:
    """The folders of all prepared models, in order of their names."""
    if not models_dir.is_dir():
        return []
    return sorted(path for path in models_dir.iterdir() if not path.name.startswith(".") and _is_prepared(path))


def _is_prepared(folder: Path) -> bool:
    # Folders of fetched weights have a config.json as well. That there is no graph doesn't tell them from a damaged
    # prepared one, but their name does.
    return (folder / CONFIG_FILE).is_file() and not folder.name.endswith(SOURCE_SUFFIX)
