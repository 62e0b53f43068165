"""What a deployment runs on: its kind, its stack, its metrics and its Dagster instance."""

from pathlib import Path

from pydantic import BaseModel, Field

from signals_pipeline.settings.choices import Deployment, MetricsOutput


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
    dagster_home: Path | None = Field(
        default=None, description="Folder that contains dagster.yaml; empty: the working directory"
    )

    @property
    def reports_metrics(self) -> bool:
        """Whether runs write their metrics to stdout."""
        if self.signals_metrics is None:
            return self.signals_deployment is Deployment.PRODUCTION
        return self.signals_metrics is MetricsOutput.EMF
