"""The model folder that a setting asks for."""

from pathlib import Path

from signals_pipeline import sample
from signals_pipeline.settings.choices import ModelChoice


def model_folder(choice: ModelChoice, models_dir: Path) -> Path:
    """The folder of the model that runs use for a choice; it may not exist."""
    finbert = models_dir / "finbert"
    is_prepared = (finbert / "config.json").exists()
    if choice is ModelChoice.FINBERT:
        return finbert
    if choice is ModelChoice.AUTO and is_prepared:
        return finbert
    return sample.COMPACT_MODEL
