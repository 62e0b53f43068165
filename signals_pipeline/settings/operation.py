"""What a deployment runs on: its kind, its stack, its metrics and its Dagster instance."""

from pydantic import BaseModel, Field

from signals_pipeline.settings.choices import Deployment, GivenPath, MetricsOutput

# Twice what the longest known resume of a paused Aurora cluster takes, and a start of the server on top.
PRODUCTION_WAIT_SECONDS = 120


class Operation(BaseModel):
    """What a deployment runs on."""

    signals_deployment: Deployment = Field(
        default=Deployment.DEMO,
        description="Deployment: demo (the bundled sample), local (live sources) or production (AWS)",
    )
    signals_metrics: MetricsOutput | None = Field(
        default=None,
        description="Metrics of runs: off, or emf (CloudWatch embedded metric format on stdout); empty: emf in"
        " production, off otherwise",
    )
    signals_stack: str = Field(
        default="signals",
        pattern=r"^[A-Za-z][A-Za-z0-9-]{0,31}$",
        description="Name of the CloudFormation stack, also a dimension of the metrics",
    )
    signals_database_wait_seconds: int | None = Field(
        default=None,
        ge=0,
        le=900,
        description="Seconds that a connection waits for a PostgreSQL server that sleeps or restarts; empty: 120 in"
        " production, 0 otherwise",
    )
    dagster_home: GivenPath | None = Field(
        default=None, description="Folder that contains dagster.yaml; empty: the working directory"
    )

    @property
    def database_wait_seconds(self) -> int:
        """How long a connection waits for a PostgreSQL server, in seconds."""
        if self.signals_database_wait_seconds is not None:
            return self.signals_database_wait_seconds
        return PRODUCTION_WAIT_SECONDS if self.signals_deployment is Deployment.PRODUCTION else 0

    @property
    def reports_metrics(self) -> bool:
        """Whether runs write their metrics to stdout."""
        if self.signals_metrics is None:
            return self.signals_deployment is Deployment.PRODUCTION
        return self.signals_metrics is MetricsOutput.EMF
