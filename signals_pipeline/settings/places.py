"""Where things live and what a deployment runs on."""

from pathlib import Path

from pydantic import BaseModel, Field, SecretStr

from signals_pipeline.settings.choices import Deployment, Metrics


class Places(BaseModel):
    """Where things live."""

    signals_deployment: Deployment = Field(default=Deployment.DEMO, description="Deployment: demo, local or production")
    signals_data_dir: Path = Field(
        default=Path("var"), description="Folder for frames, digests, models and the SQLite file"
    )
    signals_database_url: str = Field(
        "", description="SQLAlchemy URL; empty: SQLite file signals.db in the data folder"
    )
    signals_frames_url: str = Field(
        default="", description="Folder or s3:// URL for frames; empty: frames/ in the data folder"
    )
    signals_watchlist: Path | None = Field(
        default=None, description="watchlist.yaml, or a preset: dow30, nasdaq-megacaps; empty: the sample's"
    )
    signals_news_path: Path | None = Field(
        default=None,
        description="Recorded headlines (CSV, JSONL, Parquet); empty: the sample's, live feeds outside the demo",
    )
    signals_prices_path: Path | None = Field(
        default=None, description="Recorded daily bars (CSV, Parquet); empty: the sample's, live Yahoo outside the demo"
    )

    @property
    def frames_url(self) -> str:
        """Folder or URL under which the stages' frames are kept, one file a window."""
        return self.signals_frames_url or str((self.signals_data_dir / "frames").absolute())

    @property
    def digests_dir(self) -> Path:
        """Folder of the rendered digests."""
        return (self.signals_data_dir / "digests").absolute()

    @property
    def record_dir(self) -> Path:
        """Folder of the record's and the tuning's figures."""
        return (self.signals_data_dir / "record").absolute()

    @property
    def mail_dir(self) -> Path:
        """Folder of the mails that MAIL_TRANSPORT=files writes."""
        return (self.signals_data_dir / "mail").absolute()


class Operation(BaseModel):
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
