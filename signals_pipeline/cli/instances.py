"""The Dagster instance of this machine. It does not import the definitions, which `signals doctor` does not need."""

from pathlib import Path

import dagster as dg
from alembic.util import CommandError

from signals_pipeline.adapters.stores.engine import DatabaseError
from signals_pipeline.defs.local_files import instance_folder
from signals_pipeline.defs.sqlite_storage import exclusive, instance_in
from signals_pipeline.settings import Settings
from signals_pipeline.settings.strategy import SettingsError


def local_instance(settings: Settings) -> dg.DagsterInstance:
    """The instance that `dagster dev` shows; without a dagster.yaml, one in the data folder.

    Raises:
        SettingsError: DAGSTER_HOME is not a folder.
        DatabaseError: a file of the instance can't be used.
    """
    home = settings.dagster_home or Path.cwd()
    if not home.is_dir():
        raise SettingsError(
            f"DAGSTER_HOME={str(home)!r}: no such folder; create it, or use the one that contains dagster.yaml"
        )
    config = home / "dagster.yaml"
    try:
        if config.exists():
            # Its storage may be one of Dagster's own, which several processes must not create at once.
            with exclusive(config):
                return dg.DagsterInstance.from_config(str(home))
        return instance_in(home if settings.dagster_home else instance_folder(settings))
    except CommandError as error:
        # Earlier releases let two processes create the files at once, which then have two revisions.
        raise DatabaseError(
            f"the Dagster instance of {home} is damaged ({error}): stop Dagster, move its folders history and schedules"
            " away, and run again; its list of runs begins anew, digests and signals are not in it"
        ) from error
