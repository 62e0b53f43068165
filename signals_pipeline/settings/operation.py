"""What a deployment runs on."""

from pathlib import Path

from pydantic import Field, SecretStr

from signals_pipeline.settings.choices import Metrics
from signals_pipeline.settings.delivery import Pages


class Operation(Pages):
    """What a deployment runs on."""

    signals_database_password: SecretStr | None = Field(
        default=None, description="Password put into SIGNALS_DATABASE_URL where that has none"
    )
    signals_models_dir: Path | None = Field(
        default=None, description="Folder of prepared models; empty: models/ in the data folder"
    )
    signals_metrics: Metrics | None = Field(
        default=None, description="Metrics of runs: off, or emf on stdout; empty: emf in production, else off"
    )
    signals_stack: str = Field(
        default="signals",
        pattern=r"^[A-Za-z][A-Za-z0-9-]{0,31}$",
        description="Name of the CloudFormation stack, and the dimension of the metrics",
    )
    dagster_home: Path | None = Field(
        default=None, description="Folder with dagster.yaml; empty: the working directory"
    )
