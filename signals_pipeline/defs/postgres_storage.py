"""Dagster's storage on PostgreSQL in production: as Dagster has it, but it waits for a server that sleeps.

Named in `deploy/dagster.yaml`. The engine module is imported for what it registers: from then on every engine of the
process waits, those of daemon, web server, code server and runs alike. Without it Dagster gives up after six attempts
in six seconds, and the control service ends.
"""

from typing import Any

from dagster._serdes import ConfigurableClassData
from dagster_postgres.storage import DagsterPostgresStorage
from dagster_postgres.utils import pg_url_from_config

import signals_pipeline.adapters.stores.engine  # noqa: F401


class WakingStorage(DagsterPostgresStorage):
    """Runs, events and schedules in PostgreSQL."""

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> "WakingStorage":  # noqa: ANN401
        """The storage of an instance's configuration; Dagster's own method names its own class."""
        return cls(inst_data=inst_data, postgres_url=pg_url_from_config(config_value))
