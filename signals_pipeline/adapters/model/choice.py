"""Which model folder a choice of model means."""

from pathlib import Path

from signals_pipeline import sample
from signals_pipeline.settings.choices import ModelChoice


def model_folder(choice: ModelChoice, models_dir: Path) -> Path:
    """The folder of the model that runs take for a choice; it need not be there."""
    finbert = models_dir / "finbert"
    prepared = (finbert / "config.json").exists()
    use_finbert = choice is ModelChoice.FINBERT or (choice is ModelChoice.AUTO and prepared)
    return finbert if use_finbert else sample.COMPACT_MODEL
