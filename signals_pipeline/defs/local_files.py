"""Where the local instance keeps its files: in the data folder, as everything else that a deployment produces.

`dagster.yaml` can't name that folder, since it knows neither `.env` nor what a setting is when it is unset.
"""

from pathlib import Path
from typing import Any

from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._core.storage.root import LocalArtifactStorage
from dagster._serdes import ConfigurableClassData

from signals_pipeline.settings import Settings


def instance_folder(settings: Settings | None = None) -> Path:
    """Absolute path of the folder of the instance's runs, events, schedules, artifacts and logs.

    Raises:
        SettingsError: a setting is unreadable.
    """
    chosen = settings or Settings.checked()
    return chosen.signals_data_dir.absolute() / "dagster"


class LocalArtifacts(LocalArtifactStorage):
    """Dagster's artifact storage, in the data folder."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Nothing can be configured."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> "LocalArtifacts":  # noqa: ANN401, ARG003
        """The storage of an instance's configuration."""
        return cls(str(instance_folder()), inst_data)


class LocalLogs(LocalComputeLogManager):
    """Dagster's files of what steps print, in the data folder."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Nothing can be configured."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> "LocalLogs":  # noqa: ANN401, ARG003
        """The log manager of an instance's configuration."""
        return cls(base_dir=str(instance_folder() / "logs"), inst_data=inst_data)
