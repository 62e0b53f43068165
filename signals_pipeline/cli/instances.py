"""The Dagster instance of this machine. It does not import the definitions, which `signals doctor` does not need."""

from pathlib import Path

import dagster as dg

from signals_pipeline.defs.sqlite_storage import instance_in
from signals_pipeline.settings import Settings
from signals_pipeline.settings.strategy import SettingsError


def local_instance(settings: Settings) -> dg.DagsterInstance:
    """The instance that `dagster dev` shows; without a dagster.yaml, one in the data folder.

    Raises:
        SettingsError: DAGSTER_HOME is not a folder.
    """
    home = settings.dagster_home or Path.cwd()
    if not home.is_dir():
        raise SettingsError(
            f"DAGSTER_HOME={str(home)!r}: no such folder; create it, or use the one that contains dagster.yaml"
        )
    if settings.dagster_home or (home / "dagster.yaml").exists():
        return dg.DagsterInstance.from_config(str(home))
    return instance_in(settings.signals_data_dir.absolute() / "dagster")
